"""Photo -> name by stage, for a webcam's frame, a 12-megapixel photo and a group of ten.

    python -m benchmarks.stages

facecog's own functions are timed where they are called, each without the others inside it, so the
stages add up to the whole less a remainder, which has a row of its own. CPU time of one thread.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial, wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from tests import assets

from benchmarks import photos
from benchmarks.filled import by_chance, fill
from benchmarks.tables import Claim, Part, Table, figure, run
from facecog import Settings, open_facecog, service
from facecog.domain import Picture
from facecog.engines import onnx
from facecog.engines.cards import SFACE
from facecog.engines.finder import Finder
from facecog.engines.onnx import OnnxEngine
from facecog.index.memory import MemoryIndex
from facecog.mixups import MixUps
from facecog.service import Facecog
from facecog.store import Store
from facecog.thresholds import Thresholds

NAME = "Obama"
TOTAL, REST = "in all", "the rest"
# Where each stage is called. One that is renamed is an error here, not a stage of no time.
STAGES: dict[str, tuple[object, str]] = {
    "decode a finer picture": (Picture, "at"),
    "find the faces": (Finder, "find"),
    "align": (onnx, "align"),
    "assess": (onnx, "assess"),
    "embed": (OnnxEngine, "_template"),
    "search": (MemoryIndex, "search"),
    "threshold": (Thresholds, "of_search"),
    "names": (Store, "named"),
    "look for mix-ups": (MixUps, "refuse"),
    "cut out and encode the crop": (service, "_crop_jpeg"),
    "write": (Store, "add_sample"),
}
Spent = dict[str, float]
Calls = dict[str, tuple[Facecog, Callable[[], object]]]


class Stopwatch:
    """CPU milliseconds of functions that call one another, each without those inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time added to `name`."""

        @wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            self._inside.append(0.0)
            began = time.process_time_ns()
            try:
                return function(*args, **named)
            finally:
                took = (time.process_time_ns() - began) / 1e6
                self.spent[name] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        return timed

    def of(self, call: Callable[[], object]) -> Spent:
        """One call: each stage, the rest, and all of it."""
        self.spent.clear()
        self.around(REST, call)()
        return {**self.spent, TOTAL: sum(self.spent.values())}


def measure(smoke: bool) -> Part:
    assets.ensure()
    galleries, rounds = ((50, 200), 2) if smoke else ((1_000, 100_000), 15)
    pictures = {
        "webcam": photos.frame(),
        "12 MP": photos.large(12),
        "group of ten": photos.group(10),
    }
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        faces = {
            people: opened.enter_context(registered(Path(folder, str(people)), people))
            for people in galleries
        }
        recognising = recognised(faces, pictures, rounds)
        writing = written(faces, pictures["webcam"], rounds)
    return Part(
        "stages",
        "Photo → name, by stage",
        [
            table("Recognising: CPU milliseconds", recognising),
            table("Registering, and the first recognition after it: CPU milliseconds", writing),
        ],
        [accounted(recognising)],
        note=f"Medians of {rounds} rounds in which all take turns, one thread. The webcam's frame "
        "is 640x480 with one face. `In all` is `Facecog.identify`, or `Facecog.enrol`.",
    )


@contextmanager
def registered(home: Path, people: int) -> Iterator[Facecog]:
    """A facecog with so many people, one of whom is in the pictures."""
    with closing(Store.on_sqlite(home)) as store:
        fill(store, by_chance(people - 1), SFACE.name)
    with closing(open_facecog(Settings(home=home, models=assets.MODELS))) as facecog:
        facecog.enrol(NAME, photos.known())
        yield facecog


def recognised(
    faces: dict[int, Facecog], pictures: dict[str, bytes], rounds: int
) -> dict[str, Spent]:
    """Picture and gallery -> the median of each stage of recognising."""

    calls: Calls = {
        f"{what}, {people:,} people": (facecog, partial(named, facecog, photo))
        for what, photo in pictures.items()
        for people, facecog in faces.items()
    }
    return medians(calls, rounds)


def written(faces: dict[int, Facecog], photo: bytes, rounds: int) -> dict[str, Spent]:
    """The same of registering a new photo, and of the first recognition after that."""
    different = photos.distinct(photo)
    calls: Calls = {}
    for people, facecog in faces.items():
        calls[f"register, {people:,} people"] = facecog, partial(register, facecog, different)
        calls[f"recognise next, {people:,} people"] = facecog, partial(named, facecog, photo)
    return medians(calls, rounds)


def register(facecog: Facecog, different: Iterator[bytes]) -> None:
    facecog.enrol(NAME, next(different))


def named(facecog: Facecog, photo: bytes) -> None:
    """Recognise; a wrong answer would be no figure."""
    found = {face.match.name for face in facecog.identify(photo).faces if face.match}
    if found != {NAME}:
        raise RuntimeError(f"{NAME} was to be recognised, not {found or 'nobody'}.")


def medians(calls: Calls, rounds: int) -> dict[str, Spent]:
    """Round after round each call once, after one round that is not kept."""
    watch = Stopwatch()
    kept: dict[str, list[Spent]] = {name: [] for name in calls}
    with ExitStack() as patches:
        for stage, (where, name) in STAGES.items():
            patches.enter_context(
                patch.object(where, name, watch.around(stage, getattr(where, name)))
            )
        for facecog, _ in calls.values():
            decode = watch.around("decode", facecog._decode)
            patches.enter_context(patch.object(facecog, "_decode", decode))
        for number in range(rounds + 1):
            for name, (_, call) in calls.items():
                spent = watch.of(call)
                if number:
                    kept[name].append(spent)
    return {name: _median(spent) for name, spent in kept.items()}


def _median(rounds: list[Spent]) -> Spent:
    """Of each stage."""
    stages = {stage for spent in rounds for stage in spent}
    return {stage: median(spent.get(stage, 0.0) for spent in rounds) for stage in stages}


def table(title: str, measured: dict[str, Spent]) -> Table:
    """A row a stage, a column a case."""
    rows = [
        (stage, *(figure(spent[stage]) if stage in spent else "" for spent in measured.values()))
        for stage in ("decode", *STAGES, REST, TOTAL)
        if any(stage in spent for spent in measured.values())
    ]
    return Table(title, ("", *measured), tuple(rows))


def accounted(measured: dict[str, Spent]) -> Claim:
    """The part of the whole that the stages explain, where it is least."""
    least = min(1 - spent[REST] / spent[TOTAL] for spent in measured.values())
    return Claim(
        "Of the time from photo to name, the part that the stages add up to", least, 0.95, False
    )


if __name__ == "__main__":
    run(measure)
