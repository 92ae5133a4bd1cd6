"""Error rates of verification."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facecog.decision import score
from facecog.domain import Face, Operation
from facecog.evaluation import verification
from facecog.evaluation.intervals import Rate
from facecog.evaluation.labels import Labelled, Pair, Pairs
from facecog.evaluation.trials import AtRate
from facecog.evaluation.verification import of_pairs, of_photos, verify_all
from tests.fakes import MODEL
from tests.labelled import face, people_by_chance, shown

AT = Operation(threshold=0.5, fmr=0.01, model=MODEL)
NOBODY = Rate(0, 0)


def paired(names: list[tuple[str, str, bool, str]], templates: dict[str, Face | None]) -> tuple:
    """A list of pairs, and the faces by path."""

    def photo(name: str) -> Labelled:
        return Labelled(Path(name), name, name[0])

    pairs = tuple(Pair(photo(a), photo(b), same, group) for a, b, same, group in names)
    return Pairs(pairs), {Path(name): one for name, one in templates.items()}


def pointing(*vector: float) -> Face:
    pointed = np.array(vector, np.float32)
    return face(pointed / np.linalg.norm(pointed))


def test_pairs_are_counted_at_the_threshold() -> None:
    faces: dict[str, Face | None] = {
        "a1": pointing(1, 0), "a2": pointing(1, 0.1), "a3": pointing(0.1, 1),
        "b1": pointing(0, 1), "b2": None,
    }  # fmt: skip
    listed, found = paired(
        [
            ("a1", "a2", True, "x"),
            ("a1", "a3", True, "x"),
            ("a1", "b1", False, "x"),
            ("a3", "b1", False, ""),
            ("b1", "b2", True, "y"),
        ],
        faces,
    )

    pairs, not_compared = of_pairs(listed, found)
    figures = verify_all(pairs, AT, NOBODY, not_compared)

    assert not_compared == Rate(1, 5)
    assert figures.rates.missed == Rate(1, 2)
    assert figures.rates.matched == Rate(1, 2)
    assert figures.rates.right == Rate(2, 4)
    assert figures.people == 2
    assert set(figures.groups) == {"x"}  # the pair of y could not be compared
    assert figures.groups["x"].matched == Rate(0, 1)
    assert [(one.a, one.b) for one in figures.most_alike] == [("a3", "b1"), ("a1", "b1")]
    assert (figures.least_alike[0].a, figures.least_alike[0].b) == ("a1", "a3")


def test_each_photo_is_compared_with_each_other_as_decision_does_it() -> None:
    photos = shown(people_by_chance(6, 2, seed=3)[:, :, :])

    pairs = of_photos(photos)

    assert len(pairs.values) == 12 * 11 // 2
    assert int(pairs.same.sum()) == 6
    for i in range(len(pairs.values)):
        a, b = (photos[place[i]][1].template for place in (pairs.a, pairs.b))  # type: ignore[union-attr]
        assert a is not None
        assert b is not None
        assert pairs.values[i] == pytest.approx(score(a, b), abs=1e-6)


def test_photos_without_a_face_are_not_compared() -> None:
    (photo, _), *others = shown(people_by_chance(3, 2, seed=3))

    assert len(of_photos([(photo, None), *others]).values) == 5 * 4 // 2


def test_of_too_many_photos_some_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "MOST_PHOTOS", 10)

    assert len(of_photos(shown(people_by_chance(20, 2, seed=3))).photos) == 10


def test_a_pair_of_photos_is_of_a_group_when_both_are() -> None:
    vectors = people_by_chance(4, 1, seed=3)
    photos = [*shown(vectors[:2], "n", "north"), *shown(vectors[2:], "s", "south")]

    figures = verify_all(of_photos(photos), AT, NOBODY, NOBODY)

    assert figures.rates.matched.trials == 6
    assert [figures.groups[name].matched.trials for name in ("north", "south")] == [1, 1]


def test_rates_are_stated_where_there_are_pairs_enough() -> None:
    photos = shown(people_by_chance(90, 2, seed=4))  # 16,020 pairs of two people

    figures = verify_all(of_photos(photos), AT, NOBODY, NOBODY)

    said = [one.missed is not None for one in figures.at]
    assert said == [True, True, False, False]
    (hundredth, *_, last) = figures.at
    assert hundredth.threshold is not None
    assert hundredth.missed == Rate(0, 90)
    assert isinstance(last, AtRate)
    assert (last.trials, last.needed) == (16_020, 300_000)
    assert figures.kept is True


def test_without_any_pair_nothing_is_said() -> None:
    figures = verify_all(of_photos([]), AT, NOBODY, NOBODY)

    assert figures.people == 0
    assert figures.rates.right == NOBODY
    assert figures.kept is None
