"""Heads of a detector that look at the same features, made one."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper

from facecog.engines.rewriting.graph import Graph
from facecog.engines.rewriting.layers import Layer

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
