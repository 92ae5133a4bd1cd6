"""Running one prepared model on OpenVINO, which is installed by the extra `openvino`.

Only reading, compiling and running are used: nothing of that reports to its makers or keeps an id,
as their tools for converting models do (tests/test_telemetry.py).
"""

from __future__ import annotations

from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from facecog.cores import cores
from facecog.domain import Pixels
from facecog.engines.cards import Card
from facecog.engines.runtime import blob
from facecog.errors import ModelUnavailable


class OpenVinoNetwork:
    """One prepared model (prepare.py). All threads may share it, and none waits for another.

    Whoever comes while nobody else runs it runs it in the thread that asks; OpenVINO allows one at
    a time. Those who come meanwhile are given to its own threads, as many as there are cores left:
    on another core the caches are cold, which takes one to three milliseconds.
    """

    def __init__(self, card: Card, model: Path | bytes, bfloat16: bool) -> None:
        """
        Args:
            model: an ONNX file that takes pixels, or what would be in it.
            bfloat16: compute what are no whole numbers in 16 bits.

        Raises:
            ModelUnavailable: it is no model that OpenVINO can load.
        """
        self.card = card
        core = openvino.Core()
        try:
            network = core.read_model(model)
            self._takes_pixels = network.input().element_type == openvino.Type.u8
            self._here = _compiled(core, network, bfloat16, streams=0).create_infer_request()
            self._elsewhere = _compiled(core, network, bfloat16, streams=max(cores() - 1, 1))
        except RuntimeError as error:
            raise ModelUnavailable(
                f"OpenVINO cannot load the model {card.name}: {error}"
            ) from error
        self._alone = Lock()
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()

    def run(self, pixels: Pixels) -> list[NDArray[np.float32]]:
        """Feed one RGB picture, uint8, shape (H, W, 3); all outputs."""
        # A copy of the pixels, for OpenVINO shares only what may be written to.
        feed = np.array(pixels[None], order="C") if self._takes_pixels else blob(self.card, pixels)
        if self._alone.acquire(blocking=False):
            try:
                return _outputs(self._here, feed)
            finally:
                self._alone.release()
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._elsewhere.create_infer_request()
        outputs = _outputs(request, feed)
        self._idle.put(request)
        return outputs


def _compiled(
    core: openvino.Core, network: openvino.Model, bfloat16: bool, streams: int
) -> openvino.CompiledModel:
    """For so many requests at once, on threads of OpenVINO's; with 0, on the one that asks."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "NUM_STREAMS": streams,
        "INFERENCE_NUM_THREADS": max(streams, 1),
    }
    return core.compile_model(network, "CPU", settings)


def _outputs(request: openvino.InferRequest, feed: NDArray[Any]) -> list[NDArray[np.float32]]:
    request.set_input_tensor(openvino.Tensor(feed, shared_memory=True))
    return list(request.infer().values())
