"""The main job, on a fake engine."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facecog.decision import Calibration, Tail
from facecog.domain import Decision
from facecog.errors import (
    AlreadyRegisteredAs,
    CalibrationNotFound,
    InvalidName,
    InvalidPromise,
    LowQuality,
    NameBelongsToAnotherFace,
    NameTaken,
    NoFace,
    SampleNotFound,
    SeveralFaces,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
from facecog.quality import Policy, verdict
from facecog.service import Facecog
from facecog.store import Store
from tests import fakes


def files(facecog_home: Path) -> list[str]:
    return sorted(file.name for file in (facecog_home / "home" / "dataset").iterdir())


def test_a_registered_face_is_recognised_in_another_photo(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    found = facecog.identify(b"anna~2")

    assert found.faces[0].decision is Decision.MATCH
    assert found.best is not None
    assert found.best.name == "Anna"


def test_a_stranger_is_unknown(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    found = facecog.identify(b"carl").faces[0]

    assert found.decision is Decision.UNKNOWN
    assert found.match is None
    assert found.candidates[0].score < found.threshold


def test_everybody_is_unknown_in_an_empty_gallery(facecog: Facecog) -> None:
    found = facecog.identify(b"anna")

    assert found.best is None
    assert (found.gallery.subjects, found.gallery.samples) == (0, 0)
    assert found.faces[0].score is None


def test_each_face_of_a_photo_gets_its_own_answer(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")
    facecog.enrol("Ben", b"ben")

    found = facecog.identify(b"ben~2+carl+anna~2")

    assert [face.match and face.match.name for face in found.faces] == ["Ben", None, "Anna"]


def test_a_second_photo_is_a_second_sample_of_the_same_subject(
    facecog: Facecog, tmp_path: Path
) -> None:
    first = facecog.enrol("Anna", b"anna")
    second = facecog.enrol("  anna ", b"anna~2")

    assert second.subject.id == first.subject.id
    assert second.subject.name == "Anna"
    assert second.subject.samples == 2
    assert files(tmp_path) == sorted(f"{e.sample.id}.jpg" for e in (first, second))


def test_the_same_photo_twice_is_answered_as_already_there(
    facecog: Facecog, tmp_path: Path
) -> None:
    first = facecog.enrol("Anna", b"anna")
    again = facecog.enrol("Anna", b"anna")

    assert not again.added
    assert again.sample.id == first.sample.id
    assert again.subject.samples == 1
    assert len(files(tmp_path)) == 1


def test_a_face_that_is_registered_under_another_name_is_refused(
    facecog: Facecog, tmp_path: Path
) -> None:
    anna = facecog.enrol("Anna", b"anna").subject

    with pytest.raises(AlreadyRegisteredAs, match="as Anna") as refused:
        facecog.enrol("Ben", b"anna~2")

    assert refused.value.candidate.subject_id == anna.id
    assert refused.value.candidate.score >= refused.value.threshold
    assert facecog.counts() == (1, 1)
    assert len(files(tmp_path)) == 1


def test_a_face_may_have_two_names_when_that_is_wanted(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    assert facecog.enrol("Ann", b"anna~2", allow_duplicate=True).added
    assert facecog.counts() == (2, 2)


def test_a_name_whose_face_is_another_is_refused(facecog: Facecog, tmp_path: Path) -> None:
    anna = facecog.enrol("Anna", b"anna").subject

    with pytest.raises(NameBelongsToAnotherFace, match="Anna") as refused:
        facecog.enrol("anna", b"ben")

    assert refused.value.candidate.subject_id == anna.id
    assert refused.value.candidate.score < refused.value.threshold
    assert facecog.counts() == (1, 1)
    assert len(files(tmp_path)) == 1


def test_a_name_may_get_another_face_when_that_is_wanted(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    assert facecog.enrol("Anna", b"ben", allow_mismatch=True).subject.samples == 2


def test_twins_can_get_more_photos_once_both_are_registered(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")
    facecog.enrol("Bea", b"anna~2", allow_duplicate=True)

    assert facecog.enrol("Anna", b"anna~3").subject.samples == 2
    assert facecog.enrol("Bea", b"anna~4").subject.samples == 2


def test_the_same_face_registered_by_several_at_once_ends_in_one_subject(facecog: Facecog) -> None:
    def enrol(number: int) -> bool:
        try:
            return facecog.enrol(f"Name {number}", f"anna~{number}".encode()).added
        except AlreadyRegisteredAs:
            return False

    with ThreadPoolExecutor(8) as clients:
        added = list(clients.map(enrol, range(16)))

    assert added.count(True) == 1
    assert facecog.counts() == (1, 1)


def test_the_same_name_registered_by_several_at_once_ends_in_one_subject(facecog: Facecog) -> None:
    with ThreadPoolExecutor(8) as clients:
        list(clients.map(lambda n: facecog.enrol("Anna", f"anna~{n}".encode()), range(16)))

    assert facecog.counts() == (1, 16)


# -- knowing when not to know -----------------------------------------------------------------


def test_two_look_alikes_are_never_guessed_between(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna~1")
    facecog.enrol("Bea", b"anna~2", allow_duplicate=True)

    found = facecog.identify(b"anna").faces[0]

    assert (found.decision, found.reason) == (Decision.UNCERTAIN, "look_alikes")
    assert found.match is None
    assert {one.name for one in found.candidates[:2]} == {"Anna", "Bea"}
    (pair,) = facecog.look_alikes()
    assert {one.name for one in pair.people} == {"Anna", "Bea"}


def test_a_poor_photo_of_a_stranger_is_uncertain_and_of_anna_is_anna(facecog: Facecog) -> None:
    facecog.enrol("Anna", b"anna")

    faces = facecog.identify(b"carl?+anna?").faces

    assert [face.decision for face in faces] == [Decision.UNCERTAIN, Decision.MATCH]
    assert faces[0].reason == "poor_quality"


def test_a_subject_is_compared_by_all_its_samples_and_the_nearest_is_named(
    facecog: Facecog,
) -> None:
    facecog.enrol("Anna", b"anna~1")
    single = facecog.identify(b"anna").faces[0].score
    second = facecog.enrol("Anna", b"anna~2").sample
    both = facecog.identify(b"anna").faces[0].score
    found = facecog.identify(b"anna~2").faces[0]

    assert single is not None
    assert both is not None
    assert both > single
    assert found.candidates[0].sample_id == second.id


def test_the_threshold_rises_with_the_gallery_and_falls_when_people_go(facecog: Facecog) -> None:
    empty = facecog.in_force().operation
    people = [facecog.enrol(f"Name {n}", f"name{n}".encode()).subject for n in range(12)]
    full = facecog.in_force().operation
    for subject in people[1:]:
        facecog.changes.delete(subject.id, forever=True)

    assert full.threshold > empty.threshold
    assert full.fmr == pytest.approx(empty.fmr / 12, rel=0.01)
    assert facecog.in_force().operation == empty


def test_the_promise_can_be_changed_and_taken_back(facecog: Facecog) -> None:
    before = facecog.in_force().operation

    stricter = facecog.promise(1e-5).operation

    assert stricter.threshold > before.threshold
    assert facecog.identify(b"anna").operation == stricter
    assert facecog.promise(None).operation == before


@pytest.mark.parametrize("fpir", [0, -1, 0.6, 1, float("nan"), float("inf")])
def test_a_rate_that_cannot_be_promised_is_refused(facecog: Facecog, fpir: float) -> None:
    with pytest.raises(InvalidPromise):
        facecog.promise(fpir)


def test_a_calibration_of_ones_own_is_in_force_until_it_is_rolled_back(facecog: Facecog) -> None:
    before = facecog.in_force()
    stricter = Calibration(
        fakes.MODEL, (Tail(((1e-2, 0.6), (1e-3, 0.7))),), 0.2, "2026-01-02", "us"
    )

    after = facecog.put_in_force(stricter)

    assert after.calibration == stricter
    assert after.operation.threshold > before.operation.threshold
    assert after.operation.calibration == "us, 2026-01-02"
    assert facecog.roll_back_calibration().operation == before.operation
    with pytest.raises(CalibrationNotFound):
        facecog.roll_back_calibration()


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "photo", "refusal"),
    [
        ("", b"anna", InvalidName),
        (" \t ", b"anna", InvalidName),
        ("x" * 201, b"anna", InvalidName),
        ("An\x00na", b"anna", InvalidName),
        ("An\nna", b"anna", InvalidName),
        ("Anna\u202egnp", b"anna", InvalidName),
        ("Anna", b"", NoFace),
        ("Anna", b"anna+ben", SeveralFaces),
        ("Anna", b"anna?", LowQuality),
    ],
)
def test_a_refused_registration_leaves_nothing(
    facecog: Facecog, tmp_path: Path, name: str, photo: bytes, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        facecog.enrol(name, photo)

    assert facecog.counts() == (0, 0)
    assert files(tmp_path) == []


def test_of_several_faces_the_one_that_is_pointed_at_is_registered(facecog: Facecog) -> None:
    facecog.enrol("Ben", b"anna+ben", near=(0.9, 0.5))

    assert facecog.identify(b"ben").best is not None
    assert facecog.identify(b"anna").best is None


def test_nobody_is_an_answer_where_that_is_wanted(facecog: Facecog) -> None:
    with pytest.raises(NoFace):
        facecog.identify(b"")

    found = facecog.identify(b"", allow_no_face=True)

    assert (found.faces, found.best) == ((), None)
    assert found.operation == facecog.in_force().operation


def with_policy(store: Store, policy: Policy) -> Facecog:
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(
        fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode, quality=policy
    )


@pytest.mark.parametrize(
    ("policy", "brightness", "codes"),
    [
        ("strict", 40, ["too_dark"]),
        ("standard", 40, []),
        ("standard", 20, ["too_dark"]),
        ("off", 20, []),
        ("off", 5, []),
    ],
)
def test_a_face_says_what_the_policy_in_force_has_against_it(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    policy: Policy,
    brightness: float,
    codes: list[str],
) -> None:
    facecog = with_policy(store, policy)
    monkeypatch.setattr(fakes, "verdict", lambda _: verdict({"brightness": brightness}))

    (detected,) = facecog.detect(b"anna").faces
    (found,) = facecog.identify(b"anna").faces

    assert [reason.code for reason in detected.quality.reasons] == codes
    assert detected.quality.ok == (not codes)
    judged = ["too_dark"] if brightness < 10 else codes
    assert [reason.code for reason in found.face.quality.reasons] == judged
    if codes:
        with pytest.raises(LowQuality):
            facecog.enrol("Anna", b"anna")
    else:
        assert facecog.enrol("Anna", b"anna").added


def test_verify_says_same_and_not_same(facecog: Facecog) -> None:
    assert facecog.verify(b"anna", b"anna~2").same
    assert not facecog.verify(b"anna", b"ben").same


def test_verify_says_which_photo_it_cannot_use(facecog: Facecog) -> None:
    with pytest.raises(SeveralFaces, match="the second"):
        facecog.verify(b"anna", b"anna+ben")


def test_detect_answers_no_face_with_none(facecog: Facecog) -> None:
    assert facecog.detect(b"").faces == ()
    assert len(facecog.detect(b"anna+ben").faces) == 2


def test_a_deleted_person_is_a_stranger_again(facecog: Facecog, tmp_path: Path) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    facecog.enrol("Ben", b"ben")
    facecog.identify(b"anna")

    facecog.changes.delete(anna.id, forever=True)

    assert facecog.identify(b"anna").best is None
    assert facecog.identify(b"ben").best is not None
    assert len(files(tmp_path)) == 1
    with pytest.raises(SubjectNotFound):
        facecog.subject(anna.id)


def test_a_deleted_sample_is_not_compared_any_more(facecog: Facecog, tmp_path: Path) -> None:
    sample = facecog.enrol("Anna", b"anna").sample

    facecog.changes.remove(sample.id, forever=True)

    assert facecog.identify(b"anna").best is None
    assert facecog.subject_named("Anna").samples == 0
    assert files(tmp_path) == []
    with pytest.raises(SampleNotFound):
        facecog.crop(sample.id)


def test_a_renamed_person_is_recognised_by_the_new_name(facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    facecog.enrol("Ben", b"ben")

    facecog.changes.rename(anna.id, "Anna Maria")

    best = facecog.identify(b"anna").best
    assert best is not None
    assert best.name == "Anna Maria"
    with pytest.raises(NameTaken):
        facecog.changes.rename(anna.id, "BEN")
    with pytest.raises(InvalidName):
        facecog.changes.rename(anna.id, "")


def test_the_crop_is_a_jpeg_named_after_its_sample(facecog: Facecog, tmp_path: Path) -> None:
    sample = facecog.enrol("Anna", b"anna").sample

    crop = facecog.crop(sample.id)

    file = tmp_path / "home" / "dataset" / f"{sample.id}.jpg"
    assert crop.startswith(b"\xff\xd8\xff")
    assert hashlib.sha256(crop).digest() == hashlib.sha256(file.read_bytes()).digest()


def test_a_known_photo_sent_again_under_another_model_can_be_recognised_with_it(
    facecog: Facecog, store: Store
) -> None:
    facecog.enrol("Anna", b"anna")
    engine = fakes.FakeEngine()
    engine.model = "other"
    other = Facecog(engine, store, MemoryIndex.of(store, "other"), fakes.CALIBRATION, fakes.decode)

    assert not other.enrol("Anna", b"anna").added
    assert other.identify(b"anna").best is not None
