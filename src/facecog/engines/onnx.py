"""The default engine: a YuNet-shaped detector and an ArcFace-style embedder, both ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facecog.domain import Box, Face, Inference, Picture, Pixels, Template, Vector
from facecog.engines.cards import Card
from facecog.engines.fast import exactly, fast
from facecog.engines.finder import Finder, Found
from facecog.engines.prepare import prepared
from facecog.engines.runtime import CPU, Network
from facecog.errors import ModelUnavailable
from facecog.geometry import align, pixel_of_crop
from facecog.quality import assess
from facecog.stages import stage

# "exact" gives what the files as they were shipped would; "fast" nearly that (fast.py).
PRECISIONS = ("exact", "fast")


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
        # Finding is always exact: landmarks in whole numbers move, and templates with them.
        self._finder = Finder(Network(detector, prepared(detector, models), providers))
        run = fast if precision == "fast" else exactly
        self._embedder, self._inference = run(embedder, models, providers)
        self._centre = np.array(embedder.centre, np.float32)
        self._check_dimension()

    @property
    def model(self) -> str:
        return self._embedder.card.name

    @property
    def inference(self) -> Inference:
        return self._inference

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=False)

    def embed(self, picture: Picture) -> tuple[Face, ...]:
        return self._faces(picture, embed=True)

    @stage("engine")
    def _faces(self, picture: Picture, embed: bool) -> tuple[Face, ...]:
        faces = [self._face(picture, found, embed) for found in self._finder.find(picture)]
        return tuple(sorted(faces, key=lambda face: -face.box.width * face.box.height))

    def _face(self, picture: Picture, found: Found, embed: bool) -> Face:
        near = picture.at(pixel_of_crop(found.landmarks))
        aligned = align(near.image, found.landmarks / np.float32(near.scale))
        return Face(
            box=Box(*(float(value) for value in found.box)),
            landmarks=found.landmarks,
            detection_score=found.score,
            quality=assess(aligned, found.landmarks, picture.size, found.score),
            template=self._template(aligned) if embed else None,
        )

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
