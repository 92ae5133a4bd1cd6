"""The frozen nouns of facecog (terms of ISO/IEC 2382-37). No behaviour beyond what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.acting import Role

Pixels = NDArray[np.uint8]
"""Upright RGB, uint8, shape (H, W, 3)."""

Vector = NDArray[np.float32]
"""float32, shape (d,)."""

Vectors = NDArray[np.float32]
"""float32, shape (n, d)."""


class PixelSize(NamedTuple):
    """Width and height of an upright picture, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: upright RGB, uint8, shape (H, W, 3); may be smaller than the picture that was sent.
        size: of the upright picture as sent, in pixels. Faces are measured in these.
        finer: decodes it with more pixels; None where there are no more, or too many.
    """

    pixels: Pixels
    size: PixelSize
    finer: Callable[[], Picture] | None = None

    @property
    def scale(self) -> float:
        """Pixels of the picture as sent for one of `pixels`; 1.0 unless it was decoded smaller."""
        width: int = self.pixels.shape[1]
        return self.size.width / width

    def at(self, scale: float) -> Picture:
        """The same picture at this scale or a finer one, or as near as it can be had."""
        return self.finer() if self.finer and self.scale > scale else self


class Box(NamedTuple):
    """A face's rectangle in pixels of the upright picture; may reach over its border."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, by: float) -> Box:
        return Box(*(value * by for value in self))

    def distance(self, x: float, y: float) -> float:
        """From the box's middle to a point, in pixels."""
        return math.hypot(self.x + self.width / 2 - x, self.y + self.height / 2 - y)


@dataclass(frozen=True, slots=True)
class Inference:
    """What runs the models.

    Attributes:
        precision: "exact" computes what the files as shipped would; "fast" nearly the same.
        runtime: in words, such as "ONNX Runtime float32".
        providers: ONNX Runtime's names of what computes, best first; none of another runtime.
    """

    precision: str
    runtime: str
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What is kept of a face so that it can be compared.

    Attributes:
        vector: float32, shape (d,), L2 norm 1 within 1e-3; no unit.
        model: name of the model card that made it.

    Raises:
        ValueError: the vector is not 1-D, not finite, or not of norm 1.

    Term: "biometric template", ISO/IEC 2382-37.
    """

    vector: Vector
    model: str

    def __post_init__(self) -> None:
        # A NaN norm fails the comparison too, so one test covers "finite" as well.
        if self.vector.ndim != 1 or not abs(float(np.linalg.norm(self.vector)) - 1) <= 1e-3:
            raise ValueError("a template is a 1-D vector of norm 1")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a face is not good enough: a stable code, and words a person can act on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How fit a face is for comparison; see `quality.py` for the units of each measure.

    Attributes:
        measures: name of the measure -> value.
        reasons: what is wrong, worst first; empty when the standard policy lets it be enrolled.
        judgeable: whether "unknown" means anything of this face; False where more than half of
            such faces are not recognised though their people are registered.
    """

    measures: dict[str, float]
    reasons: tuple[Reason, ...] = ()
    judgeable: bool = True

    @property
    def ok(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detection in one picture.

    Attributes:
        box: in pixels of the upright picture.
        landmarks: float32, shape (5, 2), x and y in pixels: right eye, left eye, nose tip, right
            and left corner of the mouth, where right is the person's own.
        detection_score: 0 to 1, how sure the detector is that this is a face.
        quality: the verdict of the quality gate.
        template: None from `detect`, which does not need one.
    """

    box: Box
    landmarks: NDArray[np.float32]
    detection_score: float
    quality: Quality
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """A gallery of its own: who is in one is not known in another.

    Attributes:
        subjects: how many there are in it.
    """

    id: str
    name: str
    created_at: datetime
    subjects: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What is stored, in all collections.

    Attributes:
        templates: those of one model.
    """

    collections: int
    subjects: int
    samples: int
    templates: int


@dataclass(frozen=True, slots=True)
class Subject:
    """The person a record is about.

    Attributes:
        samples: how many there are.
        cover: id of the oldest of them, whose crop stands for the subject; None without any.
        expires_at: when the subject is erased; None: by no date of its own.
    """

    id: str
    name: str
    created_at: datetime
    samples: int
    cover: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One stored photo crop of a subject.

    Attributes:
        origin: where the photo came from, e.g. "camera", "api", "cli", "legacy".
        quality: the measures of `quality.assess` when it was enrolled.
    """

    id: str
    subject_id: str
    created_at: datetime
    origin: str
    quality: dict[str, float]


class Named(NamedTuple):
    """A subject that may be gone, under the name that it had."""

    id: str
    name: str


class Kind(Enum):
    """What happened to a subject or to a sample of it."""

    RENAMED = "renamed"
    MOVED = "moved"
    MERGED = "merged"
    REMOVED = "removed"  # a sample
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a subject, and can be undone for a while.

    Attributes:
        until: when what undo needs is erased, and the change forgotten.
        subject: whom it happened to, under the name of then.
        other: whom samples were moved to or the subject was merged into; of one that was renamed,
            itself under the new name.
        samples: how many samples were moved, merged, removed or deleted with it.
    """

    id: str
    kind: Kind
    at: datetime
    until: datetime
    undone_at: datetime | None
    subject: Named
    other: Named | None
    samples: int
    undoable: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject that a probe was compared with.

    Attributes:
        sample_id: the subject's sample that is most like the probe.
        score: cosine similarity of the probe's template and the mean of the subject's, -1 to 1,
            higher is more alike.
    """

    subject_id: str
    sample_id: str
    score: float
    name: str = ""


class Decision(Enum):
    """What is said of one probe."""

    MATCH = "match"
    UNKNOWN = "unknown"
    UNCERTAIN = "uncertain"  # somebody, or too poor a face to say; never a guess


@dataclass(frozen=True, slots=True)
class GallerySize:
    """What a search compares with.

    Attributes:
        by_samples: number of samples -> how many subjects have so many.
    """

    by_samples: Mapping[int, int]

    @property
    def subjects(self) -> int:
        return sum(self.by_samples.values())

    @property
    def samples(self) -> int:
        return sum(samples * subjects for samples, subjects in self.by_samples.items())


class GalleryPart(NamedTuple):
    """What an index needs of one moment: the gallery of a model, or what changed in it.

    Attributes:
        revision: of the store, at that moment.
        whole: this is the gallery, and what was known before is to be forgotten; otherwise what
            came or went after the revision that was asked for.
        collection: id of the one that is searched where none is named, 16 bytes.
        sample_ids: UUID bytes, uint8, shape (n, 16), as all ids here; n are new or came again.
        subject_ids: whose each of them is, shape (n, 16).
        collection_ids: in which collection each of them is, shape (n, 16).
        revisions: with which each came, or became this subject's, int64, shape (n,).
        vectors: their templates, shape (n, d) where n is not 0.
        gone: samples without a template now, shape (m, 16); one that is also among `sample_ids`
            has come back.
    """

    revision: int
    whole: bool
    collection: bytes
    sample_ids: NDArray[np.uint8]
    subject_ids: NDArray[np.uint8]
    collection_ids: NDArray[np.uint8]
    revisions: NDArray[np.int64]
    vectors: Vectors
    gone: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """For how long people are kept.

    Attributes:
        keep_days: since they were registered; None: however long.
        unseen_days: since they were last recognised, or registered; None: however long.
    """

    keep_days: int | None = None
    unseen_days: int | None = None


class Due(NamedTuple):
    """Somebody who is to be erased, and why: "expired", "kept_too_long" or "unseen"."""

    subject_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConsentPolicy:
    """Whether people must agree before they are registered.

    Attributes:
        text_version: what the text is called that they agree to.
        purpose: what their faces are kept for.
    """

    required: bool = False
    text_version: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """That a person agreed.

    Attributes:
        how: on paper, say, or on the page.
        withdrawn_at: None while it is in force.
    """

    id: str
    subject_id: str
    text_version: str
    purpose: str
    how: str
    given_at: datetime
    withdrawn_at: datetime | None = None


class Agreed(NamedTuple):
    """What somebody says who registers a person: that they agreed to a text, and how."""

    text_version: str
    how: str


Place = Literal[
    "database", "undo", "crops", "memory", "other_servers", "free_space", "server_log", "backups"
]
Outcome = Literal["done", "follows", "yours"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a subject was erased. No name in it, nothing of a face, nothing to bring it back.

    Attributes:
        subjects: ids; those who were merged into the subject among them.
        samples: their ids.
        templates, crops, consents, changes: how many there were.
        by: who erased, as a record names them.
        places: everywhere that something was: whether it is gone, will be without anybody doing
            anything, or is for the owner to see to.
    """

    subjects: tuple[str, ...]
    samples: tuple[str, ...]
    templates: int
    crops: int
    consents: int
    changes: int
    at: datetime
    by: str
    places: Mapping[Place, Outcome]


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two subjects whose templates match each other: told apart by margin, or not at all."""

    people: tuple[Candidate, Candidate]
    score: float


@dataclass(frozen=True, slots=True)
class Operation:
    """The point at which a decision was made, so that it can be explained later.

    Attributes:
        threshold: cosine similarity at or above which two templates match.
        fmr: false match rate of one comparison at the threshold; None where nobody measured it.
        model: the model card that made the templates.
        fpir: the promise that a search keeps; None for a comparison of two photos, whose promise
            is `fmr` itself, and where `fmr` is not known.
        raised_by: what the threshold was raised by, since this gallery's people are more alike
            than the calibration's; in score.
        min_margin: two subjects that both match are told apart when their scores differ by this
            much; 0 where there is only one.
        calibration: what the rates were measured on, in words.
    """

    threshold: float
    fmr: float | None
    model: str
    fpir: float | None = None
    raised_by: float = 0.0
    min_margin: float = 0.0
    calibration: str = ""


@dataclass(frozen=True, slots=True)
class IdentifiedFace:
    """A face of the probe picture, and who it is.

    Attributes:
        candidates: best first; also those below the threshold.
        reason: why it is uncertain: "look_alikes" or "poor_quality"; None otherwise.
    """

    face: Face
    decision: Decision
    threshold: float
    candidates: tuple[Candidate, ...]
    reason: str | None = None

    @property
    def match(self) -> Candidate | None:
        """The subject this face is said to be, or None when it is unknown."""
        return self.candidates[0] if self.decision is Decision.MATCH else None

    @property
    def score(self) -> float | None:
        """The best candidate's score; None while the gallery is empty."""
        return self.candidates[0].score if self.candidates else None

    @property
    def margin(self) -> float | None:
        """What the best candidate's score is above the second subject's; None without a second."""
        if len(self.candidates) < 2:
            return None
        return self.candidates[0].score - self.candidates[1].score


@dataclass(frozen=True, slots=True)
class Identification:
    """Who is in a picture."""

    size: PixelSize
    faces: tuple[IdentifiedFace, ...]
    operation: Operation
    gallery: GallerySize

    @property
    def best(self) -> Candidate | None:
        """The best match in the picture, or None when everybody in it is unknown."""
        matches = [face.match for face in self.faces if face.match]
        return max(matches, key=lambda match: match.score, default=None)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether two pictures show the same person."""

    same: bool
    score: float
    operation: Operation
    faces: tuple[Face, Face]
    sizes: tuple[PixelSize, PixelSize]


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of one picture, largest first."""

    size: PixelSize
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What registering did.

    Attributes:
        added: False when this very photo was already a sample of this subject.
    """

    subject: Subject
    sample: Sample
    added: bool
    face: Face
    size: PixelSize


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who signs in.

    Attributes:
        seen_at: when last signed in.
    """

    id: str
    name: str
    role: Role
    created_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a program shows to be let in; of its secret only a hash is kept.

    Attributes:
        collection: id of the only one that it opens; all where there is none.
        used_at: to the minute.
    """

    id: str
    name: str
    role: Role
    collection: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What somebody did.

    Attributes:
        number: lines are in the order of their numbers; times may go back, as a clock does.
        action: "identify", "enrol", "view.crop" and so on; docs/audit.md has all of them.
        actor: who, by id: "account:1f0c...", "key:...", "local", "command", "system".
        collection_id, subject_id: what it was about, where that is one.
        details: plain values; ids and numbers, no names.
        hash: of this line and of the hash before it, as hexadecimal digits.
    """

    number: int
    at: datetime
    action: str
    actor: str
    request_id: str | None
    collection_id: str | None
    subject_id: str | None
    details: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether the audit is as it was written.

    Attributes:
        lines: how many are there and were right.
        first, last: their numbers; 0 where there are none.
        head: hash of the last; noted elsewhere it shows later that nothing before it was altered.
        keyed: whether hashes are made with a key.
        fault: what is wrong with the first line that is not right; None where all are.
    """

    lines: int
    first: int
    last: int
    head: str
    keyed: bool
    fault: str | None = None
