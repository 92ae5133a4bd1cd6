"""Lists of labelled pictures for the fake engine, and templates of people made by chance."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facecog.domain import Box, Face, Quality, Template, Vectors
from facecog.evaluation.labels import Labelled
from facecog.evaluation.templates import Shown
from tests.fakes import MODEL


def write_list(
    file: Path, rows: Iterable[Sequence[object]], columns: Sequence[str] = ("path", "identity")
) -> Path:
    """A CSV file."""
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([columns, *rows])
    return file


def write_photos(folder: Path, *names: str) -> None:
    """`anna~2.jpg` is a picture of what its name says, for the fake engine."""
    for name in names:
        file = folder / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.stem)


def interrupted_after(photos: int) -> Callable[..., Iterator[Any]]:
    """A progress bar at which somebody presses Ctrl-C, in the place of tqdm."""
    left = iter(range(photos))

    def progress(items: Iterable[Any], *_: object, **__: object) -> Iterator[Any]:
        for item in items:
            if next(left, None) is None:
                raise KeyboardInterrupt
            yield item

    return progress


def people_by_chance(people: int, photos: int, seed: int, alike: float = 0.0) -> Vectors:
    """Templates, shape (people, photos, 64).

    Args:
        alike: the cosine that two people have on average.
    """
    random = np.random.default_rng(seed)
    common = np.sqrt(alike) * 8 * np.eye(64)[0]
    own = common + np.sqrt(1 - alike) * random.standard_normal((people, 64))
    vectors = own[:, None] + 0.4 * random.standard_normal((people, photos, 64))
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    return vectors.astype(np.float32)


def shown(vectors: Vectors, prefix: str = "p", group: str = "") -> list[Shown]:
    """One photograph for each template, named by person and number."""
    return [
        (
            Labelled(
                Path(f"{prefix}{who}/{i}.jpg"), f"{prefix}{who}/{i}.jpg", f"{prefix}{who}", group
            ),
            face(vector),
        )
        for who, photos in enumerate(vectors)
        for i, vector in enumerate(photos)
    ]


def face(vector: np.ndarray, fit: bool = True) -> Face:
    """A face with nothing of interest but its template."""
    return Face(
        box=Box(0, 0, 8, 8),
        landmarks=np.zeros((5, 2), np.float32),
        detection_score=1.0,
        quality=Quality({"brightness": 100.0 if fit else 5.0}),
        template=Template(vector, MODEL),
    )
