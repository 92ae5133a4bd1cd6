"""Where things are in a picture: pure NumPy and one Pillow resampling call, no model."""

from __future__ import annotations

import math
from operator import mul
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Box, Pixels

Points = NDArray[np.float32]
Row = tuple[float, float, float]

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
    13(4), 1991) without a singular value decomposition, and never a mirror image. In Python's own
    numbers, which for five points takes half the time of NumPy.
    """
    a, b = _complex(source), _complex(target)
    a_mean, b_mean = sum(a) / len(a), sum(b) / len(b)
    turned, length = 0j, 0.0
    for one, other in zip(a, b, strict=True):
        one -= a_mean
        turned += one.conjugate() * (other - b_mean)
        length += one.real * one.real + one.imag * one.imag
    factor = turned / max(length, 1e-12)
    shift = b_mean - factor * a_mean
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )


def _complex(points: Points) -> list[complex]:
    return [complex(x, y) for x, y in points.tolist()]


def pose(landmarks: Points) -> Pose:
    """How a head is turned, from five landmarks.

    Args:
        landmarks: shape (5, 2), in pixels.

    The affine map that best takes HEAD to the landmarks (least squares), and the rotation nearest
    to it: a camera far enough away that a face has no perspective of its own ("weak perspective";
    DeMenthon and Davis, IJCV 15, 1995, without the iterations). One average head stands for all,
    so that a long nose reads as a few degrees.
    """
    across, down = landmarks.T.tolist()
    # Where the landmarks are as a whole does not matter: each row of the inverse adds up to 0.
    (x, y, z), (u, v, w) = _nearest_rotation(_affine(across), _affine(down))
    angles = (
        math.asin(min(1.0, max(-1.0, y * w - z * v))),  # of right x down, which points backwards
        math.atan2(z * u - x * w, x * v - y * u),
        math.atan2(u, x),
    )
    return Pose(*map(math.degrees, angles))


def _affine(along: list[float]) -> Row:
    """What takes HEAD to the landmarks along one axis of the picture."""
    x, y, z = (sum(map(mul, row, along)) for row in _HEAD_INVERSE)
    return x, y, z


def _nearest_rotation(one: Row, other: Row) -> tuple[Row, Row]:
    """The two rows of norm 1, at right angles, that are nearest to two rows.

    They are (M M^T)^(-1/2) M (Higham, "Computing the polar decomposition", SIAM J. Sci. Stat.
    Comput. 7(4), 1986), and of a 2 x 2 matrix A the root is
    (A + sqrt(det A)) / sqrt(trace A + 2 sqrt(det A)).
    """
    p, q, r = _dot(one, one), _dot(one, other), _dot(other, other)
    root = math.sqrt(max(p * r - q * q, 1e-24))  # landmarks on one line have none
    by = 1 / (root * math.sqrt(p + r + 2 * root))
    i, j, k = (r + root) * by, -q * by, (p + root) * by
    return _added(i, one, j, other), _added(j, one, k, other)


def _dot(one: Row, other: Row) -> float:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def _added(a: float, one: Row, b: float, other: Row) -> Row:
    """a * one + b * other."""
    x, y, z = (a * mine + b * theirs for mine, theirs in zip(one, other, strict=True))
    return x, y, z


_HEAD_INVERSE = np.linalg.pinv(HEAD - HEAD.mean(axis=0)).tolist()


def pixel_of_crop(landmarks: Points) -> float:
    """How many pixels of a picture make one of the aligned crop, from landmarks of shape (5, 2)."""
    forward = similarity_transform(landmarks, ARCFACE_POINTS)
    return 1 / max(float(np.hypot(*forward[:, 0])), 1e-12)


def align(image: Image.Image, landmarks: Points, side: int = 112) -> Pixels:
    """Cut out a face so that its landmarks lie on ARCFACE_POINTS.

    Args:
        image: RGB.
        landmarks: shape (5, 2), in pixels of `image`.
        side: of the square crop, in pixels.

    Returns:
        RGB, uint8, shape (side, side, 3), bilinear; black where the picture ends.
    """
    forward = similarity_transform(landmarks, ARCFACE_POINTS * (side / 112))
    return np.asarray(warp(image, forward, side))


def warp(image: Image.Image, forward: NDArray[np.float64], side: int) -> Image.Image:
    """The square that a part of a picture is taken to: bilinear; black where the picture ends.

    Args:
        image: RGB.
        forward: shape (2, 3), from pixels of the picture to those of the square.
        side: of the square, in pixels.
    """
    (a, b, x), (c, d, y) = forward.tolist()
    scale = (a * d - b * c) or 1e-12
    a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
    # Pillow samples output pixel centres (i + 0.5), landmarks count pixel centres as whole numbers.
    x, y = x + 0.5, y + 0.5
    backward = (a, b, 0.5 - a * x - b * y, c, d, 0.5 - c * x - d * y)
    size = (side, side)
    return image.transform(size, Image.Transform.AFFINE, backward, Image.Resampling.BILINEAR)


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


def bounds(size: tuple[int, int], box: Box, margin: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a face with its surroundings, as far as the picture goes.

    Args:
        size: width and height of the picture.
        box: of the face, in pixels of the picture.
        margin: added on each side, as a part of the box's larger side.
    """
    width, height = size
    grow = margin * max(box.width, box.height)
    return (
        max(0, int(box.x - grow)),
        max(0, int(box.y - grow)),
        min(width, math.ceil(box.x + box.width + grow)),
        min(height, math.ceil(box.y + box.height + grow)),
    )


def crop(image: Image.Image, box: Box, margin: float = 0.5) -> Image.Image:
    """The face with its surroundings, as it is kept in `dataset/`.

    The margin, as in `bounds`, is there so that another model can find and align the face again.
    """
    return image.crop(bounds(image.size, box, margin))
