"""Recognitions a second, and how long each takes, by clients and cores: a real `facecog serve`.

    python -m benchmarks.load            five minutes
    python -m benchmarks.load --smoke    some seconds

Each client sends the same webcam frame over a connection of its own, and the next when it has the
answer; after a refusal it waits as the server says. One server may use one core, the other two, and
the two take turns. The clients are threads of this process, which does nothing but send bytes that
are made before. Where there is no core to spare it shares the server's, on one core and on two.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.sending import as_json, form, multipart
from tests.serving import HOST, Server, serving

from benchmarks import photos
from benchmarks.filled import by_chance, fill
from benchmarks.tables import Claim, Part, figure, run
from facecog.engines.cards import SFACE
from facecog.evaluation.report import Table
from facecog.store import Store

CLIENTS = (1, 2, 8, 32)
THREADS = (1, 2, 4, 8)
PEOPLE = 1000
TICKS = os.sysconf("SC_CLK_TCK")
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.I)
WORKED = re.compile(rb"\r\nServer-Timing: .*work;dur=([\d.]+)", re.I)
COME_AGAIN = re.compile(rb"\r\nRetry-After: (\d+)", re.I)
# Of one core and two: what, its limit, and whether that is the most.
PROMISED = (
    ("8 clients: recognitions a second, two cores over one", 1.8, False),
    ("two cores, 8 clients: p99 over p50", 3, True),
    ("two cores, 8 clients: refused", 0, True),
    ("two cores, 32 clients: refused a second", 1, False),
    ("two cores: p50 with 32 clients over p50 with 8", 3, True),
)
HEALTH = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Pace(NamedTuple):
    """Seconds of each measurement, of what goes before it, and how many there are of each kind."""

    measured: float
    warm: float
    rounds: int


FULL, SMOKE = Pace(5.0, 1.0, 5), Pace(0.5, 0.2, 1)


class Answer(NamedTuple):
    status: int
    seconds: float
    worked: float  # seconds in which the server had the picture's turn, without HTTP
    come_again: float  # seconds


@dataclass
class Seen:
    """What clients of one kind saw, over all rounds."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    health: list[float] = field(default_factory=list)
    passed: float = 0.0
    server: float = 0.0  # seconds of CPU
    clients: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.passed

    def ms(self, percent: int) -> float:
        return quantile(self.seconds, percent) * 1000


def measure(smoke: bool) -> Part:
    """Part 4: a server on one core and on two, and what HTTP adds."""
    pace = SMOKE if smoke else FULL
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        servers = {
            cores: running.enter_context(server_on(cores, Path(folder, str(len(cores))), smoke))
            for cores in cores_here()
        }
        added = _added(servers, pace)
        seen = _load(servers, pace)
        running.close()
        at_once = _by_threads(Path(folder), pace, smoke)
    return Part(
        name="load",
        title="Requests a second",
        note=f"A 640x480 JPEG with one face, {PEOPLE:,} people registered; no more wait than the "
        "default lets wait.",
        tables=[_load_table(seen), _threads_table(at_once), _added_table(added)],
        claims=[*_load_claims(seen), *_added_claims(added)],
    )


# -- the servers ----------------------------------------------------------------------------------


def cores_here() -> list[frozenset[int]]:
    """One core, and two where there are two."""
    allowed = sorted(os.sched_getaffinity(0))
    return [frozenset(allowed[:1]), frozenset(allowed[:2])][: len(allowed)]


@contextmanager
def server_on(
    cores: frozenset[int], home: Path, smoke: bool, **settings: object
) -> Iterator[Server]:
    """With people registered, one of them in the frame."""
    store = Store.on_sqlite(home)
    fill(store, by_chance(100 if smoke else PEOPLE, dimension=SFACE.dimension), SFACE.name)
    store.close()
    with _pinned(cores), serving(home, **settings) as server:  # it inherits the cores
        assert server.ask("/api/register", name="Known", image=photos.known()).status == 201
        yield server


@contextmanager
def _pinned(cores: Iterable[int]) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_of(process: int) -> float:
    """Seconds, user and system (proc(5))."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


# -- the clients ----------------------------------------------------------------------------------


class Client:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Answer:
        began = time.perf_counter()
        self.socket.sendall(request)
        head, _, body = self.socket.recv(65536).partition(b"\r\n\r\n")
        missing = int(_found(LENGTH, head)) - len(body)
        while missing > 0:
            missing -= len(self.socket.recv(65536))
        seconds = time.perf_counter() - began
        worked = _found(WORKED, head) / 1000
        return Answer(int(head[9:12]), seconds, worked, _found(COME_AGAIN, head))

    def close(self) -> None:
        self.socket.close()


def _found(pattern: re.Pattern[bytes], head: bytes) -> float:
    found = pattern.search(head)
    return float(found[1]) if found else 0.0


def request_of(body: bytes, kind: str) -> bytes:
    return (
        f"POST /api/recognise HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


def requests() -> dict[str, bytes]:
    """The frame in the three forms that the API takes."""
    frame = photos.frame()
    sent, encoded = multipart(image=frame), form(image=frame)
    told = as_json(image=frame)["json"]["image"]
    return {
        "multipart": request_of(sent["data"], sent["content_type"]),
        "form": request_of(encoded["data"].encode(), encoded["content_type"]),
        "JSON": request_of(f'{{"image": "{told}"}}'.encode(), "application/json"),
    }


def _go_on(client: Client, request: bytes, until: float, seen: Seen) -> None:
    """A closed loop; what is answered later than `until` does not count."""
    while time.perf_counter() < until:
        answer = client.ask(request)
        if time.perf_counter() > until:
            return
        if answer.status == 503:
            seen.refused += 1
            time.sleep(min(answer.come_again, max(0.0, until - time.perf_counter())))
        else:
            assert answer.status == 200, answer
            seen.seconds.append(answer.seconds)


def _ask_for_health(client: Client, until: float, seen: Seen) -> None:
    while time.perf_counter() < until:
        seen.health.append(client.ask(HEALTH).seconds)
        time.sleep(0.05)


def _at_once(server: Server, clients: int, seconds: float, seen: Seen) -> None:
    """So many clients for so long; what they see goes to `seen`."""
    opened = [Client(server.port) for _ in range(clients + 1)]
    request = requests()["multipart"]
    before = cpu_of(server.process.pid), time.process_time(), time.perf_counter()
    until = before[2] + seconds
    with ThreadPoolExecutor(clients + 1) as threads:
        going = [threads.submit(_go_on, one, request, until, seen) for one in opened[1:]]
        going.append(threads.submit(_ask_for_health, opened[0], until, seen))
    for one in going:
        one.result()  # or what went wrong
    for client in opened:
        client.close()
    seen.passed += seconds
    seen.server += cpu_of(server.process.pid) - before[0]
    seen.clients += time.process_time() - before[1]


def _load(servers: dict[frozenset[int], Server], pace: Pace) -> dict[tuple[int, int], Seen]:
    """By cores and clients."""
    seen = {(len(cores), clients): Seen() for cores in servers for clients in CLIENTS}
    spare = os.sched_getaffinity(0) - max(servers, key=len)
    for _ in range(pace.rounds):
        for clients in CLIENTS:
            for cores, server in servers.items():
                with _pinned(spare or cores):
                    _at_once(server, clients, pace.warm, Seen())
                    _at_once(server, clients, pace.measured, seen[len(cores), clients])
    return seen


def _by_threads(folder: Path, pace: Pace, smoke: bool) -> dict[int, Seen]:
    """Eight clients, by how many pictures are worked on at once."""
    cores = cores_here()[-1]
    seen = {threads: Seen() for threads in THREADS}
    with ExitStack() as running:
        servers = {
            threads: running.enter_context(
                server_on(cores, folder / f"threads {threads}", smoke, threads=threads, queue=8)
            )
            for threads in THREADS
        }
        for _ in range(pace.rounds):
            for threads, server in servers.items():
                with _pinned(os.sched_getaffinity(0) - cores or cores):
                    _at_once(server, 8, pace.warm, Seen())
                    _at_once(server, 8, pace.measured, seen[threads])
    return seen


def _added(servers: dict[frozenset[int], Server], pace: Pace) -> dict[str, list[float]]:
    """Seconds from the request's first byte to the answer's last, less the work on the picture."""
    client, sent = Client(servers[max(servers, key=len)].port), requests()
    added: dict[str, list[float]] = {kind: [] for kind in sent}
    for _ in range(40 * pace.rounds):
        for kind, request in sent.items():
            answer = client.ask(request)
            added[kind].append(answer.seconds - answer.worked)
    client.close()
    return added


# -- what is told ---------------------------------------------------------------------------------


def quantile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _load_table(seen: dict[tuple[int, int], Seen]) -> Table:
    rows = tuple(
        (
            f"{cores} core{'s' if cores > 1 else ''}, {clients} client{'s' if clients > 1 else ''}",
            f"{one.rate:.1f}",
            f"{one.ms(50):.0f}",
            f"{one.ms(99):.0f}",
            f"{one.refused / one.passed:.1f}",
            f"{quantile(one.health, 50) * 1000:.1f} / {quantile(one.health, 99) * 1000:.1f}",
            f"{one.server / max(len(one.seconds), 1) * 1000:.1f}",
            f"{one.clients / one.passed * 100:.0f} %",
        )
        for (cores, clients), one in seen.items()
    )
    return Table(
        "Recognitions by clients and cores",
        (
            "",
            "a second",
            "p50, ms",
            "p99, ms",
            "refused a second",
            "health p50 / p99, ms",
            "server's CPU each, ms",
            "clients' CPU, of a core",
        ),
        rows,
        "A refused client waits as long as Retry-After says, then asks again.",
    )


def _threads_table(seen: dict[int, Seen]) -> Table:
    return Table(
        f"Pictures at once on {len(cores_here()[-1])} cores, 8 clients",
        ("", "a second", "p50, ms", "p99, ms", "server's CPU each, ms"),
        tuple(
            (
                f"FACECOG_THREADS={threads}",
                f"{one.rate:.1f}",
                f"{one.ms(50):.0f}",
                f"{one.ms(99):.0f}",
                f"{one.server / max(len(one.seconds), 1) * 1000:.1f}",
            )
            for threads, one in seen.items()
        ),
    )


def _added_table(added: dict[str, list[float]]) -> Table:
    return Table(
        "What HTTP adds to a recognition, ms",
        ("", "p50", "p99"),
        tuple(
            (kind, figure(quantile(those, 50) * 1000), figure(quantile(those, 99) * 1000))
            for kind, those in added.items()
        ),
        "From the request's first byte to the answer's last, less the work on the picture.",
    )


def _load_claims(seen: dict[tuple[int, int], Seen]) -> list[Claim]:
    if (2, 8) not in seen:
        return _promised([None] * len(PROMISED), "there is one core")
    one, two, many = seen[1, 8], seen[2, 8], seen[2, 32]
    return _promised(
        [
            two.rate / one.rate,
            two.ms(99) / two.ms(50),
            two.refused,
            many.refused / many.passed,
            many.ms(50) / two.ms(50),
        ]
    )


def _promised(values: Sequence[float | None], why: str = "") -> list[Claim]:
    return [
        Claim(text, value, limit, at_most, why=why)
        for (text, limit, at_most), value in zip(PROMISED, values, strict=True)
    ]


def _added_claims(added: dict[str, list[float]]) -> list[Claim]:
    return [
        Claim(f"HTTP adds to a recognition, {kind}, p50", quantile(those, 50) * 1000, 3, unit="ms")
        for kind, those in added.items()
    ]


if __name__ == "__main__":
    run(measure)
