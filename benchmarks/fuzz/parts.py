"""The parts that a picture's file is made of, so that damage hits where decoders read lengths.

JPEG segments (ITU-T T.81, B.1.1), PNG chunks, RIFF chunks of WebP, boxes of HEIC, AVIF and JPEG
2000 (ISO/IEC 14496-12, 4.2), and the entries of a TIFF's directories, which Exif has too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Boxes that hold boxes, and after how many bytes those begin.
NESTED = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": 6, b"jp2h": 0, b"moov": 0, b"iref": 4}
TIFF_MAGIC = (b"II*\0", b"MM\0*")
DIRECTORIES = 8  # more are read of no file: a damaged one may go in circles


class Part(NamedTuple):
    """From `start` to `end`; the number that says how long it is lies at `length`."""

    start: int
    length: int
    width: int  # bytes of that number
    order: str  # "big" or "little"
    end: int


Reader = Callable[[bytes], Iterator[Part]]


def parts(data: bytes) -> list[Part]:
    """Of a whole or a damaged file; none of a format without parts."""
    found = [part for reader in _readers(data) for part in reader(data)]
    return [part for part in found if part.length + part.width <= len(data)]


def _readers(data: bytes) -> Iterator[Reader]:
    if data.startswith(b"\xff\xd8"):
        yield _segments
    if data.startswith(b"\x89PNG"):
        yield _chunks
    if data.startswith(b"RIFF"):
        yield _riff
    if data[4:8] in (b"ftyp", b"jP  "):
        yield _boxes
    if any(magic in data[:4096] for magic in TIFF_MAGIC):
        yield _entries


def _segments(data: bytes) -> Iterator[Part]:
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xD9:
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        yield Part(place, place + 2, 2, "big", end)
        if data[place + 1] == 0xDA:  # the scan follows, to the end
            return
        place = end


def _chunks(data: bytes) -> Iterator[Part]:
    place = 8
    while place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        yield Part(place, place, 4, "big", end)
        place = end


def _riff(data: bytes) -> Iterator[Part]:
    yield Part(0, 4, 4, "little", len(data))
    place = 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + length + length % 2
        yield Part(place, place + 4, 4, "little", end)
        place = end


def _boxes(data: bytes, place: int = 0, until: int | None = None) -> Iterator[Part]:
    until = len(data) if until is None else until
    while place + 8 <= until:
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + length if 8 <= length <= until - place else until
        yield Part(place, place, 4, "big", end)
        inside = NESTED.get(data[place + 4 : place + 8])
        if inside is not None:
            yield from _boxes(data, place + 8 + inside, end)
        place = end


def _entries(data: bytes) -> Iterator[Part]:
    base = min(place for magic in TIFF_MAGIC if (place := data.find(magic)) >= 0)
    order, sign = ("little", "<") if data[base] == ord("I") else ("big", ">")
    waiting = [int.from_bytes(data[base + 4 : base + 8], order)]  # type: ignore[arg-type]
    for _ in range(DIRECTORIES):
        if not waiting or base + waiting[0] + 2 > len(data):
            return
        place = base + waiting.pop(0)
        (count,) = struct.unpack_from(f"{sign}H", data, place)
        for start in range(place + 2, min(place + 2 + 12 * count, len(data) - 12), 12):
            yield Part(start, start + 4, 4, order, start + 12)
            tag, _, _, value = struct.unpack_from(f"{sign}HHII", data, start)
            if tag in (0x8769, 0x8825, 0x014A):  # Exif, GPS, and directories below
                waiting.append(value)
