"""Subjects in blocks that are filled from the front and never changed where filled.

A subject and its samples lie together in one block. One that changes is written anew behind the
others, and its old row is dead. A block of which a quarter is dead is given up: with each write
some of what lives in it is written anew, so that no write takes long. Subjects whose codes have a
scale of their own (scan.py) have blocks of their own, so that nearly all blocks have one scale.

A template of a subject of its own takes d bytes (codes), 4 d (vector) and 53 beside them: ids 32,
revision 8, scale 4, error 4, start 4, dead 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Vectors
from facecog.index.columns import Group, Ids, Samples, places_of
from facecog.index.grouping import AT_ONCE
from facecog.index.large_pages import codes_in_large_pages
from facecog.index.scan import Codes, Numbers, Rows

BLOCK = 32_768  # samples in a block, at most,
BLOCK_BYTES = 16 << 20  # and bytes of their codes; in smaller ones memory is read more slowly
SMALLEST = 256  # samples that a block has room for, at least


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The first subjects in some arrays, and which of them are dead.

    Attributes:
        store: arrays with room for more.
        rows: what a scan reads: of these subjects, at least one.
        lost: how many samples the dead have.
    """

    store: Group
    rows: Rows
    lost: int

    @classmethod
    def of(cls, store: Group, count: int, dead: NDArray[np.bool_] | None, lost: int) -> Block:
        return cls(store, Rows.all_of(store.codes.take(slice(count)), dead), lost)

    @property
    def count(self) -> int:
        return len(self.rows.of.codes)

    @property
    def odd(self) -> bool:
        """Whether its subjects have scales of their own."""
        return bool(self.store.codes.take(slice(1)).odd[0])

    @property
    def used(self) -> int:
        """How many samples it has, those of the dead included."""
        return int(self.store.starts[self.count])

    @property
    def living(self) -> Numbers:
        """The rows that are not dead."""
        return self.alive(np.arange(self.count))

    def alive(self, rows: Numbers) -> Numbers:
        """Those of some rows that are not dead."""
        return rows if self.rows.dead is None else rows[~self.rows.dead[rows]]

    def span(self, row: int) -> slice:
        """Where a subject's samples are."""
        return slice(self.store.starts.item(row), self.store.starts.item(row + 1))

    def vectors_of(self, row: int) -> Vectors:
        """A subject's templates, oldest first."""
        return self.store.samples.vectors[self.span(row)]

    def rows_of(self, subjects: Ids) -> Numbers:
        """Where some subjects are."""
        return self.alive(places_of(self.store.subjects[: self.count], subjects))

    def rows_with(self, samples: Ids) -> Numbers:
        """Where the subjects of some samples are."""
        places = places_of(self.store.samples.ids[: self.used], samples)
        rows = np.searchsorted(self.store.starts[: self.count + 1], places, side="right") - 1
        return self.alive(np.unique(rows))

    def without(self, rows: Numbers) -> Block:
        """With some of the living dead."""
        dead = np.zeros(self.count, bool) if self.rows.dead is None else self.rows.dead.copy()
        dead[rows] = True
        lost = int((self.store.starts[rows + 1] - self.store.starts[rows]).sum())
        return Block.of(self.store, self.count, dead, self.lost + lost)

    def fitting(self, group: Group) -> int:
        """How many of a group's subjects there is room for."""
        room = len(self.store.samples.ids) - self.used
        return int(np.searchsorted(group.starts, room, side="right")) - 1

    def extended(self, group: Group) -> Block:
        """With a group behind; those who hold this block do not see it."""
        count = _write(self.store, self.count, group)
        dead = self.rows.dead
        if dead is not None:
            dead = np.concatenate([dead, np.zeros(len(group.subjects), bool)])
        return Block.of(self.store, count, dead, self.lost)


def put(blocks: list[Block], group: Group, room: int) -> None:
    """Write a group of one kind into the last block of that kind, and into new ones behind.

    Args:
        room: how many samples a new block is to have room for, within its limits. One of odd
            ones has room for as many as there are already: mostly these are few.
    """
    odd = bool(group.codes.odd[0])
    same = [number for number, block in enumerate(blocks) if block.odd == odd]
    if odd:
        room = sum(blocks[number].used for number in same)
    last = same[-1] if same else None
    done = 0
    while done < len(group.subjects):
        rest = group.part(done, len(group.subjects))
        fit = 0 if last is None else blocks[last].fitting(rest)
        if last is not None and fit:
            blocks[last] = blocks[last].extended(rest.part(0, fit))
        else:
            fit, last = 1, len(blocks)
            blocks.append(_opened(rest.part(0, 1), room))
        done += fit


def _opened(first: Group, room: int) -> Block:
    """A block with one subject, and room for more."""
    own, dimension = first.samples.vectors.shape
    length = max(own, SMALLEST, min(BLOCK, BLOCK_BYTES // dimension, room))
    codes = Codes(
        codes_in_large_pages(length, dimension),
        np.empty(length, np.float32),
        np.empty(length, np.float32),
    )
    samples = Samples(
        np.empty((length, 16), np.uint8),
        np.empty(length, np.int64),
        np.empty((length, dimension), np.float32),
    )
    store = Group(np.empty((length, 16), np.uint8), codes, np.zeros(length + 1, np.int32), samples)
    return Block.of(store, _write(store, 0, first), None, 0)


def _write(store: Group, count: int, group: Group) -> int:
    """Write a group behind the first `count` subjects; how many there are then."""
    rows = slice(count, count + len(group.subjects))
    used = store.starts.item(count)
    places = slice(used, used + len(group.samples.ids))
    store.subjects[rows] = group.subjects
    store.starts[count + 1 : rows.stop + 1] = group.starts[1:] + used
    store.codes.codes[rows] = group.codes.codes
    store.codes.scales[rows] = group.codes.scales
    store.codes.errors[rows] = group.codes.errors
    store.samples.ids[places] = group.samples.ids
    store.samples.revisions[places] = group.samples.revisions
    store.samples.vectors[places] = group.samples.vectors
    return count + len(group.subjects)


def without_the_dead(blocks: Sequence[Block]) -> list[Block]:
    """Of each block of which a quarter is dead some that live are written anew, until none do."""
    stay = [block for block in blocks if 4 * block.lost <= block.used]
    left: list[Block] = []
    for block in blocks:
        if 4 * block.lost > block.used > block.lost:
            rows = block.living
            ends = np.cumsum(block.store.starts[rows + 1] - block.store.starts[rows])
            some = rows[: max(1, int(np.searchsorted(ends, AT_ONCE)))]
            put(stay, block.store.take(some), room=block.used)
            left += [block.without(some)] if len(some) < len(rows) else []
    return left + stay


def died(before: Sequence[Block], now: Sequence[Block]) -> Iterator[tuple[Group, Numbers]]:
    """Rows that lived before and do not now."""
    still = {id(block.store): block for block in now}
    for block in before:
        same = still.get(id(block.store))
        if same is None:
            yield block.store, block.living
        elif same is not block and same.rows.dead is not None:
            yield block.store, block.alive(np.flatnonzero(same.rows.dead[: block.count]))
