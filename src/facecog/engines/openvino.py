"""Running one prepared model on OpenVINO, which is installed by the extra `openvino`.

Only reading, compiling and running are used: nothing of that reports to its makers or keeps an id,
as their tools for converting models do (tests/test_telemetry.py).
"""

from __future__ import annotations

from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
import openvino
from numpy.typing import NDArray

from facecog.cores import cores
from facecog.domain import Pixels
from facecog.engines.cards import Card
from facecog.engines.runtime import blob
from facecog.errors import ModelUnavailable


class OpenVinoNetwork:
    """One prepared model (prepare.py). All threads may share it, and none waits for another."""

    def __init__(self, card: Card, model: Path | bytes, bfloat16: bool) -> None:
        """
        Args:
            model: an ONNX file that takes pixels, or what would be in it.
            bfloat16: compute what are no whole numbers in 16 bits.

        Raises:
            ModelUnavailable: it is no model that OpenVINO can load.
        """
        self.card = card
        at_once = cores()
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
            # One thread a request, and as many requests at once as there are cores.
            "NUM_STREAMS": at_once,
            "INFERENCE_NUM_THREADS": at_once,
        }
        core = openvino.Core()
        try:
            self._model = core.compile_model(core.read_model(model), "CPU", settings)
        except RuntimeError as error:
            raise ModelUnavailable(
                f"OpenVINO cannot load the model {card.name}: {error}"
            ) from error
        self._takes_pixels = self._model.input().element_type == openvino.Type.u8
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()

    def run(self, pixels: Pixels) -> list[NDArray[np.float32]]:
        """Feed one RGB picture, uint8, shape (H, W, 3); all outputs."""
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._model.create_infer_request()
        feed = np.ascontiguousarray(pixels[None]) if self._takes_pixels else blob(self.card, pixels)
        results = request.infer([feed], share_inputs=True)
        self._idle.put(request)
        return list(results.values())
