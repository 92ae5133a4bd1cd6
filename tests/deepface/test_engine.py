"""DeepFace as the engine: the seam, the main job, and what is said when something is missing."""

from __future__ import annotations

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facecog import Settings, image, open_facecog
from facecog.domain import Decision, Picture, PixelSize
from facecog.engines.cards import SFACE, YUNET
from facecog.engines.deepface import DETECTORS, MODELS, DeepFaceEngine, landmarks_of
from facecog.engines.onnx import OnnxEngine
from facecog.errors import LowQuality, ModelUnavailable, NoFace
from facecog.geometry import ARCFACE_POINTS
from facecog.service import Facecog
from facecog.wire import identification_json
from tests import assets
from tests.assets import photo
from tests.deepface.commands import run

NAME = "deepface/SFace+yunet"
OWN_THRESHOLD = 0.407  # 1 - 0.593, DeepFace's distance for SFace


@pytest.fixture
def deepface(facecog: Facecog) -> DeepFaceEngine:
    return DeepFaceEngine("SFace", "yunet")


def picture(name: str) -> Picture:
    return image.decode(photo(name))


# -- the main job -----------------------------------------------------------------------------


def test_who_is_registered_is_recognised_and_a_stranger_is_unknown(facecog: Facecog) -> None:
    facecog.enrol("Anna", photo("obama.jpg"))
    facecog.enrol("Ben", photo("biden.jpg"))

    anna = facecog.identify(photo("obama2.jpg"))
    (carl,) = facecog.identify(photo("astronaut.png")).faces

    assert anna.best is not None
    assert anna.best.name == "Anna"
    assert carl.decision is Decision.UNKNOWN
    assert facecog.verify(photo("obama.jpg"), photo("obama2.jpg")).same
    assert not facecog.verify(photo("obama.jpg"), photo("biden.jpg")).same


def test_a_picture_without_a_face_has_none(facecog: Facecog) -> None:
    assert facecog.detect(photo("chelsea.png")).faces == ()
    with pytest.raises(NoFace):
        facecog.identify(photo("coffee.png"))


def test_a_poor_photo_is_not_enrolled(facecog: Facecog) -> None:
    bright = picture("obama.jpg")
    dark = bright.image.point(lambda value: value * 0.12)

    with pytest.raises(LowQuality, match="towards the light"):
        facecog.enrol("Anna", image.encode_jpeg(dark))


def test_who_was_registered_is_known_after_a_restart(settings: Settings) -> None:
    with closing(open_facecog(settings)) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))

    with closing(open_facecog(settings)) as facecog:
        best = facecog.identify(photo("obama2.jpg")).best

    assert best is not None
    assert best.name == "Anna"


def test_the_command_line_prints_what_it_is_asked_and_nothing_else(
    tmp_path: Path, models: Path
) -> None:
    home = tmp_path / "home"
    anna, again = str(assets.PHOTOS / "obama.jpg"), str(assets.PHOTOS / "obama2.jpg")

    registered = run(home, models, "register", "Anna", anna)
    recognised = run(home, models, "recognise", "--json", again)

    assert (registered.stdout, registered.stderr) == (f"{anna}: registered as Anna\n", "")
    assert recognised.stderr == ""
    answer: dict[str, Any] = json.loads(recognised.stdout)
    assert (answer["name"], answer["model"], answer["threshold"]) == ("Anna", NAME, OWN_THRESHOLD)


# -- the threshold ----------------------------------------------------------------------------


@pytest.mark.parametrize("fpir", [0.5, 0.001, 1e-6])
def test_deepfaces_own_threshold_holds_whatever_is_promised(
    settings: Settings, fpir: float
) -> None:
    with closing(open_facecog(replace(settings, fpir=fpir))) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))
        answer = identification_json(facecog.identify(photo("obama2.jpg")))

    assert answer["threshold"] == OWN_THRESHOLD
    assert answer["fpir"] is answer["fmr"] is None
    assert answer["calibration"] == "DeepFace's own threshold for SFace, without error rates"


# -- faces and templates ----------------------------------------------------------------------


def test_a_template_is_what_deepface_itself_makes_of_the_photo(deepface: DeepFaceEngine) -> None:
    from deepface import DeepFace

    one = picture("obama.jpg")
    (face,) = deepface.embed(one)
    (direct,) = DeepFace.represent(
        np.ascontiguousarray(one.pixels[:, :, ::-1]), "SFace", detector_backend="yunet"
    )

    vector = np.array(direct["embedding"])
    assert face.template is not None
    np.testing.assert_allclose(face.template.vector, vector / np.linalg.norm(vector), atol=1e-6)


def test_a_face_lies_where_the_default_engine_finds_it(
    deepface: DeepFaceEngine, engine: OnnxEngine
) -> None:
    (face,), (other,) = (one.detect(picture("obama.jpg")) for one in (deepface, engine))

    eyes = float(np.linalg.norm(other.landmarks[0] - other.landmarks[1]))
    assert np.linalg.norm(face.landmarks - other.landmarks, axis=1).max() < 0.35 * eyes
    np.testing.assert_allclose(face.box, other.box, atol=0.4 * eyes)
    assert 0.9 <= face.detection_score <= 1
    assert face.quality.ok
    assert face.template is None


def test_faces_come_largest_first_in_pixels_of_the_picture_as_it_was_sent(
    deepface: DeepFaceEngine,
) -> None:
    anna = picture("obama.jpg").pixels
    small = np.zeros((anna.shape[0], anna.shape[1], 3), np.uint8)
    half = anna[::2, ::2]
    small[: half.shape[0], : half.shape[1]] = half
    both = np.hstack([small, anna])
    sent = Picture(Image.fromarray(both), PixelSize(2 * both.shape[1], 2 * both.shape[0]))

    first, second = deepface.detect(sent)

    assert first.box.width > 1.5 * second.box.width
    assert first.box.x > 2 * small.shape[1]
    assert np.all(first.landmarks[:, 0] > 2 * small.shape[1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (12, 3000), (3000, 12), (5, 5)])
def test_a_picture_too_thin_for_a_face_has_none(
    deepface: DeepFaceEngine, shape: tuple[int, int]
) -> None:
    height, width = shape
    gray = Image.new("RGB", (width, height), (127, 127, 127))

    assert deepface.embed(Picture(gray, PixelSize(width, height))) == ()


def test_many_threads_get_what_one_gets(deepface: DeepFaceEngine) -> None:
    pictures = [picture(name) for name in ("obama.jpg", "biden.jpg", "astronaut.png")] * 3

    alone = [vectors_of(deepface, one) for one in pictures]
    with ThreadPoolExecutor(4) as workers:
        together = list(workers.map(lambda one: vectors_of(deepface, one), pictures))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def vectors_of(engine: DeepFaceEngine, one: Picture) -> np.ndarray:
    return np.array([face.template.vector for face in engine.embed(one) if face.template])


def test_templates_of_the_default_engine_are_not_compared(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_facecog(replace(settings, engine="onnx"))) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))

    with closing(open_facecog(settings)) as facecog, caplog.at_level(logging.WARNING):
        assert facecog.model == NAME
        assert facecog.gallery_size().samples == 0
        assert facecog.identify(photo("obama.jpg")).best is None

    assert f"1 of 1 samples have no template of {NAME}" in caplog.text


# -- landmarks --------------------------------------------------------------------------------

BOX = {"x": 100, "y": 50, "w": 192, "h": 224}


def test_landmarks_that_deepface_gives_are_kept() -> None:
    given = {
        "left_eye": (180, 90),
        "right_eye": (130, 92),
        "nose": (150, 120),
        "mouth_left": (175, 150),
        "mouth_right": (135, 151),
    }

    expected = [(130, 92), (180, 90), (150, 120), (135, 151), (175, 150)]
    np.testing.assert_array_equal(landmarks_of({**BOX, **given}), expected)


def test_nose_and_mouth_follow_from_the_eyes_alone() -> None:
    eyes = ARCFACE_POINTS[:2] * 2 + 30
    area = {**BOX, "right_eye": tuple(eyes[0]), "left_eye": tuple(eyes[1])}

    np.testing.assert_allclose(landmarks_of(area), ARCFACE_POINTS * 2 + 30, atol=1e-3)


@pytest.mark.parametrize(
    "eyes",
    [
        {},
        {"left_eye": None, "right_eye": None},
        {"left_eye": (180, 90), "right_eye": None},
        {"left_eye": (180, 90), "right_eye": (180, 90)},
    ],
)
def test_without_both_eyes_the_landmarks_are_those_of_a_face_that_fills_the_box(
    eyes: dict[str, Any],
) -> None:
    expected = (ARCFACE_POINTS - (8, 0)) * 2 + (100, 50)

    np.testing.assert_allclose(landmarks_of({**BOX, **eyes}), expected, atol=1e-3)


# -- what is not there ------------------------------------------------------------------------


def test_weights_that_facecog_fetched_are_linked_and_not_fetched_again(
    tmp_path: Path, models: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for card in (YUNET, SFACE):
        os.link((models / card.file).resolve(), own / card.file)

    done = run(tmp_path / "home", own, "detect", str(assets.PHOTOS / "obama.jpg"))

    assert done.returncode == 0, done.stderr
    weights = own / "deepface" / ".deepface" / "weights"
    for card in (YUNET, SFACE):
        assert (weights / card.file).samefile(own / card.file)


def test_weights_that_the_user_has_are_used(tmp_path: Path, models: Path) -> None:
    theirs = tmp_path / "theirs" / ".deepface" / "weights"
    theirs.mkdir(parents=True)
    for card in (YUNET, SFACE):
        (theirs / card.file).symlink_to(assets.MODELS / card.file)
    empty = tmp_path / "empty"

    done = run(
        tmp_path / "home",
        empty,
        "detect",
        str(assets.PHOTOS / "obama.jpg"),
        DEEPFACE_HOME=str(tmp_path / "theirs"),
    )

    assert done.returncode == 0, done.stderr
    assert not empty.exists()


@pytest.mark.parametrize(
    ("model", "detector", "said"),
    [
        ("Eigenfaces", "yunet", f" has no model named Eigenfaces. It has: {', '.join(MODELS)}."),
        ("SFace", "eyes", f" has no detector named eyes. It has: {', '.join(DETECTORS)}."),
        ("Facenet512", "yunet", "'s model Facenet512 cannot be used: An exception occurred while"),
        ("Buffalo_L", "yunet", "'s model Buffalo_L cannot be used: InsightFace"),
        ("SFace", "retinaface", "'s detector retinaface cannot be used: "),
        ("SFace", "centerface", "'s detector centerface cannot be used: An exception occurred"),
        ("SFace", "opencv", "'s detector opencv cannot be used: An exception occurred"),
        ("SFace", "mediapipe", "'s detector mediapipe cannot be used: MediaPipe is an optional"),
        ("SFace", "ssd", "'s detector ssd cannot be used: Ssd requires opencv-python < 5"),
    ],
)
def test_what_is_not_there_is_one_clear_line(
    settings: Settings, model: str, detector: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        open_facecog(replace(settings, deepface_model=model, deepface_detector=detector))

    assert str(caught.value).startswith(f"DeepFace{said}")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_the_command_line_says_what_is_not_there_and_ends(tmp_path: Path, models: Path) -> None:
    done = run(tmp_path / "home", models, "people", "list", FACECOG_DEEPFACE_MODEL="Facenet")

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: DeepFace's model Facenet cannot be used: ")
    assert "manually to" in line  # the place where the file may be put by hand


def test_damaged_weights_are_one_clear_line(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for card in (YUNET, SFACE):
        (own / card.file).write_bytes(b"damaged")

    done = run(tmp_path / "home", own, "people", "list")

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "DeepFace's model SFace cannot be used: An exception occurred while loading" in line


def test_a_detector_that_lacks_something_only_when_there_is_a_face_says_so(
    deepface: DeepFaceEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_weights(*_: object, **__: object) -> None:
        raise ValueError("⛓️‍💥 haarcascade_eye.xml could not be downloaded.")

    monkeypatch.setattr("deepface.DeepFace.extract_faces", without_weights)

    with pytest.raises(
        ModelUnavailable,
        match=r"^DeepFace's detector yunet cannot be used: haarcascade_eye.xml could not be",
    ):
        deepface.detect(picture("obama.jpg"))
