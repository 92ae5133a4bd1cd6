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
from PIL import Image

from facecog.domain import Box, Detection, Face, Picture, Pixels, Template, Vectors
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.fetch import ensure
from facecog.engines.finder import Finder, Found
from facecog.engines.onnx import OnnxEngine
from facecog.evaluation.templates import middle_faces
from facecog.geometry import Points, align, bounds
from facecog.image import decode

ROOT = Path(__file__).parent.parent
FACES = ROOT.parent / "shared" / "faces"
CACHE = ROOT / ".cache" / "evaluation.db"
MODELS = ROOT / ".cache" / "models"


# People of the smaller sets who are in lfw_dev too.
TWICE = {"face_recognition: joe_biden": "Joseph_Biden"}


class Photos(NamedTuple):
    """Photographs, whose they are, and the face in the middle of each; those without are left out.

    plain: the embedder's own vectors of norm 1, before the card's centre is taken away, (n, d).
    """

    paths: list[Path]
    people: NDArray[np.str_]
    faces: list[Face]
    plain: Vectors


class Mirrored(OnnxEngine):
    """Makes templates of the aligned crop's mirror image."""

    def _template(self, aligned: Pixels) -> Template:
        return super()._template(np.ascontiguousarray(aligned[:, ::-1]))


class AtHalf(Finder):
    """Looks for faces at half the usual size."""

    def look(self, pixels: Pixels, scale: float) -> list[Found]:
        return super().look(pixels, scale / 2)


class AtTwice(Finder):
    """Looks at each found face once more, by itself, and takes the mean of the landmarks."""

    def find(self, picture: Picture) -> list[Found]:
        return [self._again(picture.image, found) for found in super().find(picture)]

    def _again(self, image: Image.Image, found: Found) -> Found:
        around = bounds(image.size, Box(*map(float, found.box)), margin=1.0)
        near, corner = image.crop(around), np.array(around[:2], np.float32)
        again = self.look(near, 640 / max(near.size))
        seen: list[Points] = [one.landmarks + corner for one in again]
        same = [one for one in seen if _apart(one, found.landmarks) < found.box[2] / 4]
        if not same:
            return found
        return found._replace(landmarks=(found.landmarks + same[0]) / np.float32(2))


def _apart(one: Points, other: Points) -> float:
    """How far two noses are from each other, in pixels."""
    return float(np.linalg.norm(one[2] - other[2]))


class Half(OnnxEngine):
    """Templates by AtHalf."""

    def __init__(self, detector: Card, embedder: Card, models: Path) -> None:
        super().__init__(detector, embedder, models)
        self._finder = AtHalf(self._finder.detector)


class Twice(OnnxEngine):
    """Templates by AtTwice."""

    def __init__(self, detector: Card, embedder: Card, models: Path) -> None:
        super().__init__(detector, embedder, models)
        self._finder = AtTwice(self._finder.detector)


ENGINES = {"plain": OnnxEngine, "mirrored": Mirrored, "half": Half, "twice": Twice}


def lfw_dev(engine: str = "plain") -> Photos:
    """The photographs of lfw_dev and whose they are."""
    return photos(*lfw_dev_labels(), engine)


def lfw_dev_labels() -> tuple[list[Path], list[str]]:
    """The 2,200 photographs of lfw_dev, labels corrected where they are known to be wrong."""
    folder = FACES / "lfw_dev"
    with (ROOT / "benchmarks" / "lfw_corrections.csv").open(newline="") as opened:
        corrected = {folder / row["path"]: row["identity"] for row in csv.DictReader(opened)}
    paths = sorted((folder / "images").rglob("*.jpg"))
    return paths, [corrected.get(path, path.parent.name) for path in paths]


def everybody() -> Photos:
    """lfw_dev and the smaller sets with a person named for each photo."""
    lfw = lfw_dev()
    paths: list[Path] = []
    people: list[str] = []
    for folder in ("bbt_cast", "dlib_johns", "face_recognition", "human_expressions"):
        for part in ("ident_gallery.csv", "ident_probes.csv"):
            with (FACES / folder / part).open(newline="") as opened:
                for row in csv.DictReader(opened):
                    paths.append(FACES / folder / row["path"])
                    person = f"{folder}: {row['identity']}"
                    people.append(TWICE.get(person, person))
    rest = photos(paths, people)
    return Photos(
        lfw.paths + rest.paths,
        np.concatenate([lfw.people, rest.people]),
        lfw.faces + rest.faces,
        np.concatenate([lfw.plain, rest.plain]),
    )


def photos(paths: list[Path], people: list[str], engine: str = "plain") -> Photos:
    """Any labelled photographs."""
    ensure([YUNET, SFACE], MODELS)
    # Without its centre: the measuring chooses one that knows nothing of who is measured.
    made_by = ENGINES[engine](YUNET, replace(SFACE, centre=()), MODELS)

    def embed(photo: bytes) -> Detection:
        picture = decode(photo)
        return Detection(picture.size, made_by.embed(picture))

    found = middle_faces(paths, embed, f"sface, {engine}", CACHE, label=engine)
    kept = [i for i, face in enumerate(found) if face]
    faces = [face for face in found if face]
    return Photos(
        [paths[i] for i in kept],
        np.array([people[i] for i in kept]),
        faces,
        np.stack([face.template.vector for face in faces if face.template]),
    )


def aligned(photos: Photos, chosen: NDArray[np.bool_]) -> Pixels:
    """What the embedder is fed of the chosen photos, uint8, shape (n, 112, 112, 3)."""
    crops = []
    for row in np.flatnonzero(chosen):
        picture = decode(photos.paths[row].read_bytes())
        crops.append(align(picture.image, photos.faces[row].landmarks / picture.scale))
    return np.stack(crops)


def centred(plain: Vectors, centre: Vectors) -> Vectors:
    """Templates as the engine makes them with this centre, shape (d,)."""
    return unit(plain - centre)


def unit(vectors: Vectors) -> Vectors:
    """Each row brought to norm 1."""
    brought: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return brought
