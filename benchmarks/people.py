"""What it costs to list and change people, with 10,000 of them.

    python -m benchmarks.people
    python -m benchmarks.people --subjects 100000
    python -m benchmarks.people --url postgresql://facecog@127.0.0.1/empty

Fills a store of its own with subjects of three samples each, then prints the median and the worst
milliseconds of each call, and for a listing whether the database reads it out of an index.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import insert, select

from facecog.domain import Template
from facecog.index.memory import MemoryIndex
from facecog.store import Store, rows, tables

MODEL = "fake"
SAMPLES = 3
FIRST = ("Anna", "Ben", "Cleo", "Dora", "Emil", "Frida", "Gustav", "Hanna", "Ida", "Jonas")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
Rows = list[dict[str, Any]]


def people(subjects: int, collection: str) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Rows of subjects, samples and templates, a hundred subjects at a time."""
    random = np.random.default_rng(1)
    numbers = iter(range(subjects))
    while some := list(islice(numbers, 100)):
        made: tuple[Rows, Rows, Rows] = ([], [], [])
        for n in some:
            name, at = f"{FIRST[n % 10]} {random.integers(10**6)} {n}", START + timedelta(seconds=n)
            subject = {"id": str(uuid4()), "collection_id": collection, "created_at": at}
            made[0].append({**subject, "name": name, "name_key": name.lower()})
            for k in range(SAMPLES):
                sample = {"id": str(uuid4()), "subject_id": subject["id"], "created_at": at}
                photo = hashlib.sha256(f"{n} {k}".encode()).hexdigest()
                quality = {"brightness": 100.0, "yaw": 1.0}
                made[1].append(
                    {**sample, "origin": "api", "photo_sha256": photo, "quality": quality}
                )
                vector = random.standard_normal(128).astype("<f4")
                vector /= np.linalg.norm(vector)
                template = {"sample_id": sample["id"], "model": MODEL, "revision": 0}
                made[2].append({**template, "vector": vector.tobytes()})
        yield made


def fill(store: Store, subjects: int) -> None:
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        collection = connection.execute(select(rows.default_collection())).scalar_one()
        for made in people(subjects, collection):
            for table, those in zip(
                (tables.subjects, tables.samples, tables.templates), made, strict=True
            ):
                connection.execute(insert(table), those)
        if store.kind == "postgresql":
            connection.exec_driver_sql("ANALYZE")


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
    index = MemoryIndex(store, MODEL)
    probe = Template(np.eye(1, 128, dtype=np.float32)[0], MODEL)
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
            fill(store, asked.subjects)
            subjects, samples = store.counts()
            print(f"{store.kind}: {subjects:,} subjects, {samples:,} samples")
            measure(store)


if __name__ == "__main__":
    main()
