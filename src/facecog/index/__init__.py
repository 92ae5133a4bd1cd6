"""Finding who is nearest in the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from facecog.domain import Candidate, GalleryPart, GallerySize, LookAlikes, Template, Vectors


class Found(NamedTuple):
    """The answer of one search, all of one moment.

    candidates: for each probe its nearest subjects, best first.
    gallery: what was searched.
    revision: of the store, when it was searched.
    """

    candidates: list[list[Candidate]]
    gallery: GallerySize
    revision: int


class GallerySource(Protocol):
    """What an index asks of the store."""

    def revision(self) -> int:
        """It moves with each write."""

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        """The templates of a model, or what changed after a revision, all of one moment.

        The source may give the whole where it no longer knows what changed since then.
        """


class FaceIndex(Protocol):
    """The seam between facecog and a search. Safe to call from several threads at once.

    It always answers for what the store holds at the time of the call. A subject is compared by
    the mean of its samples' templates, brought to norm 1 (docs/accuracy.md has what that gains).
    """

    def within(self, collection: str) -> FaceIndex:
        """The same index, but of one collection, by its id, instead of the default one."""

    def search(self, probes: Sequence[Template], limit: int) -> Found:
        """The nearest subjects of each probe; of equals first whose oldest sample came first."""

    def score(self, probe: Template, subject_id: str) -> Candidate | None:
        """One subject as a candidate for a probe; None when it has no template here."""

    def size(self) -> GallerySize:
        """What a search compares with."""

    def alike(self, threshold: float, limit: int, of: str | None = None) -> list[LookAlikes]:
        """Pairs of subjects whose scores reach `threshold`, most alike first; those `of` one."""

    def people(self, limit: int) -> Vectors:
        """One template each of at most `limit` subjects, shape (n, d), picked by chance.

        The same ones for the same subjects, and seldom others after one more has come.
        """
