"""What tests of prepared models share."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pytest

from facecog.domain import Pixels
from facecog.engines.onnx import OnnxEngine
from facecog.geometry import align
from facecog.image import decode


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


def crops(engine: OnnxEngine, photos: Iterable[bytes]) -> list[Pixels]:
    """Each face of some photos, as an embedder gets it."""
    pictures = [decode(data) for data in photos]
    return [align(p.image, f.landmarks / p.scale) for p in pictures for f in engine.detect(p)]
