"""Error rates of identification: the same decisions as the service, rightly counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facecog.decision import Calibration, Tail
from facecog.domain import Decision, Face
from facecog.evaluation.identification import (
    FPIRS,
    IdentificationFigures,
    identify_all,
    sorted_out,
)
from facecog.evaluation.intervals import Rate
from facecog.evaluation.labels import Labelled
from facecog.evaluation.searching import Search
from facecog.evaluation.templates import Shown
from facecog.service import Facecog
from tests.fakes import CALIBRATION
from tests.labelled import face, people_by_chance, shown


def fit(one: Face) -> bool:
    return one.quality.measures["brightness"] > 30


def photo(who: str, vector: Sequence[float] | None, group: str = "", ok: bool = True) -> Shown:
    """A photo of somebody whose template points this way; None shows no face."""
    name = f"{who}{vector}.jpg"
    if vector is None:
        return Labelled(Path(name), name, who, group), None
    pointed = np.zeros(64, np.float32)
    pointed[: len(vector)] = vector
    return Labelled(Path(name), name, who, group), face(pointed / np.linalg.norm(pointed), ok)


def measured(
    gallery: Sequence[Shown],
    probes: Sequence[Shown],
    strangers: Sequence[Shown],
    calibration: Calibration = CALIBRATION,
    fpir: float = 0.01,
) -> IdentificationFigures:
    lists = sorted_out(*([one for one, _ in part] for part in (gallery, probes, strangers)))
    return identify_all(lists, gallery, probes, strangers, fit, calibration, fpir)


ANNA, BEN, CARL = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)


def test_each_outcome_is_counted_once() -> None:
    found = measured(
        [photo("Anna", ANNA), photo("Ben", BEN), photo("Dora", None)],
        [
            photo("Anna", (1, 0.1, 0)),  # right
            photo("Anna", (0.1, 1, 0)),  # Ben's name
            photo("Anna", (1, 0.98, 0)),  # too close to call
            photo("Anna", (0.2, 0, 1)),  # too far away, though nearest
            photo("Ben", None),  # no face
            photo("Dora", CARL),  # is not in the gallery for want of a face
        ],
        [photo("Carl", CARL), photo("Carl", (1, 0, 0.1)), photo("Carl", None)],
    )

    rates = found.rates
    assert rates.missed == Rate(5, 6)
    assert rates.named_wrongly == Rate(1, 6)
    assert rates.uncertain == Rate(1, 6)
    assert rates.rank_1 == Rate(3, 6)
    assert rates.strangers_named == Rate(1, 2)
    assert rates.strangers_uncertain == Rate(0, 2)
    assert found.not_acquired.gallery == Rate(1, 3)
    assert found.not_acquired.subjects == Rate(1, 3)
    assert found.not_acquired.probes == Rate(1, 6)
    assert found.not_acquired.strangers == Rate(1, 3)
    assert found.gallery.subjects == 2


def test_a_face_that_may_not_be_registered_is_not_enrolled() -> None:
    found = measured([photo("Anna", ANNA, ok=False), photo("Ben", BEN)], [photo("Anna", ANNA)], [])

    assert found.gallery.subjects == 1
    assert found.not_acquired.subjects == Rate(1, 2)
    assert found.rates.missed == Rate(1, 1)


def test_several_photos_of_a_person_are_samples_of_one_subject() -> None:
    """Fused by the index: a probe between two samples is nearest to their mean."""
    gallery = [photo("Anna", (1, 0, 0)), photo("Anna", (0, 1, 0))]

    found = measured(gallery, [photo("Anna", (1, 1, 0))], [])

    assert dict(found.gallery.by_samples) == {2: 1}
    assert found.probes_farthest[0].score == pytest.approx(1)


def test_the_decisions_are_those_of_the_service(facecog: Facecog) -> None:
    enrolled = ["anna", "anna~2", "ben", "dora"]
    searched = ["anna~3", "ben~1", "carl", "dora", "emil", "anna~4"]
    for name in enrolled:
        facecog.enrol(name.partition("~")[0], name.encode())

    def pictured(names: list[str]) -> list[Shown]:
        photos = [Labelled(Path(name), name, name.partition("~")[0]) for name in names]
        return [(one, facecog.embed(one.name.encode()).faces[0]) for one in photos]

    force = facecog.in_force()
    search = Search(pictured(enrolled), fit, force.calibration, facecog.promised())

    assert search.force.operation == force.operation
    for one in search(pictured(searched)):
        by_service = facecog.identify(one.photo.name.encode()).faces[0]
        assert one.said is not None
        assert one.said.decision is by_service.decision
        assert one.score == pytest.approx(by_service.score, abs=1e-6)
        assert one.named == (by_service.match and by_service.match.name)


def test_fnir_at_an_fpir_is_what_decide_gives_at_that_threshold() -> None:
    everybody = people_by_chance(700, 2, seed=1)
    known, strangers = shown(everybody[:100]), shown(everybody[100:], "s")
    gallery, probes = known[::2], known[1::2]
    found = measured(gallery, probes, strangers)

    one_percent = found.at[FPIRS.index(0.01)]
    assert one_percent.threshold is not None
    search = Search(gallery, fit, replace(CALIBRATION, margin=0.0), 0.01)
    search.force = replace(
        search.force, operation=replace(search.force.operation, threshold=one_percent.threshold)
    )
    missed = sum(one.named != one.photo.identity for one in search(probes))
    named = sum(
        one.said is not None and one.said.decision is Decision.MATCH for one in search(strangers)
    )

    assert one_percent.missed == Rate(missed, 100)
    assert 0.005 * 1200 < named <= 0.01 * 1200
    assert found.at[FPIRS.index(0.001)].missed is None  # 1,200 strangers are too few


def test_strangers_who_are_enrolled_and_probes_who_are_not_are_left_out_and_counted() -> None:
    def of(*names: str) -> list[Labelled]:
        return [Labelled(Path(name), name, name) for name in names]

    lists = sorted_out(of("anna"), of("anna", "ben", "carl"), of("dora", "anna"))

    assert [one.name for one in lists.probes] == ["anna"]
    assert [one.name for one in lists.strangers] == ["dora"]
    assert (lists.strangers_enrolled, lists.probes_not_enrolled) == (1, 2)


def test_groups_are_counted_by_themselves() -> None:
    found = measured(
        [photo("Anna", ANNA), photo("Ben", BEN)],
        [photo("Anna", ANNA, "north"), photo("Ben", CARL, "south"), photo("Ben", BEN)],
        [photo("Carl", CARL, "south"), photo("Dora", (1, 0, 0.1), "south")],
    )

    assert set(found.groups) == {"north", "south"}
    assert found.groups["north"].missed == Rate(0, 1)
    assert found.groups["south"].missed == Rate(1, 1)
    assert found.groups["south"].strangers_named == Rate(1, 2)
    assert found.groups["north"].strangers_named == Rate(0, 0)


def test_the_worst_are_listed_by_path() -> None:
    found = measured(
        [photo("Anna", ANNA), photo("Ben", BEN)],
        [photo("Anna", (0.1, 1, 0)), photo("Anna", (1, 0.1, 0)), photo("Ben", BEN)],
        [photo("Dora", CARL), photo("Carl", (1, 0, 0.1))],
    )

    wrong, *_, last = found.probes_farthest
    assert (wrong.person, wrong.decision) == ("Anna", "named Ben")
    assert last.score == pytest.approx(1)
    nearest = found.strangers_nearest[0]
    assert (nearest.person, nearest.subject, nearest.decision) == ("Carl", "Anna", "match")
    assert nearest.photo == "Carl(1, 0, 0.1).jpg"


def test_a_threshold_without_error_rates_promises_nothing() -> None:
    fixed = replace(CALIBRATION, tails=(), fixed=0.5)

    found = measured([photo("Anna", ANNA)], [photo("Anna", ANNA)], [photo("Carl", CARL)], fixed)

    assert found.force.operation.threshold == 0.5
    assert found.force.operation.fpir is None
    assert found.kept is None


@pytest.mark.parametrize(("score", "kept"), [(0.9, True), (0.05, False)])
def test_the_promise_is_held_against_what_is_measured(score: float, kept: bool) -> None:
    everybody = people_by_chance(700, 1, seed=2)
    calibration = replace(CALIBRATION, tails=(Tail(((1e-6, score),)),))

    found = measured(
        shown(everybody[:100]), shown(everybody[:100]), shown(everybody[100:], "s"), calibration
    )

    assert found.kept is kept
