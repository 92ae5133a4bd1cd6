"""Error rates of verification, 1:1, on labelled photographs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facecog.decision import score
from facecog.domain import Face, Operation
from facecog.evaluation.intervals import Rate, kept
from facecog.evaluation.labels import Labelled, Pairs
from facecog.evaluation.templates import Shown
from facecog.evaluation.trials import (
    AtRate,
    Curve,
    Histogram,
    Trials,
    at_rates,
    curve,
    draws_of,
    histogram,
)

FMRS = (1e-2, 1e-3, 1e-4, 1e-5)
WORST = 15
# Of more than that, every pair is more than a machine should hold: some are drawn.
MOST_PHOTOS = 4000


@dataclass(frozen=True, slots=True)
class PairRates:
    """What came of some comparisons at the threshold in force.

    Attributes:
        matched: FMR: pairs of two people that match.
        missed: FNMR: pairs of one person that do not.
        right: accuracy; it depends on how many pairs of each kind there are.
    """

    matched: Rate
    missed: Rate
    right: Rate


@dataclass(frozen=True, slots=True)
class Compared:
    """A pair by the paths of its photographs, as listed; look whether its label is right."""

    a: str
    b: str
    score: float


@dataclass(frozen=True, slots=True)
class VerificationFigures:
    """All that was measured.

    Attributes:
        photos: those that show a face, of those listed.
        people: as far as the labels tell them apart.
        label_errors: pairs left out, since a label of theirs is known to be wrong.
        labels_corrected: photos whose label is another than the list's.
        not_compared: pairs of which a photo shows no face.
        kept: whether the promised FMR was; None for too few pairs of two people to say.
        most_alike: pairs of two people with the highest scores.
        least_alike: pairs of one person with the lowest.
    """

    operation: Operation
    photos: Rate
    people: int
    label_errors: int
    labels_corrected: int
    not_compared: Rate
    rates: PairRates
    kept: bool | None
    at: tuple[AtRate, ...]
    curve: Curve
    scores: Histogram
    groups: dict[str, PairRates]
    most_alike: tuple[Compared, ...]
    least_alike: tuple[Compared, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Pairs as arrays, one place a pair.

    Attributes:
        a, b: places in `photos`.
        values: scores.
        same: whether they show one person.
        people: for each of `photos`, the number of its person.
        groups: names of groups, and for each pair a place in them; the first is no group.
    """

    photos: Sequence[Labelled]
    a: NDArray[np.intp]
    b: NDArray[np.intp]
    values: NDArray[np.float64]
    same: NDArray[np.bool_]
    people: NDArray[np.intp]
    groups: tuple[str, ...]
    group: NDArray[np.intp]

    def trials(self, which: NDArray[np.bool_]) -> Trials:
        return Trials.of(self.values[which], self.people[self.a[which]], self.people[self.b[which]])


def of_pairs(listed: Pairs, faces: Mapping[Path, Face | None]) -> tuple[Comparisons, Rate]:
    """The pairs of a list, and how many of them could not be compared."""
    photos = listed.photos
    place = {one.path: i for i, one in enumerate(photos)}
    compared = [pair for pair in listed.pairs if faces[pair.a.path] and faces[pair.b.path]]
    groups, group = _numbered([pair.group for pair in compared])
    return Comparisons(
        photos=photos,
        a=np.array([place[pair.a.path] for pair in compared], np.intp),
        b=np.array([place[pair.b.path] for pair in compared], np.intp),
        values=np.array([_score(faces[p.a.path], faces[p.b.path]) for p in compared], np.float64),
        same=np.array([pair.same for pair in compared], np.bool_),
        people=_people(photos),
        groups=groups,
        group=group,
    ), Rate(len(listed.pairs) - len(compared), len(listed.pairs))


def of_photos(shown: Sequence[Shown], seed: int = 0) -> Comparisons:
    """Each photograph with each other, of those that show a face.

    A pair is of a group when both its photographs are.
    """
    found = [(photo, face.template) for photo, face in shown if face and face.template]
    if len(found) > MOST_PHOTOS:
        drawn = np.random.default_rng(seed).permutation(len(found))[:MOST_PHOTOS]
        found = [found[i] for i in sorted(drawn)]
    photos = [photo for photo, _ in found]
    people = _people(photos)
    groups, group = _numbered([one.group for one in photos])
    a, b = np.triu_indices(len(photos), 1)
    vectors = np.array([template.vector for _, template in found], np.float32)
    vectors = vectors.reshape(len(photos), -1 if photos else 0)  # none at all, too
    scores = vectors @ vectors.T  # what decision.score says of each two, all at once
    return Comparisons(
        photos=photos,
        a=a,
        b=b,
        values=scores[a, b].astype(np.float64),
        same=people[a] == people[b],
        people=people,
        groups=groups,
        group=np.where(group[a] == group[b], group[a], 0),
    )


def verify_all(
    pairs: Comparisons,
    at: Operation,
    photos: Rate,
    not_compared: Rate,
    label_errors: int = 0,
) -> VerificationFigures:
    """Count, at the threshold in force and at every other."""
    mated, non_mated = pairs.trials(pairs.same), pairs.trials(~pairs.same)
    people = int(pairs.people.max(initial=-1)) + 1
    rates = _rates(pairs, np.full(len(pairs.values), True), at.threshold)
    return VerificationFigures(
        operation=at,
        photos=photos,
        people=people,
        label_errors=label_errors,
        labels_corrected=sum(one.corrected for one in pairs.photos),
        not_compared=not_compared,
        rates=rates,
        kept=None if at.fmr is None else kept(rates.matched, at.fmr),
        at=at_rates(non_mated, mated, FMRS, draws_of(people)),
        curve=curve(non_mated, mated, at.threshold),
        scores=histogram(non_mated, mated),
        groups={
            name: _rates(pairs, pairs.group == number, at.threshold)
            for number, name in enumerate(pairs.groups)
            if name
        },
        most_alike=_worst(pairs, ~pairs.same, -pairs.values),
        least_alike=_worst(pairs, pairs.same, pairs.values),
    )


def _score(a: Face | None, b: Face | None) -> float:
    if not (a and b and a.template and b.template):
        raise ValueError("the engine gave a face without a template")
    return score(a.template, b.template)


def _people(photos: Sequence[Labelled]) -> NDArray[np.intp]:
    """The number of each one's person."""
    numbers: NDArray[np.intp] = np.unique([one.identity for one in photos], return_inverse=True)[1]
    return numbers


def _numbered(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """The different names, "" first, and the place of each in them."""
    known = ("", *sorted(set(names) - {""}))
    place = {name: i for i, name in enumerate(known)}
    return known, np.array([place[name] for name in names], np.intp)


def _rates(pairs: Comparisons, which: NDArray[np.bool_], threshold: float) -> PairRates:
    match = pairs.values >= threshold
    matched, missed = which & ~pairs.same & match, which & pairs.same & ~match
    wrong, count = int(matched.sum() + missed.sum()), int(which.sum())
    return PairRates(
        matched=Rate(int(matched.sum()), int((which & ~pairs.same).sum())),
        missed=Rate(int(missed.sum()), int((which & pairs.same).sum())),
        right=Rate(count - wrong, count),
    )


def _worst(
    pairs: Comparisons, which: NDArray[np.bool_], order: NDArray[np.float64]
) -> tuple[Compared, ...]:
    rows = np.flatnonzero(which)
    first = rows[np.argsort(order[rows], kind="stable")[:WORST]]
    names = [one.name for one in pairs.photos]
    return tuple(
        Compared(names[pairs.a[i]], names[pairs.b[i]], float(pairs.values[i]))
        for i in first.tolist()
    )
