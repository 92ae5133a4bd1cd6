"""Who is in a picture, and whether two show the same person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from facecog.domain.face import Face
from facecog.domain.gallery import GallerySize
from facecog.domain.picture import PixelSize


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


@dataclass(frozen=True, slots=True)
class LookAlikes:
    """Two subjects whose templates match each other: told apart by margin, or not at all."""

    people: tuple[Candidate, Candidate]
    score: float


class Decision(Enum):
    """What is said of one probe."""

    MATCH = "match"
    UNKNOWN = "unknown"
    UNCERTAIN = "uncertain"  # somebody, or too poor a face to say; never a guess


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
