"""Running one ONNX file on ONNX Runtime: pixels in, numbers out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state

from facecog.domain import Pixels
from facecog.engines.cards import Card
from facecog.errors import InvalidSetting, ModelUnavailable

CPU = "CPUExecutionProvider"
SUFFIX = "ExecutionProvider"
# What "exact" needs of a provider: NVIDIA's would round to ten bits on the way.
OPTIONS = {"CUDAExecutionProvider": {"use_tf32": "0"}}
NVIDIA = {"CUDAExecutionProvider", "TensorrtExecutionProvider"}

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
    """One model and what its card says of its input. All threads may share it."""

    def __init__(
        self, card: Card, model: Path | bytes, providers: tuple[str, ...] = (CPU,)
    ) -> None:
        """
        Args:
            model: an ONNX file, or what would be in it: as it was shipped, or prepared.
            providers: ONNX Runtime's names of what is to compute, best first.

        Raises:
            ModelUnavailable: it is no model that ONNX Runtime can load.
            InvalidSetting: a provider is installed, but does not work here.
        """
        self.card = card
        try:
            self._session = _session(model, providers)
        except REFUSALS as error:
            raise ModelUnavailable(
                f"The model {card.name} cannot be loaded: {_one_line(error)}"
            ) from error
        self.providers = tuple(self._session.get_providers())
        if missing := [name for name in providers if name not in self.providers]:
            raise InvalidSetting(f"{missing[0]} does not work here: {_words(self.providers)} does.")
        fed = self._session.get_inputs()[0]
        self._input, self.shape = fed.name, tuple(fed.shape)
        # A prepared model takes the pixels as they are (rewriting/inputs.py).
        self._takes_pixels = fed.type == "tensor(uint8)"

    def run(self, pixels: Pixels, outputs: tuple[str, ...] = ()) -> list[NDArray[np.float32]]:
        """Feed one RGB picture, uint8, shape (H, W, 3); the named outputs, or all of them."""
        feed = pixels[None] if self._takes_pixels else blob(self.card, pixels)
        try:
            result: list[NDArray[np.float32]] = self._session.run(
                list(outputs) or None, {self._input: feed}
            )
        except REFUSALS as error:
            raise ModelUnavailable(
                f"The model {self.card.name} does not take the input its card says: "
                f"{_one_line(error)}"
            ) from error
        return result


def blob(card: Card, pixels: Pixels) -> NDArray[np.float32]:
    """What a file as shipped is fed of a picture: float32, shape (1, 3, H, W)."""
    ordered = pixels if card.channels == "RGB" else pixels[:, :, ::-1]
    numbers = (ordered.astype(np.float32) - card.mean) * card.scale
    return np.ascontiguousarray(numbers.transpose(2, 0, 1)[None], np.float32)


def _session(model: Path | bytes, providers: tuple[str, ...]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # As many requests at once as there are threads; a second thread a request does not pay, and
    # one that spins takes the core from another request.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A plan for each size of picture takes memory and saves no time (docs/decisions.md).
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    if NVIDIA & set(providers):
        onnxruntime.preload_dlls()  # where CUDA came as a package of Python's
    # Otherwise it prints what went wrong to stdout, and goes on without the provider.
    with_options = [(name, OPTIONS.get(name, {})) for name in providers]
    return onnxruntime.InferenceSession(model, options, with_options, enable_fallback=0)


def providers_named(names: str) -> tuple[str, ...]:
    """ONNX Runtime's names of providers; the processor is always the last of them.

    Args:
        names: with commas between them, whole or short, as in "cuda, cpu".

    Raises:
        InvalidSetting: one is not in the ONNX Runtime that is installed.
    """
    here = {_short(name): name for name in onnxruntime.get_available_providers()}
    chosen = []
    for name in filter(None, (part.strip() for part in names.split(","))):
        if _short(name) not in here:
            raise InvalidSetting(
                f"FACECOG_PROVIDERS names {name}, which the installed ONNX Runtime does not have. "
                f"It has: {', '.join(here)}."
            )
        chosen.append(here[_short(name)])
    return tuple(dict.fromkeys([*(name for name in chosen if name != CPU), CPU]))


def _short(name: str) -> str:
    """What a provider is called in settings: CUDAExecutionProvider is cuda."""
    return name.lower().removesuffix(SUFFIX.lower())


def _words(providers: tuple[str, ...]) -> str:
    return " and ".join(_short(name) for name in providers)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
