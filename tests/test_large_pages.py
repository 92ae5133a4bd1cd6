"""Memory in large pages."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from facecog.index.large_pages import LARGE, codes_in_large_pages


@pytest.mark.parametrize("rows", [0, 1, 16_383, 16_384, 32_768])
def test_codes_have_their_shape_and_can_be_written(rows: int) -> None:
    codes = codes_in_large_pages(rows, 128)

    codes[:] = np.arange(128, dtype=np.int8)

    assert codes.shape == (rows, 128) and codes.dtype == np.int8
    assert codes.flags.c_contiguous
    assert (codes == np.arange(128)).all()


@pytest.mark.skipif(sys.platform != "linux", reason="large pages are asked for on Linux alone")
def test_many_codes_begin_where_a_large_page_does() -> None:
    codes = codes_in_large_pages(32_768, 128)

    assert codes.ctypes.data % LARGE == 0


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="there are no large pages here"
)
def test_large_pages_are_asked_for() -> None:
    codes = codes_in_large_pages(32_768, 128)
    codes[:] = 1

    assert "hg" in flags_of(codes.ctypes.data)


def flags_of(address: int) -> list[str]:
    """What the system was told of the memory at an address. Source: proc_pid_smaps(5), VmFlags."""
    with open("/proc/self/smaps") as told:
        inside = False
        for line in told:
            first, *rest = line.split()
            if "-" in first and not first.endswith(":"):
                start, end = (int(part, 16) for part in first.split("-"))
                inside = start <= address < end
            elif inside and first == "VmFlags:":
                return rest
    return []
