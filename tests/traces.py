"""Looking for what should be gone, byte by byte, in whatever files there are."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facecog.names import name_key

# How bytes are stored: as they are, in what a change keeps, and in a dump.
FORMS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    base64.b64encode,
    lambda value: value.hex().encode(),
)
RUN = 16  # each run of twice as many bytes has a block of so many that starts at a multiple of it


@dataclass
class Person:
    """Who is looked for: names, JPEGs and vectors as float32."""

    names: list[str]
    jpegs: list[bytes]
    vectors: list[bytes]

    def traces(self, others: Sequence[bytes]) -> Traces:
        """What would give the person away, by kind, as plain and as stored.

        Args:
            others: JPEGs of people who stay; what theirs have too is no trace: a JPEG's head, say.
        """
        texts = [form for name in self.names for form in (name, name_key(name))]
        names = [text.encode(as_) for text in texts for as_ in ("utf-8", "utf-16-le", "utf-16-be")]
        found = {"name": names}
        for kind, values in (("crop", self.jpegs), ("template", self.vectors)):
            found[kind] = []
            for form in FORMS:
                common = b"".join(map(form, others))
                blocks = (block for value in values for block in _blocks(form(value)))
                found[kind] += [block for block in blocks if block not in common]
        return {kind: Needles(runs) for kind, runs in found.items()}


def _blocks(value: bytes) -> Iterator[bytes]:
    for start in range(0, len(value) - RUN + 1, RUN):
        yield value[start : start + RUN]


class Needles:
    """Byte runs to look for, many at once: by their first four bytes first, for time's sake."""

    def __init__(self, runs: Iterable[bytes]) -> None:
        self._runs = set(runs)
        self._lengths = sorted({len(run) for run in self._runs})
        self._first, self._second = (self._known(at) for at in (0, 2))

    def _known(self, at: int) -> NDArray[np.bool_]:
        """Of two bytes as a number: whether one of the runs has them there."""
        known = np.zeros(1 << 16, bool)
        known[[int.from_bytes(run[at : at + 2], "little") for run in self._runs]] = True
        return known

    def are_in(self, data: bytes, pairs: NDArray[np.uint16]) -> bool:
        perhaps = self._first[pairs[:-2]] & self._second[pairs[2:]]
        return any(
            data[at : at + length] in self._runs
            for at in np.flatnonzero(perhaps).tolist()
            for length in self._lengths
        )


Traces = dict[str, Needles]


def kinds_in(data: bytes, traces: Traces) -> set[str]:
    """Which kinds of traces some bytes hold."""
    raw = np.frombuffer(data, np.uint8)
    pairs = raw[:-1].astype(np.uint16) | raw[1:].astype(np.uint16) << 8
    return {kind for kind, needles in traces.items() if needles.are_in(data, pairs)}


def files_below(folder: Path) -> Iterator[bytes]:
    """Of each file; one that goes meanwhile holds nothing."""
    for file in sorted(folder.rglob("*")):
        try:
            if file.is_file():
                yield file.read_bytes()
        except FileNotFoundError:
            continue


def mapped_files() -> Iterator[bytes]:
    """Of each file that this process has in its memory, libraries aside."""
    lines = [line.split(maxsplit=5) for line in Path("/proc/self/maps").read_text().splitlines()]
    named = [(line[1], Path(line[5])) for line in lines if len(line) == 6]
    libraries = {path for rights, path in named if "x" in rights}
    for path in {path for _, path in named} - libraries:
        if path.is_file():
            yield path.read_bytes()
