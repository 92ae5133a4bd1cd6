"""Rewriting ONNX graphs so that they compute the same numbers in less time.

Every rewrite takes a model and gives another that is equal in exact arithmetic, whatever the model
is; what cannot be rewritten so is left as it is. New weights are computed in float64 and rounded
once. Imports `onnx`, which takes a while: only what has to prepare a file imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import (
    ModelProto,
    NodeProto,
    TensorProto,
    helper,
    load_model_from_string,
    numpy_helper,
)

from facecog.engines.cards import Card

Array = NDArray[Any]
PICTURE = "picture"  # the name of the input that take_pictures makes
SIZES = ("height", "width")


class Graph:
    """A model taken apart: its nodes in order, and its constants as arrays, floats in float64."""

    def __init__(self, model: ModelProto) -> None:
        """
        Raises:
            ValueError: the model has what no rewrite understands.
        """
        self.model = ModelProto()
        self.model.CopyFrom(model)
        self.opset = _understood(model)
        self.constants: dict[str, Array] = {}
        for tensor in self.model.graph.initializer:
            self.add(numpy_helper.to_array(tensor), tensor.name)
        self.nodes: list[NodeProto] = []
        for node in self.model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.add(numpy_helper.to_array(node.attribute[0].t), node.output[0])
            else:
                self.nodes.append(node)
        self.outputs = {output.name for output in self.model.graph.output}
        self._numbers = count()
        self._names = {name for node in self.nodes for name in (*node.input, *node.output)}

    def add(self, value: Array, name: str = "") -> str:
        """Keep a constant; its name."""
        name = name or self.fresh("constant")
        self.constants[name] = value.astype(np.float64) if value.dtype == np.float32 else value
        return name

    def fresh(self, kind: str) -> str:
        """A name that nothing has."""
        free = (name for n in self._numbers if (name := f"facecog_{kind}_{n}") not in self._names)
        return next(free)

    def users(self, name: str) -> list[NodeProto]:
        return [node for node in self.nodes if name in node.input]

    def maker(self, name: str) -> NodeProto | None:
        return next((node for node in self.nodes if name in node.output), None)

    def only_user(self, name: str) -> NodeProto | None:
        """What alone takes a value, which is no output of the model; or None."""
        users = self.users(name)
        return users[0] if len(users) == 1 and name not in self.outputs else None

    def constant(self, node: NodeProto, place: int) -> Array | None:
        """The constant that a node takes in a place; None where it takes none."""
        return self.constants.get(node.input[place]) if place < len(node.input) else None

    def data(self, node: NodeProto) -> str:
        """The first that a node takes which is no constant."""
        return next(str(name) for name in node.input if name not in self.constants)

    def replace(self, node: NodeProto, parts: list[NodeProto]) -> None:
        """Put nodes in the place of one."""
        place = self.nodes.index(node)
        self.nodes[place : place + 1] = parts

    def forget(self, names: list[str]) -> None:
        """Let go of constants that nothing takes any more; they are large."""
        for name in names:
            if not self.users(name) and name not in self.outputs:
                self.constants.pop(name, None)

    def bypass(self, node: NodeProto, source: str) -> bool:
        """Take out a node that hands on a value; whether that could be done."""
        result = node.output[0]
        if result in self.outputs:
            maker = self.maker(source)
            if maker is None or source in self.outputs:
                return False
            rename(maker.output, source, result)
            source, result = result, source
        self.nodes.remove(node)
        for user in self.users(result):
            rename(user.input, result, source)
        return True

    def swap(self, first: NodeProto, second: NodeProto) -> None:
        """Let a node and the only user of what it makes trade places."""
        source, between, result = first.input[0], first.output[0], second.output[0]
        rename(second.input, between, source)
        second.output[0], first.input[0], first.output[0] = between, between, result
        here, there = self.nodes.index(first), self.nodes.index(second)
        self.nodes[here], self.nodes[there] = second, first

    def picture(self) -> Any:
        """The ValueInfoProto of what is fed.

        Raises:
            ValueError: it is not one thing, float32, of shape (1, 3, H, W).
        """
        (fed,) = (i for i in self.model.graph.input if i.name not in self.constants)
        kind = fed.type.tensor_type
        sizes = [size.dim_value for size in kind.shape.dim]
        if kind.elem_type != TensorProto.FLOAT or len(sizes) != 4 or sizes[0] > 1 or sizes[1] != 3:
            raise ValueError(f"the input {fed.name} is no picture")
        return fed

    def to_model(self) -> ModelProto:
        """Put together again, with what nothing uses left out."""
        graph, names = self.model.graph, {name for node in self.nodes for name in node.input}
        fed = [value for value in graph.input if value.name not in self.constants]
        tensors = [
            numpy_helper.from_array(_single(value), name)
            for name, value in self.constants.items()
            if name in names | self.outputs
        ]
        for field, parts in (("input", fed), ("node", self.nodes), ("initializer", tensors)):
            graph.ClearField(field)
            getattr(graph, field).extend(parts)
        graph.ClearField("value_info")
        self.model.ir_version = max(self.model.ir_version, 4)  # from which constants are no inputs
        return self.model


def _single(value: Array) -> Array:
    return np.asarray(value, np.float32 if value.dtype == np.float64 else None, order="C")


def _understood(model: ModelProto) -> int:
    """The version of a model's operators. Raises: ValueError."""
    opset = next(opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx"))
    if opset < 7:
        raise ValueError(f"its operators are of version {opset}, from before 7")
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL or tensor.data_type == TensorProto.DOUBLE:
            raise ValueError(f"its constant {tensor.name} is in another file or in float64")
    for node in model.graph.node:
        if any(part.t.data_type == TensorProto.DOUBLE for part in node.attribute):
            raise ValueError(f"its {node.op_type} is in float64")
        if any(part.HasField("g") or part.graphs for part in node.attribute):
            raise ValueError(f"its {node.op_type} holds another graph")
    return int(opset)


def rename(names: Any, old: str, new: str) -> None:
    """Replace a name in a node's inputs or outputs."""
    for place, name in enumerate(names):
        if name == old:
            names[place] = new


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    found = (helper.get_attribute_value(a) for a in node.attribute if a.name == name)
    return next(found, default)


def rewritten(model: ModelProto, *rewrites: Callable[[Graph], bool]) -> ModelProto:
    """The model after the rewrites, each applied until there is nothing left for it to do."""
    graph = Graph(model)
    for rewrite in rewrites:
        while rewrite(graph):
            pass
    return graph.to_model()


def drop_idle(graph: Graph) -> bool:
    """Take out an Identity or a Dropout, which does nothing outside training."""
    return any(
        _is_idle(graph, node) and graph.bypass(node, node.input[0]) for node in list(graph.nodes)
    )


def _is_idle(graph: Graph, node: NodeProto) -> bool:
    if node.op_type != "Dropout" or len(node.output) > 1:
        return bool(node.op_type == "Identity")
    training = graph.constant(node, 2)
    return len(node.input) < 3 or not node.input[2] or (training is not None and not training)


class Affine(NamedTuple):
    """x * scale + shift: one number, or one for each channel."""

    scale: Array
    shift: Array

    def then(self, after: Affine) -> Affine:
        return Affine(self.scale * after.scale, self.shift * after.scale + after.shift)


def affine(graph: Graph, node: NodeProto, axes: int) -> Affine | None:
    """What a node does where it only scales and shifts each channel of a value of `axes` axes."""
    if node.op_type == "BatchNormalization":
        return _batch_norm(graph, node)
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    place = 1 if node.input[1] in graph.constants else 0
    number = _per_channel(graph.constant(node, place), axes)
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


def _per_channel(value: Array | None, axes: int) -> Array | None:
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


def fold_back(graph: Graph) -> bool:
    """Put what scales and shifts a layer's output into the layer: BatchNormalization after Conv."""
    for node in graph.nodes:
        user = graph.only_user(node.output[0]) if node.op_type in ("Conv", "Gemm") else None
        by = affine(graph, user, 4 if node.op_type == "Conv" else 2) if user else None
        layer = Layer.of(graph, node) if by else None
        if user and by and layer and layer.scale_out(by):
            layer.keep(graph)
            graph.bypass(user, node.output[0])
            return True
    return False


def fold_forward(graph: Graph) -> bool:
    """Put what scales and shifts the input of layers into them, where that is exact."""
    for node in graph.nodes:
        users = graph.users(node.output[0])
        axes = 2 if users and all(user.op_type == "Gemm" for user in users) else 4
        by = affine(graph, node, axes)
        layers = takers(graph, node.output[0], by) if by else []
        if layers:
            for layer in layers:
                layer.keep(graph)
            graph.bypass(node, graph.data(node))
            return True
    return False


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


# Of slopes nearer to 1 the factor is too small to divide by; steeper ones lose digits.
NEAREST, STEEPEST = 1e-3, 8.0


def split_prelu(graph: Graph) -> bool:
    """PRelu(x) is (1-a) * Relu(x) + a * x, or (1-a) * (Relu(x) + a/(1-a) * x).

    The second, whose factor the layers after it take, where they can.
    """
    for node in graph.nodes:
        slope = graph.constant(node, 1) if node.op_type == "PRelu" else None
        if slope is None or np.any(abs(slope) > STEEPEST):
            continue
        row = _per_channel(slope, 4)
        layers = []
        if row is not None and np.all(abs(1 - row) >= NEAREST):
            layers = takers(graph, node.output[0], Affine(1 - row, np.zeros(1)))
        for layer in layers:
            layer.keep(graph)
        graph.replace(node, _parts_of_prelu(graph, node, slope, taken=bool(layers)))
        return True
    return False


def _parts_of_prelu(graph: Graph, node: NodeProto, slope: Array, taken: bool) -> list[NodeProto]:
    source, bent, straight = node.input[0], graph.fresh("relu"), graph.fresh("slope")
    factor = slope / (1 - slope) if taken else slope
    nodes = [
        helper.make_node("Mul", [source, graph.add(factor)], [straight]),
        helper.make_node("Relu", [source], [bent]),
    ]
    if not taken:
        scaled = graph.fresh("relu")
        nodes.append(helper.make_node("Mul", [bent, graph.add(1 - slope)], [scaled]))
        bent = scaled
    return [*nodes, helper.make_node("Add", [bent, straight], node.output)]


def fold_order(graph: Graph) -> bool:
    """Put another order of channels into the layers that take it, past what treats all alike."""
    for node in graph.nodes:
        order = graph.constant(node, 1) if node.op_type == "Gather" else None
        if order is None or attribute(node, "axis", 0) != 1:
            continue
        users = graph.users(node.output[0])
        layers = [layer for user in users if (layer := Layer.of(graph, user))]
        if len(layers) == len(users) and all(layer.take_order(order) for layer in layers):
            for layer in layers:
                layer.keep(graph)
            return graph.bypass(node, node.input[0])
        user = graph.only_user(node.output[0])
        by = affine(graph, user, 4) if user else None
        if user and by and by.scale.size == by.shift.size == 1:
            graph.swap(node, user)
            return True
    return False


def take_pictures(model: ModelProto, channels: str, mean: float, scale: float) -> ModelProto:
    """The model with uint8 pixels in RGB for its input, of shape (1, H, W, 3).

    Args:
        channels: the order that the model wants, "RGB" or "BGR".
        mean, scale: it wants (pixel - mean) * scale, float32, of shape (1, 3, H, W).

    Raises:
        ValueError: the model has not one such input.
    """
    graph = Graph(model)
    fed = graph.picture()
    steps: list[tuple[str, list[Array], dict[str, Any]]]
    steps = [("Transpose", [], {"perm": [0, 3, 1, 2]}), ("Cast", [], {"to": TensorProto.FLOAT})]
    steps += [("Gather", [np.array([2, 1, 0])], {"axis": 1})] if channels == "BGR" else []
    steps += [("Sub", [np.array([mean])], {})] if mean else []
    steps += [("Mul", [np.array([scale])], {})] if scale != 1 else []
    nodes, source = [], PICTURE
    for kind, constants, attributes in steps:
        names = [source, *(graph.add(constant) for constant in constants)]
        source = graph.fresh(kind.lower())
        nodes.append(helper.make_node(kind, names, [source], **attributes))
    for user in graph.users(fed.name):
        rename(user.input, fed.name, source)
    graph.nodes[:0] = nodes
    height, width = (
        size.dim_param or size.dim_value for size in fed.type.tensor_type.shape.dim[2:]
    )
    shape = [1, height, width, 3]
    fed.CopyFrom(helper.make_tensor_value_info(PICTURE, TensorProto.UINT8, shape))
    return graph.to_model()


def any_size(model: ModelProto) -> ModelProto:
    """The model with height and width of its input, and of what comes out, left open.

    Raises:
        ValueError: its input is no picture.
    """
    graph = Graph(model)
    for size, name in zip(graph.picture().type.tensor_type.shape.dim[2:], SIZES, strict=True):
        size.dim_param = name
    for output in graph.model.graph.output:
        for axis, size in enumerate(output.type.tensor_type.shape.dim):
            if axis == 1:  # how many places there are in the picture
                size.dim_param = f"{output.name}_places"
    return graph.to_model()


HEAD = ("Conv", "Conv", "Transpose", "Reshape")


def merge_heads(model: ModelProto) -> ModelProto:
    """The model with heads that look at the same features made one, whose result is then split.

    A head is, as in YuNet, a convolution of one pixel, one of each channel alone, and a Transpose
    and a Reshape to (1, places, channels).
    """
    graph = Graph(model)
    heads: dict[str, list[list[NodeProto]]] = {}
    for node in graph.nodes:
        if head := _head(graph, node):
            heads.setdefault(node.input[0], []).append(head)
    for several in heads.values():
        if len(several) > 1:
            _merge(graph, several)
    return graph.to_model()


def _head(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """The nodes of the head that begins here; none where none does."""
    head: list[NodeProto] = []
    following: NodeProto | None = node
    for kind in HEAD:
        if following is None or following.op_type != kind:
            return []
        head.append(following)
        following = graph.only_user(following.output[0])
    point, each = Layer.of(graph, head[0]), Layer.of(graph, head[1])
    if not point or not each or point.groups > 1 or point.weights.shape[2:] != (1, 1):
        return []
    shape = graph.constant(head[3], 1)
    alone = each.groups == len(each.weights) == len(point.weights)
    return head if alone and shape is not None and shape[-1] == each.groups else []


def _merge(graph: Graph, heads: list[list[NodeProto]]) -> None:
    """Let the first head do the work of all, and split its result."""
    first = heads[0]
    sizes = []
    for place in (0, 1):
        layers = [layer for head in heads if (layer := Layer.of(graph, head[place]))]
        sizes = [len(layer.weights) for layer in layers]
        weights = np.concatenate([layer.weights for layer in layers])
        bias = np.concatenate([layer.bias for layer in layers])
        Layer(first[place], weights, bias).keep(graph)
    groups = next(part for part in first[1].attribute if part.name == "group")
    groups.i = sum(sizes)
    first[3].input[1] = graph.add(np.array([1, -1, sum(sizes)]))
    parts = [head[3].output[0] for head in heads]
    first[3].output[0] = graph.fresh("heads")
    split = helper.make_node("Split", [first[3].output[0]], parts, axis=2)
    if graph.opset < 13:  # from which the sizes are an input
        split.attribute.append(helper.make_attribute("split", sizes))
    else:
        split.input.append(graph.add(np.array(sizes)))
    graph.replace(first[3], [first[3], split])
    for head in heads[1:]:
        for node in head:
            graph.nodes.remove(node)


FOLDS = (drop_idle, fold_order, fold_back, fold_forward, split_prelu, fold_forward)


def folded(model: ModelProto) -> ModelProto:
    """The model with everything folded that can be without a change of what it computes."""
    return rewritten(model, *FOLDS)


def exact(data: bytes, card: Card) -> bytes:
    """The ONNX file of a card, folded and fed pixels as they are; a detector's of any size.

    Raises:
        ValueError: it is not understood.
    """
    try:
        model = load_model_from_string(data)
    except DecodeError as error:
        raise ValueError("it is not in ONNX's own format") from error
    if card.task == "detect":
        model = merge_heads(any_size(model))
    made = folded(take_pictures(model, card.channels, card.mean, card.scale))
    return bytes(made.SerializeToString())
