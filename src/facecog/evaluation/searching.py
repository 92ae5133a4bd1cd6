"""Searching labelled photographs as the service does: its index, its threshold, its `decide`.

The gallery is a list and no store; everything after that is the service's own code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from facecog.decision import Calibration, decide, template_of
from facecog.domain import Candidate, Decision, Face, GallerySize, IdentifiedFace
from facecog.evaluation.labels import Labelled
from facecog.evaluation.templates import Shown
from facecog.index.memory import MemoryIndex
from facecog.service import CANDIDATES
from facecog.thresholds import OWN_SUBJECTS, in_force

Fit = Callable[[Face], bool]
"""Whether a face may be registered."""

AT_ONCE = 256  # probes in one search


@dataclass(frozen=True, slots=True)
class Row:
    """A template as the index reads it."""

    subject_id: str
    sample_id: str
    vector: bytes


@dataclass(frozen=True, slots=True)
class Listed:
    """GallerySource: the templates of a list."""

    rows: Sequence[Row]

    def revision(self) -> int:
        return 0

    def gallery(self, model: str, after: int = -1) -> tuple[int, int, Sequence[Row]]:
        return 0, len(self.rows), [] if after >= 0 else self.rows


@dataclass(frozen=True, slots=True)
class Searched:
    """A photograph and what was said of it.

    Attributes:
        said: None where no face was found.
        own: its own subject as a candidate; None for a stranger.
    """

    photo: Labelled
    said: IdentifiedFace | None
    own: Candidate | None

    @property
    def nearest(self) -> Candidate | None:
        candidates = self.said.candidates if self.said else ()
        return candidates[0] if candidates else None

    @property
    def named(self) -> str | None:
        return self.said.match.subject_id if self.said and self.said.match else None

    @property
    def uncertain(self) -> bool:
        return self.said is not None and self.said.decision is Decision.UNCERTAIN

    @property
    def score(self) -> float:
        """The nearest subject's; -inf where there is none."""
        return self.nearest.score if self.nearest else -math.inf

    @property
    def right_score(self) -> float:
        """Up to which threshold the right subject is found; -inf where another is nearer."""
        right = self.nearest is not None and self.nearest.subject_id == self.photo.identity
        return self.score if right else -math.inf


class Search:
    """Searches in the gallery of a list."""

    def __init__(
        self, gallery: Sequence[Shown], fit: Fit, calibration: Calibration, fpir: float
    ) -> None:
        """
        Args:
            gallery: those without a face that may be registered are passed over.
            fpir: the promise.
        """
        rows = [_row(photo, face) for photo, face in gallery if face and fit(face)]
        self._index = MemoryIndex(Listed(rows), calibration.model)
        people = self._index.people(OWN_SUBJECTS)
        self.force = in_force(calibration, fpir, self.size, people)

    @property
    def size(self) -> GallerySize:
        return self._index.size()

    def __call__(self, shown: Sequence[Shown]) -> list[Searched]:
        """Search each photograph that shows a face."""
        said = self._said([face for _, face in shown if face])
        return [
            Searched(photo, next(said), self._index.score(template_of(face), photo.identity))
            if face
            else Searched(photo, None, None)
            for photo, face in shown
        ]

    def _said(self, faces: Sequence[Face]) -> Iterator[IdentifiedFace]:
        at, margin = self.force.operation, self.force.calibration.margin
        for start in range(0, len(faces), AT_ONCE):
            part = faces[start : start + AT_ONCE]
            found = self._index.search([template_of(face) for face in part], CANDIDATES)
            for face, candidates in zip(part, found.candidates, strict=True):
                yield decide(face, candidates, at, margin)


def _row(photo: Labelled, face: Face) -> Row:
    return Row(photo.identity, photo.name, template_of(face).vector.astype("<f4").tobytes())
