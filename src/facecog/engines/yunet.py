"""What YuNet's raw outputs mean: decoding them into boxes, landmarks and scores.

Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023, and the decoding of
OpenCV's FaceDetectorYN (modules/objdetect/src/face_detect.cpp).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.geometry import non_maximum_suppression

STRIDES = (8, 16, 32)
OUTPUTS = tuple(f"{head}_{stride}" for stride in STRIDES for head in ("cls", "obj", "bbox", "kps"))
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
    levels = [
        _level(stride, width, min_score, *outputs[4 * i : 4 * i + 4])
        for i, stride in enumerate(STRIDES)
    ]
    boxes, landmarks, scores = (np.concatenate(parts) for parts in zip(*levels, strict=True))
    kept = non_maximum_suppression(boxes, scores, OVERLAP)
    return Detections(boxes[kept], landmarks[kept], scores[kept])


def _level(
    stride: int, width: int, min_score: float, cls: Array, obj: Array, bbox: Array, kps: Array
) -> Detections:
    scores = np.sqrt(cls[0, :, 0].clip(0, 1) * obj[0, :, 0].clip(0, 1))
    sure = np.flatnonzero(scores >= min_score)
    columns = width // stride
    cell = np.stack([sure % columns, sure // columns], axis=1).astype(np.float32)
    centre = (cell + bbox[0, sure, :2]) * stride
    extent = np.exp(bbox[0, sure, 2:]) * stride
    landmarks = (kps[0, sure].reshape(-1, 5, 2) + cell[:, None]) * stride
    return Detections(np.hstack([centre - extent / 2, extent]), landmarks, scores[sure])
