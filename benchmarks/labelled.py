"""The labelled photographs that the figures of docs/accuracy.md are measured on.

They are not in the repository: a folder `shared/faces` beside the checkout, as its MANIFEST.md
describes it. Templates are made once and kept under .cache/.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.bootstrap import chosen_card
from facecog.config import Settings
from facecog.domain import Detection, Face, Vectors
from facecog.engines.cards import YUNET
from facecog.engines.fetch import ensure
from facecog.engines.onnx import OnnxEngine
from facecog.evaluation.templates import middle_faces
from facecog.image import decode

ROOT = Path(__file__).parent.parent
FACES = ROOT.parent / "shared" / "faces"
CACHE = ROOT / ".cache" / "evaluation.db"
MODELS = ROOT / ".cache" / "models"


class Photos(NamedTuple):
    """Photographs, whose they are, and the face in the middle of each; those without are left out.

    plain: the embedder's own vectors of norm 1, before the card's centre is taken away, (n, d).
    """

    paths: list[Path]
    people: NDArray[np.str_]
    faces: list[Face]
    plain: Vectors


def lfw_dev(model: str = "sface") -> Photos:
    """The 2,200 photographs of lfw_dev, labels corrected where they are known to be wrong."""
    folder = FACES / "lfw_dev"
    with (ROOT / "benchmarks" / "lfw_corrections.csv").open(newline="") as opened:
        corrected = {folder / row["path"]: row["identity"] for row in csv.DictReader(opened)}
    paths = sorted((folder / "images").rglob("*.jpg"))
    return photos(paths, [corrected.get(path, path.parent.name) for path in paths], model)


def photos(paths: list[Path], people: list[str], model: str = "sface") -> Photos:
    """Any labelled photographs."""
    card = chosen_card(Settings(models=MODELS, model=model))
    ensure([YUNET, card], MODELS)
    # Without its centre: the measuring chooses one that knows nothing of who is measured.
    engine = OnnxEngine(YUNET, replace(card, centre=()), MODELS)

    def embed(photo: bytes) -> Detection:
        picture = decode(photo)
        return Detection(picture.size, engine.embed(picture))

    found = middle_faces(paths, embed, f"{model} plain", CACHE)
    kept = [i for i, face in enumerate(found) if face]
    faces = [face for face in found if face]
    return Photos(
        [paths[i] for i in kept],
        np.array([people[i] for i in kept]),
        faces,
        np.stack([face.template.vector for face in faces if face.template]),
    )


def centred(plain: Vectors, centre: Vectors) -> Vectors:
    """Templates as the engine makes them with this centre, shape (d,)."""
    moved: Vectors = plain - centre
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)
