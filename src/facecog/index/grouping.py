"""Samples in any order become subjects, each with its samples together and a code of their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facecog.domain import Vectors
from facecog.index.columns import Group, Owned, Samples, Starts, texts
from facecog.index.scan import Codes, Floats, Numbers, coded, usual

AT_ONCE = 2_048  # samples that are encoded, or written anew, at once
# A mean shorter than this has no direction: float32 tells that of a template to some 1e-7.
SHORTEST = 1e-6


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


def by_subject(owned: Owned) -> tuple[Numbers, Starts]:
    """In which order samples lie together, a subject's oldest first, and where each begins."""
    subjects = texts(owned.subjects)
    order = np.lexsort((texts(owned.samples.ids), owned.samples.revisions, subjects))
    subjects = subjects[order]
    first = np.flatnonzero(subjects[1:] != subjects[:-1]) + 1
    return order, np.unique(np.concatenate([[0], first, [len(order)]])).astype(np.int32)


def groups(owned: Owned, order: Numbers, starts: Starts) -> Iterator[Group]:
    """Subjects with their samples, not more at once than are encoded in little memory."""
    first = 0
    while first < len(starts) - 1:
        last = int(np.searchsorted(starts, starts[first] + AT_ONCE, side="right")) - 1
        last = max(last, first + 1)
        at = order[starts[first] : starts[last]]
        samples, begin = owned.samples.take(at), starts[first : last + 1] - starts[first]
        yield Group(owned.subjects[at[begin[:-1]]], _coded(samples, begin), begin, samples)
        first = last


def _coded(samples: Samples, starts: Starts) -> Codes:
    """The codes of subjects' means.

    A sum of n vectors of norm 1 (within 1e-3) is rounded by less than n²·2^-52.
    """
    sums, lengths = means(samples.vectors, starts)
    astray = np.diff(starts).astype(np.float64) ** 2 * 2.0**-52 / lengths
    return coded(sums / lengths[:, None], astray, usual(sums.shape[1]))


def kinds(group: Group) -> Iterator[Group]:
    """Those with the usual scale, and the odd ones: each kind has blocks of its own."""
    odd = group.codes.odd
    if not odd.any() or odd.all():
        yield group
        return
    yield group.take(np.flatnonzero(~odd))
    yield group.take(np.flatnonzero(odd))
