"""Finding faces and making templates of them."""

from __future__ import annotations

import os
from typing import Protocol

from facecog.domain import Face, Inference, Picture

# ONNX Runtime reports its use to its maker, and keeps an id for that in the user's folder, unless
# it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


class FaceEngine(Protocol):
    """The seam between facecog and the models. Safe to call from several threads at once."""

    @property
    def model(self) -> str:
        """Name of the model card that its templates carry."""

    @property
    def inference(self) -> Inference:
        """What runs its models, and how exactly."""

    def detect(self, picture: Picture) -> tuple[Face, ...]:
        """The faces of a picture, largest first, without templates."""

    def embed(self, picture: Picture) -> tuple[Face, ...]:
        """The faces of a picture, largest first, each with its template."""
