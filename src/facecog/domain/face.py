"""A face that was found in a picture, what is made of it, and by what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facecog.domain.picture import Box, PixelSize

Vector = NDArray[np.float32]
"""float32, shape (d,)."""

Vectors = NDArray[np.float32]
"""float32, shape (n, d)."""


@dataclass(frozen=True, slots=True)
class Inference:
    """What runs the models.

    Attributes:
        precision: "exact" computes what the files as shipped would; "fast" nearly the same.
        runtime: in words, such as "ONNX Runtime float32".
        providers: ONNX Runtime's names of what computes, best first; none of another runtime.
    """

    precision: str
    runtime: str
    providers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What is kept of a face so that it can be compared.

    Attributes:
        vector: float32, shape (d,), L2 norm 1 within 1e-3; no unit.
        model: name of the model card that made it.

    Raises:
        ValueError: the vector is not 1-D, not finite, or not of norm 1.

    Term: "biometric template", ISO/IEC 2382-37.
    """

    vector: Vector
    model: str

    def __post_init__(self) -> None:
        # A NaN norm fails the comparison too, so one test covers "finite" as well.
        if self.vector.ndim != 1 or not abs(float(np.linalg.norm(self.vector)) - 1) <= 1e-3:
            raise ValueError("a template is a 1-D vector of norm 1")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a face is not good enough: a stable code, and words a person can act on."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Quality:
    """How fit a face is for comparison; see `quality.py` for the units of each measure.

    Attributes:
        measures: name of the measure -> value.
        reasons: what is wrong, worst first; empty when the standard policy lets it be enrolled.
        judgeable: whether "unknown" means anything of this face; False where more than half of
            such faces are not recognised though their people are registered.
    """

    measures: dict[str, float]
    reasons: tuple[Reason, ...] = ()
    judgeable: bool = True

    @property
    def ok(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One detection in one picture.

    Attributes:
        box: in pixels of the upright picture.
        landmarks: float32, shape (5, 2), x and y in pixels: right eye, left eye, nose tip, right
            and left corner of the mouth, where right is the person's own.
        detection_score: 0 to 1, how sure the detector is that this is a face.
        quality: the verdict of the quality gate.
        template: None from `detect`, which does not need one.
    """

    box: Box
    landmarks: NDArray[np.float32]
    detection_score: float
    quality: Quality
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """The faces of one picture, largest first."""

    size: PixelSize
    faces: tuple[Face, ...]
