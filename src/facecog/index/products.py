"""Products of one probe's codes with those of many rows, by the way that is fastest here.

All give the same exact whole numbers. Which is fastest depends on the processor and the dimension:
simsimd takes less for each row, numkong less for each number, and where there is AVX2 but no VNNI
our own few lines of C (_products.c) less than both. These are there where facecog was installed
with a C compiler at hand; without, nothing is missing but some time (docs/decisions.md).
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import numkong
import numpy as np
import simsimd
from numpy.typing import NDArray

Codes = NDArray[np.int8]
Multiply = Callable[[Codes, Codes], NDArray[Any]]
"""Takes a probe, int8 from -127 to 127, shape (1, d), and rows, the same, shape (n, d), both in the
order of C, and gives their products, exact, shape (n,)."""

TRIED = 1 << 20  # bytes of codes that all are tried on
ROUNDS = 16


@cache
def fastest(dimension: int) -> Multiply:
    """The way that takes the least time, tried for some milliseconds once a process."""
    rows = np.ones((max(1, TRIED // dimension), dimension), np.int8)
    taken: dict[Multiply, list[int]] = {way: [] for way in ways()}
    for _ in range(ROUNDS):  # in turns, so that what else the machine does hits all
        for way, times in taken.items():
            began = time.thread_time_ns()
            way(rows[:1], rows)
            times.append(time.thread_time_ns() - began)
    return min(taken, key=lambda way: min(taken[way]))


def ways() -> list[Multiply]:
    """Those that there are here."""
    own = by_own()
    return [by_simsimd, by_numkong, *([own] if own else [])]


def by_simsimd(probe: Codes, rows: Codes) -> NDArray[Any]:
    # Without `out`: simsimd 6.5 then gives a reference to None away that is not its own.
    return np.asarray(simsimd.cdist(probe, rows, "dot")).ravel()


def by_numkong(probe: Codes, rows: Codes) -> NDArray[Any]:
    return np.asarray(numkong.cdist(probe, rows, "dot")).ravel()


@cache
def by_own() -> Multiply | None:
    """_products.c; None where it was not compiled for here, or there is no AVX2."""
    found = find_spec("facecog.index._products")
    if found is None or found.origin is None:
        return None
    try:
        compiled = ctypes.CDLL(found.origin)
    except OSError:  # compiled for another system
        return None
    if not compiled.facecog_can_multiply():
        return None
    multiply = compiled.facecog_multiply
    multiply.restype = None
    address, number = ctypes.c_void_p, ctypes.c_int64
    multiply.argtypes = (address, number, number, address, address)

    def own(probe: Codes, rows: Codes) -> NDArray[Any]:
        products = np.empty(len(rows), np.int32)
        multiply(rows.ctypes.data, *rows.shape, probe.ctypes.data, products.ctypes.data)
        return products

    return own
