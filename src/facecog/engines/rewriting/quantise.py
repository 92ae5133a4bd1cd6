"""Whole numbers of 8 bits in the place of floats, where a processor multiplies those faster.

ONNX Runtime's own quantiser makes the file. What is done here around it is what keeps its templates
close: every channel of a value is first brought to the same span, so that one scale fits them all
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019).
The ranges come out of a file of numbers that tools/calibrate_int8.py measured, so no photo is
needed.
"""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, NodeProto, helper, load_model_from_string, version_converter
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorsData

from facecog.engines.cards import Card
from facecog.engines.rewriting.flattened import convolve_whole
from facecog.engines.rewriting.folds import FOLDS, fold_forward, split_prelu
from facecog.engines.rewriting.graph import Array, Graph, rewritten
from facecog.engines.rewriting.inputs import take_pictures
from facecog.engines.rewriting.layers import Affine, Layer, takers

OPSET = 17  # scales for each channel came with 13
LAYERS = ("Conv", "Gemm")
TEMPLATE = ("Gemm",)  # the last, from which the template comes, which stays float32


class Range(NamedTuple):
    """What a value of a network may be, beyond which it is clipped.

    Attributes:
        low, high: of all channels, once each is divided by its span.
        spans: for each channel highest less lowest; or none, for a value that is left as it is.
    """

    low: float
    high: float
    spans: tuple[float, ...] = ()


Ranges = dict[str, Range]


def read_ranges(file: Path) -> Ranges:
    """What tools/calibrate_int8.py wrote: the values of a network, by their names in the graph."""
    values = json.loads(file.read_text("utf-8"))["values"]
    return {name: Range(**numbers) for name, numbers in values.items()}


def int8(data: bytes, card: Card, ranges: Ranges, openvino: bool = False) -> bytes:
    """The ONNX file of an embedder's card in whole numbers, fed pixels as they are.

    Args:
        openvino: in the form that OpenVINO runs faster than ONNX Runtime's.

    Raises:
        ValueError: the ranges are not of this model.
    """
    model = take_pictures(load_model_from_string(data), card.channels, card.mean, card.scale)
    made = (quantised_for_openvino if openvino else quantised)(model, ranges)
    return bytes(made.SerializeToString())


def quantised(model: ModelProto, ranges: Ranges) -> ModelProto:
    """The model with those layers in whole numbers whose input has a range.

    Weights are int8, with a scale for each channel; what comes in and out is uint8. Everything else
    stays float32.

    Raises:
        ValueError: the ranges are not of this model.
    """
    layers = evened(bent(model, ranges), ranges)
    return rewritten(_with_integers(layers, ranges, TEMPLATE), slope_from_integers)


def quantised_for_openvino(model: ModelProto, ranges: Ranges) -> ModelProto:
    """The same for OpenVINO, which computes PRelu with the layer before it.

    So what comes out of a layer stays float32: nothing is gained by rounding it.

    Raises:
        ValueError: the ranges are not of this model.
    """
    layers = evened(rewritten(model, *FOLDS), ranges)
    return rewritten(_with_integers(layers, ranges, LAYERS), convolve_whole)


def bent(model: ModelProto, values: Container[str]) -> ModelProto:
    """The model folded, in the form whose values the ranges are of.

    Args:
        values: the names of those that are to become whole numbers.
    """
    return rewritten(model, *FOLDS, partial(as_maximum, values=values), split_prelu, fold_forward)


def evened(model: ModelProto, ranges: Ranges) -> ModelProto:
    """The model with every channel of the values that have spans brought to a span of 1.

    Raises:
        ValueError: the ranges are not of this model.
    """
    graph = Graph(model)
    for name, one in ranges.items():
        if one.spans:
            _even(graph, name, np.array(one.spans))
    return graph.to_model()


def _even(graph: Graph, name: str, spans: Array) -> None:
    """Divide the weights of the layer before, and multiply those after: PRelu lets that pass."""
    after, zero = name, np.zeros(1)
    while not (layers := takers(graph, after, Affine(spans, zero))) and graph.users(after):
        after = graph.users(after)[-1].output[0]
    while (maker := graph.maker(name)) and maker.op_type != "Conv":
        name = graph.data(maker)
    layer = Layer.of(graph, maker)
    if not layers or layer is None or not layer.scale_out(Affine(1 / spans, zero)):
        raise ValueError(f"{name} is not between two layers with a channel for each of its spans")
    for changed in (layer, *layers):
        changed.keep(graph)


def as_maximum(graph: Graph, values: Container[str]) -> bool:
    """PRelu(x) is max(x, a * x) up to a = 1: with x in whole numbers two steps, and not three."""
    for node in graph.nodes:
        slope = graph.constant(node, 1) if node.op_type == "PRelu" else None
        if slope is None or node.input[0] not in values or np.any(slope > 1):
            continue
        source, sloped = node.input[0], graph.fresh("sloped")
        parts = [
            helper.make_node("Mul", [source, graph.add(slope)], [sloped]),
            helper.make_node("Max", [source, sloped], node.output),
        ]
        graph.replace(node, parts)
        return True
    return False


def _with_integers(model: ModelProto, ranges: Ranges, floats_from: Sequence[str]) -> ModelProto:
    """
    Args:
        floats_from: kinds of layers from which floats come.
    """
    made = version_converter.convert_version(model, OPSET)
    layers = [node.name for node in made.graph.node if node.input[0] in ranges]
    known = {name: (np.float32(of.low), np.float32(of.high)) for name, of in ranges.items()}
    quantiser = QDQQuantizer(
        made,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, known),
        nodes_to_quantize=layers,
        nodes_to_exclude=[],
        op_types_to_quantize=list(LAYERS),
        extra_options={
            "OpTypesToExcludeOutputQuantization": list(floats_from),
            "QDQOpTypePerChannelSupportToAxis": {"Gemm": 0},
        },
    )
    quantiser.quantize_model()
    quantiser.model.topological_sort()
    result: ModelProto = quantiser.model.model
    return result


def slope_from_integers(graph: Graph) -> bool:
    """Multiply while whole numbers become floats: a channel's scale takes its slope."""
    for node in graph.nodes:
        slope = graph.constant(node, 1) if node.op_type == "Mul" else None
        maker = graph.maker(node.input[0]) if slope is not None else None
        if slope is None or maker is None or maker.op_type != "DequantizeLinear":
            continue
        scale, zero = graph.constant(maker, 1), graph.constant(maker, 2)
        if scale is None or zero is None or scale.ndim:
            continue
        row = slope.reshape(-1)
        names = [maker.input[0], graph.add(row * scale), graph.add(np.repeat(zero, len(row)))]
        graph.replace(node, [_floats(names, node.output)])
        return True
    return False


def _floats(names: list[str], output: list[str]) -> NodeProto:
    return helper.make_node("DequantizeLinear", names, output, axis=1)
