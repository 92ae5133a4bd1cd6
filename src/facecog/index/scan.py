"""The scan: what every row's score can be at most, from eight bits a number.

A vector m is kept as codes c, integers from -127 to 127, a scale s, and e, which is no less than
|m - s·c|. Of a row m, no longer than 1, and a probe q with codes c', scale s' and error e', the
score m·q differs from s·s'·(c·c'), whose integer product is exact, by no more than (Cauchy and
Schwarz, twice, and |s·c| <= 1 + e)

    |m·q - s·s'·(c·c')| = |(m - s·c)·q + s·c·(q - s'·c')| <= e·|q| + (1 + e)·e'

What float64 rounds in computing this is less than `ROUNDING`, which is added. So a row whose upper
bound is under the lower bounds of k others is none of the k nearest, and can be left out unseen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numkong
import numpy as np
from numpy.typing import NDArray

from facecog.index.products import fastest

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]

ROUNDING = 1e-11  # more than what float64 rounds in sums of 10,000 products of numbers up to 1
FINEST = 127  # the largest code
PROBES = 32  # that are compared in one pass over the rows
FEW = 1_024  # rows whose bounds are found sooner than which of them may be left out
SEED = 4_096  # rows that are looked at first, for a lower bound to start with; fewer with more
SEED_PROBES = 16  # probes than these
FIRST = 16  # parts after which floors are found anew; then after ever longer stretches
LONGER = 4  # times as long as the one before
TOGETHER = 16  # of these, whose highest stands for all
LIMITS = np.iinfo(np.int32)


class Codes(NamedTuple):
    """Vectors at eight bits a number.

    Attributes:
        codes: int8, shape (n, d).
        scales: float32, shape (n,); the vector is nearly its scale times its codes.
        errors: float32, shape (n,); the L2 distance between the two is no more.
    """

    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]

    @property
    def odd(self) -> NDArray[np.bool_]:
        """Those whose scale is not the usual one, shape (n,)."""
        return self.scales > np.float32(usual(self.codes.shape[1]) / FINEST)

    def take(self, which: Numbers | NDArray[np.bool_] | slice) -> Codes:
        return Codes(self.codes[which], self.scales[which], self.errors[which])


class Rows(NamedTuple):
    """Rows to scan: their codes, and what is known of all of them.

    Attributes:
        dead: bool, shape (n,), rows that are there no longer; None without any.
        scales: the smallest and the largest scale.
        error: the largest error.
    """

    of: Codes
    dead: NDArray[np.bool_] | None
    scales: tuple[float, float]
    error: float

    @classmethod
    def all_of(cls, codes: Codes, dead: NDArray[np.bool_] | None) -> Rows:
        scales = float(codes.scales.min()), float(codes.scales.max())
        return cls(codes, dead, scales, float(codes.errors.max()))


class Hits(NamedTuple):
    """Rows and probes whose score has these bounds.

    Attributes:
        at: numbers of part, row and probe, shape (3, n).
        bounds: the lower and the upper ones, shape (2, n).
    """

    at: Numbers
    bounds: Floats

    @property
    def parts(self) -> Numbers:
        return self.at[0, :]

    @property
    def rows(self) -> Numbers:
        return self.at[1, :]

    @property
    def probes(self) -> Numbers:
        return self.at[2, :]

    @property
    def lower(self) -> Floats:
        return self.bounds[0, :]

    @property
    def upper(self) -> Floats:
        return self.bounds[1, :]

    def take(self, which: Numbers | NDArray[np.bool_]) -> Hits:
        return Hits(self.at[:, which], self.bounds[:, which])

    def joined(self, more: Hits) -> Hits:
        if not self.at.size:
            return more
        return Hits(
            np.concatenate([self.at, more.at], axis=1),
            np.concatenate([self.bounds, more.bounds], axis=1),
        )


NONE = Hits(np.empty((3, 0), np.intp), np.empty((2, 0)))


class Passed(NamedTuple):
    """What of a part's products, row by row with all probes, reached the cuts.

    Attributes:
        part: number of the part.
        at: numbers of products, shape (n,): row times count of probes, plus probe.
        dots: the products, shape (n,).
    """

    part: int
    at: Numbers
    dots: NDArray[Any]


def coded(vectors: Floats, astray: Floats | float = 0.0, least: float = 1e-30) -> Codes:
    """Vectors at eight bits a number, with the bound of what that changes.

    Args:
        vectors: float64, shape (n, d).
        astray: how far each may itself be from the vector that is meant, shape (n,).
        least: what the largest code stands for, unless a vector has a larger number.
    """
    largest = np.maximum(np.abs(vectors).max(axis=1), least)
    scales = (largest / FINEST).astype(np.float32)
    codes = np.rint(vectors / scales[:, None])  # up to FINEST: a scale is off by 1e-7 at most
    lost = vectors - scales[:, None] * codes
    errors = np.sqrt((lost * lost).sum(axis=1)) + astray + ROUNDING
    above = np.nextafter(errors.astype(np.float32), np.float32(np.inf))
    return Codes(codes.astype(np.int8), scales, above)


def usual(dimension: int) -> float:
    """What the largest code of nearly all rows stands for: few of norm 1 have a larger number.

    Of rows with one scale a product alone says which may be left out; with scales of their own some
    twenty times as many would have to be looked at.
    """
    return 4 / math.sqrt(dimension)


class Probes:
    """Probes that are compared in one pass."""

    def __init__(self, of: Codes, norms: Floats) -> None:
        """
        Args:
            norms: of the vectors themselves, shape (n,).
        """
        self.count = len(of.codes)
        self._scales, self._errors = of.scales.astype(np.float64), of.errors.astype(np.float64)
        # The bound of a row with error e is e·by + more.
        self._by, self._more = norms + self._errors + ROUNDING, self._errors + ROUNDING
        self._lone = of.codes
        self._packed = numkong.dots_pack(of.codes, "int8") if self.count > 1 else None

    def dots(self, rows: Rows) -> NDArray[Any]:
        """Products of codes, exact whole numbers, row by row with all probes."""
        if self._packed is not None:
            return np.asarray(numkong.dots_packed(rows.of.codes, self._packed)).ravel()
        return fastest(self._lone.shape[1])(self._lone, rows.of.codes)

    def passed(self, part: int, rows: Rows, dots: NDArray[Any], cuts: NDArray[np.int32]) -> Passed:
        """Of a part's products those of living rows that reach their probe's cut."""
        at = (dots >= int(cuts.min())).nonzero()[0]  # with one number, many times as fast
        if self.count > 1:
            at = at[dots[at] >= cuts[at % self.count]]
        if rows.dead is not None:
            at = at[~rows.dead[at // self.count]]
        return Passed(part, at, dots[at])

    def bounded(self, parts: Sequence[Rows], passed: Sequence[Passed]) -> Hits:
        """Bounds of the scores whose products passed."""
        passed = [one for one in passed if len(one.at)]
        if not passed:
            return NONE
        numbers = np.repeat([one.part for one in passed], [len(one.at) for one in passed])
        rows, probes = np.divmod(np.concatenate([one.at for one in passed]), self.count)
        own = [(parts[one.part].of, one.at // self.count) for one in passed]
        scales = np.concatenate([codes.scales[at] for codes, at in own]) * self._scales[probes]
        errors = np.concatenate([codes.errors[at] for codes, at in own]) * self._by[probes]
        score = np.concatenate([one.dots for one in passed]) * scales
        errors += self._more[probes]
        return Hits(np.array([numbers, rows, probes]), np.array([score - errors, score + errors]))

    def cuts(self, parts: Sequence[Rows], floors: Floats) -> NDArray[np.int32]:
        """Products below which no row of a part can reach the floors, shape (parts, probes)."""
        if (floors == -np.inf).all():
            return np.full((len(parts), self.count), LIMITS.min, np.int32)
        known = np.array([(rows.error, *rows.scales) for rows in parts])
        worst, least, most = known.T[:, :, None]
        needed = floors - (worst * self._by + self._more)
        products = np.floor(needed / (np.where(needed > 0, most, least) * self._scales)) - 1
        within: Floats = np.minimum(np.maximum(products, LIMITS.min), LIMITS.max)
        return within.astype(np.int32)

    def floors(self, rows: Rows, dots: NDArray[Any], k: int) -> Floats:
        """For each probe a score that k of some rows have or pass; -inf where that is unknown."""
        seed = SEED * SEED_PROBES // max(self.count, SEED_PROBES)
        alive = slice(seed) if rows.dead is None else (~rows.dead).nonzero()[0][:seed]
        products = dots.reshape(-1, self.count)[alive]
        if len(products) < max(FEW, k * TOGETHER):
            return np.full(self.count, -np.inf)
        tops = np.maximum.reduceat(products, np.arange(0, len(products), TOGETHER), axis=0)
        reached = np.partition(tops, -k, axis=0)[-k]
        least, most = rows.scales
        scores = reached * np.where(reached > 0, least, most) * self._scales
        floors: Floats = scores - (rows.error * self._by + self._more)
        return floors

    def risen(self, floors: Floats, hits: Hits, k: int) -> Floats:
        """Floors when this was found too."""
        risen = floors.copy()
        for probe in range(self.count):
            lower = hits.lower if self.count == 1 else hits.lower[hits.probes == probe]
            if len(lower) >= k:
                risen[probe] = max(floors[probe], np.partition(lower, -k)[-k])
        return risen


def nearest(parts: Sequence[Rows], vectors: Floats, k: int) -> list[Hits]:
    """For each probe all rows that may be among its k nearest.

    Args:
        parts: at least one.
        vectors: the probes, float64, shape (n, d).
        k: at least 1.
    """
    norms = np.sqrt((vectors * vectors).sum(axis=1))
    codes = coded(vectors)
    found: list[Hits] = []
    for start in range(0, len(vectors), PROBES):
        some = slice(start, start + PROBES)
        found += _nearest(parts, Probes(codes.take(some), norms[some]), k)
    return found


def _nearest(parts: Sequence[Rows], probes: Probes, k: int) -> Iterator[Hits]:
    order = sorted(range(len(parts)), key=lambda number: -len(parts[number].of.codes))
    first = probes.dots(parts[order[0]])
    floors = probes.floors(parts[order[0]], first, k)
    hits = NONE
    for stretch in _stretches(order):
        cuts = probes.cuts([parts[number] for number in stretch], floors)
        passed = []
        for number, cut in zip(stretch, cuts, strict=True):
            dots = first if number == order[0] else probes.dots(parts[number])
            passed.append(probes.passed(number, parts[number], dots, cut))
        hits = hits.joined(probes.bounded(parts, passed))
        floors = probes.risen(floors, hits, k)
        hits = hits.take(hits.upper >= floors[hits.probes])
    for probe in range(probes.count):
        yield hits if probes.count == 1 else hits.take(hits.probes == probe)


def _stretches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Ever more of them."""
    start, length = 0, FIRST
    while start < len(numbers):
        yield numbers[start : start + length]
        start, length = start + length, length * LONGER
