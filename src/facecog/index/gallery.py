"""The templates in RAM: in blocks that are filled from the front and never changed where filled.

So whoever searches holds a gallery of one moment, however many writes come meanwhile. A subject and
its samples lie together in one block. One that changes is written anew behind the others, and its
old row is dead, and is wiped as soon as nobody searches a gallery in which it lives (Era). A block
of which a quarter is dead is given up: with each write some of what lives in it is written anew, so
that no write takes long. Subjects whose codes have a scale of their own (scan.py) have blocks of
their own, so that nearly all blocks have one scale.

A template of a subject of its own takes d bytes (codes), 4 d (vector) and 53 beside them: ids 32,
revision 8, scale 4, error 4, start 4, dead 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.domain import GallerySize, Vectors
from facecog.index.scan import Codes, Floats, Numbers, Rows, coded, usual

Ids = NDArray[np.uint8]
"""UUIDs as bytes, shape (n, 16)."""

Starts = NDArray[np.int32]
"""Where each subject's samples begin, and where the last one's end, shape (n + 1,)."""

BLOCK = 32_768  # samples in a block, at most,
BLOCK_BYTES = 16 << 20  # and bytes of their codes; in smaller ones memory is read more slowly
SMALLEST = 256  # samples that a block has room for, at least
HIGHEST = 2**64 - 1  # of all keys
AT_ONCE = 2_048  # samples that are encoded, or written anew, at once
# A mean shorter than this has no direction: float32 tells that of a template to some 1e-7.
SHORTEST = 1e-6


class Samples(NamedTuple):
    """Samples in columns.

    Attributes:
        revisions: with which each came, or became its subject's, shape (n,).
        vectors: shape (n, d).
    """

    ids: Ids
    revisions: NDArray[np.int64]
    vectors: Vectors

    def take(self, which: Numbers | NDArray[np.bool_] | slice) -> Samples:
        return Samples(self.ids[which], self.revisions[which], self.vectors[which])


class Owned(NamedTuple):
    """Samples in any order, and whose each is."""

    subjects: Ids
    samples: Samples


class Group(NamedTuple):
    """Subjects with the codes of their means, and each one's samples together, oldest first."""

    subjects: Ids
    codes: Codes
    starts: Starts
    samples: Samples

    def part(self, first: int, last: int) -> Group:
        starts = self.starts[first : last + 1]
        return Group(
            self.subjects[first:last],
            self.codes.take(slice(first, last)),
            starts - starts[0],
            self.samples.take(slice(starts[0], starts[-1])),
        )

    def take(self, rows: Numbers) -> Group:
        """Some subjects, copied."""
        starts, at = self.samples_of(rows)
        return Group(self.subjects[rows], self.codes.take(rows), starts, self.samples.take(at))

    def samples_of(self, rows: Numbers) -> tuple[Starts, Numbers]:
        """Where among the samples of some subjects each one's begin, and where they all are."""
        begin = self.starts[rows]
        counts = self.starts[rows + 1] - begin
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        return starts, np.repeat(begin - starts[:-1], counts) + np.arange(starts[-1])

    def wipe(self, rows: Numbers) -> None:
        """Leave nothing of some subjects; their scales stay, by which a block has its kind."""
        _, at = self.samples_of(rows)
        self.subjects[rows], self.codes.codes[rows], self.codes.errors[rows] = 0, 0, 0
        self.samples.ids[at], self.samples.vectors[at] = 0, 0

    def owned(self, which: NDArray[np.bool_]) -> Owned:
        """Some of the samples."""
        subjects = np.repeat(self.subjects, np.diff(self.starts), axis=0)
        return Owned(subjects[which], self.samples.take(which))


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
        return self.alive(_places(self.store.subjects[: self.count], subjects))

    def rows_with(self, samples: Ids) -> Numbers:
        """Where the subjects of some samples are."""
        places = _places(self.store.samples.ids[: self.used], samples)
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


class Era:
    """The time of a gallery, which ends when nobody has it or one before it any more.

    At its end what died with it is wiped: until then somebody may be searching it.
    """

    __slots__ = ("died", "following")

    def __init__(self) -> None:
        self.died: Sequence[tuple[Group, Numbers]] = ()
        self.following: Era | None = None

    def __del__(self) -> None:
        for store, rows in self.died:
            store.wipe(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """What is searched, of one moment. Never changed: a change makes another one."""

    blocks: tuple[Block, ...] = ()
    size: GallerySize = field(default_factory=lambda: GallerySize({}))
    era: Era = field(default_factory=Era)

    def changed(self, leaving: Ids, coming: Owned) -> Gallery:
        """Without some samples, where it has them, and with others.

        Args:
            leaving: those of `coming` among them, so that one that is here is replaced.
        """
        touched: list[Group] = []
        blocks: list[Block] = []
        for block in self.blocks:
            rows = np.union1d(block.rows_with(leaving), block.rows_of(coming.subjects))
            if len(rows):
                touched.append(block.store.take(rows))
            blocks.append(block.without(rows) if len(rows) else block)
        if not touched and not len(coming.subjects):
            return self
        stay = [group.owned(~_among(group.samples.ids, leaving)) for group in touched]
        owned = _joined([*stay, coming])
        order, starts = _by_subject(owned)
        blocks = _without_the_dead(blocks)
        for group in _groups(owned, order, starts):
            for some in _kinds(group):
                _put(blocks, some, room=self.size.samples + len(order))
        counts = [np.diff(group.starts) for group in touched]
        changed = Gallery(tuple(blocks), _size(self.size, counts, np.diff(starts)))
        if self.blocks:  # the empty gallery stays for ever
            self.era.died = list(_died(self.blocks, blocks))
            self.era.following = changed.era
        return changed

    def place(self, subject: bytes) -> tuple[int, int] | None:
        """Block and row of a subject."""
        wanted = np.frombuffer(subject, np.uint8).reshape(1, 16)
        for number, block in enumerate(self.blocks):
            for row in block.rows_of(wanted).tolist():
                return number, row
        return None

    def picked(self, limit: int) -> Vectors:
        """The oldest template each of at most `limit` subjects, shape (n, d).

        Those of the lowest ids, as `_keys` orders them: ids are random, so this is a fair sample,
        the same in every index of these subjects, and seldom another one after a write.
        """
        # Ids are random, so the lowest are most likely below twice their share of all.
        chosen = self._below(2 * limit * HIGHEST // max(1, self.size.subjects))
        if len(chosen) < min(limit, self.size.subjects):
            chosen = self._below(HIGHEST)
        vectors = [
            self.blocks[number].vectors_of(row)[0] for _, number, row in sorted(chosen)[:limit]
        ]
        return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)

    def _below(self, highest: int) -> list[tuple[int, int, int]]:
        """Key, block and row of each subject whose key is no higher."""
        found: list[tuple[int, int, int]] = []
        for number, block in enumerate(self.blocks):
            keys = _keys(block.store.subjects[: block.count])
            rows = block.alive((keys <= np.uint64(min(highest, HIGHEST))).nonzero()[0])
            found += zip(keys[rows].tolist(), repeat(number), rows.tolist())
        return found


def means(vectors: Vectors, starts: Starts | Numbers) -> tuple[Floats, Floats]:
    """Of each subject the sum of its vectors, and that one's length: inf without a direction.

    In float64 and in the samples' order, so that the same samples always make the same numbers.
    """
    sums = vectors.astype(np.float64)
    if len(starts) <= len(vectors):  # somebody has several
        sums = np.add.reduceat(sums, starts[:-1], axis=0)
    lengths = np.sqrt((sums * sums).sum(axis=1))
    lengths[lengths < SHORTEST * np.diff(starts)] = np.inf
    return sums, lengths


def texts(ids: Ids) -> NDArray[np.bytes_]:
    """Ids as values that can be compared and sorted, shape (n,)."""
    return np.ascontiguousarray(ids).view("S16").ravel()


def _keys(ids: Ids) -> NDArray[np.uint64]:
    """The last eight bytes of each id, shape (n,); random where ids are."""
    return ids.view(np.uint64)[:, 1]


def _among(ids: Ids, wanted: Ids) -> NDArray[np.bool_]:
    return np.isin(texts(ids), texts(wanted))


def _places(ids: Ids, wanted: Ids) -> Numbers:
    """Where some ids are among others."""
    keys, looked_for = _keys(ids), np.unique(_keys(np.ascontiguousarray(wanted)))
    if len(looked_for) == 0:
        return np.zeros(0, np.intp)
    if len(looked_for) == 1:
        near = np.flatnonzero(keys == looked_for[0])
    else:
        at = np.searchsorted(looked_for, keys)
        near = np.flatnonzero(looked_for[at % len(looked_for)] == keys)
    return near[_among(ids[near], wanted)]


def _coded(samples: Samples, starts: Starts) -> Codes:
    """The codes of subjects' means.

    A sum of n vectors of norm 1 (within 1e-3) is rounded by less than n²·2^-52.
    """
    sums, lengths = means(samples.vectors, starts)
    astray = np.diff(starts).astype(np.float64) ** 2 * 2.0**-52 / lengths
    return coded(sums / lengths[:, None], astray, usual(sums.shape[1]))


def _joined(parts: Sequence[Owned]) -> Owned:
    some = [part for part in parts if len(part.subjects)]
    if len(some) < 2:
        return some[0] if some else parts[-1]
    samples = [part.samples for part in some]
    return Owned(
        np.concatenate([part.subjects for part in some]),
        Samples(
            np.concatenate([one.ids for one in samples]),
            np.concatenate([one.revisions for one in samples]),
            np.concatenate([one.vectors for one in samples]),
        ),
    )


def _by_subject(owned: Owned) -> tuple[Numbers, Starts]:
    """In which order samples lie together, a subject's oldest first, and where each begins."""
    subjects = texts(owned.subjects)
    order = np.lexsort((texts(owned.samples.ids), owned.samples.revisions, subjects))
    subjects = subjects[order]
    first = np.flatnonzero(subjects[1:] != subjects[:-1]) + 1
    return order, np.unique(np.concatenate([[0], first, [len(order)]])).astype(np.int32)


def _groups(owned: Owned, order: Numbers, starts: Starts) -> Iterator[Group]:
    """Subjects with their samples, not more at once than are encoded in little memory."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + AT_ONCE, side="right")) - 1
        last = max(last, first + 1)
        at = order[starts[first] : starts[last]]
        samples, begin = owned.samples.take(at), starts[first : last + 1] - starts[first]
        yield Group(owned.subjects[at[begin[:-1]]], _coded(samples, begin), begin, samples)
        first = last


def _without_the_dead(blocks: Sequence[Block]) -> list[Block]:
    """Of each block of which a quarter is dead some that live are written anew, until none do."""
    stay = [block for block in blocks if 4 * block.lost <= block.used]
    left: list[Block] = []
    for block in blocks:
        if 4 * block.lost > block.used > block.lost:
            rows = block.living
            ends = np.cumsum(block.store.starts[rows + 1] - block.store.starts[rows])
            some = rows[: max(1, int(np.searchsorted(ends, AT_ONCE)))]
            _put(stay, block.store.take(some), room=block.used)
            left += [block.without(some)] if len(some) < len(rows) else []
    return left + stay


def _died(before: Sequence[Block], now: Sequence[Block]) -> Iterator[tuple[Group, Numbers]]:
    """Rows that lived before and do not now."""
    still = {id(block.store): block for block in now}
    for block in before:
        same = still.get(id(block.store))
        if same is None:
            yield block.store, block.living
        elif same is not block and same.rows.dead is not None:
            yield block.store, block.alive(np.flatnonzero(same.rows.dead[: block.count]))


def _kinds(group: Group) -> Iterator[Group]:
    """Those with the usual scale, and the odd ones: each kind has blocks of its own."""
    odd = group.codes.odd
    if not odd.any() or odd.all():
        yield group
        return
    yield group.take(np.flatnonzero(~odd))
    yield group.take(np.flatnonzero(odd))


def _put(blocks: list[Block], group: Group, room: int) -> None:
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
        np.empty((length, dimension), np.int8),
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


def _size(old: GallerySize, gone: Sequence[Starts], come: Starts) -> GallerySize:
    """The size when subjects of so many samples each have gone and come."""
    counts = Counter(dict(old.by_samples))
    counts.subtract(np.concatenate([np.zeros(0, np.int32), *gone]).tolist())
    counts.update(come.tolist())
    return GallerySize(
        {samples: subjects for samples, subjects in sorted(counts.items()) if subjects}
    )
