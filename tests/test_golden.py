"""Golden vectors: the first numbers of each model for a known photo, so that no change of the
preprocessing stays unseen.

SFace is fed RGB 0 to 255 on the five ArcFace points and its vectors are centred, YuNet is fed BGR
0 to 255; the mutants below show that anything else would be noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facecog import geometry
from facecog.domain import Face, Pixels
from facecog.engines import onnx, yunet
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.onnx import OnnxEngine
from facecog.image import decode
from tests.assets import MODELS, photo

# The photo is looked at once, at half its size.
BOX = (368.46, 87.28, 238.78, 338.18)
LANDMARKS = (
    *((433.31, 215.89), (551.80, 216.24), (490.60, 279.48)),
    *((435.59, 325.50), (547.41, 327.19)),
)
TEMPLATE = (0.0670, 0.0214, -0.0590, -0.0157, 0.0406, 0.1098, 0.1066, -0.1241)


def faces(detector: Card = YUNET, embedder: Card = SFACE) -> tuple[Face, ...]:
    return OnnxEngine(detector, embedder, MODELS).embed(decode(photo("obama.jpg")))


def detection_is_golden(found: tuple[Face, ...]) -> bool:
    """Within half a pixel, of a face of 240."""
    return len(found) == 1 and bool(
        np.allclose(found[0].box, BOX, rtol=0, atol=0.5)
        and np.allclose(found[0].landmarks, LANDMARKS, rtol=0, atol=0.5)
        and abs(found[0].detection_score - 0.948) < 0.005
    )


def template_is_golden(found: tuple[Face, ...]) -> bool:
    return len(found) == 1 and bool(
        found[0].template is not None
        and found[0].template.vector.shape == (SFACE.dimension,)
        and np.allclose(found[0].template.vector[: len(TEMPLATE)], TEMPLATE, rtol=0, atol=0.005)
    )


def test_a_known_photo_gives_the_golden_numbers() -> None:
    found = faces()

    assert detection_is_golden(found)
    assert template_is_golden(found)


@pytest.mark.parametrize(
    "mutant",
    [
        replace(SFACE, channels="BGR"),
        replace(SFACE, scale=1 / 255),
        replace(SFACE, mean=127.5, scale=1 / 128),
        replace(SFACE, centre=()),
        replace(SFACE, centre=tuple(1.2 * number for number in SFACE.centre)),
        replace(SFACE, centre=(*SFACE.centre[1:], SFACE.centre[0])),
    ],
    ids=["BGR", "scale", "mean", "no centre", "larger centre", "turned centre"],
)
def test_an_embedder_that_is_fed_or_centred_otherwise_is_seen(mutant: Card) -> None:
    found = faces(embedder=mutant)

    assert detection_is_golden(found)
    assert not template_is_golden(found)


@pytest.mark.parametrize(
    "mutant",
    [
        replace(YUNET, channels="RGB"),
        replace(YUNET, scale=1 / 255),
        replace(YUNET, mean=127.5),
    ],
    ids=["RGB", "scale", "mean"],
)
def test_a_detector_that_is_fed_otherwise_is_seen(mutant: Card) -> None:
    assert not detection_is_golden(faces(detector=mutant))


@pytest.mark.parametrize(
    "shifted",
    [
        lambda points: points + np.float32(0.5),
        lambda points: points - np.array([8, 0], np.float32),  # the template of 96 x 112
        lambda points: points * np.float32(1.03),
        lambda points: points[[1, 0, 2, 4, 3]],
    ],
    ids=["half a pixel", "96 wide", "larger", "mirrored"],
)
def test_other_points_to_align_to_are_seen(
    shifted: Callable[[geometry.Points], geometry.Points], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geometry, "ARCFACE_POINTS", shifted(geometry.ARCFACE_POINTS))

    assert not template_is_golden(faces())


def test_a_picture_that_is_mirrored_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def mirrored(image: Image.Image, landmarks: geometry.Points) -> Pixels:
        return geometry.align(image, landmarks)[:, ::-1]

    monkeypatch.setattr(onnx, "align", mirrored)

    assert not template_is_golden(faces())


def test_a_shifted_grid_of_the_detector_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = yunet.decode

    def shifted(outputs: list[NDArray[np.float32]], *rest: float) -> yunet.Detections:
        boxes, landmarks, scores = decode(outputs, *rest)  # type: ignore[arg-type]
        return yunet.Detections(boxes + np.array([1, 1, 0, 0], np.float32), landmarks + 1, scores)

    monkeypatch.setattr(yunet, "decode", shifted)

    assert not detection_is_golden(faces())
