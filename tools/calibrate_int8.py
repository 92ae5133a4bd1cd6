"""Measure what the values of SFace range over, for engines/rewriting/quantise.py.

    python -m tools.calibrate_int8                     src/facecog/engines/sface-int8.json

From one in five people of lfw_dev (benchmarks/labelled.py), so that the others can judge what comes
of it (python -m benchmarks.precision). What is kept are ranges of numbers, nothing of a face.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from benchmarks.labelled import MODELS, ROOT, aligned, lfw_dev
from numpy.typing import NDArray
from onnx import ModelProto

from facecog.domain import Pixels
from facecog.engines.cards import SFACE
from facecog.engines.rewriting.folds import FOLDS
from facecog.engines.rewriting.graph import Graph, rewritten
from facecog.engines.rewriting.inputs import take_pictures
from facecog.engines.rewriting.layers import Layer
from facecog.engines.rewriting.quantise import Range, Ranges, bent, evened

TARGET = ROOT / "src" / "facecog" / "engines" / "sface-int8.json"
PART = 5  # one person in so many
# The first pointwise layer takes 112 x 112 pixels in 32 channels: whole numbers gain nothing there.
LEFT = 1


def main() -> None:
    """Write the file."""
    photos = lfw_dev()
    chosen = calibration_people(photos.people)
    pictures = aligned(photos, chosen)
    sface = onnx.load(MODELS / SFACE.file)
    ranges = measured(take_pictures(sface, SFACE.channels, SFACE.mean, SFACE.scale), pictures)
    numbers = {
        "day": date.today().isoformat(),
        "data": f"LFW, people folds 2 and 3: {len(pictures):,} photos of "
        f"{len(np.unique(photos.people[chosen])):,} people",
        "values": {name: one._asdict() for name, one in ranges.items()},
    }
    TARGET.write_text(json.dumps(numbers, separators=(",", ":")) + "\n", "utf-8")
    print(f"written to {TARGET.relative_to(Path.cwd())}")


def calibration_people(people: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Whose photos are used here; nobody else's may be. One row a photo."""
    names = np.unique(people)
    some: NDArray[np.bool_] = np.isin(
        people, np.random.default_rng(0).permutation(names)[: len(names) // PART]
    )
    return some


def measured(model: ModelProto, pictures: Pixels) -> Ranges:
    """The values to quantise: first how far each channel spans, then all of them, evened."""
    graph = Graph(rewritten(model, *FOLDS))
    taken = taken_in(graph)
    made = [node.output[0] for name in taken for node in graph.users(name)]
    names = [name for name in (*taken, *made) if name not in graph.outputs]
    spans = measured_spans(bent(model, names), names, pictures)
    lowest, highest = extremes(evened(bent(model, names), spans), names, pictures)
    return {
        name: spans[name]._replace(
            low=round(float(lowest[name].min()), 4), high=round(float(highest[name].max()), 4)
        )
        for name in names
    }


def measured_spans(model: ModelProto, names: list[str], pictures: Pixels) -> Ranges:
    """Ranges with nothing but the spans."""
    lowest, highest = extremes(model, names, pictures)
    graph = Graph(model)
    return {
        name: Range(0, 0, spans_of(graph, name, highest[name] - lowest[name])) for name in names
    }


def taken_in(graph: Graph) -> list[str]:
    """What the pointwise layers take but the first, which have most of the work, and the last."""
    layers = [layer for node in graph.nodes if (layer := Layer.of(graph, node))]
    pointwise = [one for one in layers if one.weights.shape[2:] == (1, 1) and one.groups == 1]
    full = [one for one in layers if one.node.op_type == "Gemm"]
    return [layer.node.input[0] for layer in (*pointwise[LEFT:], *full)]


def spans_of(graph: Graph, name: str, spans: NDArray[np.float32]) -> tuple[float, ...]:
    """Rounded; none for what a Gemm takes, whose channels the layer before has evened."""
    if any(user.op_type == "Gemm" for user in graph.users(name)):
        return ()
    return tuple(float(f"{span:.3g}") for span in spans)


Rows = dict[str, NDArray[np.float32]]


def extremes(model: ModelProto, names: list[str], pictures: Pixels) -> tuple[Rows, Rows]:
    """The lowest and highest that each channel of some values is, or 0."""
    told = ModelProto()
    told.CopyFrom(model)
    told.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(
        told.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    lowest: Rows = {}
    highest: Rows = {}
    for picture in pictures:
        values = session.run(names, {session.get_inputs()[0].name: picture[None]})
        for name, value in zip(names, values, strict=True):
            rows = value.reshape(value.shape[1], -1)
            lowest[name] = np.minimum(lowest.get(name, 0), rows.min(axis=1))
            highest[name] = np.maximum(highest.get(name, 0), rows.max(axis=1))
    return lowest, highest


if __name__ == "__main__":
    main()
