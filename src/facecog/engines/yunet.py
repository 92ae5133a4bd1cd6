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
    cls, obj, bbox, kps = (np.concatenate([level[0] for level in levels]) for levels in kinds)
    scores = np.sqrt(cls[:, 0].clip(0, 1) * obj[:, 0].clip(0, 1))
    sure = np.flatnonzero(scores >= min_score)
    ends = np.cumsum([level.shape[1] for level in outputs[:: len(HEADS)]])
    level = np.searchsorted(ends, sure, side="right")
    stride = np.array(STRIDES)[level]
    place = sure - np.concatenate([[0], ends])[level]
    columns = width // stride
    cell = np.stack([place % columns, place // columns], axis=1).astype(np.float32)
    stride = stride[:, None].astype(np.float32)
    centre = (cell + bbox[sure, :2]) * stride
    extent = np.exp(bbox[sure, 2:]) * stride
    landmarks = (kps[sure].reshape(-1, 5, 2) + cell[:, None]) * stride[:, None]
    boxes, certain = np.hstack([centre - extent / 2, extent]), scores[sure]
    kept = non_maximum_suppression(boxes, certain, OVERLAP)
    return Detections(boxes[kept], landmarks[kept], certain[kept])
