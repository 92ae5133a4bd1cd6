"""The frozen nouns."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from PIL import Image

from facecog.domain import (
    Box,
    Candidate,
    Decision,
    Face,
    Identification,
    IdentifiedFace,
    Operation,
    Picture,
    PixelSize,
    Quality,
    Reason,
    Template,
)

FACE = Face(Box(0, 0, 8, 8), np.zeros((5, 2), np.float32), 1.0, Quality({}))


@pytest.mark.parametrize(
    "vector",
    [
        [],
        [0, 0],
        [1, 1],
        [0.998, 0],
        [float("nan"), 1],
        [float("inf"), 0],
        [[1, 0]],
        1,
    ],
    ids=str,
)
def test_a_template_is_one_vector_of_norm_one(vector: object) -> None:
    with pytest.raises(ValueError, match="norm 1"):
        Template(np.array(vector, np.float32), "sface")


def test_a_template_may_be_off_by_rounding() -> None:
    vector = np.full(128, 128**-0.5, np.float16).astype(np.float32)

    assert Template(vector, "sface").vector is vector


def test_a_noun_does_not_change() -> None:
    template = Template(np.array([1.0], np.float32), "sface")

    with pytest.raises(FrozenInstanceError):
        template.model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("width", "scale"), [(100, 1.0), (50, 2.0), (33, 100 / 33)])
def test_the_scale_leads_from_decoded_pixels_to_those_sent(width: int, scale: float) -> None:
    picture = Picture(Image.new("RGB", (width, width)), PixelSize(100, 100))

    assert picture.scale == pytest.approx(scale)


def test_a_box_is_scaled_with_its_place() -> None:
    assert Box(1, 2, 3, 4).scaled(2) == Box(2, 4, 6, 8)


def test_a_box_is_as_far_away_as_its_middle() -> None:
    assert Box(0, 0, 8, 8).distance(4, 4) == 0
    assert Box(0, 0, 8, 8).distance(7, 8) == 5


def test_a_face_with_a_reason_against_it_is_not_good_enough() -> None:
    assert Quality({}).ok
    assert not Quality({}, (Reason("blurred", "Hold still."),)).ok


def identified(name: str, score: float, decision: Decision = Decision.MATCH) -> IdentifiedFace:
    return IdentifiedFace(FACE, decision, 0.5, (Candidate(name, name, score, name),))


def identification(*faces: IdentifiedFace) -> Identification:
    return Identification(PixelSize(8, 8), faces, Operation(0.5, 1e-5, "sface"), 3)


def test_the_best_of_a_picture_is_its_surest_match() -> None:
    found = identification(
        identified("Ben", 0.6),
        identified("Anna", 0.7),
        identified("Carl", 0.9, Decision.UNKNOWN),
    )

    assert found.best is not None
    assert found.best.name == "Anna"


def test_a_picture_of_strangers_has_no_best() -> None:
    assert identification(identified("Carl", 0.4, Decision.UNKNOWN)).best is None
    assert identification().best is None


def test_a_stranger_has_a_score_and_no_match() -> None:
    carl = identified("Carl", 0.4, Decision.UNKNOWN)

    assert (carl.score, carl.match) == (0.4, None)
