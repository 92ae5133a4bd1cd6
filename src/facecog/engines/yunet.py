"""What YuNet's raw outputs mean: decoding them into boxes, landmarks and scores.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023, and the decoding of
OpenCV's FaceDetectorYN (modules/objdetect/src/face_detect.cpp).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.geometry import non_maximum_suppression

STRIDES = (8, 16, 32)
HEADS = ("cls", "obj", "bbox", "kps")
OUTPUTS = tuple(f"{head}_{stride}" for stride in STRIDES for head in HEADS)
OVERLAP = 0.3

Array = NDArray[np.float32]


class Detections(NamedTuple):
    """n detections in pixels of the network's input, best first.

    boxes: (n, 4) x, y, width, height; landmarks: (n, 5, 2); scores: (n,).
    """

    boxes: Array
    landmarks: Array
    scores: Array


def decode(outputs: list[Array], width: int, min_score: float) -> Detections:
    """The network's outputs, in the order of OUTPUTS, for an input of `width` pixels across."""
    kinds = (outputs[kind :: len(HEADS)] for kind in range(len(HEADS)))
    cls, obj, bbox, kps = (np.concatenate(levels, axis=1)[0] for levels in kinds)
    scores = np.sqrt(_part(cls[:, 0]) * _part(obj[:, 0]))
    sure = (scores >= min_score).nonzero()[0]
    cells, strides = _places(width, tuple(level.shape[1] for level in outputs[:: len(HEADS)]))
    cell, stride = cells[sure], strides[sure]
    extent = np.exp(bbox[sure, 2:]) * stride
    corner = (cell + bbox[sure, :2]) * stride - extent / 2
    landmarks = (kps[sure].reshape(-1, 5, 2) + cell[:, None]) * stride[:, None]
    boxes, certain = np.concatenate([corner, extent], axis=1), scores[sure]
    kept = non_maximum_suppression(boxes, certain, OVERLAP)
    return Detections(boxes[kept], landmarks[kept], certain[kept])


def _part(scores: Array) -> Array:
    """Within 0 and 1."""
    return np.minimum(np.maximum(scores, 0), 1)


@lru_cache(maxsize=16)  # the pictures of one camera have one size
def _places(width: int, counts: tuple[int, ...]) -> tuple[Array, Array]:
    """Of each place in the outputs its cell, shape (n, 2) in strides, and its stride, (n, 1).

    Args:
        counts: places of each of STRIDES.
    """
    columns = [width // stride for stride in STRIDES]
    at = [np.arange(count) for count in counts]
    cells = [
        np.stack([place % across, place // across], axis=1)
        for place, across in zip(at, columns, strict=True)
    ]
    strides = np.repeat(STRIDES, counts)[:, None]
    return np.concatenate(cells).astype(np.float32), strides.astype(np.float32)
