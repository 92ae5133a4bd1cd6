"""The machine that figures were taken on, without its name.

python -m benchmarks.machine
"""

from __future__ import annotations

import os
import platform
import time
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


def description() -> dict[str, str]:
    """What is told of the machine and of what runs on it."""
    return {
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "of its instructions": ", ".join(flags()) or "not known",
        "memory": f"{memory() / 2**30:.0f} GiB, read by one core at {bandwidth():.1f} GB/s",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "libraries": ", ".join(libraries()),
        "load before": f"{os.getloadavg()[0]:.1f} processes wanted to run in the last minute",
    }


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
    for key, value in description().items():
        print(f"{key}: {value}")
