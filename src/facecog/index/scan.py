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

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numkong
import numpy as np
import simsimd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]

ROUNDING = 1e-11  # more than what float64 rounds in sums of 10,000 products of numbers up to 1
FINEST = 127  # the largest code
PROBES = 32  # that are compared in one pass over the rows
SEED = 4_096  # rows that are looked at first, for a lower bound to start with; fewer with more
SEED_PROBES = 16  # probes than these
RISEN = {4**n - 1 for n in range(16)}  # parts after which floors are higher: ever more slowly
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
    """Rows that may be among the nearest of a probe, in no order.

    Attributes:
        parts, rows: which of the parts that were scanned, and which row of it, shape (n,).
        upper: bounds of their scores, shape (n,).
    """

    parts: Numbers
    rows: Numbers
    upper: Floats

    def take(self, which: Numbers | NDArray[np.bool_]) -> Hits:
        return Hits(self.parts[which], self.rows[which], self.upper[which])


class Found(NamedTuple):
    """What one part has for all probes: row and probe of each hit, and its score's bounds."""

    rows: Numbers
    probes: Numbers
    lower: Floats
    upper: Floats

    def take(self, which: NDArray[np.bool_]) -> Found:
        return Found(self.rows[which], self.probes[which], self.lower[which], self.upper[which])


def coded(vectors: Floats, astray: Floats | float = 0.0) -> Codes:
    """Vectors at eight bits a number, with the bound of what that changes.

    Args:
        vectors: float64, shape (n, d).
        astray: how far each may itself be from the vector that is meant, shape (n,).
    """
    largest = np.abs(vectors).max(axis=1)
    least = 1 / np.sqrt(vectors.shape[1])  # of a vector of norm 1; also keeps a zero from dividing
    scales = (np.where(largest > 0, largest, least) / FINEST).astype(np.float32)
    codes = np.rint(vectors / scales[:, None]).clip(-FINEST, FINEST)
    errors = np.linalg.norm(vectors - scales[:, None] * codes, axis=1) + astray + ROUNDING
    above = np.nextafter(errors.astype(np.float32), np.float32(np.inf))
    return Codes(codes.astype(np.int8), scales, above)


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

    def dots(self, codes: NDArray[np.int8]) -> NDArray[Any]:
        """Products of codes, exact integers, shape (n, probes)."""
        if self._packed is not None:
            return np.asarray(numkong.dots_packed(codes, self._packed))
        # Without `out`: simsimd 6.5 then gives a reference to None away that is not its own.
        return np.asarray(simsimd.cdist(self._lone, codes, "dot")).reshape(-1, 1)

    def bounded(self, rows: Rows, dots: NDArray[Any], at: Numbers, probes: Numbers) -> Found:
        """Bounds of the scores that some rows have with some probes, all of shape (n,)."""
        score = dots * (rows.of.scales[at] * self._scales[probes])
        error = rows.of.errors[at] * self._by[probes] + self._more[probes]
        return Found(at, probes, score - error, score + error)

    def reaching(self, rows: Rows, floors: Floats, cuts: NDArray[np.int32]) -> Found | None:
        """The living rows whose score with a probe may reach the probe's floor; None for nobody.

        Args:
            cuts: products below which that cannot be, shape (probes,).
        """
        dots = self.dots(rows.of.codes).ravel()
        flat = (dots >= cuts.min()).nonzero()[0]  # with one number, many times as fast
        if not len(flat):
            return None
        flat = flat[dots[flat] >= cuts[flat % self.count]]
        at, probes = np.divmod(flat, self.count)
        found = self.bounded(rows, dots[flat], at, probes)
        keep = found.upper >= floors[probes]
        return found.take(keep if rows.dead is None else keep & ~rows.dead[at])

    def cuts(self, parts: Sequence[Rows], floors: Floats) -> NDArray[np.int32]:
        """Products below which no row of a part can reach the floors, shape (parts, probes)."""
        known = np.array([(rows.error, *rows.scales) for rows in parts])
        worst, least, most = known.T[:, :, None]
        needed = floors - (worst * self._by + self._more)
        products = np.floor(needed / (np.where(needed > 0, most, least) * self._scales)) - 1
        cuts: NDArray[np.int32] = np.clip(products, LIMITS.min, LIMITS.max).astype(np.int32)
        return cuts

    def floors(self, rows: Rows, k: int) -> Floats:
        """For each probe a score that k of these rows have or pass; -inf where that is unknown."""
        count = min(len(rows.of.codes), SEED * SEED_PROBES // max(self.count, SEED_PROBES))
        dots = self.dots(rows.of.codes[:count]).ravel()
        at, probes = np.divmod(np.arange(count * self.count), self.count)
        lower = self.bounded(rows, dots, at, probes).lower.reshape(count, self.count)
        if rows.dead is not None:
            lower[rows.dead[:count]] = -np.inf
        tops = np.maximum.reduceat(lower, np.arange(0, count, TOGETHER), axis=0)
        if len(tops) < k:
            return np.full(self.count, -np.inf)
        floors: Floats = np.partition(tops, -k, axis=0)[-k]
        return floors


def nearest(parts: Sequence[Rows], vectors: Floats, k: int) -> list[Hits]:
    """For each probe all rows that may be among its k nearest.

    Args:
        vectors: the probes, float64, shape (n, d).
        k: at least 1.
    """
    norms = np.linalg.norm(vectors, axis=1)
    codes = coded(vectors)
    hits: list[Hits] = []
    for start in range(0, len(vectors), PROBES):
        some = slice(start, start + PROBES)
        hits += _nearest(parts, Probes(codes.take(some), norms[some]), k)
    return hits


def _nearest(parts: Sequence[Rows], probes: Probes, k: int) -> Iterator[Hits]:
    floors = probes.floors(parts[0], k)
    cuts = probes.cuts(parts, floors)
    best = np.full((probes.count, k), -np.inf)  # lower bounds: each probe's k highest so far
    found: list[tuple[int, Found]] = []
    for number, rows in enumerate(parts):
        some = probes.reaching(rows, floors, cuts[number])
        if some is None:
            continue
        found.append((number, some))
        for probe in set(some.probes.tolist()):
            own = some.lower[some.probes == probe]
            best[probe] = np.partition(np.concatenate([best[probe], own]), -k)[-k:]
        floors = np.maximum(floors, best.min(axis=1))
        if number in RISEN:
            cuts = probes.cuts(parts, floors)
    return _hits(found, floors)


def _hits(found: Sequence[tuple[int, Found]], floors: Floats) -> Iterator[Hits]:
    """Of all that was found, each probe's that reach its last floor."""
    parts = np.repeat([number for number, _ in found], [len(one.rows) for _, one in found])
    rows = np.concatenate([one.rows for _, one in found])
    of = np.concatenate([one.probes for _, one in found])
    upper = np.concatenate([one.upper for _, one in found])
    for probe, floor in enumerate(floors):
        own = np.flatnonzero((of == probe) & (upper >= floor))
        yield Hits(parts[own], rows[own], upper[own])
