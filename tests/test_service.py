"""The main job, on a fake engine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from facecog.domain import Decision
from facecog.errors import (
    InvalidName,
    LowQuality,
    NameTaken,
    NoFace,
    SampleNotFound,
    SeveralFaces,
    SubjectNotFound,
)
from facecog.index.memory import MemoryIndex
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
    assert found.gallery_size == 0
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


def test_the_same_photo_under_another_name_is_another_subject(facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna")
    ben = facecog.enrol("Ben", b"anna")

    assert ben.added
    assert ben.subject.id != anna.subject.id


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

    facecog.delete_subject(anna.id)

    assert facecog.identify(b"anna").best is None
    assert facecog.identify(b"ben").best is not None
    assert len(files(tmp_path)) == 1
    with pytest.raises(SubjectNotFound):
        facecog.subject(anna.id)


def test_a_deleted_sample_is_not_compared_any_more(facecog: Facecog, tmp_path: Path) -> None:
    sample = facecog.enrol("Anna", b"anna").sample

    facecog.delete_sample(sample.id)

    assert facecog.identify(b"anna").best is None
    assert facecog.subject_named("Anna").samples == 0
    assert files(tmp_path) == []
    with pytest.raises(SampleNotFound):
        facecog.crop(sample.id)


def test_a_renamed_person_is_recognised_by_the_new_name(facecog: Facecog) -> None:
    anna = facecog.enrol("Anna", b"anna").subject
    facecog.enrol("Ben", b"ben")

    facecog.rename_subject(anna.id, "Anna Maria")

    best = facecog.identify(b"anna").best
    assert best is not None
    assert best.name == "Anna Maria"
    with pytest.raises(NameTaken):
        facecog.rename_subject(anna.id, "BEN")
    with pytest.raises(InvalidName):
        facecog.rename_subject(anna.id, "")


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
    other = Facecog(engine, store, MemoryIndex(store, "other"), fakes.POINTS, fakes.decode)

    assert not other.enrol("Anna", b"anna").added
    assert other.identify(b"anna").best is not None
