"""A fake engine: `b"anna+ben"` is a picture of Anna and Ben."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from facecog.decision import Calibration, Tail
from facecog.domain import Box, Face, Inference, Picture, PixelSize, Template
from facecog.errors import NotAPicture
from facecog.quality import verdict

MODEL = "fake"
# Strangers score about 0 here, give or take 0.125.
CALIBRATION = Calibration(MODEL, (Tail(((1e-2, 0.3), (1e-3, 0.4), (1e-5, 0.5))),), margin=0.05)
SIDE = 8  # pixels of a face


def decode(data: bytes) -> Picture:
    """The bytes become the first row of the picture, so that the engine can read them back."""
    if not data.isascii():
        raise NotAPicture("not a fake picture")
    faces = data.count(b"+") + 1
    pixels = np.zeros((SIDE, max(SIDE * faces, len(data)), 3), np.uint8)
    pixels[0, : len(data), 0] = list(data)
    return Picture(Image.fromarray(pixels), PixelSize(pixels.shape[1], SIDE))


class FakeEngine:
    """FaceEngine: each name in the picture is a face with a template of its own.

    A name ending in `?` is a poor photo, one with `~` after it resembles the name before the sign:
    `b"anna~2"` is another photo of Anna.
    """

    model = MODEL
    inference = Inference("exact", "none: a fake")

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        text = bytes(picture.pixels[0, :, 0]).rstrip(b"\0").decode()
        names = [name for name in text.split("+") if name]
        return tuple(_face(name, place, self.model) for place, name in enumerate(names))

    embed = detect


def _face(name: str, place: int, model: str) -> Face:
    return Face(
        box=Box(place * SIDE, 0, SIDE, SIDE),
        landmarks=np.zeros((5, 2), np.float32),
        detection_score=1.0,
        quality=verdict({"brightness": 5.0 if name.endswith("?") else 100.0}),
        template=Template(_vector(name.rstrip("?")), model),
    )


def _vector(name: str) -> np.ndarray:
    who, _, variant = name.partition("~")
    vector = _direction(who) + (0.3 * _direction(name) if variant else 0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _direction(text: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).standard_normal(64)
    return vector / np.linalg.norm(vector)
