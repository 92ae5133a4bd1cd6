"""Ways to damage a file. Each gives another one, by chance that can be repeated."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random

from benchmarks.fuzz.parts import Part, parts

MOST = 3_000_000  # bytes that a damaged file may have
BITS = (7, 8, 15, 16, 31, 32, 63)
# Where decoders count wrong: about nothing, and about what their integers hold.
EDGES = (0, 1, 2, *(2**bits + more for bits in BITS for more in (-1, 0, 1)))
HEADER = 64  # bytes in which formats without parts say how large they are

Way = Callable[[bytes, bytes, Random], bytes]


def damaged(data: bytes, other: bytes, chance: Random) -> bytes:
    """A file damaged in one to three ways.

    Args:
        other: a file that pieces are taken from.
    """
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(WAYS)(data, other, chance)[:MOST]
    return data


def flipped(data: bytes, _: bytes, chance: Random) -> bytes:
    """Some bits the other way."""
    out = bytearray(data)
    for _times in range(chance.choice((1, 4, 32))):
        if out:
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def cut(data: bytes, _: bytes, chance: Random) -> bytes:
    """Its beginning alone."""
    return data[: chance.randrange(len(data) + 1)]


def inserted(data: bytes, _: bytes, chance: Random) -> bytes:
    """Bytes that do not belong there."""
    place, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 7, 64, 4096))
    fill = chance.choice((b"\0" * length, b"\xff" * length, chance.randbytes(length)))
    return data[:place] + fill + data[place:]


def left_out(data: bytes, _: bytes, chance: Random) -> bytes:
    start, end = _stretch(data, chance)
    return data[:start] + data[end:]


def doubled(data: bytes, _: bytes, chance: Random) -> bytes:
    start, end = _stretch(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def spliced(data: bytes, other: bytes, chance: Random) -> bytes:
    """Its beginning with another file's end."""
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other) + 1) :]


def overwritten(data: bytes, other: bytes, chance: Random) -> bytes:
    """A stretch of another file in it."""
    start, end = _stretch(other, chance)
    place = chance.randrange(len(data) + 1)
    return data[:place] + other[start:end] + data[place + end - start :]


def renumbered(data: bytes, _: bytes, chance: Random) -> bytes:
    """Another number in its header: its size, mostly."""
    width = chance.choice((2, 4))
    return _with_number(data, chance.randrange(HEADER), width, chance.choice(ORDERS), chance)


def lying(data: bytes, _: bytes, chance: Random) -> bytes:
    """A part that is not as long as it says."""
    part = _part(data, chance)
    return _with_number(data, part.length, part.width, part.order, chance)


def altered(data: bytes, _: bytes, chance: Random) -> bytes:
    """Other bytes in a part, whose checksum says that they are right."""
    part = _part(data, chance)
    inside = flipped(data[part.start : part.end], b"", chance)
    return _checked(data[: part.start] + inside + data[part.end :], part)


def without_part(data: bytes, _: bytes, chance: Random) -> bytes:
    part = _part(data, chance)
    return data[: part.start] + data[part.end :]


def with_part(data: bytes, other: bytes, chance: Random) -> bytes:
    """A part of another file, or one of its own again."""
    taken = chance.choice((data, other))
    part, place = _part(taken, chance), _part(data, chance).start
    times = chance.choice((1, 1, 1, 200))
    return data[:place] + taken[part.start : part.end] * times + data[place:]


def swapped(data: bytes, _: bytes, chance: Random) -> bytes:
    """Two parts in each other's place."""
    one, other = sorted((_part(data, chance), _part(data, chance)))
    if other.start < one.end:
        return data
    between = data[one.end : other.start]
    first, last = data[one.start : one.end], data[other.start : other.end]
    return data[: one.start] + last + between + first + data[other.end :]


ORDERS = ("big", "little")
WAYS: tuple[Way, ...] = (
    *(flipped, cut, inserted, left_out, doubled, spliced, overwritten, renumbered),
    *(lying, lying, altered, altered, without_part, with_part, swapped),
)


def _stretch(data: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 8, 100, 5000)))


def _part(data: bytes, chance: Random) -> Part:
    """Any; of what has no parts a stretch of its own."""
    start, end = _stretch(data, chance)
    return chance.choice(parts(data) or [Part(start, start, 4, "big", end)])


def _with_number(data: bytes, place: int, width: int, order: str, chance: Random) -> bytes:
    number = chance.choice(EDGES) % 256**width
    return data[:place] + number.to_bytes(width, order) + data[place + width :]  # type: ignore[arg-type]


def _checked(data: bytes, part: Part) -> bytes:
    """With the checksum of a PNG's chunk as it must be; other formats have none."""
    if not data.startswith(b"\x89PNG") or part.end > len(data) or part.end - part.start < 12:
        return data
    told = zlib.crc32(data[part.start + 4 : part.end - 4]).to_bytes(4, "big")
    return data[: part.end - 4] + told + data[part.end :]
