"""What a search compares with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facecog.domain.face import Vectors


@dataclass(frozen=True, slots=True)
class GallerySize:
    """What a search compares with.

    Attributes:
        by_samples: number of samples -> how many subjects have so many.
    """

    by_samples: Mapping[int, int]

    @property
    def subjects(self) -> int:
        return sum(self.by_samples.values())

    @property
    def samples(self) -> int:
        return sum(samples * subjects for samples, subjects in self.by_samples.items())


class GalleryPart(NamedTuple):
    """What an index needs of one moment: the gallery of a model, or what changed in it.

    Attributes:
        revision: of the store, at that moment.
        whole: this is the gallery, and what was known before is to be forgotten; otherwise what
            came or went after the revision that was asked for.
        collection: id of the one that is searched where none is named, 16 bytes.
        sample_ids: UUID bytes, uint8, shape (n, 16), as all ids here; n are new or came again.
        subject_ids: whose each of them is, shape (n, 16).
        collection_ids: in which collection each of them is, shape (n, 16).
        revisions: with which each came, or became this subject's, int64, shape (n,).
        vectors: their templates, shape (n, d) where n is not 0.
        gone: samples without a template now, shape (m, 16); one that is also among `sample_ids`
            has come back.
    """

    revision: int
    whole: bool
    collection: bytes
    sample_ids: NDArray[np.uint8]
    subject_ids: NDArray[np.uint8]
    collection_ids: NDArray[np.uint8]
    revisions: NDArray[np.int64]
    vectors: Vectors
    gone: NDArray[np.uint8]
