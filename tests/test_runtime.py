"""What computes: providers of ONNX Runtime, by name."""

from __future__ import annotations

from dataclasses import replace

import onnxruntime
import pytest
from flask.testing import FlaskClient

from facecog import Settings, open_facecog
from facecog.engines.cards import SFACE
from facecog.engines.onnx import OnnxEngine
from facecog.engines.runtime import CPU, Network, providers_named
from facecog.errors import InvalidSetting
from tests.assets import MODELS

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package with CUDA were installed."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ("cpu", (CPU,)),
        ("", (CPU,)),
        ("CPUExecutionProvider", (CPU,)),
        ("cuda", (CUDA, CPU)),
        (" CUDA , cpu", (CUDA, CPU)),
        ("cpu,CudaExecutionProvider", (CUDA, CPU)),
        ("cuda,cuda,", (CUDA, CPU)),
    ],
)
@pytest.mark.usefixtures("with_cuda")
def test_providers_have_long_and_short_names_and_the_processor_is_the_last(
    names: str, chosen: tuple[str, ...]
) -> None:
    assert providers_named(names) == chosen


@pytest.mark.usefixtures("with_cuda")
def test_a_provider_that_is_not_there_is_refused_with_those_that_are() -> None:
    words = r"FACECOG_PROVIDERS names CoreML, .* does not have\. It has: cuda, cpu\."
    with pytest.raises(InvalidSetting, match=words):
        providers_named("cuda,CoreML")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"providers": "tensorrt"}, "FACECOG_PROVIDERS names tensorrt"),
        ({"precision": "sloppy"}, "FACECOG_PRECISION is exact.*, not sloppy"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_made(
    settings: Settings, wrong: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidSetting, match=words):
        open_facecog(replace(settings, **wrong))  # type: ignore[arg-type]

    assert not settings.home.exists()


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_is_installed_and_does_not_work_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """ONNX Runtime goes on with the processor and says so in its log."""
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)

    with pytest.raises(InvalidSetting, match=f"{CUDA} does not work here: cpu does"):
        Network(SFACE, MODELS / SFACE.file, (CUDA, CPU))


def test_the_engine_says_what_runs_it(engine: OnnxEngine) -> None:
    said = engine.inference

    assert (said.precision, said.runtime, said.providers) == (
        "exact",
        "ONNX Runtime float32",
        (CPU,),
    )


def test_ready_says_what_computes(real_client: FlaskClient) -> None:
    assert real_client.get("/api/ready").get_json()["inference"] == {
        "precision": "exact",
        "runtime": "ONNX Runtime float32",
        "providers": [CPU],
    }
