"""Scores -> match, unknown or uncertain, at the threshold that keeps a promise."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from facecog.decision import (
    LEVEL,
    OUT_OF_REACH,
    Calibration,
    Tail,
    calibration_from,
    calibration_numbers,
    decide,
    identification_threshold,
    own_gallery,
    score,
)
from facecog.domain import (
    Box,
    Candidate,
    Decision,
    Face,
    Operation,
    Quality,
    Reason,
    Template,
)

TAIL = Tail(((1e-1, 0.1), (1e-2, 0.2), (1e-3, 0.3), (1e-5, 0.4)))
SEVERAL = Tail(((1e-1, 0.15), (1e-2, 0.25), (1e-3, 0.35), (1e-5, 0.45)))
CALIBRATION = Calibration("sface", (TAIL, SEVERAL), margin=0.1, made="2026-01-02", data="photos")
AT = Operation(threshold=0.4, fmr=1e-5, model="sface", fpir=1e-3)
FACE = Face(Box(0, 0, 8, 8), np.zeros((5, 2), np.float32), 1.0, Quality({}))
TOO_DARK = Quality({}, (Reason("too_dark", "Dark."),), judgeable=False)
POOR = Face(FACE.box, FACE.landmarks, 1.0, TOO_DARK)

rates = st.floats(1e-12, 0.5)


# -- the tail ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fmr", "threshold"), [(1e-1, 0.1), (1e-3, 0.3), (1e-4, 0.35), (1e-5, 0.4), (1e-7, 0.5)]
)
def test_the_threshold_of_a_rate_lies_on_the_line_and_beyond_its_end(
    fmr: float, threshold: float
) -> None:
    assert TAIL.threshold(fmr) == pytest.approx(threshold)
    assert TAIL.fmr(threshold) == pytest.approx(fmr)


@given(rates, rates)
def test_a_stricter_rate_never_has_a_lower_threshold(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert TAIL.threshold(low) >= TAIL.threshold(high)


@pytest.mark.parametrize("known", [1e-2, 1e-3, 1e-5])
def test_one_point_alone_errs_on_the_strict_side_both_ways(known: float) -> None:
    cosines = NormalDist(0, 0.1)
    one = Tail(((known, cosines.inv_cdf(1 - known)),))

    for fmr in (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-8):
        assert one.threshold(fmr) >= cosines.inv_cdf(1 - fmr) - 1e-9
        assert one.fmr(one.threshold(fmr)) == pytest.approx(fmr)


@pytest.mark.parametrize(
    "points",
    [
        (),
        ((0.0, 0.3),),
        ((1.0, 0.3),),
        ((1e-3, -2.0),),
        ((1e-3, 0.3), (1e-4, 0.2)),
        ((1e-3, 0.3),) * 2,
        ((1e-3, 0.0),),
    ],
)
def test_a_tail_that_does_not_fall_is_none(points: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="fmr"):
        Tail(points)


def test_a_calibration_survives_being_written_down() -> None:
    assert calibration_from(calibration_numbers(CALIBRATION)) == CALIBRATION


# -- the promise ------------------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("fpir", [0.1, 0.01, 0.001])
def test_at_the_threshold_the_chances_of_all_subjects_add_up_to_the_promise(
    people: int, fpir: float
) -> None:
    threshold = identification_threshold(CALIBRATION, {1: people}, fpir)

    assert 1 - (1 - TAIL.fmr(threshold)) ** people == pytest.approx(fpir, rel=1e-2)


@given(st.dictionaries(st.integers(1, 5), st.integers(1, 10**6), min_size=1), rates)
def test_the_threshold_rises_with_every_subject_and_every_stricter_promise(
    gallery: dict[int, int], fpir: float
) -> None:
    threshold = identification_threshold(CALIBRATION, gallery, fpir)
    larger = {samples: count + 1 for samples, count in gallery.items()}

    assert identification_threshold(CALIBRATION, larger, fpir) >= threshold
    assert identification_threshold(CALIBRATION, gallery, fpir / 2) >= threshold


def test_subjects_with_several_samples_are_counted_by_their_own_tail() -> None:
    one = identification_threshold(CALIBRATION, {1: 100}, 1e-2)
    several = identification_threshold(CALIBRATION, {2: 50, 7: 50}, 1e-2)
    both = identification_threshold(CALIBRATION, {1: 50, 2: 50}, 1e-2)

    assert one < both < several
    assert several == pytest.approx(one + 0.05, abs=1e-4)


def test_an_empty_gallery_has_the_threshold_of_one_subject() -> None:
    assert identification_threshold(CALIBRATION, {}, 1e-3) == pytest.approx(0.3, abs=1e-3)


def test_a_promise_that_no_cosine_can_keep_names_nobody() -> None:
    assert identification_threshold(CALIBRATION, {1: 10**12}, 1e-12) == OUT_OF_REACH > 1


# -- the gallery's own people -----------------------------------------------------------------


def people(count: int, alike: float, seed: int = 0) -> NDArray[np.float32]:
    """Templates of people who share a part of their looks."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((count, 128)) + alike * random.standard_normal(128)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


# Of 128-number templates that share nothing: their scores have a standard deviation of 0.088.
STRANGERS = Tail(((1e-1, 0.113), (1e-2, 0.206), (1e-3, 0.273), (1e-4, 0.329)))


@pytest.mark.parametrize("seed", range(5))
def test_people_like_those_of_the_calibration_do_not_raise_the_threshold(seed: int) -> None:
    own = own_gallery(people(200, 0.0, seed), STRANGERS)

    assert own.shift < 0.01
    assert own.found == pytest.approx(LEVEL, abs=0.02)
    assert own.pairs == 199 * 100


def test_a_family_raises_the_threshold_by_as_much_as_it_is_alike() -> None:
    own = own_gallery(people(60, 0.5), STRANGERS)

    assert own.shift == pytest.approx(0.5**2 / (1 + 0.5**2), abs=0.06)
    assert own.found > 2 * LEVEL


def test_twins_do_not_raise_the_threshold_of_everybody() -> None:
    vectors = people(60, 0.0)
    vectors[1] = vectors[0]

    assert own_gallery(vectors, STRANGERS).shift < 0.01


def test_the_threshold_never_falls_below_the_models() -> None:
    spread = np.eye(128, dtype=np.float32)  # nobody is like anybody

    assert own_gallery(spread, STRANGERS).shift == 0


@pytest.mark.parametrize("count", [20, 21, 39, 300])
@pytest.mark.parametrize("alike", [0.3, 2.0])
def test_the_shift_is_that_of_a_jackknife_by_the_book(count: int, alike: float) -> None:
    vectors, level = people(count, alike, seed=count), STRANGERS.threshold(LEVEL)
    rows, columns = np.triu_indices(count, 1)
    pairs, groups = (vectors @ vectors.T)[rows, columns], np.arange(count) % 20
    without = [
        np.quantile(pairs[(groups[rows] != group) & (groups[columns] != group)], 1 - LEVEL)
        for group in range(20)
    ]
    error = math.sqrt(19 * np.var(without))
    shift = float(np.quantile(pairs, 1 - LEVEL)) - level - 1.645 * error

    own = own_gallery(vectors, STRANGERS)

    assert own.shift == pytest.approx(max(0.0, shift), abs=1e-5)
    assert own.found == np.mean(pairs >= level)


def test_a_handful_of_people_say_nothing() -> None:
    own = own_gallery(people(10, 3.0), STRANGERS)

    assert own.shift == 0
    assert math.isnan(own.found)


# -- deciding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("best", "decision"),
    [
        (0.9, Decision.MATCH),
        (0.4, Decision.MATCH),
        (0.3999, Decision.UNKNOWN),
        (-1.0, Decision.UNKNOWN),
        (float("nan"), Decision.UNKNOWN),
    ],
)
def test_the_best_candidate_is_a_match_from_the_threshold_on(
    best: float, decision: Decision
) -> None:
    anna, ben = Candidate("a", "a1", best, "Anna"), Candidate("b", "b1", -1.0, "Ben")

    decided = decide(FACE, [anna, ben], AT)

    assert (decided.decision, decided.reason) == (decision, None)
    assert decided.match is (anna if decision is Decision.MATCH else None)
    assert decided.candidates == (anna, ben)
    assert decided.threshold == AT.threshold


@pytest.mark.parametrize(
    ("second", "decision"),
    [(0.65, Decision.UNCERTAIN), (0.59, Decision.MATCH), (0.39, Decision.MATCH)],
)
def test_two_who_both_match_are_told_apart_by_margin_or_not_at_all(
    second: float, decision: Decision
) -> None:
    anna, bea = Candidate("a", "a1", 0.7, "Anna"), Candidate("b", "b1", second, "Bea")

    decided = decide(FACE, [anna, bea], AT, margin=0.1)

    assert decided.decision is decision
    assert decided.reason == ("look_alikes" if decision is Decision.UNCERTAIN else None)
    assert decided.margin == pytest.approx(0.7 - second)


def test_a_second_below_the_threshold_is_no_rival_however_close() -> None:
    anna, bea = Candidate("a", "a1", 0.401, "Anna"), Candidate("b", "b1", 0.399, "Bea")

    assert decide(FACE, [anna, bea], AT, margin=0.1).match is anna


def test_too_poor_a_face_is_uncertain_unless_it_matches() -> None:
    anna = Candidate("a", "a1", 0.2, "Anna")

    decided = decide(POOR, [anna], AT)

    assert (decided.decision, decided.reason) == (Decision.UNCERTAIN, "poor_quality")
    assert decided.match is None
    assert decide(POOR, [Candidate("a", "a1", 0.8, "Anna")], AT).decision is Decision.MATCH


def test_with_nobody_to_compare_with_a_face_is_unknown() -> None:
    decided = decide(FACE, [], AT)

    assert decided.decision is Decision.UNKNOWN
    assert (decided.match, decided.score, decided.margin) == (None, None, None)


def template(*vector: float, model: str = "sface") -> Template:
    return Template(np.array(vector, np.float32), model)


def test_a_score_is_the_cosine_of_two_templates() -> None:
    assert score(template(1, 0), template(1, 0)) == 1
    assert score(template(1, 0), template(-1, 0)) == -1
    assert score(template(1, 0), template(0.6, 0.8)) == pytest.approx(0.6)


def test_templates_of_different_models_are_never_compared() -> None:
    with pytest.raises(ValueError, match="sface and other cannot be compared"):
        score(template(1, 0), template(1, 0, model="other"))
