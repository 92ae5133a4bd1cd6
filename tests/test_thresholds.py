"""The threshold in force."""

from __future__ import annotations

import pytest

from facecog.decision import Calibration
from facecog.domain import Decision
from facecog.errors import NameBelongsToAnotherFace
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store
from facecog.wire import identification_json, promise_json, verification_json
from tests import fakes

MAKERS_OWN = Calibration(fakes.MODEL, tails=(), margin=0.05, data="its maker's own", fixed=0.407)


@pytest.fixture
def uncalibrated(store: Store) -> Facecog:
    """A facecog whose model came with a threshold and without error rates."""
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, MAKERS_OWN, fakes.decode)


@pytest.mark.parametrize("fpir", [0.5, 0.001, 1e-6])
@pytest.mark.parametrize("people", [0, 2, 30])
def test_a_makers_threshold_holds_whatever_is_promised_and_whoever_is_registered(
    uncalibrated: Facecog, fpir: float, people: int
) -> None:
    for number in range(people):
        uncalibrated.enrol(f"Person {number}", f"person{number}".encode())

    operation = uncalibrated.promise(fpir).operation

    assert operation.threshold == 0.407
    assert operation.raised_by == 0


def test_a_makers_threshold_promises_nothing_and_says_so(uncalibrated: Facecog) -> None:
    uncalibrated.enrol("Anna", b"anna")

    found = uncalibrated.identify(b"anna+carl")
    compared = uncalibrated.verify(b"anna", b"anna~2")

    for answer in (identification_json(found), verification_json(compared)):
        assert (answer["threshold"], answer["calibration"]) == (0.407, "its maker's own")
        assert answer["fpir"] is answer["fmr"] is None
    assert [face.decision for face in found.faces] == [Decision.MATCH, Decision.UNKNOWN]
    assert compared.same
    assert promise_json(uncalibrated.in_force(), uncalibrated.gallery_size())["fpir"] is None


def test_a_face_is_not_refused_for_being_unlike_the_others_of_its_name_by_a_makers_threshold(
    uncalibrated: Facecog,
) -> None:
    uncalibrated.enrol("Anna", b"anna")
    uncalibrated.enrol("Anna", b"carl")

    uncalibrated.put_in_force(fakes.CALIBRATION)
    with pytest.raises(NameBelongsToAnotherFace):
        uncalibrated.enrol("Anna", b"ben")


def test_a_calibration_of_ones_own_replaces_a_makers_threshold(uncalibrated: Facecog) -> None:
    operation = uncalibrated.put_in_force(fakes.CALIBRATION).operation

    assert operation.fpir == 0.001
    assert operation.threshold == pytest.approx(0.4, abs=1e-4)
