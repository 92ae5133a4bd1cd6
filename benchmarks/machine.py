"""The machine that figures were taken on, without its name.

python -m benchmarks.machine
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

# What inference and search gain from, as /proc/cpuinfo names it.
FLAGS = (
    *("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_tile"),
    *("asimd", "asimddp", "sve", "i8mm", "bf16"),
)
LIBRARIES = (
    *("numpy", "onnxruntime", "openvino", "numkong", "simsimd", "pillow", "sqlalchemy", "waitress"),
    *("faiss-cpu", "usearch", "sqlite-vec"),
)
READ = 256 * 2**20  # bytes, more than any cache holds


# Two runs on one machine measure its memory no further apart than by this factor; see same().
NOISE = 1.25


@dataclass(frozen=True, slots=True)
class Machine:
    """What figures were taken on, and what ran there.

    Attributes:
        memory: GiB.
        bandwidth: GB/s that one core reads from memory, measured.
        load: processes that wanted to run in the minute before.
    """

    processor: str
    instructions: str
    memory: int
    bandwidth: float
    system: str
    python: str
    libraries: str
    load: float

    def same(self, other: Machine) -> bool:
        """Whether both tell of one machine with the same software.

        The load may be any; the bandwidth is measured, so it may differ as measurements do.
        Everything else is alike to the letter: another version of a library has other times too.
        """
        slower, faster = sorted((self.bandwidth, other.bandwidth))
        return faster <= NOISE * slower and self._told == other._told

    @property
    def _told(self) -> Machine:
        """Without what is measured."""
        return replace(self, bandwidth=0.0, load=0.0)


def here() -> Machine:
    """This one, now."""
    return Machine(
        processor=f"{processor()}, {os.cpu_count()} cores",
        instructions=", ".join(flags()) or "not known",
        memory=round(memory() / 2**30),
        bandwidth=round(bandwidth(), 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        libraries=", ".join(libraries()),
        load=round(os.getloadavg()[0], 1),
    )


def distinct(runs: Iterable[Machine]) -> list[list[Machine]]:
    """The runs of each machine, machines in the order of their first."""
    machines: list[list[Machine]] = []
    for run in runs:
        known = next((those for those in machines if those[0].same(run)), None)
        if known is None:
            machines.append([run])
        else:
            known.append(run)
    return machines


def lines(runs: Sequence[Machine]) -> list[str]:
    """What is told of a machine; what each run of it measured is told as a range."""
    one = runs[0]
    read = _range([run.bandwidth for run in runs])
    load = _range([run.load for run in runs])
    return [
        f"processor: {one.processor}",
        f"of its instructions: {one.instructions}",
        f"memory: {one.memory} GiB, read by one core at {read} GB/s",
        f"system: {one.system}",
        f"Python: {one.python}",
        f"libraries: {one.libraries}",
        f"load before: {load} processes wanted to run in the last minute",
    ]


def _range(values: Sequence[float]) -> str:
    least, most = (f"{value:.1f}" for value in (min(values), max(values)))
    return least if least == most else f"{least} to {most}"


def bandwidth(runs: int = 7) -> float:
    """Gigabytes a second that one core reads from memory, the best of several runs."""
    block = np.ones(READ, np.uint8)
    best = min(_reading(block) for _ in range(runs))
    return READ / best / 1e9


def _reading(block: np.ndarray) -> float:
    began = time.thread_time()
    np.bitwise_and.reduce(block)
    return time.thread_time() - began


def processor() -> str:
    named = cpuinfo("model name")
    return named[0] if named else platform.processor() or platform.machine()


def flags() -> list[str]:
    had = set(" ".join(cpuinfo("flags") + cpuinfo("Features")).split())
    return [flag for flag in FLAGS if flag in had]


def cpuinfo(key: str) -> list[str]:
    """The values of one key, none where there is no such file."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(key)]


def memory() -> int:
    """Bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def libraries() -> list[str]:
    """Those of LIBRARIES that are installed, with their versions."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    print(*lines([here()]), sep="\n")
