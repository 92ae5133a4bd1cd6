"""Memory for what a scan reads from one end to the other: in large pages, where the system has any.

NumPy asks for them too, but its memory comes from an allocator that gives again what was used in
small pages before: hardly a code of a gallery that was read at start then lay in a large one.
"""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

LARGE = 2 << 20  # bytes of a large page on x86-64, and of most on ARM


def codes_in_large_pages(rows: int, dimension: int) -> NDArray[np.int8]:
    """An array of this shape, with anything in it; a small one as NumPy makes it."""
    size = rows * dimension
    if sys.platform != "linux" or size < LARGE:
        return np.empty((rows, dimension), np.int8)
    # What is never written to takes no memory: so it may be more, to begin where a page does.
    memory = mmap.mmap(-1, size + LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a system without large pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    whole = np.frombuffer(memory, np.int8)
    start = -whole.ctypes.data % LARGE
    return whole[start : start + size].reshape(rows, dimension)
