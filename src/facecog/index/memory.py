"""The default index: every template in RAM, compared one by one, so that no neighbour is missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from threading import Lock
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from facecog.domain import (
    Candidate,
    GalleryPart,
    GallerySize,
    LookAlikes,
    Template,
    Vector,
    Vectors,
)
from facecog.index import Found, GallerySource


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The templates at one revision of the store. Never changed, only replaced.

    Attributes:
        vectors: one row a sample, shape (n, d).
        subjects: for each of these rows, the place of its subject in `subject_ids`, shape (n,).
        sums: one row a subject: the sum of its samples' vectors, shape (m, d).
        means: the same of norm 1, which is what a probe is compared with.
    """

    revision: int
    vectors: Vectors
    sample_ids: list[str]
    subjects: NDArray[np.intp]
    subject_ids: list[str]
    sums: Vectors
    means: Vectors
    size: GallerySize


BLOCK = 256  # subjects that are compared with all others at once

NOTHING = np.zeros((0, 0), np.float32)
EMPTY = Gallery(
    -1, NOTHING, [], np.zeros(0, np.intp), [], NOTHING, NOTHING, GallerySize(by_samples={})
)


class MemoryIndex:
    """FaceIndex that compares with every subject; exact by construction.

    Before each search it asks the store for its revision and, where that has moved, reads the
    templates that are new or another subject's, or all of them when some are gone. So a change by
    another thread, process or machine is seen by the next search.
    """

    def __init__(self, source: GallerySource, model: str) -> None:
        self._source, self._model = source, model
        self._gallery = EMPTY
        self._refreshing = Lock()

    def search(self, probes: Sequence[Template], limit: int) -> Found:
        gallery = self._fresh()
        if not gallery.sample_ids or not probes:
            return Found([[] for _ in probes], gallery.size, gallery.revision)
        asked = np.stack([probe.vector for probe in probes])
        scores = gallery.means @ asked.T
        candidates = [
            _nearest(gallery, probe, column, limit)
            for probe, column in zip(asked, scores.T, strict=True)
        ]
        return Found(candidates, gallery.size, gallery.revision)

    def score(self, probe: Template, subject_id: str) -> Candidate | None:
        gallery = self._fresh()
        if subject_id not in gallery.subject_ids:
            return None
        subject = gallery.subject_ids.index(subject_id)
        return _candidate(
            gallery, probe.vector, subject, float(gallery.means[subject] @ probe.vector)
        )

    def alike(self, threshold: float, limit: int, of: str | None = None) -> list[LookAlikes]:
        gallery = self._fresh()
        asked = [slice(start, start + BLOCK) for start in range(0, len(gallery.means), BLOCK)]
        if of is not None:
            asked = [slice(i, i + 1) for i, one in enumerate(gallery.subject_ids) if one == of]
        pairs: list[tuple[float, int, int]] = []
        for some in asked:
            scores = gallery.means[some] @ gallery.means.T
            for row, column in np.argwhere(scores >= threshold).tolist():
                one = some.start + row
                if one < column or (of is not None and one > column):  # each pair once
                    pairs.append((float(scores[row, column]), one, column))
            pairs = sorted(pairs, reverse=True)[:limit]
        return [_look_alikes(gallery, *pair) for pair in pairs]

    def size(self) -> GallerySize:
        return self._fresh().size

    def people(self, limit: int) -> Vectors:
        gallery = self._fresh()
        if not gallery.sample_ids:
            return NOTHING
        _, first = np.unique(gallery.subjects, return_index=True)
        step = -(-len(first) // limit)
        return gallery.vectors[first[::step]]

    def _fresh(self) -> Gallery:
        if self._source.revision() != self._gallery.revision:
            with self._refreshing:
                self._gallery = self._caught_up(self._gallery)
        return self._gallery

    def _caught_up(self, old: Gallery) -> Gallery:
        part = self._source.gallery(self._model, old.revision if old.sample_ids else None)
        if len(part.gone):  # who comes first of two alike may be another now
            part = self._source.gallery(self._model)
        leaving = {*_texts(part.gone), *_texts(part.sample_ids)}
        return _extended(EMPTY if part.whole else _without(old, leaving), part)


def _texts(ids: NDArray[np.uint8]) -> list[str]:
    return [str(UUID(bytes=one.tobytes())) for one in ids]


def _without(old: Gallery, sample_ids: set[str]) -> Gallery:
    """The gallery less some samples; itself where it has none of them."""
    stay = np.array([one not in sample_ids for one in old.sample_ids], bool)
    if stay.all():
        return old
    vectors, subjects, sums = old.vectors[stay], old.subjects[stay], old.sums.copy()
    changed = np.unique(old.subjects[~stay])
    theirs = np.isin(subjects, changed)
    sums[changed] = 0
    np.add.at(sums, subjects[theirs], vectors[theirs])
    left = np.bincount(subjects, minlength=len(sums)) > 0  # subjects that have samples still
    subjects = (np.cumsum(left) - 1)[subjects]
    return Gallery(
        revision=old.revision,
        vectors=vectors,
        sample_ids=list(compress(old.sample_ids, stay)),
        subjects=subjects,
        subject_ids=list(compress(old.subject_ids, left)),
        sums=sums[left],
        means=_means(sums[left]),
        size=_size(subjects),
    )


def _extended(old: Gallery, part: GalleryPart) -> Gallery:
    if not len(part.sample_ids):
        return replace(old, revision=part.revision)
    place = {subject_id: i for i, subject_id in enumerate(old.subject_ids)}
    whose = _texts(part.subject_ids)
    of_new = np.array([place.setdefault(one, len(place)) for one in whose], np.intp)
    subjects = np.concatenate([old.subjects, of_new])
    sums = np.zeros((len(place), part.vectors.shape[1]), np.float32)
    if old.sample_ids:
        sums[: len(old.sums)] = old.sums
    np.add.at(sums, of_new, part.vectors)
    return Gallery(
        revision=part.revision,
        vectors=np.concatenate([old.vectors, part.vectors]) if old.sample_ids else part.vectors,
        sample_ids=old.sample_ids + _texts(part.sample_ids),
        subjects=subjects,
        subject_ids=list(place),
        sums=sums,
        means=_means(sums),
        size=_size(subjects),
    )


def _means(sums: Vectors) -> Vectors:
    means: Vectors = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return means


def _size(subjects: NDArray[np.intp]) -> GallerySize:
    samples, how_many = np.unique(np.bincount(subjects), return_counts=True)
    return GallerySize(dict(zip(samples.tolist(), how_many.tolist(), strict=True)))


def _nearest(
    gallery: Gallery, probe: Vector, scores: NDArray[np.float32], limit: int
) -> list[Candidate]:
    """The subjects of the highest scores; ties go to the one enrolled first."""
    chosen = np.argsort(-scores, kind="stable")[:limit]
    return [_candidate(gallery, probe, int(subject), float(scores[subject])) for subject in chosen]


def _look_alikes(gallery: Gallery, score: float, one: int, other: int) -> LookAlikes:
    return LookAlikes(
        (
            _candidate(gallery, gallery.means[other], one, score),
            _candidate(gallery, gallery.means[one], other, score),
        ),
        score,
    )


def _candidate(gallery: Gallery, probe: Vector, subject: int, score: float) -> Candidate:
    rows = np.flatnonzero(gallery.subjects == subject)
    best = int(rows[np.argmax(gallery.vectors[rows] @ probe)])
    return Candidate(gallery.subject_ids[subject], gallery.sample_ids[best], score)
