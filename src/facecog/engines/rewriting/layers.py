"""What scales and shifts the channels of a value, and the layers whose weights can do that too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import NodeProto, helper

from facecog.engines.rewriting.graph import Array, Graph, attribute


class Affine(NamedTuple):
    """x * scale + shift: one number, or one for each channel."""

    scale: Array
    shift: Array


def affine(graph: Graph, node: NodeProto, axes: int) -> Affine | None:
    """What a node does where it only scales and shifts each channel of a value of `axes` axes."""
    if node.op_type == "BatchNormalization":
        return _batch_norm(graph, node)
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    place = 1 if node.input[1] in graph.constants else 0
    number = per_channel(graph.constant(node, place), axes)
    if number is None or (place == 0 and node.op_type == "Div"):
        return None
    one, zero = np.ones(1), np.zeros(1)
    if node.op_type == "Mul":
        return Affine(number, zero)
    if node.op_type == "Div":
        return Affine(1 / number, zero) if np.all(number) else None
    if node.op_type == "Sub" and place == 0:
        return Affine(-one, number)
    return Affine(one, number if node.op_type == "Add" else -number)


def _batch_norm(graph: Graph, node: NodeProto) -> Affine | None:
    numbers = [graph.constant(node, place) for place in range(1, 5)]
    if attribute(node, "training_mode", 0) or not attribute(node, "spatial", 1):
        return None
    if any(number is None for number in numbers):
        return None
    gamma, beta, mean, variance = numbers
    scale = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
    return Affine(scale, beta - mean * scale)


def per_channel(value: Array | None, axes: int) -> Array | None:
    """A constant that is one number, or one for each channel (axis 1), as a row of them."""
    if value is None or value.dtype != np.float64 or value.ndim > axes:
        return None
    shape = (1,) * (axes - value.ndim) + value.shape
    is_row = all(n == 1 for axis, n in enumerate(shape) if axis != 1)
    return value.reshape(-1) if is_row else None


class Layer:
    """A Conv or a Gemm with constant weights: out = weights · in + bias.

    weights: float64, (out channels, in channels of a group, ...); of a Gemm (out, in).
    bias: float64, (out channels,).
    """

    def __init__(self, node: NodeProto, weights: Array, bias: Array) -> None:
        self.node, self.weights, self.bias = node, weights, bias
        self.groups: int = attribute(node, "group", 1)

    @classmethod
    def of(cls, graph: Graph, node: NodeProto | None) -> Layer | None:
        """A node as a layer, or None where it is none."""
        if node is None or node.op_type not in ("Conv", "Gemm"):
            return None
        weights, bias = graph.constant(node, 1), graph.constant(node, 2)
        if weights is None or weights.dtype != np.float64 or attribute(node, "transA", 0):
            return None
        if node.op_type == "Gemm" and not attribute(node, "transB", 0):
            weights = weights.T
        if alpha := attribute(node, "alpha", 1.0) - 1:
            weights = weights * (1 + alpha)
        if bias is None and len(node.input) > 2 and node.input[2]:
            return None
        row = np.zeros(1) if bias is None else bias.reshape(-1) * attribute(node, "beta", 1.0)
        fits = row.size in (1, len(weights)) and node.input[0] not in graph.constants
        return cls(node, weights, row * np.ones(len(weights))) if fits else None

    @property
    def padded(self) -> bool:
        """Whether zeros are put around what comes in."""
        kind = attribute(self.node, "auto_pad", b"NOTSET")
        return kind.startswith(b"SAME") or any(attribute(self.node, "pads", ()))

    def scale_out(self, by: Affine) -> bool:
        """Scale and shift what comes out; False where the channels do not fit."""
        if {by.scale.size, by.shift.size} - {1, len(self.weights)}:
            return False
        column = by.scale.reshape(-1, *[1] * (self.weights.ndim - 1))
        self.weights, self.bias = self.weights * column, self.bias * by.scale + by.shift
        return True

    def scale_in(self, by: Affine) -> bool:
        """Scale and shift what comes in; False where that is not the same.

        A shift is not where zeros are put around it. A Gemm takes each channel's pixels in a row.
        """
        channels = self.weights.shape[1] * self.groups
        sizes = {by.scale.size, by.shift.size}
        if self.node.op_type == "Gemm":
            fits = not any(channels % size for size in sizes)
        else:
            fits = sizes <= {1, channels}
        if not fits or (self.padded and np.any(by.shift)):
            return False
        scale, shift = (self._by_input(np.repeat(row, channels // row.size)) for row in by)
        self.bias = self.bias + (self.weights * shift).reshape(len(self.bias), -1).sum(axis=1)
        self.weights = self.weights * scale
        return True

    def take_order(self, order: Array) -> bool:
        """Let channel i come in where channel order[i] came in before; False where it cannot."""
        if self.groups > 1 or len(order) != self.weights.shape[1]:
            return False
        self.weights = self.weights[:, np.argsort(order)]
        return True

    def _by_input(self, row: Array) -> Array:
        """A number for each channel that comes in, in the places of the weights."""
        of_group = row.reshape(self.groups, -1)
        each = np.repeat(of_group, len(self.weights) // self.groups, axis=0)
        return each.reshape(*each.shape, *[1] * (self.weights.ndim - 2))

    def keep(self, graph: Graph) -> None:
        """Write the weights and the bias into the graph."""
        before = list(self.node.input[1:])
        self.node.input[1:] = [graph.add(self.weights), graph.add(self.bias)]
        graph.forget(before)
        if self.node.op_type == "Gemm":
            self.node.ClearField("attribute")
            self.node.attribute.append(helper.make_attribute("transB", 1))


def takers(graph: Graph, name: str, by: Affine) -> list[Layer]:
    """The layers that take a value, scaled; none where something else takes it too."""
    layers = []
    for user in graph.users(name):
        through = user.op_type == "Flatten" and attribute(user, "axis", 1) == 1
        layer = Layer.of(graph, graph.only_user(user.output[0]) if through else user)
        if layer is None or not layer.scale_in(by):
            return []
        layers.append(layer)
    return [] if name in graph.outputs else layers
