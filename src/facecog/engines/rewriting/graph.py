"""A model taken apart, so that its nodes and constants can be replaced, and put together again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = NDArray[Any]


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
