"""How much memory a server holds, and whether it grows: a real `facecog serve`, read from /proc.

    python -m benchmarks.memory            20,000 recognitions, ten minutes or so
    python -m benchmarks.memory --smoke    200

Eight clients send a webcam's frame over and over; in the end photos of 12 megapixels, which is told
and not judged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.sending import multipart

from benchmarks import photos
from benchmarks.load import Client, cores_here, request_of, server_on
from benchmarks.tables import Claim, Line, Part, Plot, run
from facecog.evaluation.report import Table

RECOGNITIONS, WARM, STEP = 20_000, 2_000, 500
SMOKE = 200, 40, 20
CLIENTS = 8
LARGE = 12.0  # megapixels
LARGE_ONES = 40


def measure(smoke: bool) -> Part:
    """Resident megabytes after so many recognitions."""
    recognitions, warm, step = SMOKE if smoke else (RECOGNITIONS, WARM, STEP)
    large_ones = CLIENTS if smoke else LARGE_ONES
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        cores = cores_here()[-1]
        server = opened.enter_context(server_on(cores, Path(folder, "home"), smoke))
        clients = [Client(server.port) for _ in range(CLIENTS)]
        held = {0: resident(server.process.pid)}
        for done in _asked(clients, photos.frame(), recognitions, step):
            held[done] = resident(server.process.pid)
        for _ in _asked(clients, photos.large(LARGE), large_ones, CLIENTS):
            pass
        after_large = resident(server.process.pid)
        for client in clients:
            client.close()
    most = max(held.values())
    growth = (max(mb for done, mb in held.items() if done > warm) / held[warm] - 1) * 100
    return Part(
        name="memory",
        title="Memory",
        note=f"Resident set of one server with {len(cores)} pictures at once, {CLIENTS} clients.",
        tables=[_table(held, warm, large_ones, after_large)],
        claims=[
            Claim("most that is resident", most, 400, unit="MB"),
            Claim(f"growth after the first {warm:,} of {recognitions:,}", growth, 5, unit="%"),
            Claim(f"after {large_ones} photos of {LARGE:g} megapixels", after_large, unit="MB"),
        ],
        plots=[_plot(held)],
    )


def _asked(clients: list[Client], photo: bytes, count: int, step: int) -> Iterator[int]:
    """Ask `count` times, and say after each `step` how often that was."""
    sent = multipart(image=photo)
    request = request_of(sent["data"], sent["content_type"])
    with ThreadPoolExecutor(len(clients)) as threads:
        for done in range(step, count + 1, step):
            share = -(-step // len(clients))
            for answer in threads.map(lambda one, n=share: _ask(one, request, n), clients):
                assert answer == 200
            yield done


def _ask(client: Client, request: bytes, times: int) -> int:
    """The last status; all are the same, or this raises."""
    statuses = {client.ask(request).status for _ in range(times)}
    (status,) = statuses
    return status


def resident(process: int) -> float:
    """Megabytes in memory, pages that it shares with others too (proc(5))."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


def _table(held: dict[int, float], warm: int, large_ones: int, after_large: float) -> Table:
    last = max(held)
    rows = [
        ("at the start", held[0]),
        (f"after {warm:,} recognitions", held[warm]),
        (f"after {last:,}", held[last]),
        ("most", max(held.values())),
        (f"after {large_ones} photos of {LARGE:g} megapixels", after_large),
    ]
    return Table("Resident", ("", "MB"), tuple((what, f"{mb:.0f}") for what, mb in rows))


def _plot(held: dict[int, float]) -> Plot:
    line = Line("resident", tuple(map(float, held)), tuple(held.values()))
    return Plot("memory", "Memory over recognitions", "recognitions", "MB", (line,), False)


if __name__ == "__main__":
    run(measure)
