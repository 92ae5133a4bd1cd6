"""What each precision gains, and what it changes: the models as shipped and as they are run.

    python -m benchmarks.precision           three minutes

Speed is CPU time of one thread, all in turn. Accuracy is on every pair of photos of lfw_dev
(../shared/faces), each with the face in its middle, found and aligned once for all; scores are the
plain cosines of the embedder's vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tests import assets

from benchmarks import photos
from benchmarks.labelled import FACES, lfw_dev_labels, unit
from benchmarks.tables import Claim, Part, Table, figure, run
from benchmarks.timing import medians
from facecog.domain import Pixels
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.onnx import OnnxEngine
from facecog.engines.prepare import prepared
from facecog.engines.runtime import Network
from facecog.geometry import align
from facecog.image import decode

MODELS = assets.MODELS
SHIPPED, EXACT = "as shipped", "exact"
RATES = (1e-3, 1e-4)
# As fast as the file as shipped, at least; and how far a vector may turn from that file's.
TIMES = {EXACT: 2.2}
TURNED = {EXACT: 1e-5}


class Embeds(Protocol):
    """What takes a crop and gives one vector; see runtime.Network."""

    def run(self, pixels: Pixels) -> list[NDArray[np.float32]]: ...


def embedders() -> dict[str, Embeds]:
    """SFace at each precision that there is here."""
    return dict(both(SFACE))


def both(card: Card) -> dict[str, Network]:
    """A card's file as it was shipped, and prepared."""
    shipped = Network(card, MODELS / card.file)
    return {SHIPPED: shipped, EXACT: Network(card, prepared(card, MODELS))}


def measure(smoke: bool) -> Part:
    assets.ensure()
    rounds = 3 if smoke else 60
    engine = OnnxEngine(YUNET, SFACE, MODELS)
    networks = embedders()
    face = middle(engine, photos.frame())
    assert face is not None
    square = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    embedding = medians({name: partial(one.run, face) for name, one in networks.items()}, rounds)
    finding = medians({name: partial(one.run, square) for name, one in both(YUNET).items()}, rounds)
    tables = [times("SFace, one face", embedding), times("YuNet, 640 x 640", finding)]
    claims = [
        Claim(
            f"SFace {name}, times as fast as the file as shipped",
            embedding[SHIPPED] / embedding[name],
            least,
            at_most=False,
        )
        for name, least in TIMES.items()
    ]
    if FACES.is_dir():
        table, kept = accuracy(networks, *crops(engine, 100 if smoke else None))
        tables.append(table)
        claims += kept
    else:
        claims.append(Claim("Accuracy: there is no shared/faces beside the checkout", None))
    return Part(
        "precision",
        "Precision: the models as shipped, and as they are run",
        tables,
        claims,
        note=f"CPU milliseconds of one thread, medians of {rounds} rounds in which all take turns.",
    )


def times(title: str, ms: Mapping[str, float]) -> Table:
    rows = [(name, figure(each), f"{ms[SHIPPED] / each:.2f}") for name, each in ms.items()]
    return Table(title, ("", "CPU ms", "times as fast"), tuple(rows))


def middle(engine: OnnxEngine, data: bytes) -> Pixels | None:
    """The aligned crop of the face in the middle of a picture, or None where there is none."""
    picture = decode(data)
    x, y = picture.size.width / 2, picture.size.height / 2
    faces = sorted(engine.detect(picture), key=lambda face: face.box.distance(x, y))
    return align(picture.pixels, faces[0].landmarks / picture.scale) if faces else None


def crops(engine: OnnxEngine, most: int | None) -> tuple[list[Pixels], NDArray[np.str_]]:
    """The crops of lfw_dev, of so many photos or of all, and whose they are."""
    paths, people = lfw_dev_labels()
    found = [middle(engine, path.read_bytes()) for path in paths[:most]]
    whose = [name for name, face in zip(people[:most], found, strict=True) if face is not None]
    return [face for face in found if face is not None], np.array(whose)


def accuracy(
    networks: Mapping[str, Embeds], faces: list[Pixels], people: NDArray[np.str_]
) -> tuple[Table, list[Claim]]:
    """What becomes of the vectors, and of the scores of all pairs, beside those as shipped."""
    vectors = {name: embedded(network, faces) for name, network in networks.items()}
    pairs = np.triu_indices(len(people), 1)
    mated = people[pairs[0]] == people[pairs[1]]
    scores = {name: (each @ each.T)[pairs] for name, each in vectors.items()}
    turned = {
        name: 1 - float((each * vectors[SHIPPED]).sum(axis=1).min())
        for name, each in vectors.items()
    }
    rows = [
        (
            name,
            f"{turned[name]:.1e}",
            f"{np.abs(each - scores[SHIPPED]).max():.1e}",
            *(f"{accepted(each, mated, rate):.4f}" for rate in RATES),
        )
        for name, each in scores.items()
    ]
    table = Table(
        f"SFace on lfw_dev: {len(people):,} faces, all {mated.size:,} pairs",
        ("", "1 - least cosine", "most a score moved", *(f"TAR at FMR {rate:g}" for rate in RATES)),
        tuple(rows),
        note=f"{int(mated.sum()):,} of the pairs are mated.",
    )
    return table, [
        Claim(
            f"SFace {name}, 1 - worst cosine to the file as shipped",
            turned[name],
            most,
            speed=False,
        )
        for name, most in TURNED.items()
    ]


def embedded(network: Embeds, faces: list[Pixels]) -> NDArray[Any]:
    """The vectors of faces, of norm 1, float64, shape (n, d)."""
    return unit(np.stack([network.run(face)[0][0].astype(np.float64) for face in faces]))


def accepted(scores: NDArray[Any], mated: NDArray[np.bool_], rate: float) -> float:
    """The part of mated pairs that reach the threshold that `rate` of the non-mated reach."""
    return float(np.mean(scores[mated] >= np.quantile(scores[~mated], 1 - rate)))


if __name__ == "__main__":
    run(measure)
