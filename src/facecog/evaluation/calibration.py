"""Making a Calibration: how often two different people reach a score, from labelled templates.

Method. Each subject is a gallery entry of 1, 2 or 3 samples, as a search compares it; every other
person's photographs are its non-mated probes. Common rates are read off the scores. Rare ones come
from the peaks over a threshold (Pickands, Annals of Statistics 3(1), 1975; Davison and Smith,
JRSS B 52(3), 1990): above the (1 - TAIL) quantile the excess is taken as exponential, a generalised
Pareto distribution of shape 0. The shape that the data would choose is slightly negative, which
promises more than so few look-alikes can show (docs/accuracy.md). Every threshold is the
upper 90 % bound of a bootstrap over people, since the pairs of one person go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.decision import Calibration, Tail
from facecog.domain import Vectors
from facecog.errors import InvalidDataset

RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-9)
TAIL = 2e-3
SAMPLES = (1, 2, 3)
# People who appear often would otherwise speak for all.
PHOTOS_A_PERSON = 5
BOOTSTRAPS = 200
BOUND = 0.9
STEP = 0.0001  # between the scores of two rates, at least
ENOUGH_PEOPLE = 30
# A gap between two subjects' scores is trusted when nine in ten gaps between two photos of one
# person are smaller.
MARGIN = 0.9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTemplates:
    """Templates and whose they are: vectors of norm 1, shape (n, d), and numbers, shape (n,)."""

    vectors: Vectors
    people: NDArray[np.intp]


class Scores(NamedTuple):
    """The highest non-mated scores, falling, and the weight of all.

    gallery, probe: whose template and whose probe made each score, shape (n,).
    in_gallery, in_probes: for each fold, how many of each person's there are, shape (people,).
    """

    values: Floats
    gallery: NDArray[np.intp]
    probe: NDArray[np.intp]
    in_gallery: list[Floats]
    in_probes: list[Floats]

    def total(self, weights: Floats) -> float:
        """Number of comparisons when each person counts `weights` times."""
        return sum(
            float((gallery * weights).sum() * (probes * weights).sum())
            - float((gallery * probes * weights**2).sum())
            for gallery, probes in zip(self.in_gallery, self.in_probes, strict=True)
        )


def calibrate(
    folds: Sequence[LabelledTemplates], model: str, data: str, made: str, seed: int = 0
) -> Calibration:
    """Measure a model.

    Args:
        folds: compared within themselves only; one, or several where something of the templates
            was learnt from the other folds. A person is in one fold only.
        data, made: kept as they are.

    Raises:
        InvalidDataset: too few people to say anything.
    """
    people = 1 + max(int(fold.people.max(initial=-1)) for fold in folds)
    if people < ENOUGH_PEOPLE:
        raise InvalidDataset(
            f"A calibration needs photos of at least {ENOUGH_PEOPLE} people, not {people}."
        )
    random = np.random.default_rng(seed)
    tails: list[Tail] = []
    for samples in SAMPLES:
        scores = _non_mated(folds, people, samples, random)
        if scores is None:
            break
        tails.append(_tail(scores, people, random, below=tails[-1] if tails else None))
    return Calibration(model, tuple(tails), round(_margin(folds, random), 3), made, data)


def _non_mated(
    folds: Sequence[LabelledTemplates], people: int, samples: int, random: np.random.Generator
) -> Scores | None:
    """Scores against subjects of so many samples; None where too few people have so many."""
    parts: list[tuple[Floats, NDArray[np.intp], NDArray[np.intp]]] = []
    in_gallery: list[Floats] = []
    in_probes: list[Floats] = []
    for fold in folds:
        probes = _some_of_each(fold.people, PHOTOS_A_PERSON, random)
        owners, means = _gallery(fold, samples, random)
        if not len(owners):
            continue
        values = (means @ fold.vectors[probes].T).astype(np.float64)
        mated = owners[:, None] == fold.people[probes][None]
        rows, columns = np.nonzero(~mated & (values > np.quantile(values, 1 - 1.5 * RATES[0])))
        parts.append((values[rows, columns], owners[rows], fold.people[probes][columns]))
        in_gallery.append(np.bincount(owners, minlength=people).astype(float))
        in_probes.append(np.bincount(fold.people[probes], minlength=people).astype(float))
    if sum(counts.sum() for counts in in_gallery) < ENOUGH_PEOPLE:
        return None
    values, gallery, probe = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(-values)
    return Scores(values[order], gallery[order], probe[order], in_gallery, in_probes)


def _some_of_each(
    people: NDArray[np.intp], at_most: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Rows, at most so many of each person."""
    shuffled = random.permutation(len(people))
    kept = [
        rows
        for person in np.unique(people)
        for rows in shuffled[people[shuffled] == person][:at_most]
    ]
    return np.array(sorted(kept), np.intp)


def _gallery(
    fold: LabelledTemplates, samples: int, random: np.random.Generator
) -> tuple[NDArray[np.intp], Vectors]:
    """A template of each person with enough photos: the mean of `samples` of them, of norm 1."""
    owners = [p for p in np.unique(fold.people) if np.sum(fold.people == p) >= samples]
    sums = [
        fold.vectors[random.permutation(np.flatnonzero(fold.people == person))[:samples]].sum(0)
        for person in owners
    ]
    means = np.array(sums, np.float32).reshape(len(owners), fold.vectors.shape[1])
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    return np.array(owners, np.intp), means


def _tail(scores: Scores, people: int, random: np.random.Generator, below: Tail | None) -> Tail:
    """The upper bound of the score at each rate, never under that of fewer samples."""
    drawn = []
    for _ in range(BOOTSTRAPS):
        weights = np.bincount(random.integers(0, people, people), minlength=people).astype(float)
        drawn.append(_thresholds(scores, weights))
    bound = np.quantile(np.array(drawn), BOUND, axis=0)
    if below:
        bound = np.maximum(bound, [below.threshold(rate) for rate in RATES])
    return Tail(tuple(zip(RATES, _rising(bound), strict=True)))


def _rising(bound: Floats) -> list[float]:
    """Of few people the same score may be that of two rates: then the lower takes the next one."""
    rising: list[float] = []
    for score in bound:
        rounded = round(float(score), 4)
        rising.append(max(rounded, round(rising[-1] + STEP, 4)) if rising else rounded)
    return rising


def _thresholds(scores: Scores, weights: Floats) -> Floats:
    """The score at each of RATES when each person counts `weights` times."""
    pair_weights = weights[scores.gallery] * weights[scores.probe]
    share = np.cumsum(pair_weights) / scores.total(weights)
    # With few people the highest pair alone may weigh more than the tail; it is above even so.
    highest = scores.values[np.flatnonzero(pair_weights)[0]]
    second = int(np.argmax((pair_weights > 0) & (scores.values < highest)))
    start = scores.values[min(max(int(np.searchsorted(share, TAIL)), second), len(share) - 1)]
    above = scores.values > start
    reach = float(share[above][-1])
    excess = float(np.average(scores.values[above] - start, weights=pair_weights[above]))
    return np.array(
        [
            scores.values[min(int(np.searchsorted(share, rate)), len(share) - 1)]
            if rate >= TAIL
            else start + excess * np.log(reach / rate)
            for rate in RATES
        ]
    )


def _margin(folds: Sequence[LabelledTemplates], random: np.random.Generator) -> float:
    """How far apart the scores of one probe against two photos of the same person lie."""
    gaps: list[float] = []
    for fold in folds:
        for person in np.unique(fold.people):
            rows = random.permutation(np.flatnonzero(fold.people == person))[:PHOTOS_A_PERSON]
            if len(rows) < 3:
                continue
            scores = fold.vectors[rows] @ fold.vectors[rows].T
            for probe in range(len(rows)):
                others = np.delete(scores[probe], probe)
                gaps += np.abs(others[:, None] - others)[np.triu_indices(len(others), 1)].tolist()
    return float(np.quantile(gaps, MARGIN)) if gaps else 0.1
