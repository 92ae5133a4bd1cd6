"""Templates of many photographs: made once, gone on with when stopped, never stale."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facecog.domain import Detection
from facecog.errors import InvalidDataset
from facecog.evaluation import templates
from facecog.evaluation.templates import Faces, middle_faces
from facecog.service import Facecog
from tests.labelled import interrupted_after, write_photos


class Counting:
    """Embeds, and counts how often each picture was asked for."""

    def __init__(self, facecog: Facecog) -> None:
        self._embed = facecog.embed
        self.asked: Counter[bytes] = Counter()

    def __call__(self, photo: bytes) -> Detection:
        self.asked[photo] += 1
        return self._embed(photo)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    names = [f"person{number}" for number in range(200)]
    write_photos(tmp_path / "photos", *names)
    return [tmp_path / "photos" / f"{name}.jpg" for name in names]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "evaluation.db"


def test_the_second_run_is_out_of_the_cache(
    facecog: Facecog, photos: list[Path], cache: Path
) -> None:
    first, second = Counting(facecog), Counting(facecog)

    made = middle_faces(photos, first, "fake", cache)
    kept = middle_faces(photos, second, "fake", cache)

    assert first.asked.total() == 200
    assert second.asked.total() == 0
    for one, other in zip(made, kept, strict=True):
        assert one is not None
        assert other is not None
        assert one.template is not None
        assert other.template is not None
        np.testing.assert_array_equal(one.template.vector, other.template.vector)
        np.testing.assert_array_equal(one.landmarks, other.landmarks)
        assert one.template.model == other.template.model
        assert (one.box, one.quality) == (other.box, other.quality)


def test_a_run_that_was_stopped_is_gone_on_with(
    facecog: Facecog, photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = Counting(facecog)

    with monkeypatch.context() as patched:
        patched.setattr(templates, "tqdm", interrupted_after(150))
        with pytest.raises(KeyboardInterrupt):
            middle_faces(photos, facecog.embed, "fake", cache)
    found = middle_faces(photos, going_on, "fake", cache)

    assert going_on.asked.total() == 50
    assert None not in found


def test_another_code_or_model_makes_new_templates(
    facecog: Facecog, photos: list[Path], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle_faces(photos[:3], facecog.embed, "fake", cache)
    other_model, other_code = Counting(facecog), Counting(facecog)

    middle_faces(photos[:3], other_model, "another", cache)
    monkeypatch.setattr(templates, "_code", lambda: "changed")
    middle_faces(photos[:3], other_code, "fake", cache)

    assert other_model.asked.total() == other_code.asked.total() == 3


def test_the_code_is_that_of_every_file_that_a_face_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(templates.__file__).parent.parent
    copy = tmp_path / "facecog"
    for file in ("domain/face.py", "geometry.py", "image.py", "quality.py", "engines/onnx.py"):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / file).write_bytes((package / file).read_bytes())
    monkeypatch.setattr(templates, "__file__", str(copy / "evaluation" / "templates.py"))
    said = {templates._code()}

    for file in sorted(copy.rglob("*.py")):
        file.write_bytes(file.read_bytes() + b"\n# changed")
        said.add(templates._code())

    assert len(said) == 6


def test_the_face_in_the_middle_counts(facecog: Facecog, tmp_path: Path, cache: Path) -> None:
    write_photos(tmp_path, "ben+anna+carl", "anna")

    three, anna = middle_faces(
        [tmp_path / "ben+anna+carl.jpg", tmp_path / "anna.jpg"], facecog.embed, "fake", cache
    )

    assert three is not None
    assert anna is not None
    assert three.template is not None
    assert anna.template is not None
    np.testing.assert_array_equal(three.template.vector, anna.template.vector)


def test_no_face_and_no_picture_are_remembered_too(
    facecog: Facecog, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "damaged.jpg").write_bytes(b"\xff")
    photos = [tmp_path / "empty.jpg", tmp_path / "damaged.jpg"]

    assert middle_faces(photos, facecog.embed, "fake", cache) == [None, None]
    again = Counting(facecog)
    assert middle_faces(photos, again, "fake", cache) == [None, None]
    assert again.asked.total() == 0


def test_the_same_photo_twice_is_worked_on_once(
    facecog: Facecog, tmp_path: Path, cache: Path
) -> None:
    write_photos(tmp_path, "one/anna", "two/anna")
    counting = Counting(facecog)

    first, second = middle_faces(
        [tmp_path / "one/anna.jpg", tmp_path / "two/anna.jpg"], counting, "fake", cache
    )

    assert counting.asked.total() == 1
    assert first is not None
    assert second is not None


def test_the_cache_is_for_its_owner_alone(
    facecog: Facecog, photos: list[Path], cache: Path
) -> None:
    middle_faces(photos[:1], facecog.embed, "fake", cache)

    assert stat.S_IMODE(cache.stat().st_mode) == 0o600


def no_database(folder: Path) -> Path:
    file = folder / "text.db"
    file.write_text("This is no database. " * 100)
    return file


@pytest.mark.parametrize("bad", [no_database, lambda folder: folder], ids=["text", "folder"])
def test_a_cache_that_cannot_be_used_is_refused_in_one_line(
    facecog: Facecog, photos: list[Path], tmp_path: Path, bad: Callable[[Path], Path]
) -> None:
    with pytest.raises(InvalidDataset) as refused:
        Faces(facecog.embed, "fake", bad(tmp_path))([], "photos")

    assert "cannot be" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_photo_that_cannot_be_read_is_refused(facecog: Facecog, cache: Path) -> None:
    with pytest.raises(InvalidDataset, match=r"gone\.jpg cannot be read"):
        middle_faces([Path("gone.jpg")], facecog.embed, "fake", cache)
