"""What decoding a large JPEG costs in time and memory, as facecog does it and whole.

    python -m benchmarks.decoding

Each file is decoded in processes of its own, so that the highest memory use is that of this file
alone.
"""

from __future__ import annotations

import argparse
import io
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from PIL import Image
from tests import assets

from benchmarks import photos
from benchmarks.tables import Part, Table, figure, run
from facecog.image import decode

HOW = ("nothing", "facecog", "whole")
KINDS = ((12, False), (48, False), (48, True), (170, False))  # megapixels, progressive


class Cost(NamedTuple):
    """CPU milliseconds, and the most megabytes that the process had."""

    ms: float
    mb: float


def measure(smoke: bool) -> Part:
    assets.ensure()
    kinds, runs = (KINDS[:1], 1) if smoke else (KINDS, 5)
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(Path(folder, "large.jpg"), *kind, runs) for kind in kinds]
    columns = ("JPEG", "facecog, ms", "whole, ms", "facecog, MB", "whole, MB")
    note = "Memory is the highest of the process, less that of a process that only starts."
    table = Table("Decoding large photos", columns, tuple(rows), note)
    return Part("decoding", "Decoding", [table], note=f"Medians of {runs} runs, CPU time.")


def _row(file: Path, megapixels: int, progressive: bool, runs: int) -> tuple[str, ...]:
    file.write_bytes(photos.large(megapixels, progressive))
    idle, ours, whole = (_median([_in_own_process(file, how) for _ in range(runs)]) for how in HOW)
    kind = "progressive" if progressive else "baseline"
    costs = (ours.ms, whole.ms, ours.mb - idle.mb, whole.mb - idle.mb)
    return (f"{megapixels} megapixels, {kind}", *map(figure, costs))


def _median(costs: list[Cost]) -> Cost:
    return Cost(*map(median, zip(*costs, strict=True)))


def _in_own_process(file: Path, how: str) -> Cost:
    command = [sys.executable, "-m", "benchmarks.decoding", "--once", how, str(file)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return Cost(float(said[0]), float(said[1]))


def once(how: str, file: Path) -> Cost:
    """Decode in this process."""
    data = file.read_bytes()
    began = time.process_time()
    if how == "facecog":
        decode(data)
    elif how == "whole":
        Image.MAX_IMAGE_PIXELS = None
        np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return Cost((time.process_time() - began) * 1000, peak_mb())


def peak_mb() -> float:
    """The most memory that this process has used; NaN where there is no /proc to ask.

    Not getrusage: that counts what the parent used before it started this program.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 / 1e6 if peaks else math.nan


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--once", nargs=2, metavar=("HOW", "FILE"))
    one, _ = parser.parse_known_args()
    if one.once:
        print(*once(one.once[0], Path(one.once[1])))
    else:
        run(measure)
