"""Samples, and subjects with theirs, in columns: one array of each thing that is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Vectors
from facecog.index.scan import Codes, Numbers

Ids = NDArray[np.uint8]
"""UUIDs as bytes, shape (n, 16)."""

Starts = NDArray[np.int32]
"""Where each subject's samples begin, and where the last one's end, shape (n + 1,)."""


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


def texts(ids: Ids) -> NDArray[np.bytes_]:
    """Ids as values that can be compared and sorted, shape (n,)."""
    return np.ascontiguousarray(ids).view("S16").ravel()


def keys_of(ids: Ids) -> NDArray[np.uint64]:
    """The last eight bytes of each id, shape (n,); random where ids are."""
    return ids.view(np.uint64)[:, 1]


def among(ids: Ids, wanted: Ids) -> NDArray[np.bool_]:
    return np.isin(texts(ids), texts(wanted))


def places_of(ids: Ids, wanted: Ids) -> Numbers:
    """Where some ids are among others."""
    keys, looked_for = keys_of(ids), np.unique(keys_of(np.ascontiguousarray(wanted)))
    if len(looked_for) == 0:
        return np.zeros(0, np.intp)
    if len(looked_for) == 1:
        near = np.flatnonzero(keys == looked_for[0])
    else:
        at = np.searchsorted(looked_for, keys)
        near = np.flatnonzero(looked_for[at % len(looked_for)] == keys)
    return near[among(ids[near], wanted)]


def joined(parts: Sequence[Owned]) -> Owned:
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
