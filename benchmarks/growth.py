"""How cost grows: with the people in the gallery, the pixels of the photo, the faces in it.

python -m benchmarks.growth
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from tests import assets

from benchmarks import photos
from benchmarks.filled import by_chance, fill
from benchmarks.tables import Line, Part, Plot, figure, run
from benchmarks.timing import medians
from facecog import Settings, open_facecog
from facecog.domain import GalleryPart, Template, Vectors
from facecog.engines.cards import SFACE
from facecog.evaluation.report import Table
from facecog.image import decode
from facecog.index.memory import MemoryIndex
from facecog.service import CANDIDATES, Facecog
from facecog.store import Store

GALLERIES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
DIMENSIONS = (128, 512)
MEGAPIXELS = (0.3, 1, 3, 6, 12, 24, 48)
FACES = (0, 1, 2, 5, 10, 20, 40)
PEOPLE = 1_000  # where the gallery is not what grows
COLUMNS = 8  # of a group


class Random:
    """GallerySource: people by chance, one template each."""

    def __init__(self, people: int, dimension: int) -> None:
        self.vectors: Vectors = by_chance(people, dimension=dimension)

    def revision(self) -> int:
        return 1

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        people = len(self.vectors)
        ids = np.random.default_rng(2).integers(256, size=(people, 16), dtype=np.uint8)
        return GalleryPart(
            revision=1,
            whole=True,
            collection=bytes(16),
            sample_ids=ids,
            subject_ids=ids,
            collection_ids=np.zeros((people, 16), np.uint8),
            revisions=np.arange(people),
            vectors=self.vectors,
            gone=np.zeros((0, 16), np.uint8),
        )


def measure(smoke: bool) -> Part:
    assets.ensure()
    rounds = 1 if smoke else 9
    galleries, megapixels, faces = (
        ((100, 300), MEGAPIXELS[:2], FACES[:3]) if smoke else (GALLERIES, MEGAPIXELS, FACES)
    )
    by_people = {
        f"{dimension} numbers": searched(galleries, dimension, 3 * rounds)
        for dimension in DIMENSIONS
    }
    with tempfile.TemporaryDirectory() as folder, closing(_opened(Path(folder))) as facecog:
        by_pixels = sized(facecog, megapixels, rounds)
        by_faces = crowded(facecog, faces, rounds)
    grown = {
        "people in the gallery": by_people,
        "megapixels of the photo": by_pixels,
        "faces in the photo": by_faces,
    }
    return Part(
        "growth",
        "How cost grows",
        [table(what, lines) for what, lines in grown.items()],
        plots=[
            plot("gallery", "people in the gallery", by_people),
            plot("pixels", "megapixels of the photo", by_pixels),
            plot("faces", "faces in the photo", by_faces, logarithmic=False),
        ],
        note=f"CPU milliseconds, medians of {rounds} rounds or more, one thread. The gallery has "
        f"{PEOPLE:,} people where it is not what grows.",
    )


def searched(galleries: tuple[int, ...], dimension: int, rounds: int) -> dict[float, float]:
    """People -> milliseconds of one exact search."""
    probe = Template(by_chance(1, seed=3, dimension=dimension)[0], "random")
    grown = {}
    for people in galleries:  # one after the other: the largest fill the memory
        index = MemoryIndex.of(Random(people, dimension), "random")
        search = partial(index.search, [probe], CANDIDATES)
        grown[float(people)] = medians({"search": search}, rounds)["search"]
    return grown


def sized(
    facecog: Facecog, megapixels: tuple[float, ...], rounds: int
) -> dict[str, dict[float, float]]:
    """Megapixels -> milliseconds of decoding, and of photo -> name."""
    made = {float(each): photos.large(each) for each in megapixels}
    return {
        "photo → name": _medians(facecog.identify, made, rounds),
        "of that, decoding": _medians(decode, made, rounds),
    }


def crowded(facecog: Facecog, faces: tuple[int, ...], rounds: int) -> dict[str, dict[float, float]]:
    """Faces -> milliseconds of photo -> names, of photos that are all of one size."""
    made = {float(each): photos.group(each, COLUMNS, -(-max(faces) // COLUMNS)) for each in faces}
    for each, photo in made.items():
        found = len(facecog.detect(photo).faces)
        if found != each:
            raise RuntimeError(f"{found} of {each} faces were found.")
    named = partial(facecog.identify, allow_no_face=True)
    return {"photo → names": _medians(named, made, rounds)}


def _medians(
    call: Callable[[bytes], object], made: Mapping[float, bytes], rounds: int
) -> dict[float, float]:
    taken = medians({str(x): partial(call, photo) for x, photo in made.items()}, rounds)
    return {x: taken[str(x)] for x in made}


def _opened(home: Path) -> Facecog:
    with closing(Store.on_sqlite(home)) as store:
        fill(store, by_chance(PEOPLE), SFACE.name)
    return open_facecog(Settings(home=home, models=assets.MODELS))


def table(what: str, lines: Mapping[str, Mapping[float, float]]) -> Table:
    """A row a line, a column a size."""
    sizes = next(iter(lines.values()))
    rows = [(name, *(figure(ms) for ms in line.values())) for name, line in lines.items()]
    columns = ("CPU milliseconds", *(f"{size:,g}" for size in sizes))
    return Table(f"By {what}", columns, tuple(rows))


def plot(
    name: str, what: str, lines: Mapping[str, Mapping[float, float]], logarithmic: bool = True
) -> Plot:
    drawn = [Line(label, tuple(line), tuple(line.values())) for label, line in lines.items()]
    return Plot(name, f"Cost by {what}", what, "CPU milliseconds", tuple(drawn), logarithmic)


if __name__ == "__main__":
    run(measure)
