"""Photographs of lfw_dev spoilt by a seeded program: in one way each, each photo by another amount.

Ordinary photographs were chosen by somebody, so they hardly show what a measure of quality is for.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.labelled import FACES, ROOT, Photos, photos
from facecog.domain import Face, Vectors

FOLDER = ROOT / ".cache" / "spoilt"


class Case(NamedTuple):
    """One photograph about to be spoilt: its face, how much (0 to 1), and chance."""

    photo: Image.Image
    face: Face
    much: float
    random: np.random.Generator

    @property
    def eyes(self) -> float:
        """Pixels between the eyes."""
        return float(np.linalg.norm(self.face.landmarks[0] - self.face.landmarks[1]))


def unspoilt(case: Case) -> Image.Image:
    """Not at all, to compare with."""
    return case.photo


def darkened(case: Case) -> Image.Image:
    """To a hundredth of the light."""
    return case.photo.point(lambda level: level * 10 ** (-2 * case.much))


def overexposed(case: Case) -> Image.Image:
    """To ten times the light."""
    return case.photo.point(lambda level: min(255.0, level * 10**case.much))


def fogged(case: Case) -> Image.Image:
    """To a fiftieth of the contrast."""
    fog = Image.new("RGB", case.photo.size, (190, 190, 190))
    return Image.blend(case.photo, fog, 0.98 * case.much)


def blurred(case: Case) -> Image.Image:
    """By a Gaussian of up to a fifth of the distance between the eyes."""
    return case.photo.filter(ImageFilter.GaussianBlur(0.2 * case.much * case.eyes))


def grainy(case: Case) -> Image.Image:
    """By Gaussian noise of up to 80 levels."""
    pixels = np.asarray(case.photo)
    grain = case.random.normal(0, 80 * case.much, pixels.shape)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def shrunk(case: Case) -> Image.Image:
    """To a tenth of the size."""
    scale = 10**-case.much
    size = round(case.photo.width * scale), round(case.photo.height * scale)
    return case.photo.resize(size, Image.Resampling.LANCZOS)


def tilted(case: Case) -> Image.Image:
    """By up to 60 degrees."""
    angle = 60 * case.much * case.random.choice([-1, 1])
    return case.photo.rotate(angle, Image.Resampling.BICUBIC, expand=True)


def cut_off(case: Case) -> Image.Image:
    """By up to seven tenths of the face's box, on one side."""
    box, part = case.face.box, 0.7 * case.much
    corners = [
        (box.x + part * box.width, 0, case.photo.width, case.photo.height),
        (0, box.y + part * box.height, case.photo.width, case.photo.height),
        (0, 0, box.x + (1 - part) * box.width, case.photo.height),
        (0, 0, case.photo.width, box.y + (1 - part) * box.height),
    ]
    left, top, right, bottom = corners[case.random.integers(4)]
    return case.photo.crop((int(left), int(top), int(right), int(bottom)))


def eyes_covered(case: Case) -> Image.Image:
    """By a bar over both, as high as up to the distance between them."""
    middle = case.face.landmarks[:2, 1].mean()
    half = 0.5 * case.much * case.eyes
    return covered(case, middle - half, middle + half)


def mouth_covered(case: Case) -> Image.Image:
    """From the chin up to six tenths of the face."""
    box = case.face.box
    bottom = box.y + box.height
    return covered(case, bottom - 0.6 * case.much * box.height, bottom)


def covered(case: Case, top: float, bottom: float) -> Image.Image:
    """A plain gray band across the face."""
    box, level = case.face.box, int(case.random.integers(20, 236))
    out = case.photo.copy()
    band = (float(box.x), float(top), float(box.x + box.width), float(bottom))
    ImageDraw.Draw(out).rectangle(band, fill=(level, level, level))
    return out


# Way -> the measure that is there for it.
WAYS: dict[Callable[[Case], Image.Image], str] = {
    unspoilt: "detection_score",
    darkened: "brightness",
    overexposed: "brightness",
    fogged: "contrast",
    blurred: "sharpness",
    grainy: "noise",
    shrunk: "eye_distance",
    tilted: "roll",
    cut_off: "cut_off",
    eyes_covered: "eyes",
    mouth_covered: "mouth",
}


class Spoilt(NamedTuple):
    """Probes spoilt in one way, those in which a face was found.

    Attributes:
        tried: how many there were.
        mate: for each probe the row, in the photos it was made from, of its person's gallery photo.
    """

    tried: int
    faces: list[Face]
    plain: Vectors
    mate: NDArray[np.intp]


def spoilt(way: Callable[[Case], Image.Image], whole: Photos) -> Spoilt:
    """The first probe of each person in lfw_dev's gallery, spoilt."""
    rows = {path: row for row, path in enumerate(whole.paths)}
    pairs = [(rows[probe], rows[mate]) for probe, mate in probes() if {probe, mate} <= rows.keys()]
    paths = [_made(way, whole.paths[probe], whole.faces[probe], probe) for probe, _ in pairs]
    found = photos(paths, [str(mate) for _, mate in pairs])
    return Spoilt(len(pairs), found.faces, found.plain, found.people.astype(np.intp))


def probes() -> list[tuple[Path, Path]]:
    """A probe and the gallery photo of each person."""
    folder = FACES / "lfw_dev"
    first: dict[str, Path] = {}
    for row in _rows(folder / "ident_probes.csv"):
        first.setdefault(row["identity"], folder / row["path"])
    gallery = {row["identity"]: folder / row["path"] for row in _rows(folder / "ident_gallery.csv")}
    return [(probe, gallery[person]) for person, probe in first.items()]


def _made(way: Callable[[Case], Image.Image], path: Path, face: Face, seed: int) -> Path:
    """The file of the spoilt photograph, made anew."""
    random = np.random.default_rng(seed)
    made = FOLDER / way.__name__ / path.name
    made.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(path) as opened:
        case = Case(opened.convert("RGB"), face, float(random.uniform()), random)
    way(case).save(made, quality=95, subsampling=0)
    return made


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))
