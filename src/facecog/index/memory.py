"""The default index: every template in RAM, compared one by one, so that no neighbour is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Candidate, Template


class Row(Protocol):
    """What the index reads of a stored template."""

    @property
    def subject_id(self) -> str: ...
    @property
    def sample_id(self) -> str: ...
    @property
    def vector(self) -> bytes: ...


class GallerySource(Protocol):
    """What the index asks of the store."""

    def revision(self) -> int: ...
    def gallery(self, model: str, after: int = -1) -> tuple[int, int, Sequence[Row]]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The templates at one revision of the store. Never changed, only replaced.

    Attributes:
        vectors: float32, shape (n, d).
        subjects: for each row, the place of its subject in `subject_ids`, shape (n,).
    """

    revision: int
    vectors: NDArray[np.float32]
    sample_ids: list[str]
    subjects: NDArray[np.intp]
    subject_ids: list[str]


EMPTY = Gallery(-1, np.zeros((0, 0), np.float32), [], np.zeros(0, np.intp), [])


class MemoryIndex:
    """FaceIndex that compares with every template; exact by construction.

    Before each search it asks the store for its revision and, where that has moved, reads the
    templates that are new, or all of them when some are gone. So a change by another thread,
    process or machine is seen by the next search.
    """

    def __init__(self, source: GallerySource, model: str) -> None:
        self._source, self._model = source, model
        self._gallery = EMPTY
        self._refreshing = Lock()

    def search(self, probes: Sequence[Template], limit: int) -> list[list[Candidate]]:
        gallery = self._fresh()
        if not gallery.sample_ids or not probes:
            return [[] for _ in probes]
        scores = gallery.vectors @ np.stack([probe.vector for probe in probes]).T
        return [_best_subjects(gallery, column, limit) for column in scores.T]

    def size(self) -> int:
        return len(self._fresh().sample_ids)

    def _fresh(self) -> Gallery:
        if self._source.revision() != self._gallery.revision:
            with self._refreshing:
                self._gallery = self._caught_up(self._gallery)
        return self._gallery

    def _caught_up(self, old: Gallery) -> Gallery:
        revision, total, rows = self._source.gallery(self._model, after=old.revision)
        if len(old.sample_ids) + len(rows) != total:  # some of ours are gone
            old = EMPTY
            revision, total, rows = self._source.gallery(self._model)
        return _extended(old, revision, rows)


def _extended(old: Gallery, revision: int, rows: Sequence[Row]) -> Gallery:
    if not rows:
        return Gallery(revision, old.vectors, old.sample_ids, old.subjects, old.subject_ids)
    new = np.stack([np.frombuffer(row.vector, "<f4") for row in rows])
    place = {subject_id: i for i, subject_id in enumerate(old.subject_ids)}
    subjects = [place.setdefault(row.subject_id, len(place)) for row in rows]
    return Gallery(
        revision,
        np.concatenate([old.vectors, new]) if old.sample_ids else new,
        old.sample_ids + [row.sample_id for row in rows],
        np.concatenate([old.subjects, np.array(subjects, np.intp)]),
        list(place),
    )


def _best_subjects(gallery: Gallery, scores: NDArray[np.float32], limit: int) -> list[Candidate]:
    """Each subject by its best sample, then the best subjects; ties go to the older sample."""
    best = np.full(len(gallery.subject_ids), -np.inf, np.float32)
    np.maximum.at(best, gallery.subjects, scores)
    chosen = np.argsort(-best, kind="stable")[:limit]
    return [_candidate(gallery, scores, int(subject)) for subject in chosen]


def _candidate(gallery: Gallery, scores: NDArray[np.float32], subject: int) -> Candidate:
    rows = np.flatnonzero(gallery.subjects == subject)
    row = int(rows[np.argmax(scores[rows])])
    return Candidate(
        subject_id=gallery.subject_ids[subject],
        sample_id=gallery.sample_ids[row],
        score=float(scores[row]),
    )
