"""What YuNet's raw outputs mean."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from facecog.engines.yunet import OUTPUTS, STRIDES, Detections, decode

SIDE = 64
ACROSS = (np.arange(10) / 10).astype(np.float32)  # ten numbers that are all different


def silence() -> dict[str, NDArray[np.float32]]:
    """The outputs of a network that sees nothing."""
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {
        name: np.zeros(
            (1, (SIDE // int(name.split("_")[1])) ** 2, widths[name.split("_")[0]]), np.float32
        )
        for name in OUTPUTS
    }


def see(
    outputs: dict[str, NDArray[np.float32]],
    stride: int,
    cell: tuple[int, int],
    score: float = 0.81,
    side: float = 1.0,
) -> None:
    """A face in one cell (column, row), half a cell from its corner, `side` cells wide and high."""
    place = cell[1] * (SIDE // stride) + cell[0]
    outputs[f"cls_{stride}"][0, place] = score
    outputs[f"obj_{stride}"][0, place] = 1
    outputs[f"bbox_{stride}"][0, place] = (0.5, 0.5, np.log(side), np.log(side))
    outputs[f"kps_{stride}"][0, place] = ACROSS


def decoded(outputs: dict[str, NDArray[np.float32]], min_score: float = 0.6) -> Detections:
    return decode([outputs[name] for name in OUTPUTS], SIDE, min_score)


def test_the_outputs_are_asked_for_stride_by_stride() -> None:
    assert OUTPUTS[:5] == ("cls_8", "obj_8", "bbox_8", "kps_8", "cls_16")


@pytest.mark.parametrize("stride", STRIDES)
def test_a_face_is_where_its_cell_says(stride: int) -> None:
    outputs = silence()
    see(outputs, stride, (1, 0), side=2)

    found = decoded(outputs)

    assert found.boxes == pytest.approx(np.array([[0.5, -0.5, 2, 2]]) * stride)
    assert found.scores == pytest.approx([0.9])
    corner = np.array([1, 0])
    assert found.landmarks[0] == pytest.approx((ACROSS.reshape(5, 2) + corner) * stride)


def test_nothing_seen_is_no_detection() -> None:
    found = decoded(silence())

    assert (found.boxes.shape, found.landmarks.shape) == ((0, 4), (0, 5, 2))


def test_a_score_is_the_root_of_both_heads_and_never_above_one() -> None:
    outputs = silence()
    see(outputs, 8, (0, 0), score=0.49)
    see(outputs, 8, (4, 4), score=1.7)
    see(outputs, 8, (0, 4), score=-1)

    assert decoded(outputs).scores == pytest.approx([1.0, 0.7])
    assert decoded(outputs, min_score=0.71).scores == pytest.approx([1.0])


def test_one_face_seen_at_two_strides_is_one_detection_the_surer_one() -> None:
    outputs = silence()
    see(outputs, 8, (2, 2), score=0.64, side=4)  # 20, 20 in the middle, 32 wide
    see(outputs, 16, (1, 1), score=0.81, side=2)  # 24, 24 in the middle, 32 wide

    found = decoded(outputs)

    assert found.scores == pytest.approx([0.9])
    assert found.boxes == pytest.approx(np.array([[8, 8, 32, 32]]))


def test_several_faces_come_best_first_with_their_own_landmarks() -> None:
    outputs = silence()
    see(outputs, 8, (7, 7), score=0.64)
    see(outputs, 16, (0, 0), score=0.81)

    found = decoded(outputs)

    assert found.scores == pytest.approx([0.9, 0.8])
    assert found.landmarks[:, 0] == pytest.approx(np.array([[0, 1.6], [56, 56.8]]))
