"""Finding who is nearest in the gallery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from facecog.domain import Candidate, Template


class FaceIndex(Protocol):
    """The seam between facecog and a search. Safe to call from several threads at once.

    It always answers for what the store holds at the time of the call.
    """

    def search(self, probes: Sequence[Template], limit: int) -> list[list[Candidate]]:
        """For each probe its nearest subjects, best first, each by its best sample."""

    def size(self) -> int:
        """Templates that a search compares with."""
