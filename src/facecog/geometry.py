"""Where things are in a picture: pure NumPy and one Pillow resampling call, no model."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Box, Pixels

Points = NDArray[np.float32]

# Where the five landmarks lie in an aligned 112x112 crop: right eye, left eye, nose, mouth corners.
# Source: the template of ArcFace (Deng et al., CVPR 2019), as in insightface's face_align.py.
ARCFACE_POINTS: Points = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)

# The same landmarks of a head that looks straight at the camera, in centimetres: x to the right and
# y down as in a picture, z away from the camera.
# Source: MediaPipe's canonical face model (Apache-2.0), canonical_face_model.obj: the lids above
# and below the pupils (vertices 145, 159, 374, 386 and their neighbours), 1, 61 and 291.
HEAD = np.array(
    [
        [-3.18, -2.63, -3.83],
        [3.18, -2.63, -3.83],
        [0.0, 1.127, -7.476],
        [-2.456, 4.343, -4.284],
        [2.456, 4.343, -4.284],
    ]
)


class Pose(NamedTuple):
    """How a head is turned, in degrees; 0 looks straight at the camera.

    Attributes:
        yaw: positive to the right of the picture.
        pitch: positive downwards.
        roll: positive clockwise.
    """

    yaw: float
    pitch: float
    roll: float


def similarity_transform(source: Points, target: Points) -> NDArray[np.float64]:
    """The rotation, scale and shift that best move `source` onto `target` (least squares).

    Args:
        source, target: shape (n, 2), x and y.

    Returns:
        shape (2, 3): [sR | t], so that target ~ source @ M[:, :2].T + M[:, 2].

    In the complex plane rotation and scale are one factor, and its least-squares value is
    conj(a) . b / |a|^2 of the points around their means. It is Umeyama's transform (IEEE TPAMI
    13(4), 1991) without a singular value decomposition, and never a mirror image.
    """
    a, b = _complex(source), _complex(target)
    a_mean, b_mean = a.mean(), b.mean()
    a, b = a - a_mean, b - b_mean
    factor = np.vdot(a, b) / max(np.vdot(a, a).real, 1e-12)
    shift = b_mean - factor * a_mean
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def _complex(points: Points) -> NDArray[np.complex128]:
    return points.astype(np.float64, order="C").view(np.complex128).ravel()


def pose(landmarks: Points) -> Pose:
    """How a head is turned, from five landmarks.

    Args:
        landmarks: shape (5, 2), in pixels.

    The affine map that best takes HEAD to the landmarks (least squares), and the rotation nearest
    to it: a camera far enough away that a face has no perspective of its own ("weak perspective";
    DeMenthon and Davis, IJCV 15, 1995, without the iterations). One average head stands for all,
    so that a long nose reads as a few degrees.
    """
    affine = (landmarks - landmarks.mean(axis=0)).T @ _HEAD_INVERSE.T
    before, _, after = np.linalg.svd(affine, full_matrices=False)
    (x, y, z), (u, v, w) = (before @ after).tolist()  # to the right and down in the picture
    angles = (
        math.asin(min(1.0, max(-1.0, y * w - z * v))),  # of right x down, which points backwards
        math.atan2(z * u - x * w, x * v - y * u),
        math.atan2(u, x),
    )
    return Pose(*map(math.degrees, angles))


_HEAD_INVERSE = np.linalg.pinv(HEAD - HEAD.mean(axis=0))


def pixel_of_crop(landmarks: Points) -> float:
    """How many pixels of a picture make one of the aligned crop, from landmarks of shape (5, 2)."""
    forward = similarity_transform(landmarks, ARCFACE_POINTS)
    return 1 / max(float(np.hypot(*forward[:, 0])), 1e-12)


def align(pixels: Pixels, landmarks: Points, side: int = 112) -> Pixels:
    """Cut out a face so that its landmarks lie on ARCFACE_POINTS.

    Args:
        pixels: RGB, uint8, shape (H, W, 3).
        landmarks: shape (5, 2), in pixels of `pixels`.
        side: of the square crop, in pixels.

    Returns:
        RGB, uint8, shape (side, side, 3), bilinear; black where the picture ends.
    """
    return warp(pixels, similarity_transform(landmarks, ARCFACE_POINTS * (side / 112)), side)


def warp(pixels: Pixels, forward: NDArray[np.float64], side: int) -> Pixels:
    """The square that a part of a picture is taken to.

    Args:
        pixels: RGB, uint8, shape (H, W, 3).
        forward: shape (2, 3), from pixels of the picture to those of the square.
        side: of the square, in pixels.

    Returns:
        RGB, uint8, shape (side, side, 3), bilinear; black where the picture ends.
    """
    linear = np.linalg.inv(forward[:, :2])
    # Pillow samples output pixel centres (i + 0.5), landmarks count pixel centres as whole numbers.
    shift = linear @ (-forward[:, 2] - 0.5) + 0.5
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ linear.T + shift
    left, top, right, bottom = _around(corners, pixels)
    backward = np.column_stack([linear, shift - (left, top)])
    # The part alone that is sampled: Pillow copies what it is given.
    warped = Image.fromarray(pixels[top:bottom, left:right]).transform(
        (side, side),
        Image.Transform.AFFINE,
        tuple(backward.ravel().tolist()),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(warped)


def _around(corners: NDArray[np.float64], pixels: Pixels) -> tuple[int, int, int, int]:
    """The part of a picture that holds these points and their neighbours; at least one pixel."""
    height, width = pixels.shape[:2]
    left, top = (math.floor(value) - 1 for value in corners.min(axis=0))
    right, bottom = (math.ceil(value) + 1 for value in corners.max(axis=0))
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return left, top, max(min(right, width), left + 1), max(min(bottom, height), top + 1)


def non_maximum_suppression(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float
) -> NDArray[np.intp]:
    """Keep the best of each group of boxes that cover each other.

    Args:
        boxes: shape (n, 4), x, y, width, height.
        scores: shape (n,).
        overlap: intersection over union above which the weaker box goes.

    Returns:
        indices of the boxes kept, best score first.
    """
    left, top = boxes[:, 0], boxes[:, 1]
    right, bottom = left + boxes[:, 2], top + boxes[:, 3]
    area = boxes[:, 2] * boxes[:, 3]
    order = np.argsort(-scores, kind="stable")
    kept: list[np.intp] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        width = np.minimum(right[best], right[rest]) - np.maximum(left[best], left[rest])
        height = np.minimum(bottom[best], bottom[rest]) - np.maximum(top[best], top[rest])
        shared = width.clip(0) * height.clip(0)
        order = rest[shared <= overlap * (area[best] + area[rest] - shared)]
    return np.array(kept, dtype=np.intp)


def bounds(pixels: Pixels, box: Box, margin: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a face with its surroundings, as far as the picture goes.

    Args:
        pixels: RGB, uint8, shape (H, W, 3).
        box: of the face, in pixels of `pixels`.
        margin: added on each side, as a part of the box's larger side.
    """
    height, width = pixels.shape[:2]
    grow = margin * max(box.width, box.height)
    return (
        max(0, int(box.x - grow)),
        max(0, int(box.y - grow)),
        min(width, math.ceil(box.x + box.width + grow)),
        min(height, math.ceil(box.y + box.height + grow)),
    )


def crop(pixels: Pixels, box: Box, margin: float = 0.5) -> Pixels:
    """The face with its surroundings, as it is kept in `dataset/`.

    The margin, as in `bounds`, is there so that another model can find and align the face again.
    """
    left, top, right, bottom = bounds(pixels, box, margin)
    return np.ascontiguousarray(pixels[top:bottom, left:right])
