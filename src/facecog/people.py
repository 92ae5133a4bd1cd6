"""Who is registered: people, their photos and templates. Whoever looks at them is recorded."""

from __future__ import annotations

from uuid import UUID

from facecog.audit import Audit
from facecog.domain import GallerySize, LookAlikes, Sample, Subject, Vectors
from facecog.engines import FaceEngine
from facecog.errors import CropLost, InvalidInput, InvalidSize
from facecog.image import shrunk_jpeg, whole_jpeg
from facecog.index import FaceIndex
from facecog.store import MAX_PAGE, Page, Store
from facecog.thresholds import Thresholds

SIDES = (96, 160, 320)  # pixels


class People:
    """The half of Facecog that says what is kept, of the people of one collection."""

    _engine: FaceEngine
    _store: Store
    _index: FaceIndex
    _thresholds: Thresholds
    audit: Audit

    def subjects(
        self, limit: int = 100, cursor: str | None = None, search: str = "", sort: str = "name"
    ) -> Page[Subject]:
        """People, a page at a time.

        Args:
            search: a part of their names.
            sort: "name", or by the day on which they were registered, "newest" or "oldest" first.

        Raises:
            InvalidCursor, InvalidSort.
        """
        found = self._store.subjects(min(limit, MAX_PAGE), cursor, search, sort)
        self.audit.viewed("people", shown=len(found.items), searched=bool(search))
        return found

    def subject(self, subject_id: str) -> Subject:
        """Raises: SubjectNotFound."""
        subject = self._store.subject(subject_id)
        self.audit.viewed("person", subject.id)
        return subject

    def subject_named(self, name: str) -> Subject:
        """Raises: SubjectNotFound."""
        subject = self._store.subject_named(name)
        self.audit.viewed("person", subject.id)
        return subject

    def samples(self, subject_id: str, limit: int = 100, cursor: str | None = None) -> Page[Sample]:
        """A person's samples, oldest first. Raises: SubjectNotFound, InvalidCursor."""
        found = self._store.samples(subject_id, min(limit, MAX_PAGE), cursor)
        self.audit.viewed("samples", subject_id, shown=len(found.items))
        return found

    def sample(self, sample_id: str) -> Sample:
        """Raises: SampleNotFound."""
        sample = self._store.sample(sample_id)
        self.audit.viewed("sample", sample.subject_id, sample=sample.id)
        return sample

    def crop(self, sample_id: str, side: int | None = None) -> bytes:
        """A sample's picture as JPEG.

        Args:
            side: its longer side is to have at most so many pixels, one of SIDES; as it is stored
                where not given.

        Raises:
            SampleNotFound, CropLost, InvalidSize.
        """
        if side not in (None, *SIDES):
            raise InvalidSize(f"`side` is one of {', '.join(map(str, SIDES))}.")
        subject_id = self._store.sample(sample_id).subject_id
        stored = self._store.crop(sample_id)
        try:
            shown = whole_jpeg(stored) if side is None else shrunk_jpeg(stored, side)
        except InvalidInput as error:
            raise CropLost("The picture of this sample is damaged.") from error
        self.audit.viewed("crop", subject_id, sample=sample_id)
        return shown

    def look_alikes(self, of: str | None = None) -> list[LookAlikes]:
        """Pairs of people whose faces match each other, most alike first.

        Args:
            of: only pairs with this subject, which then comes first in each.
        """
        threshold = self._thresholds.now().operation.threshold
        pairs = self._index.alike(threshold, MAX_PAGE, of)
        named = self._store.named([list(pair.people) for pair in pairs])
        self.audit.viewed("lookalikes", of, pairs=len(pairs))
        return [
            LookAlikes((people[0], people[1]), pair.score)
            for pair, people in zip(pairs, named, strict=True)
            if len(people) == 2
        ]

    def templates(self) -> tuple[list[str], Vectors]:
        """Whose each template in the gallery is, by id, and the templates, shape (n, d)."""
        part = self._store.gallery(self._engine.model)
        self.audit.viewed("templates", templates=len(part.vectors))
        return [str(UUID(bytes=one.tobytes())) for one in part.subject_ids], part.vectors

    def counts(self) -> tuple[int, int]:
        """How many people and samples are stored."""
        return self._store.counts()

    def gallery_size(self) -> GallerySize:
        """What a search compares with: those with a template of the model in use."""
        return self._index.size()
