"""What a model is fed: pixels as they are, and a picture of any size."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from facecog.engines.rewriting.graph import Array, Graph, rename

PICTURE = "picture"  # the name of the input that take_pictures makes
SIZES = ("height", "width")


def take_pictures(model: ModelProto, channels: str, mean: float, scale: float) -> ModelProto:
    """The model with uint8 pixels in RGB for its input, of shape (1, H, W, 3).

    Args:
        channels: the order that the model wants, "RGB" or "BGR".
        mean, scale: it wants (pixel - mean) * scale, float32, of shape (1, 3, H, W).

    Raises:
        ValueError: the model has not one such input.
    """
    graph = Graph(model)
    fed = _picture(graph)
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
    for size, name in zip(_picture(graph).type.tensor_type.shape.dim[2:], SIZES, strict=True):
        size.dim_param = name
    for output in graph.model.graph.output:
        for axis, size in enumerate(output.type.tensor_type.shape.dim):
            if axis == 1:  # how many places there are in the picture
                size.dim_param = f"{output.name}_places"
    return graph.to_model()


def _picture(graph: Graph) -> Any:
    """The ValueInfoProto of what is fed.

    Raises:
        ValueError: it is not one thing, float32, of shape (1, 3, H, W).
    """
    (fed,) = (i for i in graph.model.graph.input if i.name not in graph.constants)
    kind = fed.type.tensor_type
    sizes = [size.dim_value for size in kind.shape.dim]
    if kind.elem_type != TensorProto.FLOAT or len(sizes) != 4 or sizes[0] > 1 or sizes[1] != 3:
        raise ValueError(f"the input {fed.name} is no picture")
    return fed
