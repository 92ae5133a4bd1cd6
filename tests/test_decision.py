"""Scores -> match or unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facecog.decision import IDENTIFY_FMR, VERIFY_FMR, decide, operation, score
from facecog.domain import Box, Candidate, Decision, Face, Operation, Quality, Template
from facecog.engines.cards import SFACE

POINTS = ((1e-4, 0.415), (1e-5, 0.467), (1e-3, 0.359))
AT = Operation(threshold=0.467, fmr=1e-5, model="sface")
FACE = Face(Box(0, 0, 8, 8), np.zeros((5, 2), np.float32), 1.0, Quality({}))


@pytest.mark.parametrize(
    ("fmr", "chosen"),
    [
        (1e-3, (1e-3, 0.359)),
        (1, (1e-3, 0.359)),
        (9e-4, (1e-4, 0.415)),
        (1e-5, (1e-5, 0.467)),
        (1e-9, (1e-5, 0.467)),  # nothing so strict was measured
    ],
)
def test_the_loosest_point_that_keeps_the_rate_is_chosen(
    fmr: float, chosen: tuple[float, float]
) -> None:
    at = operation(POINTS, "sface", fmr)

    assert (at.fmr, at.threshold, at.model) == (*chosen, "sface")


rates = st.floats(1e-9, 1)


@given(st.lists(st.tuples(rates, st.floats(-1, 1)), min_size=1), rates)
def test_the_chosen_point_keeps_the_rate_wherever_one_does(
    points: list[tuple[float, float]], fmr: float
) -> None:
    at = operation(points, "sface", fmr)

    assert (at.fmr, at.threshold) in points
    assert at.fmr <= fmr or at.fmr == min(rate for rate, _ in points)
    assert not any(at.fmr < rate <= fmr for rate, _ in points)


def test_a_search_is_stricter_than_one_comparison() -> None:
    points = [(point.fmr, point.threshold) for point in SFACE.operating_points]

    assert operation(points, "sface", IDENTIFY_FMR).threshold == 0.467
    assert operation(points, "sface", VERIFY_FMR).threshold == 0.415


@pytest.mark.parametrize(
    ("best", "decision"),
    [
        (0.9, Decision.MATCH),
        (0.467, Decision.MATCH),
        (0.4669, Decision.UNKNOWN),
        (-1.0, Decision.UNKNOWN),
        (float("nan"), Decision.UNKNOWN),
    ],
)
def test_the_best_candidate_is_a_match_from_the_threshold_on(
    best: float, decision: Decision
) -> None:
    anna, ben = Candidate("a", "a1", best, "Anna"), Candidate("b", "b1", -1.0, "Ben")

    decided = decide(FACE, [anna, ben], AT)

    assert decided.decision is decision
    assert decided.match is (anna if decision is Decision.MATCH else None)
    assert decided.candidates == (anna, ben)
    assert decided.threshold == 0.467


def test_with_nobody_to_compare_with_a_face_is_unknown() -> None:
    decided = decide(FACE, [], AT)

    assert decided.decision is Decision.UNKNOWN
    assert (decided.match, decided.score) == (None, None)


def template(*vector: float, model: str = "sface") -> Template:
    return Template(np.array(vector, np.float32), model)


def test_a_score_is_the_cosine_of_two_templates() -> None:
    assert score(template(1, 0), template(1, 0)) == 1
    assert score(template(1, 0), template(-1, 0)) == -1
    assert score(template(1, 0), template(0.6, 0.8)) == pytest.approx(0.6)


def test_templates_of_different_models_are_never_compared() -> None:
    with pytest.raises(ValueError, match="sface and other cannot be compared"):
        score(template(1, 0), template(1, 0, model="other"))
