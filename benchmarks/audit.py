"""What the audit costs: a search that is recorded, a line on the disk, and looking at all of them.

    python -m benchmarks.audit

Searches of one face on SQLite, at the pace of live views: what is recorded on the search's own
thread, and what the writing of a batch takes beside it, in CPU time. Then a chain of a million
lines is verified, and searched for a person who is in none of them.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import repeat
from pathlib import Path
from statistics import median
from uuid import uuid4

from tests import fakes

from benchmarks.tables import Claim, Part, Table, figure, run
from facecog.acting import Actor, acting
from facecog.domain import Identification
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store, Which
from facecog.store.audit import append, entry
from facecog.store.trail import BATCH
from facecog.store.transactions import begin

SEARCHES, LINES = 20_000, 1_000_000
SMOKE_SEARCHES, SMOKE_LINES = 500, 2_000
PACE = 12  # searches a second of one live view
ON_ITS_THREAD = 0.3  # ms


def measure(smoke: bool) -> Part:
    searches, lines = (SMOKE_SEARCHES, SMOKE_LINES) if smoke else (SEARCHES, LINES)
    with tempfile.TemporaryDirectory() as scratch, acting(live_view()):
        home = Path(scratch) / "home"
        with closing(Store.on_sqlite(home)) as store:
            facecog = opened(store)
            found = searched(facecog)
            added, written = recorded(facecog, found, searches)
        before = size(home)
        with closing(Store.on_sqlite(home)) as store:
            fill(store, lines)
        a_line = (size(home) - before) / lines
        with closing(Store.on_sqlite(home)) as store:
            looked, more = looking(store)
    rows = [
        ("a search, on its own thread, µs", figure(added * 1e3)),
        ("a line in its batch, µs", figure(written * 1e3)),
        ("a line of a search on the disk, bytes", figure(a_line)),
        ("an hour of one live view, MB", figure(a_line * PACE * 3600 / 1e6)),
        *((f"{what}, {lines:,} lines, s", figure(seconds)) for what, seconds in looked.items()),
        ("lines verified in a second", figure(lines / looked["verify"])),
        ("memory that verifying adds to what was used before, MB", figure(more)),
    ]
    return Part(
        "audit",
        "The audit",
        [Table("What the audit costs", ("what", "figure"), tuple(rows))],
        [
            Claim(
                "What recording a search adds on its own thread, median",
                added,
                ON_ITS_THREAD,
                unit="ms",
            )
        ],
        note=(__doc__ or "").rpartition("\n\n")[2].replace("\n", " ").strip(),
    )


def live_view() -> Actor:
    return Actor("account", id=str(uuid4()), request_id=uuid4().hex)


def opened(store: Store) -> Facecog:
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)


def searched(facecog: Facecog) -> Identification:
    """A search that finds somebody."""
    facecog.enrol("Anna", b"anna")
    return facecog.identify(b"anna")


def recorded(facecog: Facecog, found: Identification, searches: int) -> tuple[float, float]:
    """CPU ms of recording a search, the median on its own thread, and of writing its line."""
    facecog.audit.settle()
    took: list[float] = []
    began = time.process_time()
    for number in range(searches):
        start = time.thread_time_ns()
        facecog.audit.identified(found)
        took.append((time.thread_time_ns() - start) / 1e6)
        if number % BATCH == BATCH - 1:
            facecog.audit.settle()
    facecog.audit.settle()
    everything = (time.process_time() - began) * 1e3
    return median(took), (everything - sum(took)) / searches


def fill(store: Store, lines: int) -> None:
    """Lines as a search leaves them."""
    (like,) = store.audit.listed(Which(action="identify"), 1).items
    one = entry(like.action, like.collection_id, like.subject_id, like.details)
    for start in range(0, lines, BATCH):
        with begin(store._engine, writes=True) as connection:
            append(connection, repeat(one, min(BATCH, lines - start)))


def looking(store: Store) -> tuple[dict[str, float], float]:
    """CPU seconds of each look at the whole audit, and what the first adds to the memory in MB."""
    before = most_memory()
    verified = seconds(store.audit.check)
    more = most_memory() - before
    nobody = Which(subject=str(uuid4()))
    return {
        "verify": verified,
        "list the newest": seconds(lambda: store.audit.listed(Which(), 100)),
        "look for somebody who is nowhere": seconds(lambda: store.audit.listed(nobody, 100)),
    }, more


def seconds(look: Callable[[], object]) -> float:
    began = time.process_time()
    look()
    return time.process_time() - began


def most_memory() -> float:
    """MB, the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def size(home: Path) -> int:
    """Bytes of the database, once it is closed."""
    return sum(file.stat().st_size for file in home.glob("faces.db*"))


if __name__ == "__main__":
    run(measure)
