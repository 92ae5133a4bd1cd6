"""CPU time of calls that take turns, so that what else the machine does hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Call = Callable[[], object]


def interleaved(calls: Mapping[str, Call], rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """CPU milliseconds of this process for each call, in each round.

    Args:
        calls: name -> what is timed; round after round each is called once.
        warm: rounds before, that are not kept.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(warm + rounds):
        for name, call in calls.items():
            ms = cpu_ms(call)
            if number >= warm:
                taken[name].append(ms)
    return taken


def cpu_ms(call: Call) -> float:
    """CPU milliseconds of this process, its other threads included."""
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / 1e6


def medians(calls: Mapping[str, Call], rounds: int, warm: int = 1) -> dict[str, float]:
    """The median of each, in CPU milliseconds."""
    taken = interleaved(calls, rounds, warm)
    return {name: statistics.median(times) for name, times in taken.items()}
