"""What a write costs, and what the next search of another process pays for it.

    python -m benchmarks.following

Two stores on one SQLite database of 100,000 people: one writes, the other's index searches after
each write, with the threshold and the names. CPU time of one process, the median of all rounds.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.filled import DIMENSION, by_chance, fill
from benchmarks.tables import Claim, Part, Table, figure, run
from benchmarks.timing import cpu_ms
from facecog.bootstrap import calibration_of
from facecog.domain import Change, Sample, Subject, Template
from facecog.engines.cards import SFACE
from facecog.index.memory import MemoryIndex
from facecog.store import Store
from facecog.thresholds import Thresholds

PEOPLE, SMOKE = 100_000, 1_000
ROUNDS = 15
NOTHING = "nothing"
WRITES = (
    "register somebody new",
    "register another photo",
    "rename",
    "move a photo to somebody new",
    "remove a photo",
    "delete somebody",
    "undo that",
)
CROP = bytes(10_000)
LIMIT = 10.0  # ms
Took = dict[str, list[tuple[float, float]]]


class Searcher:
    """Another process's way from a probe to names."""

    def __init__(self, store: Store) -> None:
        self._store, self._index = store, MemoryIndex.of(store, SFACE.name)
        self._thresholds = Thresholds(calibration_of(SFACE), store, self._index, 1e-3, 1e-4)
        self._probe = Template(by_chance(1, seed=2)[0], SFACE.name)

    def search(self) -> None:
        found = self._index.search([self._probe], 5)
        self._thresholds.of_search(found)
        self._store.named(found.candidates)


class Writer:
    """Registers somebody, changes all that can be changed, and takes the last change back."""

    def __init__(self, store: Store) -> None:
        self._store, self._numbers = store, count()
        self._random = np.random.default_rng(3)

    def round(self) -> Iterator[None]:
        """The writes of WRITES, each when it is asked for."""
        journal, name = self._store.journal, f"Person {next(self._numbers)}"
        subject, first = self._register(name)
        yield
        _, second = self._register(name)
        yield
        journal.rename(subject.id, f"{name} the second")
        yield
        journal.move(second.id, name=f"{name} the third")
        yield
        journal.remove(first.id)
        yield
        deleted = journal.delete(self._store.subject_named(f"{name} the third").id)
        yield
        if not isinstance(deleted, Change):
            raise TypeError("it cannot be undone")
        journal.undo(deleted.id)
        yield

    def _register(self, name: str) -> tuple[Subject, Sample]:
        vector = self._random.standard_normal(DIMENSION).astype(np.float32)
        template = Template(vector / np.linalg.norm(vector), SFACE.name)
        photo = f"{next(self._numbers):064x}"
        return self._store.add_sample(name, template, CROP, photo, "api", {"yaw": 1.0})[:2]


def measure(smoke: bool) -> Part:
    people = SMOKE if smoke else PEOPLE
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        with closing(Store.on_sqlite(home)) as store, closing(Store.on_sqlite(home)) as other:
            fill(store, by_chance(people), SFACE.name)
            took = rounds(Writer(store), Searcher(other), 2 if smoke else ROUNDS)
    plain = median(search for _, search in took[NOTHING])
    dearest = max(median(search for _, search in times) for times in took.values())
    return Part(
        "following",
        "A write and the next search",
        [table(people, took)],
        [
            Claim(
                f"What a write adds to the next search of another process, {people:,} people",
                dearest - plain,
                LIMIT,
                unit="ms",
            )
        ],
        note=(__doc__ or "").rpartition("\n\n")[2].replace("\n", " ").strip(),
    )


def rounds(writer: Writer, searcher: Searcher, number: int) -> Took:
    """Of each write its own ms and those of the next search, in each round."""
    searcher.search()
    took: Took = defaultdict(list)
    for _ in range(number):
        writes = writer.round()
        for what in WRITES:
            written = cpu_ms(lambda writes=writes: next(writes))  # type: ignore[misc]
            took[what].append((written, cpu_ms(searcher.search)))
            took[NOTHING].append((0.0, cpu_ms(searcher.search)))
    return took


def table(people: int, took: Took) -> Table:
    rows = [
        (what, *(figure(median(times)) for times in zip(*took[what], strict=True)))
        for what in (NOTHING, *WRITES)
    ]
    columns = ("written", "the write, CPU ms", "the next search, CPU ms")
    return Table(f"Writes among {people:,} people", columns, tuple(rows))


if __name__ == "__main__":
    run(measure)
