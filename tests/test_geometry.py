"""Where things are in a picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Box
from facecog.geometry import (
    ARCFACE_POINTS,
    HEAD,
    align,
    crop,
    non_maximum_suppression,
    pose,
    similarity_transform,
)

angles = st.floats(-math.pi, math.pi)
scales = st.floats(0.05, 20)
shifts = st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000))


def similarity(angle: float, scale: float, shift: tuple[float, float]) -> NDArray[np.float64]:
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[a, -b, shift[0]], [b, a, shift[1]]])


def moved(points: NDArray[np.float32], by: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = points.astype(np.float64) @ by[:, :2].T + by[:, 2]
    return result


@given(angles, scales, shifts)
def test_a_known_transform_is_recovered(
    angle: float, scale: float, shift: tuple[float, float]
) -> None:
    known = similarity(angle, scale, shift)

    found = similarity_transform(ARCFACE_POINTS, moved(ARCFACE_POINTS, known))  # type: ignore[arg-type]

    assert found == pytest.approx(known, rel=1e-4, abs=1e-3)


@given(st.lists(st.floats(-6, 6), min_size=10, max_size=10), angles)
def test_no_similarity_near_it_fits_noisy_points_better(noise: list[float], angle: float) -> None:
    target = moved(ARCFACE_POINTS, similarity(angle, 1, (0, 0))) + np.reshape(noise, (5, 2))

    def error(transform: NDArray[np.float64]) -> float:
        return float(((moved(ARCFACE_POINTS, transform) - target) ** 2).sum())

    best = similarity_transform(ARCFACE_POINTS, target)

    a, b = best[0, 0], best[1, 0]
    assert best[:, :2] == pytest.approx(np.array([[a, -b], [b, a]]), abs=1e-6)
    for nudge in (
        similarity(0.01, 1, (0, 0)),
        similarity(0, 1.01, (0, 0)),
        similarity(0, 1, (1, 1)),
    ):
        linear = nudge[:, :2] @ best[:, :2]
        assert error(best) <= error(np.column_stack([linear, best[:, 2] + nudge[:, 2]])) + 1e-6


def test_a_mirror_image_is_not_taken_for_a_turn() -> None:
    mirrored = ARCFACE_POINTS * np.array([-1, 1], np.float32)

    assert np.linalg.det(similarity_transform(ARCFACE_POINTS, mirrored)[:, :2]) > 0


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def largest_difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b).max())


def test_a_face_that_is_aligned_already_stays_as_it_is() -> None:
    assert (
        largest_difference(align(Image.fromarray(noise(112, 112)), ARCFACE_POINTS), noise(112, 112))
        <= 1
    )


def test_a_face_beside_is_cut_out_pixel_by_pixel_and_black_beyond_the_border() -> None:
    pixels = noise(120, 150)

    aligned = align(Image.fromarray(pixels), ARCFACE_POINTS + np.array([50, 20], np.float32))

    assert largest_difference(aligned[:99, :99], pixels[20:119, 50:149]) <= 1
    assert (aligned[101:] == 0).all()
    assert (aligned[:, 101:] == 0).all()


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, 3.0])
@pytest.mark.parametrize("scale", [1.0, 1.7, 3.0])
def test_the_landmarks_of_a_turned_face_come_to_lie_on_the_template(
    angle: float, scale: float
) -> None:
    middle = similarity(0, 1, (-56, -72))
    landmarks = moved(moved(ARCFACE_POINTS, middle), similarity(angle, scale, (260, 270)))  # type: ignore[arg-type]
    y, x = np.mgrid[0:540, 0:520]
    near = np.exp(
        -((x[..., None] - landmarks[:, 0]) ** 2 + (y[..., None] - landmarks[:, 1]) ** 2) / 18
    )
    pixels = np.repeat(near.max(axis=2, keepdims=True) * 255, 3, axis=2).astype(np.uint8)

    aligned = align(Image.fromarray(pixels), landmarks.astype(np.float32))[:, :, 0].astype(float)

    for px, py in ARCFACE_POINTS:
        top, left = round(float(py)) - 6, round(float(px)) - 6
        patch = aligned[top : top + 13, left : left + 13]
        rows, columns = np.mgrid[top : top + 13, left : left + 13]
        spot = (columns * patch).sum() / patch.sum(), (rows * patch).sum() / patch.sum()
        assert spot == pytest.approx((px, py), abs=0.25)


def test_another_side_is_the_same_face_at_another_size() -> None:
    pixels = np.repeat(np.repeat(noise(28, 28), 4, axis=0), 4, axis=1)

    small = align(Image.fromarray(pixels), ARCFACE_POINTS, side=56)

    assert small.shape == (56, 56, 3)
    assert np.abs(small[::2, ::2].astype(int) - noise(28, 28)).mean() < 40


boxes = st.lists(
    st.tuples(*(st.integers(0, 30) for _ in range(2)), *(st.integers(0, 20) for _ in range(2))),
    max_size=12,
)


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union, counted cell by cell."""
    grid = np.zeros((2, 51, 51), bool)
    for layer, (x, y, width, height) in zip(grid, (a.astype(int), b.astype(int)), strict=True):
        layer[y : y + height, x : x + width] = True
    union = (grid[0] | grid[1]).sum()
    return float((grid[0] & grid[1]).sum() / union) if union else 0.0


@given(boxes, st.sampled_from([0.1, 0.3, 0.7]), st.randoms(use_true_random=False))
def test_of_boxes_that_cover_each_other_the_best_is_kept(
    given_boxes: list[tuple[int, ...]], limit: float, random: object
) -> None:
    array = np.array(given_boxes, np.float32).reshape(-1, 4)
    scores = np.array([random.randint(0, 5) for _ in given_boxes], np.float32)  # type: ignore[attr-defined]

    kept = non_maximum_suppression(array, scores, limit)

    expected: list[int] = []
    for i in sorted(range(len(array)), key=lambda i: -scores[i]):
        if all(overlap(array[i], array[j]) <= limit for j in expected):
            expected.append(i)
    assert kept.tolist() == expected


def test_a_crop_has_a_margin_of_the_boxs_larger_side() -> None:
    pixels = noise(100, 200)
    image, box = Image.fromarray(pixels), Box(80, 40, 20, 10)

    assert np.array_equal(crop(image, box), pixels[30:60, 70:110])
    assert np.array_equal(crop(image, box, margin=0), pixels[40:50, 80:100])


def test_a_crop_ends_at_the_border_of_the_picture() -> None:
    pixels = noise(100, 200)

    cut_out = crop(Image.fromarray(pixels), Box(-10, 80.4, 40, 30))

    assert np.array_equal(cut_out, pixels[60:100, 0:50])


def turned(head: NDArray[np.float64], yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    """The head turned: first down, then to the right, then clockwise, in degrees."""
    y, p, r = -math.radians(yaw), math.radians(pitch), math.radians(roll)
    down = [[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]]
    right = [[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]]
    clockwise = [[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]]
    result: NDArray[np.float64] = head @ (np.array(clockwise) @ right @ down).T
    return result


@given(st.floats(-60, 60), st.floats(-40, 40), st.floats(-80, 80), scales, shifts)
def test_the_pose_of_a_turned_head_is_found(
    yaw: float, pitch: float, roll: float, scale: float, shift: tuple[float, float]
) -> None:
    seen = turned(HEAD, yaw, pitch, roll)[:, :2] * scale + shift

    assert pose(seen.astype(np.float32)) == pytest.approx((yaw, pitch, roll), abs=0.5)


@given(st.floats(-45, 45), st.floats(-20, 20), st.floats(-30, 30))
def test_a_camera_at_arms_length_shifts_the_pose_by_a_few_degrees(
    yaw: float, pitch: float, roll: float
) -> None:
    there = turned(HEAD - HEAD.mean(axis=0), yaw, pitch, roll) + np.array((0, 0, 60))
    seen = 600 * there[:, :2] / there[:, 2:]

    assert pose(seen.astype(np.float32)) == pytest.approx((yaw, pitch, roll), abs=5)


@pytest.mark.parametrize("nose", [0.8, 1.2])
@pytest.mark.parametrize("width", [0.9, 1.1])
def test_another_head_shifts_the_pose_by_some_degrees(nose: float, width: float) -> None:
    head = HEAD * (width, 1, 1)
    head[2, 2] = HEAD[0, 2] + nose * (HEAD[2, 2] - HEAD[0, 2])

    for angles in ((0, 0, 0), (30, 0, 0), (-30, 10, 10), (45, -10, 0)):
        seen = turned(head, *angles)[:, :2]
        assert pose(seen.astype(np.float32)) == pytest.approx(angles, abs=10)


def test_a_mirrored_face_is_turned_the_other_way() -> None:
    seen = turned(HEAD, 30, 10, 15)[:, :2]
    mirrored = (seen * (-1, 1))[[1, 0, 2, 4, 3]]

    assert pose(mirrored.astype(np.float32)) == pytest.approx((-30, 10, -15), abs=0.1)


def test_a_nose_to_the_right_below_or_clockwise_of_the_middle_counts_up() -> None:
    right, down = ARCFACE_POINTS.copy(), ARCFACE_POINTS.copy()
    right[2, 0] += 8
    down[2, 1] += 8
    clockwise = moved(ARCFACE_POINTS, similarity(math.radians(10), 1, (0, 0)))
    straight = pose(ARCFACE_POINTS)

    assert pose(right).yaw > straight.yaw + 10
    assert pose(down).pitch > straight.pitch + 10
    assert pose(clockwise.astype(np.float32)).roll == pytest.approx(straight.roll + 10, abs=0.1)


@given(st.lists(st.floats(-500, 500, width=32), min_size=10, max_size=10))
def test_a_pose_has_angles_whatever_the_landmarks(numbers: list[float]) -> None:
    """All in one place, or on one line, too."""
    landmarks = np.array(numbers, np.float32).reshape(5, 2)

    for given_points in (landmarks, landmarks * [1, 0], landmarks[:1].repeat(5, axis=0)):
        assert np.isfinite(pose(given_points.astype(np.float32))).all()


def test_the_rotation_of_a_pose_is_that_of_a_singular_value_decomposition() -> None:
    random = np.random.default_rng(0)
    centred = HEAD - HEAD.mean(axis=0)

    for _ in range(100):
        seen = (ARCFACE_POINTS * 3 + random.normal(0, 20, (5, 2))).astype(np.float32)
        affine = (seen - seen.mean(axis=0)).T.astype(float) @ np.linalg.pinv(centred).T
        before, _, after = np.linalg.svd(affine, full_matrices=False)
        (x, y, z), (u, v, w) = before @ after
        angles = np.degrees(
            [np.arcsin(y * w - z * v), np.arctan2(z * u - x * w, x * v - y * u), np.arctan2(u, x)]
        )
        assert pose(seen) == pytest.approx(angles, abs=1e-3)
