"""Each way of multiplying a probe's codes with those of many rows gives the same whole numbers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from facecog.index import products
from facecog.index.products import Codes, Multiply, by_numkong, by_own, by_simsimd, fastest, ways

SOURCE = Path(products.__file__).with_name("_products.c")
DIMENSIONS = (1, 7, 31, 32, 63, 64, 65, 100, 128, 256, 500, 512, 1024)


@pytest.fixture
def untried() -> Iterator[None]:
    """Nothing is known of which way is the fastest, nor afterwards."""
    for known in (fastest, by_own):
        known.cache_clear()
    yield
    for known in (fastest, by_own):
        known.cache_clear()


def rows(count: int, dimension: int) -> Codes:
    random = np.random.default_rng(dimension)
    made = random.integers(-127, 128, (count, dimension), np.int8)
    made[:4] = np.array([[127], [-127], [0], [1]], np.int8)  # the largest sums that there are
    return made


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.__name__)
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_products_are_exact(way: Multiply, dimension: int) -> None:
    codes = rows(77, dimension)

    for probe in codes[:9]:
        exact = codes.astype(np.int64) @ probe.astype(np.int64)
        assert np.array_equal(way(probe[None], codes), exact)


@pytest.mark.parametrize("way", ways(), ids=lambda way: way.__name__)
def test_a_part_of_a_block_is_enough(way: Multiply) -> None:
    block = rows(100, 128)
    some = block[3:50]

    found = way(block[:1], some)

    assert np.array_equal(found, some.astype(int) @ block[0].astype(int))


def test_our_own_way_is_there_where_the_tests_run() -> None:
    """CI installs a C compiler: without one this file would test two ways alone."""
    assert find_spec("facecog.index._products")
    avx2 = "avx2" in Path("/proc/cpuinfo").read_text().split()
    assert (by_own() is not None) == avx2


def test_the_fastest_is_one_of_them_and_stays_it() -> None:
    way = fastest(128)

    assert way in ways()
    assert fastest(128) is way


def test_the_one_that_takes_least_is_taken(untried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(probe: Codes, codes: Codes) -> object:
        return [by_simsimd(probe, codes) for _ in range(20)]

    monkeypatch.setattr(products, "ways", lambda: [slow, by_simsimd])
    assert fastest(128) is by_simsimd


def test_what_was_not_compiled_is_done_without(
    untried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "find_spec", lambda _: None)

    assert by_own() is None
    assert ways() == [by_simsimd, by_numkong]
    assert fastest(512) in ways()


def test_what_was_compiled_for_another_system_is_done_without(
    untried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "find_spec", lambda _: find_spec("facecog.index.products"))

    assert by_own() is None


def test_a_compiler_has_nothing_to_complain_of(tmp_path: Path) -> None:
    strictly = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]

    subprocess.run([*strictly, "-o", tmp_path / "products.so", SOURCE], check=True)
