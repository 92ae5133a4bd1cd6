"""Is a registration ever lost, or half kept, when the server is killed?

    python -m benchmarks.kill                 20 kills, each during 200 registrations; minutes
    python -m benchmarks.kill --kills 3 --registrations 30

Four clients register photographs, all different, at a real `facecog serve`. At a random moment the
server gets SIGKILL. Then it is started again on the same home, and everything that was answered
must be there: each row with its crop, each crop with its row. tests/test_crash.py runs a short one.
Prints one line; exits 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import io
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import islice
from pathlib import Path

from PIL import Image
from tests import assets
from tests.serving import Server, serving

from benchmarks.photos import distinct, jpeg

CLIENTS = 4
PEOPLE = 40
LONG_SIDE = 320  # pixels, so that a registration takes little more than its writing


@dataclass
class Tally:
    """What has happened so far.

    Attributes:
        answered: sample ids that the server said it had registered.
        unanswered: names and photographs that were under way at a kill.
        unfinished: files and rows that a kill left half done, found before the restart.
        faults: what must not be, in words.
    """

    kills: int = 0
    answered: set[str] = field(default_factory=set)
    unanswered: list[tuple[str, bytes]] = field(default_factory=list)
    unfinished: int = 0
    stored_unanswered: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {len(self.answered)} registrations answered, "
            f"{len(self.unanswered)} cut off, of which {self.stored_unanswered} were stored whole; "
            f"{self.unfinished} crops without a row swept at the restarts; "
            f"{len(self.faults)} faults"
        )


def run(home: Path, kills: int, registrations: int, seed: int | None = None) -> Tally:
    """Kill a server on this home so often, each time during so many registrations."""
    tally, chance, photos = Tally(), random.Random(seed), distinct_photos()
    for _ in range(kills):
        jobs = [
            (f"Person {n % PEOPLE}", one) for n, one in enumerate(islice(photos, registrations))
        ]
        with serving(home) as server:
            tally.faults += faults(home, server, tally.answered)
            register_until_killed(server, jobs, chance, tally)
        tally.unfinished += len(crops(home) - set(rows(home)))
    with serving(home) as server:
        tally.faults += faults(home, server, tally.answered)
        tally.stored_unanswered = len(rows(home)) - len(tally.answered)
        # What was cut off can be sent again, whether or not it had been stored.
        again = {registered(server, name, photo) for name, photo in tally.unanswered}
        tally.faults += faults(home, server, tally.answered | again)
        if set(rows(home)) != tally.answered | again:
            tally.faults.append("there are samples that nobody was told of")
    return tally


def register_until_killed(
    server: Server, jobs: list[tuple[str, bytes]], chance: random.Random, tally: Tally
) -> None:
    """Four clients at once, until a random number of answers and a moment more."""
    begun, enough = len(tally.answered), chance.randrange(1, len(jobs))
    waiting = iter(jobs)

    def client() -> None:
        for name, photo in waiting:  # next() of a list's iterator is atomic
            try:
                tally.answered.add(registered(server, name, photo))
            except (OSError, HTTPException):
                tally.unanswered.append((name, photo))
                return

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        while len(tally.answered) - begun < enough and not all(one.done() for one in clients):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.1))
        server.process.kill()
    for one in clients:
        one.result()
    tally.kills += 1


def registered(server: Server, name: str, photo: bytes) -> str:
    # One face under many names: what is asked for here is the writing.
    allowed = {"allow_duplicate": "true", "allow_mismatch": "true"}
    answer = server.ask("/api/register", name=name, image=photo, **allowed)
    if answer.status not in (200, 201):
        raise RuntimeError(f"not registered: {answer}")
    return str(answer.json["sample"]["id"])


def faults(home: Path, server: Server, answered: set[str]) -> list[str]:
    """What is wrong in a home after the restart."""
    kept, files = rows(home), crops(home)
    found = [f"{sample} was answered and is gone" for sample in answered - set(kept)]
    found += [f"{sample} has no crop" for sample in set(kept) - files]
    found += [f"{file} has no row" for file in files - set(kept)]
    found += [f"{sample} has {n} templates" for sample, n in kept.items() if n != 1]
    found += [f"the crop {file} is not whole" for file in files if not is_whole(home, file)]
    served = server.ask("/api/ready").json["samples"]
    return found + ([f"{served} of {len(kept)} samples are served"] if served != len(kept) else [])


def rows(home: Path) -> dict[str, int]:
    """Sample id -> how many templates it has."""
    query = (
        "SELECT samples.id, count(templates.model) FROM samples"
        " LEFT JOIN templates ON templates.sample_id = samples.id GROUP BY samples.id"
    )
    with closing(sqlite3.connect(home / "faces.db")) as database:
        (sound,) = database.execute("PRAGMA integrity_check").fetchone()
        if sound != "ok":
            raise RuntimeError(f"faces.db is damaged: {sound}")
        return dict(database.execute(query).fetchall())


def crops(home: Path) -> set[str]:
    """Of whole crops the sample ids; of any other file its name."""
    return {
        file.stem if file.suffix == ".jpg" else file.name for file in (home / "dataset").iterdir()
    }


def is_whole(home: Path, sample: str) -> bool:
    file = home / "dataset" / f"{sample}.jpg"
    return file.is_file() and file.read_bytes().endswith(b"\xff\xd9")


def distinct_photos() -> Iterator[bytes]:
    """One face in files that all differ."""
    picture = Image.open(io.BytesIO(assets.photo("obama.jpg")))
    picture.thumbnail((LONG_SIDE, LONG_SIDE))
    return distinct(jpeg(picture))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--registrations", type=int, default=200)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    assets.ensure()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(Path(folder, "home"), options.kills, options.registrations, options.seed)
    for fault in tally.faults[:20]:
        print(fault, file=sys.stderr)
    print(tally)
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
