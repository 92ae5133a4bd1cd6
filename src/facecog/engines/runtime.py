"""Running one ONNX file on ONNX Runtime: pixels in, numbers out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state

from facecog.domain import Pixels
from facecog.engines.cards import Card
from facecog.errors import ModelUnavailable

# ONNX Runtime's own errors have no base but Exception.
REFUSALS: tuple[type[Exception], ...] = (
    OSError,
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(onnxruntime_pybind11_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)


class Network:
    """One ONNX file and what its card says of its input. All threads may share it."""

    def __init__(self, card: Card, models: Path) -> None:
        self.card = card
        options = onnxruntime.SessionOptions()
        # As many requests at once as there are threads; a second thread a request does not pay.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            # `/` keeps an absolute path of a user's own card as it is.
            self._session = onnxruntime.InferenceSession(
                models / card.file, options, providers=["CPUExecutionProvider"]
            )
        except REFUSALS as error:
            raise ModelUnavailable(
                f"The model {card.name} cannot be loaded: {_one_line(error)}"
            ) from error
        self._input = self._session.get_inputs()[0].name

    def run(self, pixels: Pixels, outputs: tuple[str, ...] = ()) -> list[NDArray[np.float32]]:
        """Feed one RGB picture, uint8, shape (H, W, 3); the named outputs, or all of them."""
        ordered = pixels if self.card.channels == "RGB" else pixels[:, :, ::-1]
        blob = (ordered.astype(np.float32) - self.card.mean) * self.card.scale
        feed = {self._input: np.ascontiguousarray(blob.transpose(2, 0, 1)[None], np.float32)}
        try:
            result: list[NDArray[np.float32]] = self._session.run(list(outputs) or None, feed)
        except REFUSALS as error:
            raise ModelUnavailable(
                f"The model {self.card.name} does not take the input its card says: "
                f"{_one_line(error)}"
            ) from error
        return result


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
