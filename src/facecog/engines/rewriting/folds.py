"""Rewrites that take nodes out of a graph, and put what they do into the layers beside them."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, helper

from facecog.engines.rewriting.graph import Array, Graph, attribute, rewritten
from facecog.engines.rewriting.layers import Affine, Layer, affine, per_channel, takers


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
        row = per_channel(slope, 4)
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


# Everything but what is done to PRelu.
FOLDS = (drop_idle, fold_order, fold_back, fold_forward)


def folded(model: ModelProto) -> ModelProto:
    """The model with everything folded that can be without a change of what it computes."""
    return rewritten(model, *FOLDS, split_prelu, fold_forward)
