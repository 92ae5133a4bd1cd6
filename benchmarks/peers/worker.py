"""One system in a process and an environment of its own, which does what it is told.

Orders come as lines of JSON on stdin, answers go as lines of JSON to stdout. Nothing is imported
here that not every environment has.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Vector = NDArray[Any]


class Seen(NamedTuple):
    """A face: its middle in pixels, and what the system compares."""

    x: float
    y: float
    vector: Vector


class System(Protocol):
    """What is measured of each."""

    version: str

    @property
    def precision(self) -> str:
        """Whether it computes what its models would, "exact", or nearly so in less time, "fast"."""

    def faces(self, photo: Path) -> list[Seen]:
        """Photo -> embedding."""

    def fill(self, vectors: Vector, known: Path) -> None:
        """Replace the gallery by these, shape (n, d), and the person in a photo as one more."""

    def search(self, vector: Vector) -> None:
        """1:N search of one embedding, as the system does it."""

    def recognise(self, photo: Path) -> bool:
        """Photo -> name, and whether it is that of the person in `known`."""


class Worker:
    """The orders."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._probe: Vector = np.zeros(0)

    def version(self) -> str:
        return self._system.version

    def precision(self) -> str:
        return self._system.precision

    def templates(self, photos: list[str], out: str) -> int:
        """One row a photo in a file, NaN where no face was found; how many faces were."""
        found = [self._middle(Path(photo)) for photo in photos]
        dimension = next(len(one) for one in found if one is not None)
        nothing = np.full(dimension, np.nan)
        np.save(out, np.array([nothing if one is None else one for one in found], np.float64))
        return sum(one is not None for one in found)

    def fill(self, vectors: str, known: str, photo: str) -> None:
        self._system.fill(np.load(vectors), Path(known))
        probe = self._middle(Path(photo))
        if probe is None:
            raise RuntimeError(f"{self._system.version} finds no face in the photo.")
        self._probe = probe

    def embed(self, photo: str) -> float:
        """CPU milliseconds, like those below."""
        return _cpu_ms(lambda: self._system.faces(Path(photo)))

    def search(self) -> float:
        return _cpu_ms(lambda: self._system.search(self._probe))

    def recognise(self, photo: str) -> float:
        return _cpu_ms(lambda: self._system.recognise(Path(photo)))

    def knows(self, photo: str) -> bool:
        return self._system.recognise(Path(photo))

    def _middle(self, photo: Path) -> Vector | None:
        """Of the face nearest to the middle of the picture."""
        with Image.open(photo) as opened:
            x, y = opened.width / 2, opened.height / 2
        seen = self._system.faces(photo)
        return min(seen, key=lambda one: np.hypot(one.x - x, one.y - y)).vector if seen else None


def _cpu_ms(call: Any) -> float:
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / 1e6


def serve(system: System, answers: int) -> None:
    """Do what stdin says until it ends."""
    worker = Worker(system)
    with os.fdopen(answers, "w", buffering=1) as out:
        for line in sys.stdin:
            order, given = json.loads(line)
            out.write(json.dumps(getattr(worker, order)(*given)) + "\n")


def keep_stdout() -> int:
    """stdout for the answers alone: what libraries print goes to stderr from now on."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers
