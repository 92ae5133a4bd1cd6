"""How much do clients that send one byte a second delay the others, server by server?

Each server runs the same small Flask app on a loopback port with four threads (gunicorn's sync
worker: four processes; granian-512: granian's own default; Flask's development server: a thread
a connection). Four clients post 200 bodies of 60 KB, each on a connection of its own: first alone,
then while 50 slow connections send one byte a second, either of a body announced as 200 KB or of a
header that never ends. A request without an answer after 10 seconds counts as failed.

    python benchmarks/slow_clients.py                                  every server, 3-4 minutes
    python benchmarks/slow_clients.py waitress granian                 these only
    python benchmarks/slow_clients.py waitress --slow-connections 150  more than waitress accepts

Needs flask and the servers to compare, of which facecog installs waitress only:
`pip install flask waitress gunicorn granian cheroot`. Prints one Markdown table, times in
milliseconds. Memory is the resident set of all the server's processes while the slow clients are
there; pages that they share are counted in each.
"""

import argparse
import hashlib
import http.client
import importlib.metadata
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, request

HOST = "127.0.0.1"
THREADS = 4
FAST_CLIENTS = 4
FAST_REQUESTS = 200
FAST_BODY = bytes(60_000)
TIMEOUT_S = 10.0
# No fast request starts later than this: a server that answers nobody costs 20 s, not minutes.
PHASE_S = 10.0
SETTLE_S = 3.0
START_S = 8.0

SLOW_STARTS = {
    "body": b"POST /work HTTP/1.1\r\nHost: slow\r\nContent-Length: 200000\r\n\r\n",
    "headers": b"POST /work HTTP/1.1\r\nHost: slow\r\nX-Slow: ",
}

app = Flask(__name__)


@app.get("/health")
def health() -> str:
    """Say that the server is up."""
    return "ok"


@app.post("/work")
def work() -> str:
    """Read the whole body, then compute for a few milliseconds without the GIL, as a model does."""
    return hashlib.sha256(request.get_data() * 64).hexdigest()


@dataclass(frozen=True)
class Server:
    """A server to measure: its package on PyPI and what follows `python -m`."""

    package: str
    command: str


# {port} is filled in later; the current folder is benchmarks/.
APP = "slow_clients:app"
WAITRESS = f"waitress --listen={HOST}:{{port}} --threads={THREADS}"
GUNICORN = f"gunicorn --bind={HOST}:{{port}}"
GRANIAN = f"granian --host={HOST} --port={{port}} --interface=wsgi"
SERVERS = {
    "waitress": Server("waitress", f"{WAITRESS} {APP}"),
    "waitress-500": Server(
        "waitress", f"{WAITRESS} --connection-limit=500 --asyncore-use-poll {APP}"
    ),
    "gunicorn-sync": Server("gunicorn", f"{GUNICORN} --workers={THREADS} {APP}"),
    "gunicorn-gthread": Server(
        "gunicorn", f"{GUNICORN} --worker-class=gthread --threads={THREADS} {APP}"
    ),
    "granian": Server("granian", f"{GRANIAN} --blocking-threads={THREADS} {APP}"),
    "granian-512": Server("granian", f"{GRANIAN} {APP}"),
    "cheroot": Server("cheroot", f"cheroot --bind={HOST}:{{port}} --threads={THREADS} {APP}"),
    "flask-run": Server("flask", f"flask --app={APP} run --host={HOST} --port={{port}}"),
}


@dataclass(frozen=True)
class Latencies:
    """What the fast clients saw: seconds of each answer, in order, and how many failed."""

    seconds: list[float]
    failed: int

    def milliseconds(self, quantile: float) -> float:
        """The latency that this share of the answers did not exceed; NaN if there were none."""
        if not self.seconds:
            return math.nan
        return self.seconds[math.ceil(quantile * len(self.seconds)) - 1] * 1000


@dataclass(frozen=True)
class Measurement:
    """One server under one kind of slow client."""

    alone: Latencies
    slowed: Latencies
    slow_open: int
    memory_mb: float


def main() -> None:
    """Measure the servers asked for and print the table."""
    options = parsed_options()
    print(
        "| server | slow part | alone p50 / p99 / max | with slow p50 / p99 / max"
        " | p50 ratio | p99 ratio | failed | slow still open | memory MB |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.servers or SERVERS:
        for part in SLOW_STARTS:
            print(row(name, part, options.slow_connections), flush=True)


def parsed_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=", ".join(SERVERS))
    parser.add_argument("--slow-connections", type=int, default=50, metavar="N")
    options = parser.parse_args()
    if unknown := set(options.servers) - set(SERVERS):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    return options


def row(name: str, part: str, slow_connections: int) -> str:
    """Measure one server and write its line of the table."""
    try:
        version = importlib.metadata.version(SERVERS[name].package)
    except importlib.metadata.PackageNotFoundError:
        return f"| {name} | {part} | not installed | | | | | | |"
    try:
        found = measure(SERVERS[name], part, slow_connections)
    except TimeoutError as error:
        return f"| {name} {version} | {part} | {error} | | | | | | |"
    cells = [
        f"{name} {version}",
        part,
        three(found.alone),
        three(found.slowed),
        ratio(found, 0.5),
        ratio(found, 0.99),
        f"{found.slowed.failed} of {found.slowed.failed + len(found.slowed.seconds)}",
        f"{found.slow_open} of {slow_connections}",
        shown(found.memory_mb, 0),
    ]
    return f"| {' | '.join(cells)} |"


def three(latencies: Latencies) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    return " / ".join(shown(latencies.milliseconds(quantile), 1) for quantile in (0.5, 0.99, 1.0))


def ratio(found: Measurement, quantile: float) -> str:
    """How many times longer a request takes when the slow clients are there."""
    return shown(found.slowed.milliseconds(quantile) / found.alone.milliseconds(quantile), 1)


def shown(value: float, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def measure(server: Server, part: str, slow_connections: int) -> Measurement:
    """Time the fast clients alone, then under the slow ones, on a server of their own."""
    with running(server) as (port, group):
        fast_requests(port, FAST_CLIENTS * 5)  # The first answers pay for imports and new threads.
        alone = fast_requests(port, FAST_REQUESTS)
        with slow_clients(port, SLOW_STARTS[part], slow_connections) as slow:
            time.sleep(SETTLE_S)
            slowed = fast_requests(port, FAST_REQUESTS)
            return Measurement(alone, slowed, sum(map(is_open, slow)), resident_mb(group))


@contextmanager
def running(server: Server) -> Iterator[tuple[int, int]]:
    """Start a server; give its port and its process group, and end the whole group afterwards."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *server.command.format(port=port).split()],
        cwd=Path(__file__).parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_healthy(port)
        yield port, process.pid
    finally:
        stop(process)


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def wait_until_healthy(port: int) -> None:
    """Return once the server answers; raise TimeoutError if it does not start."""
    give_up = time.monotonic() + START_S
    while answered(port, "GET", "/health", b"") is None:
        if time.monotonic() > give_up:
            raise TimeoutError("did not start")
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server politely, then its whole group: workers may outlive their parent."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def fast_requests(port: int, count: int) -> Latencies:
    """Post `count` bodies from a few clients at once, each on its own connection."""
    stop_at = time.monotonic() + PHASE_S
    seconds: list[float] = []
    failed = 0

    def post(_: int) -> float | None:
        if time.monotonic() > stop_at:
            return math.nan  # Not sent, so neither answered nor failed.
        return answered(port, "POST", "/work", FAST_BODY)

    with ThreadPoolExecutor(FAST_CLIENTS) as clients:
        for outcome in clients.map(post, range(count)):
            if outcome is None:
                failed += 1
            elif not math.isnan(outcome):
                seconds.append(outcome)
    return Latencies(sorted(seconds), failed)


def answered(port: int, method: str, path: str, body: bytes) -> float | None:
    """Seconds until the whole answer is here; None if it failed."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    started = time.perf_counter()
    try:
        connection.request(method, path, body)
        response = connection.getresponse()
        response.read()
        return time.perf_counter() - started if response.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextmanager
def slow_clients(port: int, start: bytes, count: int) -> Iterator[list[socket.socket]]:
    """Open connections that send their start at once and then one byte a second."""
    clients = [socket.create_connection((HOST, port), timeout=TIMEOUT_S) for _ in range(count)]
    done = threading.Event()
    dripping = threading.Thread(target=drip, args=(clients, done))
    try:
        for client in clients:
            client.sendall(start)
            client.setblocking(False)
        dripping.start()
        yield clients
    finally:
        done.set()
        if dripping.ident is not None:
            dripping.join()
        for client in clients:
            client.close()


def drip(clients: list[socket.socket], done: threading.Event) -> None:
    """Send one byte on every connection each second; one that the server closed is left alone."""
    while not done.wait(1.0):
        for client in clients:
            with suppress(OSError):
                client.send(b"x")


def is_open(client: socket.socket) -> bool:
    """Whether the server has neither answered nor closed this connection."""
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def resident_mb(group: int) -> float:
    """Memory of all processes of a group; NaN where there is no /proc to ask."""
    if not Path("/proc/self/stat").exists():
        return math.nan
    pages = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # The process group is the third field after the name, which may itself hold spaces.
            if int((process / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                pages += int((process / "statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended while we looked.
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
