"""Search alone: facecog's index beside other ways to find the five nearest.

    python -m benchmarks.search

Rows are clustered unit vectors, one person each, but for the table of people with several samples.
Of the probes one half are of somebody in the gallery, the others of strangers. CPU time of one
thread, for PostgreSQL with that of its process; what is right is said by NumPy in float64.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple
from uuid import UUID

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks import machine, searchers
from benchmarks.searchers import K, Search
from benchmarks.tables import Claim, Part, figure, run
from benchmarks.timing import cpu_ms, interleaved
from facecog.domain import GalleryPart, Template, Vectors
from facecog.evaluation.report import Table
from facecog.index.memory import Galleries, MemoryIndex, State
from facecog.index.scan import coded

MODEL = "clustered"
SIZES = (1_000, 10_000, 100_000, 1_000_000)
DIMENSIONS = (128, 512)
PROBES = 32
ALIKE = 8  # people in a cluster
SLOW = 100_000  # rows above which databases are not filled
SLOWEST = 20_000_000  # numbers above which PostgreSQL is not filled: it takes them as text
BYTES = 704  # a template of 128 numbers
OURS, FLAT, BARE = "facecog", "faiss Flat", "simsimd, bare scan"
Cell = dict[str, float]  # what was measured, by the searcher's name


class Measured(NamedTuple):
    """One size of gallery.

    Attributes:
        ms: how many probes -> searcher -> CPU milliseconds.
        right: searcher -> parts of the searches whose best was found, and of the five best.
    """

    rows: int
    dimension: int
    ms: dict[int, Cell]
    right: dict[str, tuple[float, float]]


class Source:
    """GallerySource: rows as people, and what is written later."""

    def __init__(self, vectors: Vectors, people: NDArray[np.int64] | None = None) -> None:
        self.now = 1
        self._next = len(vectors)
        ids = np.arange(len(vectors))
        self.part = part(1, ids, ids if people is None else people, vectors, whole=True)

    def revision(self) -> int:
        return self.now

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        return self.part

    def write(self, sample: int, person: int, vectors: Vectors, gone: Sequence[int] = ()) -> None:
        """One write: a sample that comes, or is another person's now, or samples that are gone."""
        samples = np.full(len(vectors), sample)
        people = np.full(len(vectors), person)
        self.part = part(self.now + 1, samples, people, vectors, gone=gone)
        self.now += 1


def part(
    revision: int,
    samples: NDArray[np.int64],
    people: NDArray[np.int64],
    vectors: Vectors,
    gone: Sequence[int] = (),
    whole: bool = False,
) -> GalleryPart:
    return GalleryPart(
        revision=revision,
        whole=whole,
        collection=bytes(16),
        sample_ids=_ids(samples),
        subject_ids=_ids(people),
        collection_ids=np.zeros((len(samples), 16), np.uint8),
        revisions=np.full(len(samples), revision),
        vectors=vectors,
        gone=_ids(np.array(gone, np.int64)),
    )


def _ids(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Numbers as UUIDs, shape (n, 16), mixed so that they are spread as random ones are."""
    ids = np.zeros((len(numbers), 2), ">u8")
    ids[:, 0] = numbers
    ids[:, 1] = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ids.view(np.uint8)


def measure(smoke: bool) -> Part:
    sizes = (200, 3_000) if smoke else SIZES
    taken = bytes_a_template(sizes[-1])  # first, while nothing that is free can be used again
    cells = [alone(one_size, rows, dimension, smoke) for dimension in DIMENSIONS for rows in sizes]
    with searchers.postgres() as postgres:
        graph = hnsw(postgres, sizes[-1] if smoke else SLOW)
    people, samples = (100, 5) if smoke else (20_000, 5)
    writes = [(rows, written(rows, 20 if smoke else 300)) for rows in (sizes[-1], sizes[-2])]
    return Part(
        "search",
        "Search alone, beside other ways to find the five nearest",
        [
            *(times(cells, probes) for probes in (1, PROBES)),
            recalls(cells, graph),
            several(people, samples, smoke),
            changes(writes),
        ],
        claims(cells, taken),
        note=f"CPU milliseconds of one thread, medians of rounds in which all take turns. A core "
        f"reads memory at {machine.bandwidth():.1f} GB/s: the floor is what it takes to read one "
        f"byte of each number.",
    )


# -- one size of gallery --------------------------------------------------------------------------


def clustered(rows: int, dimension: int, random: np.random.Generator) -> tuple[Vectors, Vectors]:
    """Unit vectors of people, of whom some are alike, and probes."""
    centres = random.standard_normal((max(1, rows // ALIKE), dimension), np.float32)
    vectors = random.standard_normal((rows, dimension), np.float32)
    for start in range(0, rows, SIZES[0]):  # little memory beside the vectors
        some = vectors[start : start + SIZES[0]]
        some += 0.5 * centres[random.integers(len(centres), size=len(some))]
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    noise = random.standard_normal((PROBES, dimension), np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    probes = noise.copy()
    probes[::2] = vectors[random.integers(rows, size=PROBES // 2)] + noise[::2]
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    return vectors, probes


def alone(measured: Callable[..., Measured], *arguments: object) -> Measured:
    """In a process of its own: in memory that was used before, large arrays lie in small pages."""
    new = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=new) as process:
        return process.submit(measured, *arguments).result()


def one_size(rows: int, dimension: int, smoke: bool) -> Measured:
    faiss.omp_set_num_threads(1)
    vectors, probes = clustered(rows, dimension, np.random.default_rng(rows + dimension))
    best = truth(vectors, probes)
    found: dict[str, Search] = {
        OURS: ours(vectors),
        "NumPy": searchers.numpy_search(vectors),
        FLAT: searchers.faiss_flat(vectors),
        "faiss fp16": searchers.faiss_fp16(vectors),
        "usearch exact": searchers.usearch_exact(vectors),
    }
    if rows <= SLOW and (sqlite := searchers.sqlite_search(vectors)):
        found["sqlite-vec"] = sqlite
    right = {name: recall(search(probes), best) for name, search in found.items()}
    rounds = 1 if smoke else 15
    ms = {many: timed(found, vectors, probes, many, rounds) for many in (1, PROBES)}
    if rows * dimension <= SLOWEST:
        with searchers.postgres() as postgres:
            postgres.fill(vectors)
            right["pgvector exact"] = recall(postgres.search(probes), best)
            for many in ms:
                ms[many]["pgvector exact"] = in_postgres(postgres, probes[:many])
    return Measured(rows, dimension, ms, right)


def ours(vectors: Vectors) -> Search:
    index = MemoryIndex.of(Source(vectors), MODEL)
    index.size()

    def search(probes: Vectors) -> NDArray[np.int64]:
        found = index.search([Template(probe, MODEL) for probe in probes], K).candidates
        return np.array([[UUID(one.subject_id).int >> 64 for one in own] for own in found])

    return search


def timed(
    found: Mapping[str, Search], vectors: Vectors, probes: Vectors, many: int, rounds: int
) -> Cell:
    """The median of each; lone probes take turns too, so that none is always the lucky one."""
    codes, asked = _codes(vectors), coded(probes.astype(np.float64)).codes
    bare = searchers.simsimd_scan(codes)
    calls: dict[str, Callable[[], object]] = {
        name: _in_turn(search, probes, many) for name, search in found.items()
    }
    calls[BARE] = _in_turn(bare, asked, many)
    if many > 1:
        rounds = min(rounds, 3)
    taken = interleaved(calls, rounds)
    return {name: statistics.median(times) for name, times in taken.items()}


def _in_turn(
    search: Callable[[NDArray[np.float32]], object] | Callable[[NDArray[np.int8]], object],
    probes: NDArray[np.float32] | NDArray[np.int8],
    many: int,
) -> Callable[[], object]:
    parts = itertools.cycle([probes[at : at + many] for at in range(0, PROBES, many)])
    return lambda: search(next(parts))


def _codes(vectors: Vectors) -> NDArray[np.int8]:
    codes = np.empty(vectors.shape, np.int8)
    for start in range(0, len(vectors), 1_000):
        some = slice(start, start + 1_000)
        codes[some] = coded(vectors[some].astype(np.float64)).codes
    return codes


def in_postgres(postgres: searchers.Postgres, probes: Vectors) -> float:
    """CPU milliseconds of both processes."""

    def once() -> float:
        before = postgres.cpu_ms()
        here = cpu_ms(partial(postgres.search, probes))
        return here + postgres.cpu_ms() - before

    once()
    return statistics.median(once() for _ in range(3))


def truth(vectors: Vectors, probes: Vectors) -> NDArray[np.int64]:
    """The five nearest by float64, best first, shape (n, 5)."""
    scores = np.concatenate(
        [
            probes.astype(np.float64) @ vectors[at : at + 10_000].astype(np.float64).T
            for at in range(0, len(vectors), 10_000)
        ],
        axis=1,
    )
    best = np.argpartition(scores, -K, axis=1)[:, -K:]
    order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
    return np.take_along_axis(best, order, 1)


def recall(found: NDArray[np.int64], best: NDArray[np.int64]) -> tuple[float, float]:
    """Of the best, and of the five best."""
    pairs = zip(found.tolist(), best.tolist(), strict=True)
    both = [len({*one} & {*right}) / K for one, right in pairs]
    return float(np.mean(found[:, 0] == best[:, 0])), float(np.mean(both))


def hnsw(postgres: searchers.Postgres, rows: int) -> list[str]:
    """A row of the table of recall: an approximate index, for what it costs and misses."""
    vectors, probes = clustered(rows, DIMENSIONS[0], np.random.default_rng(1))
    postgres.fill(vectors)
    began = time.perf_counter()
    postgres.index()
    built = time.perf_counter() - began
    first, five = recall(postgres.search(probes), truth(vectors, probes))
    ms = in_postgres(postgres, probes[:1])
    name = f"pgvector HNSW, {rows:,} x {DIMENSIONS[0]}: {figure(ms)} ms, {built:.0f} s to build"
    return [name, f"{first:.3f}", f"{five:.3f}"]


# -- people, writes, memory -----------------------------------------------------------------------


class Timed(Galleries):
    """Notes what catching up with each write has cost, whoever did it."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, MODEL)
        self.taken: list[float] = []

    def _caught_up(self, old: State | None) -> State:
        began = time.thread_time_ns()
        state = super()._caught_up(old)
        self.taken.append((time.thread_time_ns() - began) / 1e6)
        return state


def written(rows: int, times: int) -> dict[str, list[float]]:
    """CPU milliseconds of the index for each write, while another thread searches."""
    vectors, probes = clustered(rows, DIMENSIONS[0], np.random.default_rng(2))
    source = Source(vectors)
    timed = Timed(source)
    index = MemoryIndex(timed)
    index.size()
    timed.taken.clear()
    done, searches = Event(), 0

    def keep_searching() -> None:
        nonlocal searches
        while not done.is_set():
            index.search([Template(probes[0], MODEL)], K)
            searches += 1

    none = vectors[:0]
    writes: dict[str, Callable[[int], None]] = {
        "a new person": lambda n: source.write(rows + n, rows + n, vectors[n : n + 1]),
        "a second sample": lambda n: source.write(rows + times + n, n, vectors[n + 1 : n + 2]),
        "a sample moved": lambda n: source.write(rows + n, n, vectors[n : n + 1]),
        "a person deleted": lambda n: source.write(0, 0, none, gone=[times + n]),
    }
    reader = Thread(target=keep_searching)
    reader.start()
    taken = {}
    for name, write in writes.items():
        for n in range(times):
            write(n)
            index.size()
        taken[name], timed.taken = timed.taken, []
    done.set()
    reader.join()
    assert searches  # or nobody searched meanwhile
    return taken


def several(people: int, samples: int, smoke: bool) -> Table:
    """What a search among people with several samples costs, and that it is right."""
    count = people * samples
    vectors, probes = clustered(count, DIMENSIONS[0], np.random.default_rng(3))
    whose = np.arange(count) % people
    index = MemoryIndex.of(Source(vectors, whose), MODEL)
    means = vectors.astype(np.float64).reshape(samples, people, -1).sum(axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    best = np.argsort(-(probes.astype(np.float64) @ means.T), axis=1)[:, :K]
    asked = [Template(probe, MODEL) for probe in probes]
    found = index.search(asked, K).candidates
    said = np.array([[UUID(one.subject_id).int >> 64 for one in own] for own in found])
    calls = {f"{len(some)}": partial(index.search, some, K) for some in (asked[:1], asked)}
    taken = interleaved(calls, 1 if smoke else 15)
    first, five = recall(said, best)
    row = [f"{people:,} people, {samples} samples each"]
    row += [figure(statistics.median(times)) for times in taken.values()]
    columns = ("gallery", "one probe", f"{PROBES} probes", "recall@1", "recall@5")
    return Table(
        f"People with several samples, {DIMENSIONS[0]} numbers",
        columns,
        ((*row, f"{first:.3f}", f"{five:.3f}"),),
        "A person is compared by the mean of the samples, so more samples of each cost a search "
        "nothing.",
    )


def changes(writes: Sequence[tuple[int, Mapping[str, Sequence[float]]]]) -> Table:
    rows = [
        (f"{name}, {count:,} people", figure(statistics.median(times)), figure(max(times)))
        for count, taken in writes
        for name, times in taken.items()
    ]
    return Table(
        f"What a write costs the index, {DIMENSIONS[0]} numbers, while another thread searches",
        ("write", "median ms", "slowest ms"),
        tuple(rows),
    )


def bytes_a_template(rows: int) -> float | None:
    """By how much this process has grown, for each template of 128 numbers; None if not known."""
    vectors, _ = clustered(rows, DIMENSIONS[0], np.random.default_rng(4))
    source = Source(vectors)
    before = _resident()
    index = MemoryIndex.of(source, MODEL)
    assert index.size().subjects == rows
    after = _resident()
    return None if before is None or after is None else (after - before) / rows


def _resident() -> int | None:
    """Bytes of this process in memory, less what is free in it; None without a /proc to ask."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    said = Path("/proc/self/statm")
    pages = int(said.read_text().split()[1]) if said.exists() else None
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


# -- told -----------------------------------------------------------------------------------------


def times(cells: Sequence[Measured], probes: int) -> Table:
    names = list(dict.fromkeys(name for cell in cells for name in cell.ms[probes]))
    speed = machine.bandwidth() * 1e6  # bytes in a millisecond
    rows = [
        (
            f"{cell.rows:,} x {cell.dimension}",
            *(figure(cell.ms[probes][name]) if name in cell.ms[probes] else "-" for name in names),
            figure(cell.rows * cell.dimension / speed),
        )
        for cell in cells
    ]
    many = "one probe" if probes == 1 else f"{probes} probes"
    return Table(
        f"The five nearest of {many}, ms",
        ("rows x numbers", *names, "floor"),
        tuple(rows),
        "A bare scan chooses nothing. Databases are not filled with more rows than take seconds; "
        "sqlite-vec is left out where Python's sqlite3 takes no extensions."
        if probes == 1
        else "",
    )


def recalls(cells: Sequence[Measured], graph: Sequence[str]) -> Table:
    names = list(dict.fromkeys(name for cell in cells for name in cell.right))
    rows = []
    for name in names:
        both = [cell.right[name] for cell in cells if name in cell.right]
        first, five = (min(one[at] for one in both) for at in (0, 1))
        rows.append((name, f"{first:.3f}", f"{five:.3f}"))
    return Table(
        "Recall beside float64, the lowest of all sizes",
        ("", "recall@1", "recall@5"),
        (*rows, tuple(graph)),
    )


def claims(cells: Sequence[Measured], taken: float | None) -> list[Claim]:
    of = {(cell.rows, cell.dimension): cell.ms[1] for cell in cells}
    large, middle = max(of, key=lambda at: at[0] * at[1]), (SLOW, DIMENSIONS[0])
    middle = middle if middle in of else min(of)
    told = [
        (large, FLAT, 0.35),
        (large, BARE, 1.25),
        (middle, FLAT, 0.9),
    ]
    found = [
        Claim(
            f"Top 5 of {rows:,} people x {dimension}, of the time of {other}",
            of[rows, dimension][OURS] / of[rows, dimension][other],
            limit,
        )
        for (rows, dimension), other, limit in told
    ]
    least = min(min(cell.right[OURS]) for cell in cells)
    return [
        *found,
        Claim("Recall@1 and @5 beside float64, the lowest", least, 1.0, at_most=False, speed=False),
        Claim(f"Memory of a template of {DIMENSIONS[0]} numbers", taken, BYTES, unit="B"),
    ]


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

if __name__ == "__main__":
    if any(os.environ.get(name) != said for name, said in ONE_THREAD.items()):
        # Read when NumPy is loaded, which has happened: begin again.
        command = [sys.executable, "-m", "benchmarks.search", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | ONE_THREAD)
    run(measure)
