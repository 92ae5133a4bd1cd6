"""Who is registered, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facecog.domain.face import Face
from facecog.domain.picture import PixelSize


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
