"""Making a calibration."""

from __future__ import annotations

import numpy as np
import pytest

from facecog.evaluation.calibration import ENOUGH_PEOPLE, LabelledTemplates, _rising, calibrate


def templates(people: int, photos: int, seed: int) -> LabelledTemplates:
    """Of people who are as alike as chance makes them."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), photos)
    own = random.standard_normal((people, 64))
    vectors = own[who] + 0.5 * random.standard_normal((people * photos, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return LabelledTemplates(vectors.astype(np.float32), who)


@pytest.mark.parametrize("seed", range(5))
def test_few_people_are_enough_even_where_one_pair_alone_is_the_tail(seed: int) -> None:
    made = calibrate([templates(ENOUGH_PEOPLE, 2, seed)], "fake", "chance", "2026-01-01", seed)

    scores = [score for _, score in made.tail().points]
    assert np.all(np.diff(scores) > 0)
    assert np.all(np.isfinite(scores))


def test_two_rates_never_share_a_score() -> None:
    rising = _rising(np.array([0.3, 0.3, 0.25, 0.31232, 0.31233]))

    assert rising == [0.3, 0.3001, 0.3002, 0.3123, 0.3124]
