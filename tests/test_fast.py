"""FACECOG_PRECISION=fast: what runs where, and templates that are nearly the exact ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numkong
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto

from facecog import Settings, open_facecog
from facecog.cli import main
from facecog.domain import Decision, Inference, Template
from facecog.engines import fast as ways
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.fast import fast, whole_numbers
from facecog.engines.onnx import OnnxEngine
from facecog.engines.rewriting import quantise
from facecog.engines.rewriting.flattened import convolve_whole
from facecog.engines.rewriting.graph import rewritten
from facecog.engines.rewriting.inputs import take_pictures
from facecog.engines.runtime import CPU
from facecog.image import decode
from facecog.web.app import create_app
from tests.assets import MODELS, photo
from tests.preparing import crops, warnings

with_integers = pytest.mark.skipif(not ways.has(ways.INTEGERS), reason="a processor without AVX2")
with_bfloat16 = pytest.mark.skipif(not ways.has(ways.BFLOAT16), reason="a processor without bf16")
RANGES = Path(ways.__file__).with_name("sface-int8.json")
MINE = replace(SFACE, name="mine")
NAMES = ("obama.jpg", "obama2.jpg", "biden.jpg", "astronaut.png")

# What is there, and what runs then.
INT8_OPENVINO = ("icelake genoa", True, "OpenVINO int8 and bfloat16")
INT8 = ("icelake genoa", False, "ONNX Runtime int8")
BF16 = ("genoa", True, "OpenVINO bfloat16")
AVX2_OPENVINO = ("haswell", True, "OpenVINO int8 and float32")
Machine = Callable[[str, bool], None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with these instructions, and with OpenVINO or without."""

    def make(instructions: str, openvino: bool) -> None:
        has = dict.fromkeys(instructions.split(), True)
        monkeypatch.setattr(numkong, "get_capabilities", lambda: has)
        monkeypatch.setattr(ways, "find_spec", lambda _: openvino or None)

    return make


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder in which nothing is prepared."""
    folder = tmp_path / "models"
    folder.mkdir()
    for card in (YUNET, SFACE):
        (folder / card.file).symlink_to((MODELS / card.file).resolve())
    return folder


# -- which way is taken -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instructions", "openvino", "runtime"),
    [
        pytest.param(*INT8_OPENVINO, marks=[with_integers, with_bfloat16]),
        pytest.param("icelake", True, "OpenVINO int8 and float32", marks=with_integers),
        pytest.param("haswell", True, "OpenVINO int8 and float32", marks=with_integers),
        pytest.param("haswell", False, "ONNX Runtime int8", marks=with_integers),
        pytest.param(*INT8, marks=with_integers),
        pytest.param(*BF16, marks=with_bfloat16),
    ],
)
def test_the_fastest_way_that_a_machine_has_is_taken(
    machine: Machine, instructions: str, openvino: bool, runtime: str
) -> None:
    machine(instructions, openvino)

    _, inference = fast(SFACE, MODELS, (CPU,))

    assert (inference.precision, inference.runtime) == ("fast", runtime)


@pytest.mark.parametrize(
    ("card", "instructions", "openvino"),
    [
        (SFACE, "neon", True),  # bf16 without instructions for it is slower
        (MINE, "haswell", True),
        (SFACE, "genoa", False),
        (MINE, "icelake genoa", False),  # nobody measured its ranges
    ],
)
def test_without_a_faster_way_a_model_is_run_exactly_and_that_is_said(
    machine: Machine,
    card: Card,
    instructions: str,
    openvino: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine(instructions, openvino)

    _, inference = fast(card, MODELS, (CPU,))

    assert inference == Inference("exact", "ONNX Runtime float32", (CPU,))
    (said,) = warnings(caplog)
    assert f"no faster way here of running {card.name}" in said


@with_bfloat16
def test_a_card_of_ones_own_needs_no_ranges_for_bfloat16(machine: Machine) -> None:
    machine("icelake genoa", True)

    assert fast(MINE, MODELS, (CPU,))[1].runtime == "OpenVINO bfloat16"


def test_other_providers_than_the_processor_run_exactly(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine("icelake genoa", True)
    both = ("AzureExecutionProvider", CPU)  # in every package of ONNX Runtime

    assert fast(SFACE, MODELS, both)[1] == Inference("exact", "ONNX Runtime float32", both)
    (said,) = warnings(caplog)
    assert "other providers run exactly" in said


@with_integers
def test_ready_says_what_runs(machine: Machine, settings: Settings) -> None:
    machine("icelake", False)
    quick = replace(settings, precision="fast")

    with closing(open_facecog(quick)) as facecog:
        told = create_app(facecog, quick).test_client().get("/api/ready").json

    assert told["inference"] == {
        "precision": "fast",
        "runtime": "ONNX Runtime int8",
        "providers": [CPU],
    }


# -- the file of whole numbers ------------------------------------------------------------------


@with_integers
def test_a_damaged_file_of_whole_numbers_is_made_anew(models: Path) -> None:
    file = whole_numbers(SFACE, models, openvino=False)
    assert isinstance(file, Path)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])

    assert whole_numbers(SFACE, models, openvino=False) == file
    assert file.read_bytes() == whole


@with_integers
def test_ranges_of_another_model_are_noticed(
    models: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine("icelake", False)
    ranges = quantise.read_ranges(RANGES)
    ranges["conv_9_conv2d"] = ranges["conv_3_conv2d"]
    monkeypatch.setattr(quantise, "read_ranges", lambda _: ranges)

    assert fast(SFACE, models, (CPU,))[1].precision == "exact"

    assert "conv_9_conv2d is not between two layers" in warnings(caplog)[0]


@with_integers
def test_a_file_that_gives_something_else_is_not_run(
    models: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine("icelake", False)
    narrow = {
        name: one._replace(low=one.low / 9, high=one.high / 9)
        for name, one in quantise.read_ranges(RANGES).items()
    }
    monkeypatch.setattr(quantise, "read_ranges", lambda _: narrow)

    assert fast(SFACE, models, (CPU,))[1].precision == "exact"

    assert "it would not compute nearly the same" in warnings(caplog)[0]


@with_integers
def test_models_fetch_prepares_what_fast_needs(models: Path) -> None:
    told = CliRunner().invoke(
        main,
        ["models", "fetch"],
        env={"FACECOG_MODELS": str(models), "FACECOG_PRECISION": "fast"},
    )

    assert told.exit_code == 0, told.output
    kinds = sorted(file.name.split(".")[1] for file in (models / "prepared").iterdir())
    assert kinds == ["exact", "exact", "int8-openvino"]  # which the tests' environment has


def test_only_the_layers_with_ranges_become_whole_numbers() -> None:
    model = onnx.load(MODELS / SFACE.file)
    ranges = quantise.read_ranges(RANGES)

    made = quantise.quantised(take_pictures(model, "RGB", 0.0, 1.0), ranges)

    onnx.checker.check_model(made, full_check=True)
    kinds = [node.op_type for node in made.graph.node]
    integers = [tensor for tensor in made.graph.initializer if tensor.data_type == TensorProto.INT8]
    # The last layer and the pointwise ones but the first; 15 others stay floats.
    assert sum(len(tensor.dims) > 1 for tensor in integers) == 13
    assert kinds.count("QuantizeLinear") == 12 + 13  # what comes out, and what goes in
    assert kinds.count("Max") == 12
    assert made.ByteSize() < 11e6


def test_for_openvino_what_comes_out_of_layers_and_prelu_stay_as_they_are() -> None:
    model = onnx.load(MODELS / SFACE.file)
    ranges = quantise.read_ranges(RANGES)

    made = quantise.quantised_for_openvino(take_pictures(model, "RGB", 0.0, 1.0), ranges)

    onnx.checker.check_model(made, full_check=True)
    kinds = [node.op_type for node in made.graph.node]
    integers = [tensor for tensor in made.graph.initializer if tensor.data_type == TensorProto.INT8]
    assert sum(len(tensor.dims) > 1 for tensor in integers) == 13
    assert kinds.count("QuantizeLinear") == 13  # what goes in
    assert kinds.count("PRelu") == 27
    assert {"Max", "Gemm"}.isdisjoint(kinds)
    assert [128, 1024, 7, 7] in [list(tensor.dims) for tensor in integers]


def test_the_last_layer_as_a_convolution_computes_the_same() -> None:
    model = take_pictures(onnx.load(MODELS / SFACE.file), "RGB", 0.0, 1.0)
    flat = quantise.quantised(model, quantise.read_ranges(RANGES))

    whole = rewritten(flat, convolve_whole)

    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    before, after = (
        ways.Network(SFACE, made.SerializeToString()).run(picture)[0] for made in (flat, whole)
    )
    assert "Gemm" not in [node.op_type for node in whole.graph.node]
    np.testing.assert_allclose(after, before, atol=1e-5 * abs(before).max())


def test_a_layer_on_no_flattened_square_is_left_as_it_is() -> None:
    """What is not in whole numbers, as in a model that nobody prepared, has nothing between."""
    model = take_pictures(onnx.load(MODELS / SFACE.file), "RGB", 0.0, 1.0)

    assert "Gemm" in [node.op_type for node in rewritten(model, convolve_whole).graph.node]


def test_evening_the_channels_changes_nothing_that_is_computed() -> None:
    model = take_pictures(onnx.load(MODELS / SFACE.file), "RGB", 0.0, 1.0)
    ranges = quantise.read_ranges(RANGES)

    evened = quantise.evened(quantise.bent(model, ranges), ranges)

    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    before, after = (
        ways.Network(SFACE, made.SerializeToString()).run(picture)[0] for made in (model, evened)
    )
    np.testing.assert_allclose(after, before, atol=1e-4 * abs(before).max())


def test_the_ranges_say_when_and_on_what_they_were_measured() -> None:
    told = json.loads(RANGES.read_text())

    assert told.keys() == {"day", "data", "values"}
    assert "photos of 216 people" in told["data"]
    for one in quantise.read_ranges(RANGES).values():
        assert one.low < 0 < one.high
        assert all(span > 0 for span in one.spans)


# -- the templates on real photos ---------------------------------------------------------------


WAYS = [
    pytest.param(*INT8, 0.99, id="int8", marks=with_integers),
    pytest.param(*INT8_OPENVINO, 0.99, id="OpenVINO int8", marks=[with_integers, with_bfloat16]),
    pytest.param(*AVX2_OPENVINO, 0.99, id="OpenVINO int8 and float32", marks=with_integers),
    pytest.param(*BF16, 0.9995, id="OpenVINO bfloat16", marks=with_bfloat16),
]


@pytest.mark.parametrize(("instructions", "openvino", "runtime", "least"), WAYS)
def test_a_fast_template_is_nearly_the_exact_one(
    machine: Machine,
    engine: OnnxEngine,
    instructions: str,
    openvino: bool,
    runtime: str,
    least: float,
) -> None:
    machine(instructions, openvino)
    quick = OnnxEngine(YUNET, SFACE, MODELS, "fast")
    assert quick.inference.runtime == runtime

    pairs = [(templates(engine, name), templates(quick, name)) for name in NAMES]

    cosines = [
        a.vector @ b.vector for exact, fast in pairs for a, b in zip(exact, fast, strict=True)
    ]
    print(f"{runtime}: worst cosine of {len(cosines)} faces {min(cosines):.4f}")
    assert min(cosines) >= least
    assert {one.model for pair in pairs for one in (*pair[0], *pair[1])} == {SFACE.name}


def templates(engine: OnnxEngine, name: str) -> list[Template]:
    faces = engine.embed(decode(photo(name)))
    assert faces
    return [face.template for face in faces if face.template]


@with_integers
def test_whoever_was_registered_exactly_is_recognised_fast_and_the_other_way_round(
    settings: Settings, machine: Machine
) -> None:
    machine("icelake", False)
    quick = replace(settings, precision="fast")

    for first, then in ((settings, quick), (quick, settings)):
        home = settings.home / first.precision
        with closing(open_facecog(replace(first, home=home))) as facecog:
            facecog.enrol("Barack Obama", photo("obama.jpg"))
        with closing(open_facecog(replace(then, home=home))) as facecog:
            found = [facecog.identify(photo(name)).faces[0].decision for name in NAMES[1:]]

        assert found == [Decision.MATCH, Decision.UNKNOWN, Decision.UNKNOWN]


@with_integers
@pytest.mark.parametrize(
    "instructions", ["haswell", pytest.param("icelake genoa", marks=with_bfloat16)]
)
def test_threads_that_ask_at_once_get_what_one_would(
    machine: Machine, engine: OnnxEngine, instructions: str
) -> None:
    machine(instructions, True)
    network, _ = fast(SFACE, MODELS, (CPU,))
    faces = crops(engine, map(photo, NAMES))
    alone = [network.run(face)[0] for face in faces]

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda n: network.run(faces[n % len(faces)])[0], range(80)))

    for number, vector in enumerate(together):
        np.testing.assert_array_equal(vector, alone[number % len(faces)])
