"""Every rewrite of a graph, against ONNX Runtime on the graph as it was."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, checker, numpy_helper, parser

from facecog.engines.rewriting.folds import folded
from facecog.engines.rewriting.inputs import any_size, take_pictures

Array = NDArray[np.float32]
HEAD = '<ir_version: 8, opset_import: ["" : 13]> g '
NORM = ("gamma", "beta", "mean", "variance")


def model(text: str, **constants: Array | tuple[int, ...]) -> ModelProto:
    """A graph in ONNX's text form; of a constant given as a shape, random numbers."""
    made: ModelProto = parser.parse_model(HEAD + text)
    random = np.random.default_rng(0)
    for name, value in constants.items():
        if isinstance(value, tuple):
            value = random.uniform(0.5, 1.5, value) * random.choice([-1, 1], value)
        value = abs(value) if name.startswith("variance") else value
        made.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    checker.check_model(made, full_check=True)
    return made


def norms(channels: int, suffix: str = "") -> dict[str, tuple[int, ...]]:
    return {name + suffix: (channels,) for name in NORM}


def run(made: ModelProto, fed: Array) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    results: list[Array] = session.run(None, {session.get_inputs()[0].name: fed})
    return results


def kinds(before: ModelProto) -> Counter[str]:
    """The nodes that are left after folding, once it is sure that the numbers are the same."""
    after = folded(before)
    checker.check_model(after, full_check=True)
    shape = [size.dim_value for size in before.graph.input[0].type.tensor_type.shape.dim]
    fed = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for old, new in zip(run(before, fed), run(after, fed), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-5 * abs(old).max())
    return Counter(node.op_type for node in after.graph.node)


@pytest.mark.parametrize("bias", ["", ", b"])
@pytest.mark.parametrize(("group", "inside"), [(1, 4), (2, 2), (4, 1)])
def test_a_norm_after_a_convolution_is_put_into_it(bias: str, group: int, inside: int) -> None:
    text = f"""(float[1,4,6,6] x) => (float[1,8,6,6] y) {{
        c = Conv <group = {group}, pads = [1,1,1,1]> (x, w{bias})
        y = BatchNormalization <epsilon = 0.01> (c, {", ".join(NORM)})
    }}"""
    constants = {"w": (8, inside, 3, 3), **norms(8)} | ({"b": (8,)} if bias else {})

    assert kinds(model(text, **constants)) == {"Conv": 1}


@pytest.mark.parametrize(("pads", "left"), [(0, {"Conv": 1}), (1, {"Conv": 1, "Sub": 1})])
@pytest.mark.parametrize("group", [1, 2])
def test_a_shift_before_a_convolution_is_put_into_it_where_no_zeros_are_put_around(
    pads: int, group: int, left: dict[str, int]
) -> None:
    size = 4 + 2 * pads
    text = f"""(float[1,4,6,6] x) => (float[1,6,{size},{size}] y) {{
        s = Sub (x, mean)
        m = Mul (s, scale)
        y = Conv <group = {group}, pads = [{pads},{pads},{pads},{pads}]> (m, w)
    }}"""
    constants = {"mean": (1,), "scale": (4, 1, 1), "w": (6, 4 // group, 3, 3)}

    assert kinds(model(text, **constants)) == left


@pytest.mark.parametrize(("pads", "left"), [(0, {"Conv": 1}), (1, {"Conv": 1, "Norm": 1})])
def test_a_norm_before_a_convolution_is_put_into_it_where_no_zeros_are_put_around(
    pads: int, left: dict[str, int]
) -> None:
    size = 4 + 2 * pads
    text = f"""(float[1,4,6,6] x) => (float[1,6,{size},{size}] y) {{
        n = BatchNormalization (x, {", ".join(NORM)})
        y = Conv <pads = [{pads},{pads},{pads},{pads}]> (n, w)
    }}"""
    left = {kind.replace("Norm", "BatchNormalization"): count for kind, count in left.items()}

    assert kinds(model(text, w=(6, 4, 3, 3), **norms(4))) == left


@pytest.mark.parametrize("attributes", ["", "<transB = 1, alpha = 0.5, beta = 2.0>"])
def test_norms_around_a_gemm_are_put_into_it(attributes: str) -> None:
    text = f"""(float[1,4,3,3] x) => (float[1,5] y) {{
        n = BatchNormalization (x, {", ".join(NORM)})
        d = Dropout (n)
        f = Flatten (d)
        g = Gemm {attributes} (f, w, b)
        y = BatchNormalization (g, {", ".join(name + "2" for name in NORM)})
    }}"""
    shape = (5, 36) if attributes else (36, 5)

    left = kinds(model(text, w=shape, b=(5,), **norms(4), **norms(5, "2")))

    assert left == {"Flatten": 1, "Gemm": 1}


def prelu(slope: Array, end: str = "y = Conv <pads = [1,1,1,1]> (p, v)") -> ModelProto:
    text = f"""(float[1,4,6,6] x) => (float[1,4,6,6] y) {{
        c = Conv <pads = [1,1,1,1]> (x, w)
        p = PRelu (c, slope)
        {end}
    }}"""
    return model(text, slope=slope, w=(4, 4, 3, 3), v=(4, 4, 3, 3))


SPLIT = {"Conv": 2, "Relu": 1, "Mul": 1, "Add": 1}


@pytest.mark.parametrize(
    "slope",
    [
        np.array([0.25, 0.1, 0.0, 0.9]).reshape(4, 1, 1),
        np.array([-0.5, -3.0, 1.02, 2.5]).reshape(4, 1, 1),
        np.array([0.25, 0.5, -0.5, 1.5]).reshape(1, 4, 1, 1),
        np.array([0.25]),
    ],
)
def test_a_prelu_becomes_a_relu_whose_factor_the_next_layer_takes(slope: Array) -> None:
    assert kinds(prelu(slope)) == SPLIT


@pytest.mark.parametrize("slope", [1.0, 1.0001])
def test_a_prelu_with_a_slope_of_almost_one_keeps_its_factor(slope: float) -> None:
    slopes = np.array([0.25, 0.1, slope, 0.5]).reshape(4, 1, 1)

    assert kinds(prelu(slopes)) == SPLIT | {"Mul": 2}


def test_a_prelu_that_is_too_steep_to_be_computed_as_well_is_left() -> None:
    slopes = np.array([0.25, 0.1, -40.0, 0.5]).reshape(4, 1, 1)

    assert kinds(prelu(slopes)) == {"Conv": 2, "PRelu": 1}


def test_a_prelu_whose_output_two_layers_take_gives_both_the_factor() -> None:
    end = "l = Conv <pads = [1,1,1,1]> (p, v)  r = Conv <pads = [1,1,1,1]> (p, w)  y = Add (l, r)"

    assert kinds(prelu(np.array([0.25]), end)) == SPLIT | {"Conv": 3, "Add": 2}


@pytest.mark.parametrize(
    "end",
    [
        "y = Add (p, x)",
        "l = Conv <pads = [1,1,1,1]> (p, v)  y = Add (l, p)",
        "y = Identity (p)",
    ],
)
@pytest.mark.parametrize("slope", [0.25, 1.0, 2.5, -0.5])
def test_a_prelu_keeps_its_factor_where_not_all_that_follows_takes_it(
    end: str, slope: float
) -> None:
    left = kinds(prelu(np.array([slope]), end))

    assert (left["PRelu"], left["Relu"], left["Mul"]) == (0, 1, 2)


def test_a_block_of_a_residual_network_is_folded_as_far_as_it_goes() -> None:
    """As in InsightFace's networks: the norm before a padded convolution has to stay."""
    text = f"""(float[1,4,6,6] x) => (float[1,4,6,6] y) {{
        s = Conv <pads = [1,1,1,1]> (x, w)
        p = PRelu (s, slope)
        n = BatchNormalization (p, {", ".join(NORM)})
        c = Conv <pads = [1,1,1,1]> (n, v)
        m = BatchNormalization (c, {", ".join(name + "2" for name in NORM)})
        q = PRelu (m, slope2)
        d = Conv <pads = [1,1,1,1]> (q, u)
        o = BatchNormalization (d, {", ".join(name + "3" for name in NORM)})
        y = Add (o, p)
    }}"""
    weights = dict.fromkeys("wvu", (4, 4, 3, 3))
    slopes = {"slope": (4, 1, 1), "slope2": (4, 1, 1)}

    left = kinds(model(text, **weights, **slopes, **norms(4), **norms(4, "2"), **norms(4, "3")))

    assert left == {"Conv": 3, "BatchNormalization": 1, "Relu": 2, "Mul": 3, "Add": 3}


def test_a_prelu_before_a_gemm_gives_it_the_factor() -> None:
    text = """(float[1,4,3,3] x) => (float[1,5] y) {
        p = PRelu (x, slope)
        f = Flatten (p)
        y = Gemm (f, w)
    }"""

    left = kinds(model(text, slope=(4, 1, 1), w=(36, 5)))

    assert left == {"Relu": 1, "Mul": 1, "Add": 1, "Flatten": 1, "Gemm": 1}


def test_what_an_output_shows_is_not_folded_away() -> None:
    text = f"""(float[1,4,6,6] x) => (float[1,4,6,6] c, float[1,4,6,6] y) {{
        i = Identity (x)
        c = Conv <pads = [1,1,1,1]> (i, w)
        y = BatchNormalization (c, {", ".join(NORM)})
    }}"""

    assert kinds(model(text, w=(4, 4, 3, 3), **norms(4))) == {"Conv": 1, "BatchNormalization": 1}


def test_an_identity_of_the_input_alone_is_left() -> None:
    assert kinds(model("(float[1,4,6,6] x) => (float[1,4,6,6] y) { y = Identity (x) }")) == {
        "Identity": 1
    }


def test_constants_are_no_inputs_any_more() -> None:
    text = "(float[1,4,6,6] x, float[4,4,1,1] w) => (float[1,4,6,6] y) { y = Conv (x, w) }"
    before = model(text, w=(4, 4, 1, 1))

    assert [value.name for value in folded(before).graph.input] == ["x"]


NET = """(float[1,3,8,8] x) => (float[1,4,8,8] y) {
    s = Mul (x, inner)
    y = Conv <pads = [1,1,1,1]> (s, w)
}"""


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize(("mean", "scale"), [(0.0, 1.0), (127.5, 1 / 128), (0.0, 1 / 255)])
@pytest.mark.parametrize("inner", [(1,), (3, 1, 1)])
def test_pictures_are_fed_as_they_are(
    channels: str, mean: float, scale: float, inner: tuple[int, ...]
) -> None:
    net = model(NET, inner=inner, w=(4, 3, 3, 3))
    pixels = np.random.default_rng(2).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    ordered = pixels if channels == "RGB" else pixels[:, :, ::-1]
    fed = ((ordered.astype(np.float32) - mean) * scale).transpose(2, 0, 1)[None]

    after = folded(take_pictures(net, channels, mean, scale))

    (old,), (new,) = run(net, fed.astype(np.float32)), run(after, pixels[None])
    np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-5 * abs(old).max())
    if channels == "RGB" or inner == (1,):
        left = Counter(node.op_type for node in after.graph.node)
        assert left == Counter(["Transpose", "Cast", "Conv", *(["Sub"] if mean else [])])


def test_a_size_that_is_left_open_may_be_any() -> None:
    net = any_size(model(NET, inner=(1,), w=(4, 3, 3, 3)))

    sides = [run(net, np.zeros((1, 3, h, w), np.float32))[0].shape for h, w in ((8, 8), (5, 9))]

    assert sides == [(1, 4, 8, 8), (1, 4, 5, 9)]


@pytest.mark.parametrize(
    "text",
    [
        "(float[1,3,8,8] a, float[1,3,8,8] b) => (float[1,3,8,8] y) { y = Add (a, b) }",
        "(float[1,4,8,8] x) => (float[1,4,8,8] y) { y = Relu (x) }",
        "(float[2,3,8,8] x) => (float[2,3,8,8] y) { y = Relu (x) }",
        "(float[3,8,8] x) => (float[3,8,8] y) { y = Relu (x) }",
        "(double[1,3,8,8] x) => (double[1,3,8,8] y) { y = Relu (x) }",
    ],
)
def test_an_input_that_is_no_picture_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"picture|unpack"):
        take_pictures(model(text), "RGB", 0.0, 1.0)


def test_a_graph_within_a_graph_is_refused() -> None:
    text = """(float[1,3,8,8] x) => (float[1,3,8,8] y) {
        c = Constant <value = bool {1}> ()
        y = If (c) <
            then_branch = a () => (float[1,3,8,8] t) { t = Relu (x) },
            else_branch = b () => (float[1,3,8,8] e) { e = Neg (x) }
        >
    }"""

    with pytest.raises(ValueError, match="If holds another graph"):
        folded(model(text))


def test_what_is_not_understood_is_left() -> None:
    text = """(float[1,4,6,6] x) => (float[1,4,6,6] y) {
        s = Softmax (x)
        c = Conv <pads = [1,1,1,1]> (s, w)
        z = Mul (c, c)
        y = Add (z, row)
    }"""

    left = kinds(model(text, w=(4, 4, 3, 3), row=(6,)))

    assert left == {"Softmax": 1, "Conv": 1, "Mul": 1, "Add": 1}
