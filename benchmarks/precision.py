"""What each precision gains, and what it changes: the models as shipped and as they are run.

    python -m benchmarks.precision           five minutes

Speed is CPU time of one thread, all in turn. Accuracy is on every pair of photos of lfw_dev
(../shared/faces), each with the face in its middle, found and aligned once for all; scores are the
plain cosines of the embedder's vectors. The last table is of the people alone that the ranges of
fast were not measured on, and of templates, which are centred.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tests import assets
from tools.calibrate_int8 import calibration_people

from benchmarks import photos
from benchmarks.labelled import FACES, centred, lfw_dev_labels, unit
from benchmarks.tables import Claim, Part, Table, figure, run
from benchmarks.timing import medians
from facecog.domain import Pixels
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.fast import BFLOAT16 as BFLOATS
from facecog.engines.fast import INTEGERS, VNNI, has, on_openvino, whole_numbers, with_openvino
from facecog.engines.onnx import OnnxEngine
from facecog.engines.prepare import prepared
from facecog.engines.runtime import Network
from facecog.geometry import align
from facecog.image import decode

MODELS = assets.MODELS
DRAWS = 100  # of people, with repetition
SHIPPED, EXACT = "as shipped", "exact"
RATES = (1e-3, 1e-4)
INT8, OPENVINO, BFLOAT16 = "ONNX Runtime int8", "OpenVINO int8", "OpenVINO bfloat16"
# As fast as the file as shipped, at least: in whole numbers, where the processor has VNNI; and how
# far a vector may turn from that file's. OpenVINO's bfloat16 is only for cards whose ranges nobody
# measured.
TIMES = {EXACT: 2.2, INT8: 4.0, OPENVINO: 4.0}
WITHOUT_VNNI = "precision without VNNI"  # a part of its own, which does not replace the other
LOST = 0.003  # of TAR at the last of RATES, at most
TURNED = {EXACT: 1e-5}
# What the processor has to have, and what that is called.
NEEDS = {
    INT8: (INTEGERS, "whole-number"),
    OPENVINO: (INTEGERS, "whole-number"),
    BFLOAT16: (BFLOATS, "bf16"),
}


class Embeds(Protocol):
    """What takes a crop and gives one vector; see runtime.Network."""

    def run(self, pixels: Pixels) -> list[NDArray[np.float32]]: ...


def embedders() -> dict[str, Embeds]:
    """SFace at each precision that there is here."""
    here: dict[str, Embeds] = dict(both(SFACE))
    if integers := whole_numbers(SFACE, MODELS, openvino=False):
        here[INT8] = Network(SFACE, integers)
    if with_openvino() and (integers := whole_numbers(SFACE, MODELS, openvino=True)):
        here[OPENVINO] = on_openvino(SFACE, integers, has(BFLOATS))
    if with_openvino() and has(BFLOATS):
        here[BFLOAT16] = on_openvino(SFACE, prepared(SFACE, MODELS), bfloat16=True)
    return here


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
    turned: dict[str, float] = {}
    lost: dict[tuple[str, str], float] = {}
    if FACES.is_dir():
        faces, people = crops(engine, 100 if smoke else None)
        shown, turned = accuracy(networks, faces, people)
        unseen, lost = comparable(networks, faces, people, 2 if smoke else DRAWS)
        tables += [shown, unseen]
    vnni = has(VNNI)
    name, where = ("precision", "") if vnni else (WITHOUT_VNNI, " without VNNI")
    return Part(
        name,
        f"Precision{where}: the models as shipped, and as they are run",
        tables,
        claims(embedding, turned, lost, vnni),
        note=f"CPU milliseconds of one thread, medians of {rounds} rounds in which all take turns.",
    )


def claims(
    embedding: Mapping[str, float],
    turned: Mapping[str, float],
    lost: Mapping[tuple[str, str], float],
    vnni: bool,
) -> list[Claim]:
    """What is claimed on a processor with VNNI, and what on one without.

    Args:
        turned, lost: what accuracy() and comparable() found, empty where there are no photographs.
    """
    photographs = "" if turned else "there is no shared/faces beside the checkout"
    where = "" if vnni else ", without VNNI"
    faster = [
        Claim(
            f"SFace {name}, times as fast as the file as shipped{where}",
            embedding[SHIPPED] / embedding[name] if name in embedding else None,
            least if name == EXACT or vnni else None,
            at_most=False,
            why=lacking(name, embedding),
        )
        for name, least in TIMES.items()
    ]
    alike = [
        Claim(
            f"SFace {name}, 1 - worst cosine to the file as shipped{where}",
            turned.get(name),
            most,
            speed=False,
            why=photographs,
        )
        for name, most in TURNED.items()
    ]
    right = [
        Claim(
            f"{a} against {b}, TAR at FMR {RATES[-1]:g} lost on people never measured{where}",
            lost.get((a, b)),
            LOST,
            why=lacking(b, embedding) or photographs,
        )
        for b in NEEDS
        for a in (EXACT, b)
        if b in embedding or vnni
    ]
    return [*faster, *alike, *right]


def lacking(name: str, here: Collection[str]) -> str:
    """Why a precision is not here; nothing where it is."""
    if name in here:
        return ""
    instructions, called = NEEDS[name]
    if not has(instructions):
        return f"this processor has no {called} instructions"
    return "OpenVINO is not installed" if name != INT8 else "the file could not be made"


def times(title: str, ms: Mapping[str, float]) -> Table:
    rows = [(name, figure(each), f"{ms[SHIPPED] / each:.2f}") for name, each in ms.items()]
    return Table(title, ("", "CPU ms", "times as fast"), tuple(rows))


def middle(engine: OnnxEngine, data: bytes) -> Pixels | None:
    """The aligned crop of the face in the middle of a picture, or None where there is none."""
    picture = decode(data)
    x, y = picture.size.width / 2, picture.size.height / 2
    faces = sorted(engine.detect(picture), key=lambda face: face.box.distance(x, y))
    return align(picture.image, faces[0].landmarks / picture.scale) if faces else None


def crops(engine: OnnxEngine, most: int | None) -> tuple[list[Pixels], NDArray[np.str_]]:
    """The crops of lfw_dev, of so many photos or of all, and whose they are."""
    paths, people = lfw_dev_labels()
    found = [middle(engine, path.read_bytes()) for path in paths[:most]]
    whose = [name for name, face in zip(people[:most], found, strict=True) if face is not None]
    return [face for face in found if face is not None], np.array(whose)


def accuracy(
    networks: Mapping[str, Embeds], faces: list[Pixels], people: NDArray[np.str_]
) -> tuple[Table, dict[str, float]]:
    """What becomes of the vectors, and of the scores of all pairs, beside those as shipped.

    Also how far each turns a vector at most, as 1 - cosine.
    """
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
    return table, turned


class Pairs:
    """Scores of pairs of photos, and the rows of the two people of each."""

    def __init__(self, scores: NDArray[Any], one: NDArray[np.intp], other: NDArray[np.intp]):
        mated = one == other
        self.mated, self.whose = scores[mated], one[mated]
        order = np.argsort(-scores[~mated])
        self.others = scores[~mated][order]
        self.one, self.other = one[~mated][order], other[~mated][order]

    def accepted(self, times: NDArray[Any], rate: float) -> float:
        """As accepted(), with each person in it so many times."""
        reached = np.cumsum(times[self.one] * times[self.other])
        threshold = self.others[np.searchsorted(reached, rate * reached[-1])]
        return float(np.average(self.mated >= threshold, weights=times[self.whose]))


def comparable(
    networks: Mapping[str, Embeds], faces: list[Pixels], people: NDArray[np.str_], draws: int
) -> tuple[Table, dict[tuple[str, str], float]]:
    """Templates of each precision among themselves, and beside exact ones in one gallery.

    Also what each pair of precisions loses of TAR.
    """
    everybody = np.array(lfw_dev_labels()[1])
    unseen = ~np.isin(people, everybody[calibration_people(everybody)])
    names, whose = np.unique(people[unseen], return_inverse=True)
    of_unseen = [face for face, chosen in zip(faces, unseen, strict=True) if chosen]
    made = {
        name: centred(embedded(network, of_unseen), np.array(SFACE.centre))
        for name, network in networks.items()
        if name != SHIPPED
    }
    first, second = np.triu_indices(len(whose), 1)
    people_of = (whose[first], whose[second])
    pairs = {
        (a, b): Pairs((made[a] @ made[b].T)[first, second], *people_of)
        for b in made
        for a in ((EXACT, b) if b != EXACT else (EXACT,))
    }
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    base, once = pairs[EXACT, EXACT], np.ones(len(names))
    exact = [base.accepted(times, RATES[-1]) for times in (once, *drawn)]
    threshold = np.quantile(base.others, 1 - RATES[-1])
    rows, lost = [], {}
    for (a, b), each in pairs.items():
        tars = [each.accepted(times, RATES[-1]) for times in (once, *drawn)]
        loss, *spread = np.subtract(exact, tars)
        low, high = np.quantile(spread, [0.025, 0.975])
        same = (made[a] * made[b]).sum(axis=1)
        reached = np.mean(each.others >= threshold)
        cells = (f"{same.min():.4f}", f"{np.median(same):.5f}", f"{tars[0]:.4f}", f"{loss:.4f}")
        rows.append((f"{a} against {b}", *cells, f"{low:.4f} to {high:.4f}", f"{reached:.2e}"))
        lost[a, b] = float(loss)
    title = f"Templates of {len(names):,} people whom the ranges were not measured on"
    columns = ("", "least cosine of one photo's two", "median", f"TAR at FMR {RATES[-1]:g}", "lost")
    return Table(
        title,
        (*columns, "95 % of draws of people", f"FMR at the exact {threshold:.3f}"),
        tuple(rows),
        note=f"{len(whose):,} photos, all pairs: {len(base.mated):,} mated, "
        f"{len(base.others):,} non-mated, of which {RATES[-1] * len(base.others):.0f} reach it.",
    ), lost


def embedded(network: Embeds, faces: list[Pixels]) -> NDArray[Any]:
    """The vectors of faces, of norm 1, float64, shape (n, d)."""
    return unit(np.stack([network.run(face)[0][0].astype(np.float64) for face in faces]))


def accepted(scores: NDArray[Any], mated: NDArray[np.bool_], rate: float) -> float:
    """The part of mated pairs that reach the threshold that `rate` of the non-mated reach."""
    return float(np.mean(scores[mated] >= np.quantile(scores[~mated], 1 - rate)))


if __name__ == "__main__":
    run(measure)
