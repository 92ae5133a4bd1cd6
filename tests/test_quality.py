"""Is this face good enough to enrol?"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from facecog.bootstrap import calibration_of
from facecog.domain import Decision, Pixels, PixelSize, Quality
from facecog.engines.cards import SFACE
from facecog.engines.onnx import OnnxEngine
from facecog.errors import FaceTooSmall, LowQuality
from facecog.geometry import ARCFACE_POINTS, HEAD, align
from facecog.image import decode
from facecog.index.memory import MemoryIndex
from facecog.quality import CHECKS, POLICIES, Policy, assess, reasons
from facecog.service import Facecog
from facecog.store import Store
from tests.assets import ROOT, photo
from tests.pictures import portrait, saved
from tests.test_golden import LANDMARKS

CROP = PixelSize(112, 112)


@pytest.fixture(scope="module")
def face() -> Pixels:
    """A good face, aligned."""
    return align(decode(photo("obama.jpg")).image, np.array(LANDMARKS, np.float32))


def assessed(
    aligned: Pixels,
    landmarks: np.ndarray = ARCFACE_POINTS,
    size: PixelSize = CROP,
    score: float = 0.95,
) -> Quality:
    return assess(aligned, landmarks, size, score)


def codes(aligned: Pixels, landmarks: np.ndarray = ARCFACE_POINTS) -> list[str]:
    return [reason.code for reason in assessed(aligned, landmarks).reasons]


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


def masked(face: Pixels) -> Pixels:
    face = face.copy()
    face[70:] = (90, 130, 180)
    return face


def one_eye_covered(face: Pixels) -> Pixels:
    face = face.copy()
    face[40:64, 20:56] = 20
    return face


def test_a_good_face_is_good_enough(face: Pixels) -> None:
    quality = assessed(face)

    assert quality.ok
    assert quality.judgeable
    assert reasons(quality.measures, "strict") == ()
    assert set(quality.measures) == {check.measure for check in CHECKS} | {"pitch"}


def test_the_measures_of_a_known_face_do_not_drift(face: Pixels) -> None:
    measures = assessed(face, np.array(LANDMARKS, np.float32), PixelSize(910, 1137)).measures

    assert measures == {
        "eye_distance": pytest.approx(118.5, abs=0.1),
        "cut_off": 0,
        "brightness": pytest.approx(149.2, abs=0.5),
        "contrast": pytest.approx(38.2, abs=0.3),
        "sharpness": pytest.approx(43.8, abs=1),
        "noise": pytest.approx(6.2, abs=0.3),
        "eyes": pytest.approx(1.071, abs=0.01),
        "weaker_eye": pytest.approx(0.916, abs=0.01),
        "mouth": pytest.approx(1.191, abs=0.01),
        "yaw": pytest.approx(-1.13, abs=0.1),
        "pitch": pytest.approx(4.28, abs=0.1),
        "roll": pytest.approx(0.51, abs=0.1),
        "detection_score": 0.95,
    }


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (spoilt(lambda p: ImageEnhance.Brightness(p).enhance(0.1)), "too_dark"),
        (spoilt(lambda p: p.point(lambda v: min(255, v * 6))), "too_bright"),
        (spoilt(lambda p: ImageEnhance.Contrast(p).enhance(0.1)), "too_flat"),
        (spoilt(lambda p: p.filter(ImageFilter.GaussianBlur(6))), "blurred"),
        (grainy, "noisy"),
        (blindfolded, "eyes_covered"),
        (masked, "mouth_covered"),
    ],
)
def test_a_spoilt_face_is_refused_for_what_is_wrong_with_it(
    face: Pixels, spoil: Callable[[Pixels], Pixels], code: str
) -> None:
    assert code in codes(spoil(face))


def test_one_eye_is_enough_unless_the_policy_is_strict(face: Pixels) -> None:
    quality = assessed(one_eye_covered(face))

    assert quality.ok
    assert [reason.code for reason in reasons(quality.measures, "strict")] == ["eyes_covered"]


@pytest.mark.parametrize(("distance", "expected"), [(11.9, ["too_small"]), (12.1, [])])
def test_a_face_is_as_small_as_its_eyes_are_near(
    face: Pixels, distance: float, expected: list[str]
) -> None:
    landmarks = ARCFACE_POINTS / np.linalg.norm(ARCFACE_POINTS[0] - ARCFACE_POINTS[1]) * distance

    assert codes(face, landmarks) == expected


@pytest.mark.parametrize("level", [0, 29, 128, 226, 255])
def test_brightness_is_the_mean_and_contrast_and_detail_of_a_flat_face_are_none(level: int) -> None:
    measures = assessed(gray(level)).measures

    assert measures["brightness"] == pytest.approx(level, abs=0.01)
    for measure in ("contrast", "sharpness", "noise", "eyes", "weaker_eye", "mouth"):
        assert measures[measure] == pytest.approx(0, abs=0.01)
    assert ("too_dark" in codes(gray(level))) == (level < 30)
    assert ("too_bright" in codes(gray(level))) == (level > 225)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255)])
def test_brightness_weighs_colours_as_the_eye_does(colour: tuple[int, int, int]) -> None:
    measured = assessed(np.broadcast_to(np.array(colour, np.uint8), (112, 112, 3)))

    weight = {0: 0.299, 1: 0.587, 2: 0.114}[colour.index(255)]
    assert measured.measures["brightness"] == pytest.approx(255 * weight, abs=0.01)


@pytest.mark.parametrize("sigma", [4, 10, 20])
def test_the_noise_that_was_added_is_the_noise_that_is_measured(sigma: float) -> None:
    slope = np.linspace(80, 160, 112)[None, :, None]  # a gradient is no noise
    grain = np.random.default_rng(0).normal(0, sigma, (112, 112, 1))
    noisy = np.broadcast_to((slope + grain).clip(0, 255).astype(np.uint8), (112, 112, 3))

    assert assessed(noisy).measures["noise"] == pytest.approx(sigma, rel=0.1)


def test_a_black_border_is_no_part_of_the_face(face: Pixels) -> None:
    framed = face.copy()
    framed[:20] = framed[103:] = 0
    framed[:, :15] = framed[:, 95:] = 0

    inside = assessed(framed).measures

    for measure in ("brightness", "contrast", "sharpness"):
        assert inside[measure] == assessed(face).measures[measure]


@pytest.mark.parametrize(
    ("size", "shift", "part"),
    [
        (PixelSize(112, 112), (0, 0), 0),
        (PixelSize(1000, 1000), (500, 500), 0),
        (PixelSize(56, 112), (0, 0), 0.5),  # the picture ends at the nose
        (PixelSize(112, 112), (-56, 0), 0.5),
        (PixelSize(112, 65), (0, 0), 0.5),
        (PixelSize(112, 112), (0, -65), 0.5),
        (PixelSize(112, 112), (200, 0), 1),
    ],
)
def test_what_the_picture_does_not_show_is_cut_off(
    face: Pixels, size: PixelSize, shift: tuple[int, int], part: float
) -> None:
    quality = assessed(face, ARCFACE_POINTS + np.array(shift, np.float32), size)

    assert quality.measures["cut_off"] == pytest.approx(part, abs=0.04)
    assert ("cut_off" in {reason.code for reason in quality.reasons}) == (part > 0.3)


@pytest.mark.parametrize(
    ("axis", "degrees", "expected"),
    [
        *(("yaw", degrees, []) for degrees in (-45, 0, 45)),
        *(("yaw", degrees, ["turned"]) for degrees in (-55, 55)),
        *(("roll", degrees, []) for degrees in (-22, 22)),
        *(("roll", degrees, ["tilted"]) for degrees in (-28, 28)),
    ],
)
def test_a_head_may_be_turned_some_way(
    face: Pixels, axis: str, degrees: float, expected: list[str]
) -> None:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    turned = {
        "yaw": HEAD[:, :2] * (cosine, 1) - HEAD[:, 2:] * (sine, 0),
        "roll": HEAD[:, :2] @ np.array([[cosine, sine], [-sine, cosine]]),
    }
    landmarks = (turned[axis] * 6 + 56).astype(np.float32)

    quality = assessed(face, landmarks, PixelSize(200, 200))

    assert quality.measures[axis] == pytest.approx(degrees, abs=0.1)
    assert [reason.code for reason in quality.reasons] == expected
    assert quality.judgeable  # a turned head alone leaves nobody uncertain


# Code, policy -> the last value that passes and the first that does not.
LIMITS: dict[tuple[str, str, str], tuple[float, float]] = {
    ("eye_distance", "too_small", "strict"): (24, 23.9),
    ("eye_distance", "too_small", "standard"): (12, 11.9),
    ("eye_distance", "too_small", "off"): (4, 3.9),
    ("eye_distance", "too_small", "judged"): (6, 5.9),
    ("cut_off", "cut_off", "strict"): (0.1, 0.11),
    ("cut_off", "cut_off", "standard"): (0.3, 0.31),
    ("cut_off", "cut_off", "judged"): (0.4, 0.41),
    ("brightness", "too_dark", "strict"): (50, 49),
    ("brightness", "too_dark", "standard"): (30, 29),
    ("brightness", "too_dark", "judged"): (10, 9),
    ("brightness", "too_bright", "strict"): (210, 211),
    ("brightness", "too_bright", "standard"): (225, 226),
    ("brightness", "too_bright", "judged"): (240, 241),
    ("contrast", "too_flat", "strict"): (12, 11.9),
    ("contrast", "too_flat", "standard"): (8, 7.9),
    ("contrast", "too_flat", "judged"): (4, 3.9),
    ("sharpness", "blurred", "strict"): (4, 3.9),
    ("sharpness", "blurred", "standard"): (2.5, 2.4),
    ("sharpness", "blurred", "judged"): (1.9, 1.8),
    ("noise", "noisy", "strict"): (8, 8.1),
    ("noise", "noisy", "standard"): (12, 12.1),
    ("noise", "noisy", "judged"): (14, 14.1),
    ("eyes", "eyes_covered", "strict"): (0.3, 0.29),
    ("eyes", "eyes_covered", "standard"): (0.1, 0.09),
    ("eyes", "eyes_covered", "judged"): (0.05, 0.04),
    ("weaker_eye", "eyes_covered", "strict"): (0.2, 0.19),
    ("mouth", "mouth_covered", "strict"): (0.2, 0.19),
    ("mouth", "mouth_covered", "standard"): (0.1, 0.09),
    ("yaw", "turned", "strict"): (30, 30.1),
    ("yaw", "turned", "standard"): (-50, -50.1),
    ("roll", "tilted", "strict"): (-15, -15.1),
    ("roll", "tilted", "standard"): (25, 25.1),
    ("detection_score", "unclear", "strict"): (0.75, 0.74),
}


@pytest.mark.parametrize(("measure", "code", "policy"), LIMITS)
def test_each_limit_is_where_the_figures_put_it(measure: str, code: str, policy: Policy) -> None:
    passes, fails = LIMITS[measure, code, policy]

    assert reasons({measure: passes}, policy) == ()
    assert [reason.code for reason in reasons({measure: fails}, policy)] == [code]


def test_no_limit_is_left_out_and_strict_refuses_most_and_what_is_judged_least() -> None:
    stated = {(check.measure, check.reason.code, name) for check in CHECKS for name in check.limits}

    assert stated == set(LIMITS)
    for check in CHECKS:
        order = [
            check.limits[name] for name in ("strict", "standard", "judged") if name in check.limits
        ]
        assert order == sorted(order) or order == sorted(order, reverse=True)
        assert all(check.beyond(looser, stricter) for stricter, looser in pairwise(order))


def test_each_reason_has_a_code_of_its_own_and_says_what_to_do() -> None:
    said = {check.reason for check in CHECKS}

    assert len({reason.code for reason in said}) == len(said)
    assert all(": " in reason.message and reason.message.endswith(".") for reason in said)


def test_each_reason_is_in_the_documentation_with_its_measure_and_its_words() -> None:
    rows = (ROOT / "docs" / "api.md").read_text("utf-8").splitlines()

    for check in CHECKS:
        (row,) = (row for row in rows if row.startswith(f"| `{check.reason.code}` |"))
        assert f"`{check.measure}`" in row
        assert check.reason.message in row


def test_a_measure_that_was_not_taken_is_not_bad() -> None:
    assert [reasons({}, policy) for policy in POLICIES] == [(), (), ()]


# -- policies, on the real models ------------------------------------------------------------


def anna(scale: float = 1, angle: float = 0, brightness: float = 1) -> bytes:
    """A good photo of Anna, made smaller, tilted or darker."""
    picture = portrait().rotate(angle, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
    picture = picture.resize((round(626 * scale), round(700 * scale)), Image.Resampling.LANCZOS)
    return saved(ImageEnhance.Brightness(picture).enhance(brightness), "PNG")


GOOD, SMALL, TINY = anna(), anna(scale=0.15), anna(scale=0.06)
TILTED, DARK, BLACK = anna(angle=-20), anna(brightness=0.15), anna(brightness=0.05)


@pytest.mark.parametrize(("angle", "least", "most"), [(0, 2, 10), (-10, 10, 22), (-20, 18, 32)])
def test_a_tilted_photo_is_tilted_as_much(
    engine: OnnxEngine, angle: float, least: float, most: float
) -> None:
    (face,) = engine.detect(decode(anna(angle=angle)))

    assert least < face.quality.measures["roll"] < most
    assert abs(face.quality.measures["yaw"]) < 30


def test_yunet_does_not_follow_a_head_that_lies_on_its_side(engine: OnnxEngine) -> None:
    (face,) = engine.detect(decode(anna(angle=-60)))

    assert abs(face.quality.measures["roll"]) < 45


def real(store: Store, engine: OnnxEngine, policy: Policy) -> Facecog:
    index = MemoryIndex.of(store, SFACE.name)
    return Facecog(engine, store, index, calibration_of(SFACE), decode, quality=policy)


@pytest.mark.parametrize(
    ("policy", "data", "refused"),
    [
        ("strict", GOOD, None),
        ("strict", SMALL, FaceTooSmall),
        ("strict", TILTED, ["tilted"]),
        ("standard", SMALL, None),
        ("standard", TILTED, None),
        ("standard", TINY, FaceTooSmall),
        ("standard", DARK, ["too_dark"]),
        ("off", TINY, None),
        ("off", DARK, None),
        ("off", BLACK, None),
        ("off", anna(scale=0.02), FaceTooSmall),
    ],
)
def test_the_policy_decides_what_is_registered(
    store: Store,
    engine: OnnxEngine,
    policy: Policy,
    data: bytes,
    refused: type[FaceTooSmall] | list[str] | None,
) -> None:
    facecog = real(store, engine, policy)

    if refused is None:
        facecog.enrol("Anna", data)
    elif refused is FaceTooSmall:
        with pytest.raises(FaceTooSmall):
            facecog.enrol("Anna", data)
    else:
        with pytest.raises(LowQuality) as caught:
            facecog.enrol("Anna", data)
        assert set(refused) <= {reason.code for reason in caught.value.quality.reasons}

    assert facecog.counts() == ((1, 1) if refused is None else (0, 0))


@pytest.mark.parametrize(
    ("data", "decision"),
    [
        (GOOD, Decision.UNKNOWN),
        (TILTED, Decision.UNKNOWN),
        (SMALL, Decision.UNKNOWN),
        (BLACK, Decision.UNCERTAIN),
    ],
)
def test_only_a_face_that_cannot_be_judged_is_uncertain(
    store: Store, engine: OnnxEngine, data: bytes, decision: Decision
) -> None:
    facecog = real(store, engine, "standard")
    facecog.enrol("Ben", photo("biden.jpg"))

    assert facecog.identify(data).faces[0].decision is decision
