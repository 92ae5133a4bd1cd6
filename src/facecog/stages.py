"""How long each stage of a piece of work took: said where it happens, read by whoever asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

STAGES = ("decode", "engine", "search", "store")

_taken: ContextVar[dict[str, float] | None] = ContextVar("taken", default=None)


def timed() -> dict[str, float]:
    """From now on, in this context, stages are noted: seconds by their names."""
    taken: dict[str, float] = {}
    _taken.set(taken)
    return taken


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What is done within is this stage, without what a stage within it takes."""
    taken = _taken.get()
    if taken is None:
        yield
        return
    before, began = sum(taken.values()), time.perf_counter()
    try:
        yield
    finally:
        within = sum(taken.values()) - before
        taken[name] = taken.get(name, 0.0) + time.perf_counter() - began - within
