"""Exact answers: those that the scan cannot leave out, compared in float64 with all their samples.

A subject's score is the cosine of the probe and the mean of its templates, sum(v)·q / |sum(v)|,
rounded to twelve decimals, for float64 tells no more: so subjects of the same samples are equals,
and of equals the one whose oldest sample came first is first, and then the lower id.
"""

from __future__ import annotations

import numpy as np

from facecog.domain import Vectors
from facecog.index.gallery import Gallery
from facecog.index.grouping import means
from facecog.index.scan import Floats, Hits, Numbers, nearest

DECIMALS = 12
ROUNDED = 1e-12  # at least what that changes, and what float64 does
FEW = 16  # more than were asked for that are compared at first
MANY = 1_024  # subjects, or pairs of them, that are compared at once

Place = tuple[int, int]
"""Block and row of a subject."""

Ranked = list[tuple[float, Place]]
"""Scores and places of subjects, best first."""


def ranked(gallery: Gallery, probes: Vectors, limit: int) -> list[Ranked]:
    """The nearest subjects of each probe."""
    if limit < 1 or not gallery.blocks or not len(probes):
        return [[] for _ in probes]
    exactly = probes.astype(np.float64)
    hits = nearest([block.rows for block in gallery.blocks], exactly, limit)
    return [_ranked(gallery, probe, own, limit) for probe, own in zip(exactly, hits, strict=True)]


def _ranked(gallery: Gallery, probe: Floats, hits: Hits, limit: int) -> Ranked:
    """The most promising are compared first: they leave out most of the others."""
    hits = hits.take(np.argsort(-hits.upper))
    scores = _scores(gallery, hits, slice(limit + FEW), probe)
    if len(scores) == limit + FEW:
        least = np.partition(scores, -limit)[-limit]
        hits = hits.take(hits.upper >= least - ROUNDED)
        scores = scores[: len(hits.rows)]
        scores = np.concatenate([scores, _scores(gallery, hits, slice(limit + FEW, None), probe)])
    least = np.partition(scores, -limit)[-limit] if len(scores) > limit else -np.inf
    best = np.flatnonzero(scores >= least)
    places = zip(hits.parts[best].tolist(), hits.rows[best].tolist(), strict=True)
    answer = list(zip(scores[best].tolist(), places, strict=True))
    return sorted(answer, key=lambda one: (-one[0], age(gallery, one[1])))[:limit]


def score(gallery: Gallery, probe: Floats, place: Place) -> float:
    """Of one subject."""
    parts, rows = np.array([place]).T
    return float(compared(probe, *means_of(gallery, parts, rows))[0])


def age(gallery: Gallery, place: Place) -> tuple[int, bytes]:
    """What orders equals: when the oldest sample came, and the subject's id."""
    block, row = gallery.blocks[place[0]], place[1]
    first = block.span(row).start
    return block.store.samples.revisions.item(first), bytes(block.store.subjects[row])


def best_sample(gallery: Gallery, probe: Floats, place: Place) -> bytes:
    """Id of the subject's sample that is most like the probe; of equals the oldest."""
    block, row = gallery.blocks[place[0]], place[1]
    vectors, best = block.vectors_of(row), 0
    if len(vectors) > 1:
        best = int((vectors.astype(np.float64) * probe).sum(axis=1).round(DECIMALS).argmax())
    return bytes(block.store.samples.ids[block.span(row).start + best])


def mean(gallery: Gallery, place: Place) -> Floats:
    """The mean of a subject's templates, of norm 1."""
    parts, rows = np.array([place]).T
    sums, lengths = means_of(gallery, parts, rows)
    direction: Floats = sums[0] / lengths[0]
    return direction


def _scores(gallery: Gallery, hits: Hits, which: slice, probe: Floats) -> Floats:
    parts, rows = hits.parts[which], hits.rows[which]
    some = [slice(start, start + MANY) for start in range(0, len(rows), MANY)]
    scores = [compared(probe, *means_of(gallery, parts[one], rows[one])) for one in some]
    return np.concatenate([np.zeros(0), *scores])


def means_of(gallery: Gallery, parts: Numbers, rows: Numbers) -> tuple[Floats, Floats]:
    """Of some subjects the sums of their templates, and the sums' lengths."""
    places = zip(parts.tolist(), rows.tolist(), strict=True)
    vectors = [gallery.blocks[part].vectors_of(row) for part, row in places]
    starts = np.cumsum([0, *map(len, vectors)])
    return means(np.concatenate(vectors), starts)


def compared(probes: Floats, sums: Floats, lengths: Floats) -> Floats:
    """Scores, with one probe for all or one for each."""
    scores: Floats = ((sums * probes).sum(axis=1) / lengths).round(DECIMALS) + 0.0  # no -0.0
    return scores
