"""Which subjects of a gallery are alike: each with each, by the same scan and the same scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from facecog.index.gallery import Gallery
from facecog.index.nearest import MANY, ROUNDED, Place, age, compared, means_of
from facecog.index.scan import Numbers, Probes

GROUP = 64  # subjects that are compared with all others in one pass


class Pair(NamedTuple):
    """Two subjects, the older first, and how alike their means are."""

    score: float
    one: Place
    other: Place


def alike(gallery: Gallery, threshold: float, limit: int, of: Place | None = None) -> list[Pair]:
    """Pairs of subjects whose scores reach a threshold, most alike first.

    Args:
        of: only pairs with this subject, which is the first in each.
    """
    kept: list[Pair] = []
    for part, rows in _asked(gallery, of):
        floor = kept[-1].score if len(kept) == limit else threshold
        for number in range(0 if of else part, len(gallery.blocks)):
            kept += _above(gallery, (part, rows), number, floor, everyone=of is not None)
        ages = [(age(gallery, one), age(gallery, other)) for _, one, other in kept]
        order = sorted(range(len(kept)), key=lambda at: (-kept[at].score, ages[at]))
        kept = [kept[at] for at in order[:limit]]
    return kept


def _asked(gallery: Gallery, of: Place | None) -> Iterator[tuple[int, Numbers]]:
    """Block and rows of those who are compared with others, some at once."""
    if of:
        yield of[0], np.array([of[1]])
        return
    for number, block in enumerate(gallery.blocks):
        for start in range(0, len(block.living), GROUP):
            yield number, block.living[start : start + GROUP]


def _above(
    gallery: Gallery, asked: tuple[int, Numbers], number: int, floor: float, everyone: bool
) -> Iterator[Pair]:
    """Pairs of some subjects and those of one block.

    Args:
        everyone: with those before them too; otherwise each pair is found once.
    """
    part, rows = asked
    block = gallery.blocks[number].rows
    probes = Probes(gallery.blocks[part].rows.of.take(rows), np.ones(len(rows)))
    floors = np.full(len(rows), floor - ROUNDED)
    (cuts,) = probes.cuts([block], floors)
    found = probes.bounded([block], [probes.passed(0, block, probes.dots(block), cuts)])
    found = found.take(found.upper >= floors[found.probes])
    ones, others = rows[found.probes], found.rows
    if number == part:
        keep = others != ones if everyone else others > ones
        ones, others = ones[keep], others[keep]
    for start in range(0, len(ones), MANY):
        some = slice(start, start + MANY)
        yield from _scored(gallery, (part, ones[some]), (number, others[some]), floor, everyone)


def _scored(
    gallery: Gallery,
    ones: tuple[int, Numbers],
    others: tuple[int, Numbers],
    floor: float,
    in_order: bool,
) -> Iterator[Pair]:
    """Pairs of subjects side by side, compared exactly."""
    sums, lengths = means_of(gallery, np.full(len(ones[1]), ones[0]), ones[1])
    their_sums, their_lengths = means_of(gallery, np.full(len(others[1]), others[0]), others[1])
    scores = compared(sums / lengths[:, None], their_sums, their_lengths)
    for at in np.flatnonzero(scores >= floor).tolist():
        pair = (ones[0], int(ones[1][at])), (others[0], int(others[1][at]))
        if not in_order:
            pair = (
                (pair[0], pair[1]) if age(gallery, pair[0]) < age(gallery, pair[1]) else pair[::-1]
            )
        yield Pair(float(scores[at]), *pair)
