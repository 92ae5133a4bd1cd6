"""The default engine: a YuNet-shaped detector and an ArcFace-style embedder, both ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Box, Face, Inference, Picture, Pixels, Template, Vector
from facecog.engines import yunet
from facecog.engines.cards import Card
from facecog.engines.prepare import prepared
from facecog.engines.runtime import CPU, Network
from facecog.errors import ModelUnavailable
from facecog.geometry import align
from facecog.quality import assess

# "exact" gives what the files as they were shipped would.
PRECISIONS = ("exact",)
# The side of YuNet's fixed, square input.
SIDE = 640
# Long sides that a picture is brought to inside that square, in turn, until a face is found.
# The second is for faces that fill the picture: YuNet misses those over about 400 pixels.
LOOKS = (640, 224)
# A tiny picture is enlarged at most this many times, so that its faces are at least seen.
ENLARGE = 4.0
MIN_SCORE = 0.6
# Where this part of a picture is blown out, an overexposed face may hide in the highlights: look
# once more with them stretched, so that its owner hears "too bright" and not "no face".
BLOWN_OUT = 0.2
HIGHLIGHTS = (255 * (np.arange(256) / 255) ** 8).astype(np.uint8)


class Found(NamedTuple):
    """A detection in pixels of the decoded picture: x, y, width, height; (5, 2); 0 to 1."""

    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: float


class OnnxEngine:
    """FaceEngine on two networks, which all threads share."""

    def __init__(
        self,
        detector: Card,
        embedder: Card,
        models: Path,
        precision: str = "exact",
        providers: tuple[str, ...] = (CPU,),
    ) -> None:
        """
        Args:
            detector, embedder: cards of task "detect" and "embed".
            models: the folder where their files are.
            precision: one of PRECISIONS.
            providers: ONNX Runtime's names of what is to compute, best first.

        Raises:
            ModelUnavailable: a file is missing or is not a model of the shape its card says.
            InvalidSetting: a provider does not work here.
        """
        self._precision = precision
        self._detector = Network(detector, prepared(detector, models), providers)
        self._embedder = Network(embedder, prepared(embedder, models), providers)
        self._centre = np.array(embedder.centre, np.float32)
        self._check_dimension()

    @property
    def model(self) -> str:
        return self._embedder.card.name

    @property
    def inference(self) -> Inference:
        return Inference(self._precision, "ONNX Runtime float32", self._embedder.providers)

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=False)

    def embed(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=True)

    def _faces(self, picture: Picture, embed: bool) -> tuple[Face, ...]:
        faces = [self._face(picture, found, embed) for found in self._find(picture.pixels)]
        return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))

    def _face(self, picture: Picture, found: Found, embed: bool) -> Face:
        aligned = align(picture.pixels, found.landmarks)
        box = Box(*(float(value) for value in found.box)).scaled(picture.scale)
        landmarks = found.landmarks * np.float32(picture.scale)
        return Face(
            box=box,
            landmarks=landmarks,
            detection_score=found.score,
            quality=assess(aligned, landmarks, picture.size, found.score),
            template=self._template(aligned) if embed else None,
        )

    def _find(self, pixels: Pixels) -> list[Found]:
        longest = max(pixels.shape[:2])
        for look in LOOKS:
            scale = min(look / longest, ENLARGE)
            if found := self._look(pixels, scale):
                return found
        if np.mean(pixels >= 250) > BLOWN_OUT:
            return self._look(HIGHLIGHTS[pixels], min(SIDE / longest, ENLARGE))
        return []

    def _look(self, pixels: Pixels, scale: float) -> list[Found]:
        canvas, corner = letterbox(pixels, scale)
        outputs = self._detector.run(canvas, yunet.OUTPUTS)
        boxes, landmarks, scores = yunet.decode(outputs, SIDE, MIN_SCORE)
        boxes[:, :2] -= corner
        return [
            Found(box / scale, (points - corner) / scale, float(score))
            for box, points, score in zip(boxes, landmarks, scores, strict=True)
        ]

    def _template(self, aligned: Pixels) -> Template:
        (output,) = self._embedder.run(aligned)
        vector = _unit(output[0])
        if self._centre.size:
            vector = _unit(vector - self._centre)
        return Template(vector, self.model)

    def _check_dimension(self) -> None:
        card = self._embedder.card
        outputs = self._embedder.run(np.zeros((112, 112, 3), np.uint8))
        if len(outputs) != 1 or outputs[0].ndim != 2:
            raise ModelUnavailable(f"The model {card.name} does not give one row of numbers.")
        dimension = outputs[0].shape[1]
        if card.dimension not in (None, dimension):
            raise ModelUnavailable(
                f"The model {card.name} gives {dimension} numbers, its card says {card.dimension}."
            )


def _unit(vector: Vector) -> Vector:
    unit: Vector = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))
    return unit


def letterbox(pixels: Pixels, scale: float) -> tuple[Pixels, NDArray[np.float32]]:
    """The picture at `scale` in the middle of a black SIDE x SIDE square.

    Returns:
        the square, uint8, shape (SIDE, SIDE, 3), and where its picture begins, (x, y).
    """
    height, width = (max(1, min(SIDE, round(n * scale))) for n in pixels.shape[:2])
    # reducing_gap: box-filter first where the picture is much larger, or thin faces alias away.
    small = Image.fromarray(pixels).resize(
        (width, height), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    canvas[top : top + height, left : left + width] = np.asarray(small)
    return canvas, np.array([left, top], np.float32)
