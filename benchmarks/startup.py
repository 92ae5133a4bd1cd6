"""How long `facecog serve` takes to its first answer with 100,000 people, and where it goes.

    python -m benchmarks.startup

A home of its own is filled in bulk, crops included, and the real command is started on it, with the
models in place and prepared. From the start of the process to the first `GET /api/health` answered
with 200; then the first recognition and the second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sqlalchemy import select
from tests import assets
from tests.serving import Server, serving

from benchmarks import photos
from benchmarks.filled import by_chance, fill
from benchmarks.tables import Claim, Part, Table, figure, run
from benchmarks.timing import interleaved
from facecog import Settings, bootstrap
from facecog.engines.cards import SFACE
from facecog.index.memory import MemoryIndex
from facecog.store import Store, tables
from facecog.thresholds import Thresholds

PEOPLE, SMOKE = 100_000, 1_000
STARTS = 5
LIMIT = 2.5  # seconds
CROP = bytes(500)
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Start(NamedTuple):
    """Seconds from the start, of the wall and of the processor; then ms; then megabytes."""

    ready: float
    cpu: float
    first: float
    second: float
    resident: float
    peak: float


def measure(smoke: bool) -> Part:
    assets.ensure()
    people = SMOKE if smoke else PEOPLE
    with tempfile.TemporaryDirectory() as scratch:
        home = filled_home(Path(scratch) / "home", people)
        started(home)  # prepares the models, and brings all files into memory
        starts = [started(home) for _ in range(1 if smoke else STARTS)]
        parts = parts_of(home, 1 if smoke else STARTS)
    ready = median(one.ready for one in starts)
    return Part(
        "startup",
        "Start",
        [starts_table(people, starts), parts_table(people, parts)],
        [
            Claim(
                f"`facecog serve` with {people:,} people, from the start of the process to the "
                "first answer",
                ready,
                LIMIT,
                unit="s",
            ),
            Claim(
                "The whole gallery read, as part of the time of a join",
                parts[READ] / parts[JOINED],
                1.0,
            ),
        ],
        note=(__doc__ or "").rpartition("\n\n")[2].replace("\n", " ").strip(),
        lead=f"`facecog serve` is ready {figure(ready)} s after its start with {people:,} people.",
    )


def filled_home(home: Path, people: int) -> Path:
    """Of so many people with a template and a crop each, and one who is recognised."""
    with closing(Store.on_sqlite(home)) as store:
        fill(store, by_chance(people), SFACE.name)
        with store._engine.connect() as connection:
            ids = list(connection.execute(select(tables.samples.c.id)).scalars())
    for sample_id in ids:
        (home / "dataset" / f"{sample_id}.jpg").write_bytes(CROP)
    return home


def started(home: Path) -> Start:
    """One start, until two photos were recognised."""
    began = time.perf_counter()
    with serving(home) as server:
        if server.ask("/api/health").status != 200:
            raise RuntimeError("it is not well")
        ready, cpu = time.perf_counter() - began, cpu_seconds(server.process.pid)
        first, second = recognised(server), recognised(server)
        return Start(ready, cpu, first, second, *memory_mb(server.process.pid))


def recognised(server: Server) -> float:
    """Milliseconds of one recognition."""
    began = time.perf_counter()
    answer = server.ask("/api/recognise", image=photos.frame())
    if answer.status != 200:
        raise RuntimeError(f"not recognised: {answer.body!r}")
    return (time.perf_counter() - began) * 1000


def cpu_seconds(pid: int) -> float:
    """Of a process since its start; NaN where there is no /proc to ask."""
    file = Path(f"/proc/{pid}/stat")
    if not file.exists():
        return float("nan")
    fields = file.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident now, and at most since the start; NaN where there is no /proc to ask."""
    file = Path(f"/proc/{pid}/status")
    if not file.exists():
        return float("nan"), float("nan")
    told = dict(line.split(":", 1) for line in file.read_text().splitlines())
    now, most = (int(told[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


# -- where the time goes ------------------------------------------------------------------------

IMPORTS = "Python, and what facecog imports"
OPENED = "open the database, look for crops of nobody"
MODELS = "load the models"
READ = "read the gallery"
INDEXED = "read the gallery and index it"
THRESHOLD = "the threshold"
JOINED = "for comparison: read the gallery by a join"


def parts_of(home: Path, rounds: int) -> dict[str, float]:
    """CPU milliseconds of each part of a start, in turn."""
    settings = Settings(home=home, models=assets.MODELS)
    with closing(Store.on_sqlite(home)) as store:
        engine, calibration = bootstrap.chosen_engine(settings)()
        index = MemoryIndex.of(store, engine.model)
        calls: dict[str, Callable[[], object]] = {
            OPENED: lambda: Store.on_sqlite(home).close(),
            MODELS: lambda: bootstrap.chosen_engine(settings)(),
            READ: lambda: store.gallery(engine.model),
            INDEXED: lambda: MemoryIndex.of(store, engine.model).size(),
            THRESHOLD: lambda: Thresholds(calibration, store, index, 1e-3, 1e-4).now(),
            JOINED: lambda: joined(store, engine.model),
        }
        taken = interleaved(calls, rounds)
    imports = median(import_ms() for _ in range(rounds))
    return {IMPORTS: imports, **{name: median(times) for name, times in taken.items()}}


def import_ms() -> float:
    """CPU milliseconds of a process that imports the command line and does nothing."""
    code = "import facecog.cli, time; print(time.process_time() * 1000)"
    return float(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    )


def joined(store: Store, model: str) -> int:
    """The gallery as one query gives it, which looks up each sample and subject."""
    query = (
        select(
            tables.templates.c.sample_id,
            tables.samples.c.subject_id,
            tables.subjects.c.collection_id,
            tables.templates.c.revision,
            tables.templates.c.vector,
        )
        .join(tables.samples, tables.samples.c.id == tables.templates.c.sample_id)
        .join(tables.subjects, tables.subjects.c.id == tables.samples.c.subject_id)
        .where(tables.templates.c.model == model)
    )
    with store._engine.connect() as connection:
        found = connection.execute(query, execution_options={"yield_per": 256})
        return sum(len(b"".join(row.vector for row in some)) for some in found.partitions())


def starts_table(people: int, starts: list[Start]) -> Table:
    columns = ("", "ready s", "CPU s", "first photo ms", "second photo ms", "MB", "MB at most")
    rows = [
        (name, *(figure(which(values)) for values in zip(*starts, strict=True)))
        for name, which in (("median", median), ("fastest", min), ("slowest", max))
    ]
    return Table(f"Starts with {people:,} people", columns, tuple(rows))


def parts_table(people: int, parts: dict[str, float]) -> Table:
    rows = tuple((name, figure(ms)) for name, ms in parts.items())
    return Table(f"Where the time goes, {people:,} people", ("", "CPU ms"), rows)


if __name__ == "__main__":
    run(measure)
