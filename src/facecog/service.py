"""Facecog: the whole product as one plain class, all that web, CLI and evaluation call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from copy import copy
from functools import partial

from facecog.accounts import Accounts
from facecog.audit import Audit
from facecog.changes import Changes
from facecog.collections import Collections
from facecog.consent import Consents, checked
from facecog.decision import Calibration, calibration_numbers, decide, score, template_of
from facecog.domain import (
    Agreed,
    Detection,
    Enrolment,
    Face,
    Identification,
    Inference,
    Operation,
    Picture,
    Reason,
    Template,
    Totals,
    Verification,
)
from facecog.engines import FaceEngine
from facecog.erasure import Erasure, Tally
from facecog.errors import CalibrationNotFound, MixedUp, NoFace
from facecog.export import Export
from facecog.fitness import Fitness, Near, only_face
from facecog.geometry import crop
from facecog.image import CROP_SIDE, encode_jpeg
from facecog.index import FaceIndex
from facecog.keys import Keys
from facecog.mixups import MixUps
from facecog.names import clean_name
from facecog.people import People
from facecog.quality import Policy
from facecog.readiness import Readiness
from facecog.retention import Retention
from facecog.stages import stage
from facecog.store import Store
from facecog.thresholds import InForce, Thresholds, checked_rate

CANDIDATES = 5  # named for each face
FPIR = 1e-3
FMR = 1e-4


class Facecog(People):
    """Register faces under names, and say who is in a picture.

    Pictures are the bytes of an image file. Every method may raise the refusals of `decode`
    (not_a_picture, truncated, too_large, too_many_pixels) where it takes one.
    """

    def __init__(
        self,
        engine: FaceEngine,
        store: Store,
        index: FaceIndex,
        calibration: Calibration,
        decode: Callable[[bytes], Picture],
        fpir: float = FPIR,
        fmr: float = FMR,
        quality: Policy = "standard",
    ) -> None:
        """
        Args:
            calibration: of the engine's model; in force unless the owner made one.
            decode: bytes of an image file -> Picture.
            fpir: the promise: of strangers who are searched, the part that may get a name.
            fmr: of comparisons of two photos of different people, the part that may match.
            quality: what a face must be like to be enrolled.

        Raises:
            InvalidPromise.
        """
        self._engine, self._fitness = engine, Fitness(quality)
        self._decode = stage("decode")(decode)
        self._make_thresholds = partial(Thresholds, calibration, fpir=fpir, fmr=fmr)
        self._known = {store.collection: self}
        self.accounts, self.keys = Accounts(store), Keys(store)
        self._erased = Tally()
        self._use(store, index)

    def _use(self, store: Store, index: FaceIndex) -> None:
        self._store, self._index = store, index
        self._thresholds = self._make_thresholds(store, index)
        self._mix_ups = MixUps(store, index, self._thresholds)
        self.changes = Changes(store)
        self.readiness = Readiness(self._engine, store, index)
        self.collections = Collections(store)
        self.erasure = Erasure(store, index, self._erased)
        self.consents = Consents(store, self.erasure)
        self.export = Export(store)
        self.retention = Retention(store, self.erasure)
        self.audit = Audit(store)

    def within(self, collection: str) -> Facecog:
        """The same facecog, but of the people of one collection, by its id, and of no others."""
        there = self._known.get(collection)
        if there is None:
            there = copy(self)
            there._use(self._store.within(collection), self._index.within(collection))
            # Two that are made at once are alike; the first is kept.
            there = self._known.setdefault(collection, there)
        return there

    @property
    def collection(self) -> str:
        """Id of the collection whose people these are."""
        return self._store.collection

    # -- faces --------------------------------------------------------------------------------

    def enrol(
        self,
        name: str,
        photo: bytes,
        origin: str = "library",
        near: Near = None,
        allow_duplicate: bool = False,
        allow_mismatch: bool = False,
        agreed: Agreed | None = None,
    ) -> Enrolment:
        """Keep the one face of a photo under a name.

        Args:
            allow_duplicate: also where the face is registered under another name.
            allow_mismatch: also where the name is of a subject whom the face does not resemble.
            origin: where the photo comes from, kept with the sample.
            near: where the photo may show several faces, the one meant: that nearest to this
                point, x and y as parts (0 to 1) of the upright picture's width and height.
            agreed: that the person consented, and how.

        Raises:
            InvalidName, NoFace, SeveralFaces, FaceTooSmall, LowQuality, AlreadyRegisteredAs,
            NameBelongsToAnotherFace, ConsentNeeded, InvalidConsent.
        """
        name, agreed = clean_name(name), agreed and checked(agreed)
        picture = self._decode(photo)
        face, template = self._taken(picture, "Registering", near=near)
        self._fitness.refuse_poor(face, picture.size)
        try:
            subject, sample, added = self._store.add_sample(
                name=name,
                template=template,
                crop=_crop_jpeg(picture, face),
                photo_sha256=hashlib.sha256(photo).hexdigest(),
                origin=origin,
                quality=face.quality.measures,
                accept=lambda: self._mix_ups.refuse(
                    name, face, template, picture.size, allow_duplicate, allow_mismatch
                ),
                agreed=agreed,
            )
        except MixedUp as refusal:
            self.audit.refused(refusal, template.model)
            raise
        if not added:
            self.audit.viewed("sample", subject.id, sample=sample.id)
        self.retention.note_seen([subject.id])
        return Enrolment(subject, sample, added, face, picture.size)

    def identify(self, photo: bytes, allow_no_face: bool = False) -> Identification:
        """Say of each face in a photo who it is, or that it is unknown.

        Args:
            allow_no_face: answer with no faces where there is none.

        Raises:
            NoFace.
        """
        picture = self._decode(photo)
        faces = tuple(map(self._fitness.explained, self._engine.embed(picture)))
        if not faces and not allow_no_face:
            raise NoFace("There is no face in this photo.", picture.size)
        found = self._index.search([template_of(face) for face in faces], CANDIDATES)
        force = self._thresholds.of_search(found)
        at, margin = force.operation, force.calibration.margin
        decided = tuple(
            decide(face, candidates, at, margin)
            for face, candidates in zip(faces, self._store.named(found.candidates), strict=True)
        )
        self.retention.note_seen([face.match.subject_id for face in decided if face.match])
        identification = Identification(
            size=picture.size,
            faces=decided,
            operation=at,
            gallery=found.gallery,
        )
        self.audit.identified(identification)
        return identification

    def verify(self, photo_a: bytes, photo_b: bytes) -> Verification:
        """Say whether two photos of one face each show the same person.

        Raises:
            NoFace, SeveralFaces.
        """
        a, b = self._decode(photo_a), self._decode(photo_b)
        face_a, template_a = self._taken(a, "Comparing", " (the first)")
        face_b, template_b = self._taken(b, "Comparing", " (the second)")
        at = self._thresholds.of_comparison()
        alike = score(template_a, template_b)
        said = Verification(alike >= at.threshold, alike, at, (face_a, face_b), (a.size, b.size))
        self.audit.verified(said)
        return said

    def detect(self, photo: bytes) -> Detection:
        """The faces of a photo, none too."""
        picture = self._decode(photo)
        return Detection(
            picture.size, tuple(map(self._fitness.judged, self._engine.detect(picture)))
        )

    def embed(self, photo: bytes) -> Detection:
        """The faces of a photo, none too, each with its template."""
        picture = self._decode(photo)
        return Detection(picture.size, self._engine.embed(picture))

    def unfit(self, face: Face) -> tuple[Reason, ...]:
        """Why a face may not be registered; empty when it may."""
        return self._fitness.reasons(face)

    # -- itself -------------------------------------------------------------------------------

    @property
    def inference(self) -> Inference:
        """What runs the models, and how exactly."""
        return self._engine.inference

    @property
    def model(self) -> str:
        """Name of the model card in use."""
        return self._engine.model

    @property
    def database(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._store.kind

    def totals(self) -> Totals:
        """What is stored, in all collections."""
        return self._store.totals(self.model)

    # -- the promise --------------------------------------------------------------------------

    def in_force(self) -> InForce:
        """The promise, the calibration and the threshold of a search made now."""
        return self._thresholds.now()

    def in_force_for_two(self) -> Operation:
        """The threshold of a comparison of two photos made now."""
        return self._thresholds.of_comparison()

    def would_hold(self, calibration: Calibration) -> InForce:
        """What would be in force with another calibration."""
        return self._thresholds.with_calibration(calibration)

    def promised(self) -> float:
        """The rate that is promised of a search, whether or not the model can keep it."""
        return self._thresholds.promise()

    def promise(self, fpir: float | None) -> InForce:
        """Promise another rate; None takes the setting's again. Raises: InvalidPromise."""
        self._store.promises.set_fpir(None if fpir is None else checked_rate(fpir))
        return self.in_force()

    def put_in_force(self, calibration: Calibration) -> InForce:
        """Use a calibration of the owner's own from now on."""
        self._store.promises.add_calibration(calibration.model, calibration_numbers(calibration))
        return self.in_force()

    def roll_back_calibration(self) -> InForce:
        """Use the calibration that was in force before. Raises: CalibrationNotFound."""
        if not self._store.promises.retire_calibration(self.model):
            raise CalibrationNotFound("The calibration in force is the model's own.")
        return self.in_force()

    def close(self) -> None:
        try:
            self.retention.flush()
        finally:
            self._store.close()

    def _taken(
        self, picture: Picture, doing: str, which: str = "", near: Near = None
    ) -> tuple[Face, Template]:
        """The one face of a picture. Raises: NoFace, SeveralFaces."""
        face = only_face(self._engine.embed(picture), picture.size, doing, which, near)
        return face, template_of(face)


def _crop_jpeg(picture: Picture, face: Face) -> bytes:
    """The face with its surroundings, as large as a crop is kept where the picture holds that."""
    near = picture.at(2 * max(face.box.width, face.box.height) / CROP_SIDE)
    return encode_jpeg(crop(near.image, face.box.scaled(1 / near.scale)))
