"""What encryption at rest costs: a home of 100,000 people as it is, and the same one encrypted.

    python -m benchmarks.sealing

One template of 128 numbers a person, on SQLite. CPU milliseconds, medians; the homes take turns.
The names of five candidates are what each recognition asks for.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import select

from benchmarks.filled import DIMENSION, by_chance, fill
from benchmarks.tables import Claim, Part, Table, figure, run
from benchmarks.timing import cpu_ms, medians
from facecog.domain import Template
from facecog.store import Store, tables

PEOPLE, SMOKE = 100_000, 1_000
MODEL = "by chance"
PAGE = 72  # people on the page that lists them
CROP = os.urandom(30_000)
KEY = os.urandom(32)
ROUNDS = 5
OPENED, READ, NAMES = "open the store", "read the gallery", "the names of 5 candidates"
REGISTERED, CROPPED = "keep a sample", "a crop of 30 kB"
FIRST, LISTED = "list people by name, the first time", f"list {PAGE} people by name"
CHANGED, FOUND = "the same after a change", 'find "anna 12" in names'
Homes = dict[str, Store]


def measure(smoke: bool) -> Part:
    people, rounds = (SMOKE, 1) if smoke else (PEOPLE, ROUNDS)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as opened:
        plain, sealed = Path(scratch, "plain"), Path(scratch, "sealed")
        with closing(Store.on_sqlite(plain)) as store:
            fill(store, by_chance(people), MODEL)
        shutil.copytree(plain, sealed)
        seconds = encrypted(sealed)
        keys = {plain: None, sealed: KEY}
        homes = {
            file.name: opened.enter_context(closing(Store.on_sqlite(file, key=key)))
            for file, key in keys.items()
        }
        lines = {
            OPENED: medians(
                {
                    file.name: lambda file=file, key=key: Store.on_sqlite(file, key=key).close()
                    for file, key in keys.items()
                },
                rounds,
            ),
            **of_stores(homes, rounds),
        }
        sizes = {file.name: (file / "faces.db").stat().st_size / 1e6 for file in keys}
    return Part(
        "sealing",
        "Encryption at rest",
        [table(people, lines, sizes)],
        [
            Claim(f"`facecog key init` of {people:,} people without crops", seconds, unit="s"),
            Claim("Start-up, more CPU", more(lines, OPENED) + more(lines, READ), unit="ms"),
            Claim("Each recognition, more CPU", more(lines, NAMES), unit="ms"),
        ],
        note=(__doc__ or "").rpartition("\n\n")[2].replace("\n", " ").strip(),
    )


def encrypted(home: Path) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    with closing(Store.on_sqlite(home)) as store:
        store.encrypt(KEY)
    with closing(Store.on_sqlite(home, key=KEY)) as store:
        store.wipe()
    return time.perf_counter() - began


def of_stores(homes: Homes, rounds: int) -> dict[str, dict[str, float]]:
    """What is asked of stores -> home -> milliseconds."""
    with homes["plain"]._engine.connect() as connection:
        five = list(connection.execute(select(tables.subjects.c.id).limit(5)).scalars())
    samples = {name: kept(store, next(NUMBER)) for name, store in homes.items()}

    def each(call: Callable[[Store], object], rounds: int) -> dict[str, float]:
        calls = {name: lambda store=store: call(store) for name, store in homes.items()}
        return medians(calls, rounds)

    return {
        READ: each(lambda store: store.gallery(MODEL), rounds),
        NAMES: each(lambda store: store.names(five), 100 * rounds),
        REGISTERED: each(lambda store: kept(store, next(NUMBER)), 10 * rounds),
        CROPPED: medians(
            {
                name: lambda name=name, store=store: store.crop(samples[name])
                for name, store in homes.items()
            },
            20 * rounds,
        ),
        FIRST: {name: cpu_ms(partial(store.subjects, PAGE)) for name, store in homes.items()},
        LISTED: each(lambda store: store.subjects(PAGE), 4 * rounds),
        CHANGED: {name: after_a_change(store, rounds) for name, store in homes.items()},
        FOUND: each(lambda store: store.subjects(PAGE, search="anna 12"), 4 * rounds),
    }


NUMBER = count()


def kept(store: Store, number: int) -> str:
    """Register one more; the sample's id."""
    template = Template(by_chance(1, seed=10 + number, dimension=DIMENSION)[0], MODEL)
    photo = f"{number:064x}"
    return store.add_sample(f"New {number}", template, CROP, photo, "api", {})[1].id


def after_a_change(store: Store, rounds: int) -> float:
    """Of a list each time that somebody was renamed."""
    taken = []
    somebody = store.subjects(1).items[0].id
    for number in range(rounds):
        store.journal.rename(somebody, f"Renamed {number} {next(NUMBER)}")
        taken.append(cpu_ms(lambda: store.subjects(PAGE)))
    return median(taken)


def more(lines: dict[str, dict[str, float]], what: str) -> float:
    return lines[what]["sealed"] - lines[what]["plain"]


def table(people: int, lines: dict[str, dict[str, float]], sizes: dict[str, float]) -> Table:
    rows = [(what, figure(ms["plain"]), figure(ms["sealed"])) for what, ms in lines.items()]
    rows.append(("faces.db, MB", figure(sizes["plain"]), figure(sizes["sealed"])))
    columns = (f"{people:,} people, CPU milliseconds", "as it is", "encrypted")
    return Table("Plain and encrypted", columns, tuple(rows))


if __name__ == "__main__":
    run(measure)
