"""Error rates at every threshold, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from facecog.evaluation.intervals import Rate, enough_for, kept
from facecog.evaluation.trials import Trials, at_rates, curve, draws_of, histogram


def trials(*scores: float) -> Trials:
    return Trials.of(scores, range(len(scores)))


def test_the_threshold_at_a_rate_lets_no_more_through_than_the_rate() -> None:
    non_mated = Trials.of(np.arange(300) / 300, range(300))

    threshold = non_mated.threshold(0.01)

    assert non_mated.share_reaching(threshold).hits == 3
    assert non_mated.share_reaching(np.nextafter(threshold, 0)).hits == 4


def test_equal_scores_are_all_let_through_or_none() -> None:
    non_mated = trials(0.9, 0.5, 0.5, 0.5, *[0.1] * 6)

    assert non_mated.share_reaching(non_mated.threshold(0.2)).hits == 1
    assert non_mated.share_reaching(non_mated.threshold(0.4)).hits == 4


def test_what_is_missed_is_counted_at_the_threshold_of_the_rate() -> None:
    non_mated = Trials.of(np.arange(400) / 400, range(400))
    mated = Trials.of([0.5, 0.985, 0.995, -np.inf], range(4))

    ten, one, tenth = at_rates(non_mated, mated, (0.1, 0.01, 0.001), draws_of(400))

    assert ten.missed == Rate(2, 4)
    assert one.missed == Rate(3, 4)
    assert one.threshold is not None
    assert one.interval is not None
    assert 0.985 < one.threshold < 0.995
    assert one.interval[0] <= 0.75 <= one.interval[1]
    assert (tenth.threshold, tenth.missed, tenth.interval) == (None, None, None)
    assert tenth.needed == 3000


def test_nothing_is_said_without_anybody_to_be_missed() -> None:
    (only,) = at_rates(Trials.of(np.ones(50), range(50)), trials(), (0.1,), draws_of(50))

    assert only.missed is None


@pytest.mark.parametrize("rate", [0.1, 0.02])
def test_intervals_hold_the_truth_about_as_often_as_they_say(rate: float) -> None:
    """Of people with several photos each, whose photos are alike: what counting would not see."""
    truth = 0.5  # P(a mated score is below the threshold of the rate), by construction
    covered = counted = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        people, photos = 120, 4
        own = 0.8 * random.standard_normal(people)
        scores = own[:, None] + 0.6 * random.standard_normal((people, photos))
        who = np.repeat(np.arange(people), photos)
        # The threshold is the (1 - rate) quantile of a standard normal, and so is the mated mean.
        quantile = {0.1: 1.2816, 0.02: 2.0537}[rate]
        mated = quantile + (
            0.8 * random.standard_normal(people)[:, None]
            + 0.6 * random.standard_normal((people, photos))
        )
        (found,) = at_rates(
            Trials.of(scores.ravel(), who),
            Trials.of(mated.ravel(), who + people),
            (rate,),
            draws_of(2 * people, seed),
        )
        assert found.interval is not None
        assert found.missed is not None
        low, high = found.missed.interval()
        covered += found.interval[0] <= truth <= found.interval[1]
        counted += low <= truth <= high

    assert covered >= 60 * 0.85
    assert counted <= 60 * 0.7  # Wilson's, which knows neither of people nor of the threshold


def test_a_pair_counts_as_often_as_both_its_people_are_drawn() -> None:
    pairs = Trials.of([0.9, 0.8, 0.7], [0, 0, 1], [1, 2, 2])
    alone = Trials.of([0.9, 0.8], [0, 2])
    drawn = np.array([[2.0, 1.0, 0.0]])

    assert pairs.weights(drawn[0]).tolist() == [2, 0, 0]
    assert pairs.totals(drawn).tolist() == [2]
    assert alone.weights(drawn[0]).tolist() == [2, 0]
    assert alone.totals(drawn).tolist() == [2]


def test_the_trials_of_a_draw_are_counted_the_same_however_many_people_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random = np.random.default_rng(0)
    one, other = random.integers(0, 30, (2, 500))
    pairs, draws = Trials.of(random.random(500), one, other), draws_of(30)
    one_by_one = [pairs.weights(people).sum() for people in draws]

    assert pairs.totals(draws).tolist() == one_by_one
    monkeypatch.setattr("facecog.evaluation.trials.BLOCK", 7)
    assert pairs.totals(draws).tolist() == one_by_one


def test_each_draw_has_as_many_people_as_there_are() -> None:
    draws = draws_of(7)

    assert draws.sum(axis=1).tolist() == [7] * len(draws)
    assert len(np.unique(draws, axis=0)) > 300


def test_the_curve_goes_through_the_threshold_in_force() -> None:
    non_mated, mated = trials(*np.linspace(0, 0.5, 500)), trials(*np.linspace(0.3, 1, 500))

    found = curve(non_mated, mated, 0.77)

    here = found.thresholds.index(0.77)
    assert found.false_positives[here] == 0
    assert found.missed[here] == mated.share_missing(0.77).value
    assert list(found.missed) == sorted(found.missed)
    assert list(found.false_positives) == sorted(found.false_positives, reverse=True)


def test_histograms_are_parts_of_each_kind() -> None:
    found = histogram(trials(-0.5, 0.0, -np.inf), trials(0.5, 1.0, 1.0))

    assert len(found.edges) == len(found.mated) + 1
    assert sum(found.mated) == pytest.approx(1)
    assert sum(found.non_mated) == pytest.approx(1)
    assert found.mated[-1] == pytest.approx(2 / 3)


def test_nothing_is_drawn_of_nothing() -> None:
    assert curve(trials(), trials(), 0.5).thresholds == ()
    assert histogram(trials(), trials()).edges == ()


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (Rate(0, 2999), None),
        (Rate(0, 3000), True),
        (Rate(3, 3000), True),
        (Rate(5, 3000), True),  # more than promised, and the interval reaches down to it
        (Rate(20, 3000), False),
        (Rate(5, 100), False),  # clear already
        (Rate(0, 0), None),
    ],
)
def test_a_promise_is_kept_broken_or_not_to_be_told(measured: Rate, said: bool | None) -> None:
    assert kept(measured, 0.001) is said


def test_the_rule_of_three() -> None:
    assert [enough_for(rate) for rate in (0.1, 0.01, 0.001, 1e-5)] == [30, 300, 3000, 300_000]
