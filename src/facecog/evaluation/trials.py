"""Scores of many trials, and the error rates that every threshold would give.

A threshold that is itself chosen from the trials makes a rate less certain than counting does, and
the trials of one person go together. So these intervals come from a bootstrap over people (Poh,
Martin and Bengio, IEEE TPAMI 29(3), 2007): people are drawn again with replacement, all of a
person's trials with them, the threshold is chosen anew, and the middle 95 % is the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facecog.evaluation.intervals import Rate, enough_for

DRAWS = 400
CURVE_POINTS = 120
BINS = 60
BLOCK = 1024  # people that are looked at together
# Draws look for the threshold among the highest scores only: so many times the part it is at.
DEEP = 4

Floats = NDArray[np.float64]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Trials of one kind, highest score first.

    Attributes:
        values: scores, falling, shape (n,); -inf where no score can make it a match.
        one: number of the person searched, or of a pair's first, shape (n,).
        other: of a pair's second; the same as `one` for trials that concern one person.
    """

    values: Floats
    one: Numbers
    other: Numbers

    @classmethod
    def of(
        cls,
        values: Sequence[float] | NDArray[np.floating],
        one: Sequence[int] | Numbers,
        other: Sequence[int] | Numbers | None = None,
    ) -> Trials:
        """In any order."""
        scores, first = np.asarray(values, np.float64), np.asarray(one, np.intp)
        second = first if other is None else np.asarray(other, np.intp)
        order = np.argsort(-scores, kind="stable")
        return cls(scores[order], first[order], second[order])

    def __len__(self) -> int:
        return len(self.values)

    def reaching(self, threshold: float) -> int:
        """How many scores are at the threshold or above."""
        return int(np.searchsorted(-self.values, -threshold, side="right"))

    def share_reaching(self, threshold: float) -> Rate:
        return Rate(self.reaching(threshold), len(self))

    def share_missing(self, threshold: float) -> Rate:
        """Of those below the threshold."""
        return Rate(len(self) - self.reaching(threshold), len(self))

    def threshold(self, rate: float) -> float:
        """The lowest score that at most a part `rate` of the trials reaches."""
        return _above(self.values, np.arange(1, len(self) + 1) / max(len(self), 1), rate)

    def weights(self, people: Floats, first: int | None = None) -> Floats:
        """How often each trial counts when each person counts `people` times."""
        one, other = self.one[:first], self.other[:first]
        drawn: Floats = np.where(one == other, people[one], people[one] * people[other])
        return drawn

    def totals(self, draws: Floats) -> Floats:
        """The number of trials in each of the draws."""
        wide = draws.shape[1]
        pairs, counts = np.unique(self.one * wide + self.other, return_counts=True)
        one, other = pairs // wide, pairs % wide
        alone = np.zeros(wide)
        alone[one[one == other]] = counts[one == other]
        found: Floats = draws @ alone
        for start in range(0, wide, BLOCK):  # a table of all people would not fit where many are
            rows = (one >= start) & (one < start + BLOCK) & (one != other)
            table = np.zeros((min(BLOCK, wide - start), wide))
            table[one[rows] - start, other[rows]] = counts[rows]
            found += ((draws[:, start : start + BLOCK] @ table) * draws).sum(axis=1)
        return found


@dataclass(frozen=True, slots=True)
class AtRate:
    """What is missed at the threshold that gives a false-positive rate.

    Attributes:
        rate: of false positives.
        trials: non-mated ones, that the threshold was chosen from.
        threshold, missed, interval: None where there are too few of them to say.
    """

    rate: float
    trials: int
    threshold: float | None = None
    missed: Rate | None = None
    interval: tuple[float, float] | None = None

    @property
    def needed(self) -> int:
        """Trials without which nothing can be said."""
        return enough_for(self.rate)


@dataclass(frozen=True, slots=True)
class Curve:
    """Detection error trade-off: both error rates at each threshold."""

    thresholds: tuple[float, ...]
    false_positives: tuple[float, ...]
    missed: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Scores of mated and of non-mated trials; parts of each kind, bin by bin."""

    edges: tuple[float, ...]
    mated: tuple[float, ...]
    non_mated: tuple[float, ...]


def draws_of(people: int, seed: int = 0) -> Floats:
    """How often each person is in each of DRAWS draws with replacement, shape (DRAWS, people)."""
    if not people:
        return np.zeros((DRAWS, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(people, np.full(people, 1 / people), DRAWS).astype(np.float64)


def at_rates(
    non_mated: Trials, mated: Trials, rates: Sequence[float], draws: Floats
) -> tuple[AtRate, ...]:
    """What is missed at each of some false-positive rates."""
    sayable = [rate for rate in rates if len(mated) and len(non_mated) >= enough_for(rate)]
    drawn = _drawn(non_mated, mated, sayable, draws)
    found = []
    for rate in rates:
        if rate not in sayable:
            found.append(AtRate(rate, len(non_mated)))
            continue
        threshold = non_mated.threshold(rate)
        low, high = np.quantile(drawn[sayable.index(rate)], (0.025, 0.975)).tolist()
        missed = mated.share_missing(threshold)
        found.append(AtRate(rate, len(non_mated), threshold, missed, (low, high)))
    return tuple(found)


def curve(non_mated: Trials, mated: Trials, threshold: float) -> Curve:
    """At ranks of the non-mated scores, evenly spaced by their logarithm, and at `threshold`."""
    if not (len(non_mated) and len(mated)):
        return Curve((), (), ())
    ranks = np.unique(np.geomspace(1, len(non_mated), CURVE_POINTS).astype(int)) - 1
    highest = non_mated.values[ranks]
    thresholds = np.unique([*highest[np.isfinite(highest)], threshold])
    reached = [non_mated.share_reaching(one).value for one in thresholds]
    missed = [mated.share_missing(one).value for one in thresholds]
    return Curve(tuple(thresholds.tolist()), tuple(reached), tuple(missed))


def histogram(non_mated: Trials, mated: Trials) -> Histogram:
    """Without the trials that have no score."""
    kinds = [trials.values[np.isfinite(trials.values)] for trials in (mated, non_mated)]
    scores = np.concatenate(kinds)
    if not len(scores):
        return Histogram((), (), ())
    edges = np.linspace(scores.min(), max(scores.max(), scores.min() + 1e-6), BINS + 1)
    parts = [np.histogram(one, edges)[0] / max(len(one), 1) for one in kinds]
    return Histogram(tuple(edges.tolist()), tuple(parts[0].tolist()), tuple(parts[1].tolist()))


def _drawn(
    non_mated: Trials, mated: Trials, rates: Sequence[float], draws: Floats
) -> list[list[float]]:
    """For each rate, the part missed in each draw."""
    missed: list[list[float]] = [[] for _ in rates]
    if not rates:
        return missed
    deep = max(1000, math.ceil(DEEP * max(rates) * len(non_mated)))
    highest = non_mated.values[:deep]
    for people, total in zip(draws, non_mated.totals(draws), strict=True):
        share = np.cumsum(non_mated.weights(people, deep)) / max(total, 1.0)
        found = np.concatenate([[0.0], np.cumsum(mated.weights(people))])
        for place, rate in enumerate(rates):
            reaching = mated.reaching(_above(highest, share, rate))
            missed[place].append(1 - found[reaching] / max(found[-1], 1.0))
    return missed


def _above(falling: Floats, share: Floats, rate: float) -> float:
    """Just above the first score whose share, it included, is more than the rate."""
    place = int(np.searchsorted(share, rate + 1e-12, side="right"))
    return float(np.nextafter(falling[place], math.inf)) if place < len(falling) else -1.0
