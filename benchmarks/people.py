"""What it costs to list and change people, with 10,000 of them.

    python -m benchmarks.people
    python -m benchmarks.people --subjects 100000
    python -m benchmarks.people --url postgresql://facecog@127.0.0.1/empty

Fills a store of its own with subjects of three samples each, then prints the median and the worst
milliseconds of each call, and for a listing whether the database reads it out of an index.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.filled import DIMENSION, by_chance, fill
from facecog.domain import Template
from facecog.index.memory import MemoryIndex
from facecog.store import Store

MODEL = "fake"
SAMPLES = 3


def timed(call: Callable[[], object], times: int = 15) -> str:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return f"{median(taken):7.1f} ms, worst {max(taken):7.1f} ms"


def measure(store: Store) -> None:
    last = store.subjects(100)
    while last.next_cursor and not last.items[0].name.startswith("F"):  # some way down the list
        last = store.subjects(1000, last.next_cursor)
    reads: dict[str, Callable[[], object]] = {
        "first page of 100 by name": lambda: store.subjects(100),
        "newest 100": lambda: store.subjects(100, sort="newest"),
        "a page from the middle": lambda: store.subjects(100, last.next_cursor),
        "search for `ann`": lambda: store.subjects(100, search="ann"),
        "search for one": lambda: store.subjects(100, search=last.items[0].name),
        "search for nobody": lambda: store.subjects(100, search="nobody at all"),
    }
    for name, call in reads.items():
        print(f"{name:28}{timed(call)}")
    measure_changes(store)


def measure_changes(store: Store) -> None:
    index = MemoryIndex.of(store, MODEL)
    probe = Template(np.eye(1, DIMENSION, dtype=np.float32)[0], MODEL)
    index.search([probe], 5)
    those = iter(store.subjects(1000, sort="newest").items)
    changes = []

    def delete() -> None:
        changes.append(store.journal.delete(next(those).id))

    def move() -> None:
        store.journal.move(next(those).cover or "", next(those).id)

    def move_and_search() -> None:
        move()
        index.search([probe], 5)

    print(f"{'deleting a person':28}{timed(delete)}")
    print(f"{'undoing that':28}{timed(lambda: store.journal.undo(changes.pop().id))}")
    print(f"{'moving a sample':28}{timed(move)}")
    index.search([probe], 5)
    print(f"{'moving, and a search':28}{timed(move_and_search)}")
    print(f"{'100 changes':28}{timed(lambda: store.journal.changes(100))}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--subjects", type=int, default=10_000)
    options.add_argument("--url", help="an empty PostgreSQL database; SQLite where not given")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        opened = Store.on_server(asked.url) if asked.url else Store.on_sqlite(Path(folder))
        with closing(opened) as store:
            fill(store, by_chance(asked.subjects * SAMPLES).reshape(-1, SAMPLES, DIMENSION), MODEL)
            subjects, samples = store.counts()
            print(f"{store.kind}: {subjects:,} subjects, {samples:,} samples")
            measure(store)


if __name__ == "__main__":
    main()
