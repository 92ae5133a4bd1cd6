"""Searching labelled photographs as the service does: its index, its threshold, its `decide`.

The gallery is a list and no store; everything after that is the service's own code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from facecog.decision import Calibration, decide, template_of
from facecog.domain import (
    Candidate,
    Decision,
    Face,
    GalleryPart,
    GallerySize,
    IdentifiedFace,
)
from facecog.evaluation.labels import Labelled
from facecog.evaluation.templates import Shown
from facecog.index.memory import MemoryIndex
from facecog.service import CANDIDATES
from facecog.thresholds import OWN_SUBJECTS, in_force

Fit = Callable[[Face], bool]
"""Whether a face may be registered."""

AT_ONCE = 256  # probes in one search


class Listed:
    """GallerySource: the templates of a list, with numbers for ids."""

    def __init__(self, shown: Sequence[tuple[Labelled, Face]]) -> None:
        self._shown = shown
        self._people = list(dict.fromkeys(photo.identity for photo, _ in shown))
        self._numbers = {name: number for number, name in enumerate(self._people)}

    def revision(self) -> int:
        return 0

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        count = len(self._shown)
        return GalleryPart(
            revision=0,
            whole=True,
            collection=bytes(16),
            sample_ids=_ids(range(count)),
            subject_ids=_ids(self._numbers[photo.identity] for photo, _ in self._shown),
            collection_ids=np.zeros((count, 16), np.uint8),
            revisions=np.arange(count),
            vectors=np.array([template_of(face).vector for _, face in self._shown], np.float32),
            gone=_ids([]),
        )

    def id_of(self, person: str) -> str | None:
        """None for one who is not in the list."""
        return str(UUID(int=self._numbers[person])) if person in self._numbers else None

    def named(self, one: Candidate) -> Candidate:
        """With the list's names in place of ids."""
        person = self._people[UUID(one.subject_id).int]
        return replace(
            one, subject_id=person, sample_id=self._shown[UUID(one.sample_id).int][0].name
        )


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
        self._listed = Listed([(photo, face) for photo, face in gallery if face and fit(face)])
        self._index = MemoryIndex.of(self._listed, calibration.model)
        people = self._index.people(OWN_SUBJECTS)
        self.force = in_force(calibration, fpir, self.size, people)

    @property
    def size(self) -> GallerySize:
        return self._index.size()

    def __call__(self, shown: Sequence[Shown]) -> list[Searched]:
        """Search each photograph that shows a face."""
        said = self._said([face for _, face in shown if face])
        return [
            Searched(photo, next(said), self._own(photo, face))
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
                named = [self._listed.named(one) for one in candidates]
                yield decide(face, named, at, margin)

    def _own(self, photo: Labelled, face: Face) -> Candidate | None:
        subject_id = self._listed.id_of(photo.identity)
        found = subject_id and self._index.score(template_of(face), subject_id)
        return self._listed.named(found) if found else None


def _ids(numbers: Iterable[int]) -> NDArray[np.uint8]:
    """Shape (n, 16)."""
    return np.frombuffer(b"".join(UUID(int=n).bytes for n in numbers), np.uint8).reshape(-1, 16)
