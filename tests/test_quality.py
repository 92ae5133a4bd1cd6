"""Is this face good enough to enrol?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from facecog.domain import Pixels
from facecog.geometry import ARCFACE_POINTS, align
from facecog.image import decode
from facecog.quality import CHECKS, assess
from tests.assets import photo
from tests.test_golden import LANDMARKS


@pytest.fixture(scope="module")
def face() -> Pixels:
    """A good face, aligned."""
    return align(decode(photo("obama.jpg")).pixels, np.array(LANDMARKS, np.float32))


def codes(aligned: Pixels, landmarks: np.ndarray = ARCFACE_POINTS) -> list[str]:
    return [reason.code for reason in assess(aligned, landmarks).reasons]


def gray(level: int) -> Pixels:
    return np.full((112, 112, 3), level, np.uint8)


def grainy(face: Pixels) -> Pixels:
    grain = np.random.default_rng(0).normal(0, 40, face.shape[:2])[..., None]
    return (face + grain).clip(0, 255).astype(np.uint8)


def spoilt(spoil: Callable[[Image.Image], Image.Image]) -> Callable[[Pixels], Pixels]:
    return lambda face: np.asarray(spoil(Image.fromarray(face)))


def blindfolded(face: Pixels) -> Pixels:
    face = face.copy()
    face[40:64, 20:92] = 20
    return face


def one_eye_covered(face: Pixels) -> Pixels:
    face = face.copy()
    face[40:64, 20:56] = 20
    return face


def test_a_good_face_is_good_enough(face: Pixels) -> None:
    quality = assess(face, ARCFACE_POINTS)

    assert quality.ok
    assert set(quality.measures) == {check.measure for check in CHECKS}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (spoilt(lambda p: ImageEnhance.Brightness(p).enhance(0.1)), "too_dark"),
        (spoilt(lambda p: p.point(lambda v: min(255, v * 6))), "too_bright"),
        (spoilt(lambda p: ImageEnhance.Contrast(p).enhance(0.1)), "too_flat"),
        (spoilt(lambda p: p.filter(ImageFilter.GaussianBlur(6))), "blurred"),
        (grainy, "noisy"),
        (blindfolded, "eyes_covered"),
    ],
)
def test_a_spoilt_face_is_refused_for_what_is_wrong_with_it(
    face: Pixels, spoil: Callable[[Pixels], Pixels], code: str
) -> None:
    assert code in codes(spoil(face))


def test_one_eye_is_enough(face: Pixels) -> None:
    assert codes(one_eye_covered(face)) == []


@pytest.mark.parametrize(("distance", "expected"), [(11.9, ["too_small"]), (12.1, [])])
def test_a_face_is_as_small_as_its_eyes_are_near(
    face: Pixels, distance: float, expected: list[str]
) -> None:
    landmarks = np.zeros((5, 2), np.float32)
    landmarks[1] = (distance * 0.6, distance * 0.8)

    assert codes(face, landmarks) == expected


@pytest.mark.parametrize("level", [0, 29, 128, 226, 255])
def test_brightness_is_the_mean_and_contrast_and_detail_of_a_flat_face_are_none(level: int) -> None:
    measures = assess(gray(level), ARCFACE_POINTS).measures

    assert measures["brightness"] == pytest.approx(level, abs=0.01)
    for measure in ("contrast", "sharpness", "noise", "eyes"):
        assert measures[measure] == pytest.approx(0, abs=0.01)
    assert ("too_dark" in codes(gray(level))) == (level < 30)
    assert ("too_bright" in codes(gray(level))) == (level > 225)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255)])
def test_brightness_weighs_colours_as_the_eye_does(colour: tuple[int, int, int]) -> None:
    measured = assess(np.broadcast_to(np.array(colour, np.uint8), (112, 112, 3)), ARCFACE_POINTS)

    weight = {0: 0.299, 1: 0.587, 2: 0.114}[colour.index(255)]
    assert measured.measures["brightness"] == pytest.approx(255 * weight, abs=0.01)


@pytest.mark.parametrize("sigma", [4, 10, 20])
def test_the_noise_that_was_added_is_the_noise_that_is_measured(sigma: float) -> None:
    slope = np.linspace(80, 160, 112)[None, :, None]  # a gradient is no noise
    grain = np.random.default_rng(0).normal(0, sigma, (112, 112, 1))
    noisy = np.broadcast_to((slope + grain).clip(0, 255).astype(np.uint8), (112, 112, 3))

    assert assess(noisy, ARCFACE_POINTS).measures["noise"] == pytest.approx(sigma, rel=0.1)


def test_a_black_border_is_no_part_of_the_face(face: Pixels) -> None:
    framed = face.copy()
    framed[:20] = framed[103:] = 0
    framed[:, :15] = framed[:, 95:] = 0

    inside = assess(framed, ARCFACE_POINTS).measures

    for measure in ("brightness", "contrast", "sharpness"):
        assert inside[measure] == assess(face, ARCFACE_POINTS).measures[measure]


def test_each_reason_has_a_code_of_its_own_and_says_what_to_do() -> None:
    reasons = [check.reason for check in CHECKS]

    assert len({reason.code for reason in reasons}) == len(reasons)
    assert all(": " in reason.message and reason.message.endswith(".") for reason in reasons)
