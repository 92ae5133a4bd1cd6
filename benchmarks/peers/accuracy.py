"""How often each system is right on lfw_dev, each at its default threshold.

The photographs are not in the repository (benchmarks/labelled.py); without them there is no
accuracy. One gallery photo a person. A photo without a face is a miss, and a stranger without one
gets no name.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import FACES
from benchmarks.peers.talk import AS_IT_COMES, DEEPFACE, DLIB, OURS, Kind, Peer
from facecog.domain import GallerySize
from facecog.engines.cards import SFACE
from facecog.service import FMR, FPIR
from facecog.thresholds import OWN_SUBJECTS, in_force

FOLDER = FACES / "lfw_dev"
Array = NDArray[np.float64]


class Lists(NamedTuple):
    """Photographs, by their place in `photos`.

    gallery, probes, strangers: photo and person; pairs: two photos and whether they are one person.
    """

    photos: list[str]
    gallery: list[tuple[int, str]]
    probes: list[tuple[int, str]]
    strangers: list[tuple[int, str]]
    pairs: list[tuple[int, int, bool]]


class Rates(NamedTuple):
    """Each a part from 0 to 1."""

    rank_1: float
    fpir: float
    fnir: float
    pairs: float


class Rule(NamedTuple):
    """How a system compares.

    scores: embeddings (n, d) and (m, d) -> (n, m), higher is more alike.
    search, compare: scores from which it is the same person, 1:N and 1:1.
    margin: by how much the nearest must lie before the next to get a name.
    """

    scores: Callable[[Array, Array], Array]
    search: float
    compare: float
    margin: float = 0.0


def lists(limit: int | None = None) -> Lists | None:
    """lfw_dev, or of each list the first `limit`; None where it is not there."""
    if not FOLDER.is_dir():
        return None
    photos: dict[str, int] = {}

    def place(path: str) -> int:
        return photos.setdefault(str(FOLDER / path), len(photos))

    def people(name: str) -> list[tuple[int, str]]:
        return [(place(row["path"]), row["identity"]) for row in _rows(name)[:limit]]

    gallery, probes = people("ident_gallery"), people("ident_probes")
    enrolled = {person for _, person in gallery}
    strangers = people("ident_impostors")
    pairs = [
        (place(row["path_a"]), place(row["path_b"]), row["same"] == "1")
        for row in _rows("pairs")[:limit]
    ]
    mated = [(photo, person) for photo, person in probes if person in enrolled]
    return Lists(list(photos), gallery, mated, strangers, pairs)


def templates(peer: Peer, photos: Sequence[str], kept: Path) -> Array:
    """One embedding a photo, NaN where no face was found, shape (n, d).

    Args:
        kept: a folder where a peer's are looked for and kept, since these take minutes and never
            change. facecog's own change with its code and are always made.
    """
    name = f"{peer.version.replace(' ', '-')}-{len(photos)}.npy"
    file = kept / name
    if peer.kind in OURS or not file.exists():
        kept.mkdir(parents=True, exist_ok=True)
        peer("templates", photos, file)
    made: Array = np.load(file)
    return made


def measured(kind: Kind, vectors: Array, of: Lists) -> Rates:
    """What comes of the lists with these embeddings of their photos."""
    rule = RULES[kind](vectors[[photo for photo, _ in of.gallery]])
    known = np.array([person for _, person in of.gallery])
    right, named = _searched(rule, vectors, of.gallery, of.probes)
    mine = known[right] == np.array([person for _, person in of.probes])
    _, strangers_named = _searched(rule, vectors, of.gallery, of.strangers)
    alike = [rule.scores(vectors[[a]], vectors[[b]])[0, 0] for a, b, _ in of.pairs]
    said = np.array(alike) >= rule.compare  # never for NaN
    return Rates(
        rank_1=float(np.mean(mine & _there(vectors, of.probes))),
        fpir=float(np.mean(strangers_named)),
        fnir=float(np.mean(~(mine & named))),
        pairs=float(np.mean(said == np.array([same for *_, same in of.pairs]))),
    )


def _searched(
    rule: Rule, vectors: Array, gallery: list[tuple[int, str]], probes: list[tuple[int, str]]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each probe its nearest, by place in the gallery, and whether it gets that name."""
    rows, asked = ([photo for photo, _ in those] for those in (gallery, probes))
    scores = rule.scores(vectors[asked], vectors[rows])
    scores = np.where(np.isnan(scores), -np.inf, scores)
    second, first = np.sort(scores, axis=1)[:, -2:].T
    with np.errstate(invalid="ignore"):  # of a photo without a face: -inf less -inf
        clear = first - second >= rule.margin
    return scores.argmax(axis=1), (first >= rule.search) & clear


def _there(vectors: Array, probes: list[tuple[int, str]]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = ~np.isnan(vectors[[photo for photo, _ in probes], 0])
    return found


def _cosine(one: Array, other: Array) -> Array:
    units = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (one, other)]
    scores: Array = units[0] @ units[1].T
    return scores


def _nearness(one: Array, other: Array) -> Array:
    """Less the Euclidean distance."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    scores: Array = -np.sqrt(np.maximum(squares, 0))
    return scores


def _facecogs(gallery: Array) -> Rule:
    """By its promise, as it follows from the gallery."""
    calibration = SFACE.calibration
    assert calibration
    people = gallery[~np.isnan(gallery[:, 0])].astype(np.float32)
    some = people[:: -(-len(people) // OWN_SUBJECTS)]
    at = in_force(calibration, FPIR, GallerySize({1: len(people)}), some).operation
    return Rule(_cosine, at.threshold, calibration.tail().threshold(FMR), at.min_margin)


# deepface's distance for SFace (config/threshold.py), face_recognition's tolerance.
RULES: dict[Kind, Callable[[Array], Rule]] = {
    **dict.fromkeys(OURS, _facecogs),
    **dict.fromkeys((DEEPFACE, AS_IT_COMES), lambda _: Rule(_cosine, 1 - 0.593, 1 - 0.593)),
    DLIB: lambda _: Rule(_nearness, -0.6, -0.6),
}


def _rows(name: str) -> list[dict[str, Any]]:
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))
