"""FACECOG_PRECISION=fast: an embedder's templates in less time, nearly the same as the exact ones.

What runs depends on instructions that the processor has and on whether OpenVINO is installed, and
on nothing that is timed: every start on a machine gives the same templates. They may be compared
with exact ones, and with those of another way here (docs/decisions.md).
"""

from __future__ import annotations

import hashlib
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numkong

from facecog.domain import Inference
from facecog.engines.cards import BUILT_IN, Card
from facecog.engines.prepare import CannotPrepare, kept, prepared, same
from facecog.engines.runtime import CPU, Network
from facecog.errors import ModelUnavailable

if TYPE_CHECKING:
    from facecog.engines.openvino import OpenVinoNetwork

log = logging.getLogger(__name__)

# numkong's names of families of instructions: VNNI of AVX-512 and of AVX2, AVX2, bf16 of AVX-512.
VNNI = {"icelake", "alder"}
INTEGERS, BFLOAT16 = {"haswell", *VNNI}, {"genoa"}
# To be raised whenever rewriting/quantise.py makes something else of a file.
RECIPE = 1
# Of drawn pictures, between whole numbers and the file as shipped: far less is a broken kernel.
LEAST_COSINE = 0.9


def fast(
    card: Card, models: Path, providers: tuple[str, ...]
) -> tuple[Network | OpenVinoNetwork, Inference]:
    """The fastest way that this machine has of running an embedder, and what to call it.

    Where there is none it is run exactly, which the log and the Inference say.

    Raises:
        ModelUnavailable: the card's file is missing, or no model.
        InvalidSetting: a provider does not work here.
    """
    if providers != (CPU,):
        log.warning("FACECOG_PRECISION=fast is of the processor: other providers run exactly.")
        return exactly(card, models, providers)
    openvino, bfloat16 = with_openvino(), has(BFLOAT16)
    integers = whole_numbers(card, models, openvino)
    if integers and openvino:
        rest = "bfloat16" if bfloat16 else "float32"
        return on_openvino(card, integers, bfloat16), Inference("fast", f"OpenVINO int8 and {rest}")
    if integers:
        return Network(card, integers), Inference("fast", "ONNX Runtime int8", providers)
    if openvino and bfloat16:
        network = on_openvino(card, prepared(card, models), bfloat16)
        return network, Inference("fast", "OpenVINO bfloat16")
    log.warning("FACECOG_PRECISION=fast: there is no faster way here of running %s.", card.name)
    return exactly(card, models, providers)


def exactly(card: Card, models: Path, providers: tuple[str, ...]) -> tuple[Network, Inference]:
    """Run an embedder as its file was made, and what to call that. Raises: as fast()."""
    network = Network(card, prepared(card, models), providers)
    return network, Inference("exact", "ONNX Runtime float32", network.providers)


def with_openvino() -> bool:
    """Whether it is installed."""
    return find_spec("openvino") is not None


def has(families: set[str]) -> bool:
    """Whether the processor has the instructions of any of them."""
    return any(here for name, here in numkong.get_capabilities().items() if name in families)


def on_openvino(card: Card, model: Path | bytes, bfloat16: bool) -> OpenVinoNetwork:
    """Raises: ModelUnavailable."""
    from facecog.engines.openvino import OpenVinoNetwork

    return OpenVinoNetwork(card, model, bfloat16)


def whole_numbers(card: Card, models: Path, openvino: bool) -> Path | bytes | None:
    """The card's file in whole numbers of 8 bits, for ONNX Runtime or for OpenVINO.

    None where the processor gains nothing by them, or nobody measured their ranges.

    Raises:
        ModelUnavailable: the card's file is missing, or no model.
    """
    ranges = Path(__file__).with_name(f"{card.name}-int8.json")
    if card not in BUILT_IN or not ranges.is_file() or not has(INTEGERS):
        return None
    measured = hashlib.sha256(ranges.read_bytes()).hexdigest()[:8]

    def make() -> bytes:
        return _quantised(card, models / card.file, ranges, openvino)

    kind = "int8-openvino" if openvino else "int8"
    try:
        return kept(card, models, kind, f"{RECIPE}-{measured}", make)
    except CannotPrepare as error:
        log.warning("%s is not run in whole numbers: %s.", card.name, error)
        return None


def _quantised(card: Card, shipped: Path, ranges: Path, openvino: bool) -> bytes:
    """Raises: ModelUnavailable, CannotPrepare."""
    original = Network(card, shipped)
    from facecog.engines.rewriting import quantise  # takes a while, and only a first start needs it

    try:
        values = quantise.read_ranges(ranges)
        data = quantise.int8(shipped.read_bytes(), card, values, openvino)
        alike = same(original, Network(card, data), LEAST_COSINE)
    except (ValueError, ModelUnavailable) as error:
        raise CannotPrepare(str(error)) from error
    if not alike:
        raise CannotPrepare("it would not compute nearly the same")
    return data
