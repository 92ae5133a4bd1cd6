"""Do damaged pictures and bodies bring a server down? A real `facecog serve` on real models.

    python -m benchmarks.fuzz                   10,000 inputs, minutes
    python -m benchmarks.fuzz --inputs 400      fewer
    python -m benchmarks.fuzz --only 4711       one again, to look at what it does

Every file of seeds.py is damaged by chance that its number decides, so that a run can be repeated.
No status may be 500 or above, each whole request is answered, the process stays the same one and
its memory bounded, and in the end it registers and recognises, and the store is whole. Prints the
figures; exits 1 where one of these is not so. tests/test_fuzz.py runs a short one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests import assets
from tests.serving import Server, serving

from benchmarks import photos
from benchmarks.fuzz.requests import Request, request
from benchmarks.fuzz.seeds import seeds
from benchmarks.fuzz.sending import NO_ANSWER, Answer, send
from benchmarks.kill import faults as faults_of
from benchmarks.kill import rows
from benchmarks.memory import resident

CLIENTS = 4  # fewer than the queue has places, so that nobody is refused
MEMORY = 1500.0  # megabytes that the server may hold at any time
STEP = 50  # inputs from one look at its memory to the next


@dataclass
class Tally:
    """What came of the inputs.

    Attributes:
        answers: how many of each kind of request had each status.
        codes: how many were refused for what.
        held: megabytes of the server, over time.
        faults: what must not be, in words.
    """

    files: int = 0
    inputs: int = 0
    seconds: float = 0.0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    held: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def count(self, number: int, made: Request, answer: Answer) -> None:
        self.inputs += 1
        self.answers[made.kind, answer.status] += 1
        self.codes[answer.code or "accepted"] += 1
        self.slowest = max(self.slowest, (answer.seconds, number))
        wrong = answer.fault
        if answer.status >= 500:
            wrong = f"{answer.status} {answer.code}"
        elif answer.status == NO_ANSWER and made.whole:
            wrong = wrong or "no answer"
        if wrong:
            self.faults.append(f"input {number} ({made.kind}): {wrong}")

    def __str__(self) -> str:
        by_status: Counter[int] = Counter()
        by_kind: Counter[str] = Counter()
        for (kind, status), times in self.answers.items():
            by_status[status] += times
            by_kind[kind] += times
        seconds, number = self.slowest
        return "\n".join(
            (
                f"{self.inputs:,} inputs of {self.files} files in {self.seconds:.0f} s",
                f"by kind: {_told(by_kind)}",
                f"by status ({NO_ANSWER}: closed without an answer): {_told(by_status)}",
                f"by code: {_told(self.codes)}",
                f"slowest: {seconds:.2f} s, input {number}",
                f"memory: {self.held[0]:.0f} MB at the start, {max(self.held):.0f} at most, "
                f"{self.held[-1]:.0f} at the end",
                f"faults: {len(self.faults)}",
            )
        )


def run(home: Path, numbers: range, seed: int = 1) -> Tally:
    """Send the inputs of these numbers to a server on this home."""
    with tempfile.TemporaryDirectory() as scratch:
        files = list(seeds(Path(scratch)).values())
    tally = Tally(len(files))
    with serving(home) as server:
        assert server.ask("/api/recognise", image=photos.frame()).status == 200
        began = time.monotonic()
        for start in range(numbers.start, numbers.stop, STEP):
            tally.held.append(resident(server.process.pid))
            _send(server, range(start, min(start + STEP, numbers.stop)), files, seed, tally)
            if server.process.poll() is not None:
                tally.faults.append(f"the server died of one of {start} to {start + STEP - 1}")
                return tally
        tally.seconds = time.monotonic() - began
        tally.held.append(resident(server.process.pid))
        tally.faults += _after(home, server)
    if max(tally.held) > MEMORY:
        tally.faults.append(f"the server held more than {MEMORY:g} MB")
    return tally


def _send(server: Server, numbers: range, files: list[bytes], seed: int, tally: Tally) -> None:
    def one(number: int) -> tuple[int, Request, Answer]:
        made = request(number, files, seed)
        return number, made, send(server.port, made.sent)

    with ThreadPoolExecutor(CLIENTS) as clients:
        for number, made, answer in clients.map(one, numbers):
            tally.count(number, made, answer)


def _after(home: Path, server: Server) -> list[str]:
    """Whether it still does what it is for, and its store is whole."""
    found = faults_of(home, server, set(rows(home)))
    allowed = {"allow_duplicate": "true", "allow_mismatch": "true"}
    registered = server.ask("/api/register", name="Known", image=photos.known(), **allowed)
    if registered.status not in (200, 201):
        return [*found, f"afterwards nobody can be registered: {registered}"]
    answer = server.ask("/api/recognise", image=photos.frame())
    if answer.status != 200 or not answer.json["faces"][0]["candidates"]:
        found.append(f"afterwards nobody is recognised: {answer}")
    return found


def _told(counted: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{times:,} {name}" for name, times in counted.most_common())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the input of this number alone")
    options = parser.parse_args()
    numbers = range(options.inputs)
    if options.only is not None:
        numbers = range(options.only, options.only + 1)
    assets.ensure()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        tally = run(home, numbers, options.seed)
        if tally.faults:
            print(home.with_suffix(".log").read_text(errors="replace")[-5000:], file=sys.stderr)
    for fault in tally.faults[:50]:
        print(fault, file=sys.stderr)
    print(tally)
    sys.exit(bool(tally.faults))


if __name__ == "__main__":
    main()
