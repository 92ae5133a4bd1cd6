"""The default index: every template in RAM, and answers that no neighbour is missing from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from facecog.domain import Candidate, GalleryPart, GallerySize, LookAlikes, Template, Vectors
from facecog.index import Found, GallerySource
from facecog.index.alike import Pair, alike
from facecog.index.columns import Owned, Samples, texts
from facecog.index.gallery import Gallery
from facecog.index.nearest import Place, best_sample, mean, ranked, score
from facecog.index.scan import Floats
from facecog.stages import stage

EMPTY = Gallery()


class State(NamedTuple):
    """All galleries at one revision of the store. Never changed, only replaced.

    Attributes:
        default: id of the collection that is searched where none is named.
        galleries: by the id of their collection.
    """

    revision: int
    default: bytes
    galleries: Mapping[bytes, Gallery]

    def gallery(self, collection: bytes | None) -> Gallery:
        return self.galleries.get(self.default if collection is None else collection, EMPTY)


class Galleries:
    """All collections' galleries, as the store holds them at the time of the call.

    Before each search the store is asked for its revision and, where that has moved, for what came
    and went. So a change by another thread, process or machine is seen by the next search. Nobody
    waits for one who searches, and who searches waits only for what was written before.
    """

    def __init__(self, source: GallerySource, model: str) -> None:
        self._source, self._model = source, model
        self._state: State | None = None
        self._refreshing = Lock()

    def fresh(self) -> State:
        state = self._state
        if state is not None and state.revision == self._source.revision():
            return state
        with self._refreshing:
            state = self._state
            if state is None or state.revision != self._source.revision():
                state = self._caught_up(state)
                self._state = state
        return state

    def _caught_up(self, old: State | None) -> State:
        part = self._source.gallery(self._model, old.revision if old else None)
        known = old.galleries if old and not part.whole else {}
        names = texts(part.collection_ids)
        collections = {*known, *(one.ljust(16, b"\0") for one in np.unique(names).tolist())}
        leaving = np.concatenate([part.gone, part.sample_ids])
        galleries = {
            one: known.get(one, EMPTY).changed(leaving, _coming(part, names == one))
            for one in collections
        }
        return State(part.revision, part.collection, galleries)


class MemoryIndex:
    """FaceIndex that compares with every subject; exact, as scan.py and nearest.py say."""

    def __init__(self, galleries: Galleries, collection: bytes | None = None) -> None:
        """
        Args:
            collection: id of the one that is searched, 16 bytes; the default one's where None.
        """
        self._galleries, self._collection = galleries, collection

    @classmethod
    def of(cls, source: GallerySource, model: str) -> MemoryIndex:
        """Of the templates of one model."""
        return cls(Galleries(source, model))

    def within(self, collection: str) -> MemoryIndex:
        return MemoryIndex(self._galleries, _bytes(collection))

    @stage("search")
    def search(self, probes: Sequence[Template], limit: int) -> Found:
        state = self._galleries.fresh()
        gallery = state.gallery(self._collection)
        asked = np.array([probe.vector for probe in probes], np.float32)
        candidates = [
            [_candidate(gallery, probe.astype(np.float64), *one) for one in found]
            for probe, found in zip(asked, ranked(gallery, asked, limit), strict=True)
        ]
        return Found(candidates, gallery.size, state.revision)

    @stage("search")
    def score(self, probe: Template, subject_id: str) -> Candidate | None:
        gallery = self._gallery()
        place = gallery.place(_bytes(subject_id))
        if place is None:
            return None
        vector = probe.vector.astype(np.float64)
        return _candidate(gallery, vector, score(gallery, vector, place), place)

    @stage("search")
    def alike(self, threshold: float, limit: int, of: str | None = None) -> list[LookAlikes]:
        gallery = self._gallery()
        place = None if of is None else gallery.place(_bytes(of))
        if of is not None and place is None:
            return []
        return [_look_alikes(gallery, pair) for pair in alike(gallery, threshold, limit, place)]

    def size(self) -> GallerySize:
        return self._gallery().size

    def people(self, limit: int) -> Vectors:
        return self._gallery().picked(limit)

    def _gallery(self) -> Gallery:
        return self._galleries.fresh().gallery(self._collection)


def _coming(part: GalleryPart, here: NDArray[np.bool_]) -> Owned:
    """What is new or came again in one collection."""
    samples = Samples(part.sample_ids, part.revisions, part.vectors)
    if here.all():
        return Owned(part.subject_ids, samples)
    return Owned(part.subject_ids[here], samples.take(here))


def _candidate(gallery: Gallery, probe: Floats, found: float, place: Place) -> Candidate:
    subject = gallery.blocks[place[0]].store.subjects[place[1]]
    return Candidate(_text(bytes(subject)), _text(best_sample(gallery, probe, place)), found)


def _look_alikes(gallery: Gallery, pair: Pair) -> LookAlikes:
    one, other = mean(gallery, pair.one), mean(gallery, pair.other)
    people = (
        _candidate(gallery, other, pair.score, pair.one),
        _candidate(gallery, one, pair.score, pair.other),
    )
    return LookAlikes(people, pair.score)


def _bytes(text: str) -> bytes:
    return UUID(text).bytes


def _text(of: bytes) -> str:
    """As str(UUID(bytes=of)) would, in a third of the time."""
    digits = of.hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
