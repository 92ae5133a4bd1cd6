"""Error rates of identification, 1:N, on labelled photographs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from facecog.decision import Calibration
from facecog.domain import GallerySize
from facecog.evaluation.intervals import Rate, kept
from facecog.evaluation.labels import Labelled
from facecog.evaluation.searching import Fit, Search, Searched
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
from facecog.thresholds import InForce

FPIRS = (1e-1, 1e-2, 1e-3)
WORST = 15


@dataclass(frozen=True, slots=True)
class Lists:
    """Who is enrolled, and who is searched.

    Attributes:
        strangers_enrolled: photos left out of the strangers, since that person is enrolled.
        probes_not_enrolled: photos left out of the probes, since that person is not.
    """

    gallery: tuple[Labelled, ...]
    probes: tuple[Labelled, ...]
    strangers: tuple[Labelled, ...]
    strangers_enrolled: int = 0
    probes_not_enrolled: int = 0


@dataclass(frozen=True, slots=True)
class SearchRates:
    """What came of the searches of some people, at the promise in force.

    Attributes:
        rank_1: mated probes whose nearest subject is the right one, whatever the score.
        missed: FNIR: mated probes that were not given the right name, for whatever reason.
        named_wrongly, uncertain: mated probes with another's name, or with none for sure; parts
            of `missed`.
        strangers_named: FPIR.
        strangers_uncertain: strangers of whom nothing is said for sure.
    """

    rank_1: Rate
    missed: Rate
    named_wrongly: Rate
    uncertain: Rate
    strangers_named: Rate
    strangers_uncertain: Rate


@dataclass(frozen=True, slots=True)
class NotAcquired:
    """Photographs that came to nothing: failures to acquire.

    Attributes:
        gallery: without a face that may be registered.
        subjects: people of the gallery without any template for it; each probe of them is missed.
        probes: of registered people, without a face; these are missed too.
        strangers: without a face; these are not counted as searches.
    """

    gallery: Rate
    subjects: Rate
    probes: Rate
    strangers: Rate


@dataclass(frozen=True, slots=True)
class Near:
    """A search that went wrong, or nearly; look whether its labels are right.

    Attributes:
        photo, sample: the photograph searched and the one it was compared with, as listed.
        person, subject: whose they are, by their labels.
    """

    photo: str
    person: str
    sample: str
    subject: str
    score: float
    decision: str


@dataclass(frozen=True, slots=True)
class IdentificationFigures:
    """All that was measured.

    Attributes:
        kept: whether the promise was; None for too few strangers to say.
        strangers_nearest: strangers with the highest scores.
        probes_farthest: mated probes with the lowest scores of the right subject.
    """

    lists: Lists
    gallery: GallerySize
    force: InForce
    rates: SearchRates
    kept: bool | None
    not_acquired: NotAcquired
    at: tuple[AtRate, ...]
    curve: Curve
    scores: Histogram
    groups: dict[str, SearchRates]
    strangers_nearest: tuple[Near, ...]
    probes_farthest: tuple[Near, ...]


def sorted_out(
    gallery: Sequence[Labelled], probes: Sequence[Labelled], strangers: Sequence[Labelled]
) -> Lists:
    """The lists without strangers who are enrolled, and without probes of people who are not."""
    enrolled = {one.identity for one in gallery}
    unknown = tuple(one for one in strangers if one.identity not in enrolled)
    mated = tuple(one for one in probes if one.identity in enrolled)
    left_out = len(strangers) - len(unknown), len(probes) - len(mated)
    return Lists(tuple(gallery), mated, unknown, *left_out)


def identify_all(
    lists: Lists,
    gallery: Sequence[Shown],
    probes: Sequence[Shown],
    strangers: Sequence[Shown],
    fit: Fit,
    calibration: Calibration,
    fpir: float,
) -> IdentificationFigures:
    """Enrol the gallery, search everybody else, count.

    Args:
        lists: what the other three show.
        fit: whether a face may be registered.
        fpir: the promise.
    """
    search = Search(gallery, fit, calibration, fpir)
    mated, unknown = search(probes), search(strangers)
    rates = _rates(mated, unknown)
    non_mated_trials, mated_trials, people = _trials(mated, unknown)
    return IdentificationFigures(
        lists=lists,
        gallery=search.size,
        force=search.force,
        rates=rates,
        kept=kept(rates.strangers_named, fpir) if search.force.operation.fpir else None,
        not_acquired=_not_acquired(gallery, search.size, mated, unknown),
        at=at_rates(non_mated_trials, mated_trials, FPIRS, draws_of(people)),
        curve=curve(non_mated_trials, mated_trials, search.force.operation.threshold),
        scores=histogram(non_mated_trials, _own_scores(mated)),
        groups=_groups(mated, unknown),
        strangers_nearest=_strangers_nearest(unknown),
        probes_farthest=_probes_farthest(mated),
    )


def _rates(mated: Sequence[Searched], strangers: Sequence[Searched]) -> SearchRates:
    searched = [one for one in strangers if one.said]

    def of(which: Iterable[bool], all_of: Sequence[Searched]) -> Rate:
        return Rate(sum(which), len(all_of))

    return SearchRates(
        rank_1=of((math.isfinite(one.right_score) for one in mated), mated),
        missed=of((one.named != one.photo.identity for one in mated), mated),
        named_wrongly=of((one.named not in (None, one.photo.identity) for one in mated), mated),
        uncertain=of((one.uncertain for one in mated), mated),
        strangers_named=of((one.named is not None for one in searched), searched),
        strangers_uncertain=of((one.uncertain for one in searched), searched),
    )


def _trials(mated: Sequence[Searched], strangers: Sequence[Searched]) -> tuple[Trials, Trials, int]:
    """Of strangers and of registered people, and how many people that is."""
    searched = [one for one in strangers if one.said]
    names = [one.photo.identity for one in (*searched, *mated)]
    known, people = np.unique(names, return_inverse=True)
    first = len(searched)
    return (
        Trials.of([one.score for one in searched], people[:first]),
        Trials.of([one.right_score for one in mated], people[first:]),
        len(known),
    )


def _own_scores(mated: Sequence[Searched]) -> Trials:
    """Of each mated probe against its own subject, whoever is nearest."""
    scores = [one.own.score for one in mated if one.own]
    return Trials.of(scores, [0] * len(scores))


def _not_acquired(
    gallery: Sequence[Shown],
    size: GallerySize,
    mated: Sequence[Searched],
    strangers: Sequence[Searched],
) -> NotAcquired:
    subjects = len({photo.identity for photo, _ in gallery})
    return NotAcquired(
        gallery=Rate(len(gallery) - size.samples, len(gallery)),
        subjects=Rate(subjects - size.subjects, subjects),
        probes=Rate(sum(one.said is None for one in mated), len(mated)),
        strangers=Rate(sum(one.said is None for one in strangers), len(strangers)),
    )


def _groups(mated: Sequence[Searched], strangers: Sequence[Searched]) -> dict[str, SearchRates]:
    names = sorted({one.photo.group for one in (*mated, *strangers)} - {""})
    return {
        name: _rates(
            [one for one in mated if one.photo.group == name],
            [one for one in strangers if one.photo.group == name],
        )
        for name in names
    }


def _strangers_nearest(strangers: Sequence[Searched]) -> tuple[Near, ...]:
    nearest = sorted(strangers, key=lambda one: -one.score)[:WORST]
    return tuple(
        _near(one, one.nearest.subject_id, one.nearest.sample_id, one.score)
        for one in nearest
        if one.nearest
    )


def _probes_farthest(mated: Sequence[Searched]) -> tuple[Near, ...]:
    """Wrong names first, then the lowest scores of the right subject."""
    scored = [(one, one.own) for one in mated if one.own]
    scored.sort(key=lambda pair: (pair[0].named in (None, pair[0].photo.identity), pair[1].score))
    return tuple(
        _near(one, own.subject_id, own.sample_id, own.score) for one, own in scored[:WORST]
    )


def _near(one: Searched, subject: str, sample: str, score: float) -> Near:
    said = one.said.decision.value if one.said else ""
    if one.named and one.named != subject:
        said = f"named {one.named}"
    return Near(one.photo.name, one.photo.identity, sample, subject, score, said)
