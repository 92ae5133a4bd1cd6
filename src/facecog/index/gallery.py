"""The templates in RAM, of one moment: in blocks (blocks.py), and kept as long as it is searched.

So whoever searches holds a gallery of one moment, however many writes come meanwhile. The row of a
subject that changed is dead, and is wiped as soon as nobody searches a gallery in which it lives
(Era).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat

import numpy as np

from facecog.domain import GallerySize, Vectors
from facecog.index.blocks import Block, died, put, without_the_dead
from facecog.index.columns import Group, Ids, Owned, Starts, among, joined, keys_of
from facecog.index.grouping import by_subject, groups, kinds
from facecog.index.scan import Numbers

HIGHEST = 2**64 - 1  # of all keys


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
        stay = [group.owned(~among(group.samples.ids, leaving)) for group in touched]
        owned = joined([*stay, coming])
        order, starts = by_subject(owned)
        blocks = without_the_dead(blocks)
        for group in groups(owned, order, starts):
            for some in kinds(group):
                put(blocks, some, room=self.size.samples + len(order))
        counts = [np.diff(group.starts) for group in touched]
        changed = Gallery(tuple(blocks), _size(self.size, counts, np.diff(starts)))
        if self.blocks:  # the empty gallery stays for ever
            self.era.died = list(died(self.blocks, blocks))
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

        Those of the lowest ids, as `keys_of` orders them: ids are random, so this is a fair sample,
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
            keys = keys_of(block.store.subjects[: block.count])
            rows = block.alive((keys <= np.uint64(min(highest, HIGHEST))).nonzero()[0])
            found += zip(keys[rows].tolist(), repeat(number), rows.tolist())
        return found


def _size(old: GallerySize, gone: Sequence[Starts], come: Starts) -> GallerySize:
    """The size when subjects of so many samples each have gone and come."""
    counts = Counter(dict(old.by_samples))
    counts.subtract(np.concatenate([np.zeros(0, np.int32), *gone]).tolist())
    counts.update(come.tolist())
    return GallerySize(
        {samples: subjects for samples, subjects in sorted(counts.items()) if subjects}
    )
