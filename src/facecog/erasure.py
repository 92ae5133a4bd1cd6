"""Erasing people for good, with a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from threading import Lock

from facecog.acting import actor
from facecog.domain import Outcome, Place, Receipt
from facecog.errors import DatabaseUnavailable, StorageUnavailable
from facecog.index import FaceIndex
from facecog.store import Store


@dataclass
class Tally:
    """How many people this process has erased, in all collections."""

    people: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, people: int) -> None:
        with self._lock:
            self.people += people


class Erasure:
    """Of the people of one collection."""

    def __init__(self, store: Store, index: FaceIndex, tally: Tally) -> None:
        self._store, self._index, self.tally = store, index, tally

    def erase(self, subject_id: str, wipe: bool = False) -> Receipt:
        """Erase a person, with what earlier changes keep of them, beyond undoing.

        Args:
            wipe: also write the database's files anew at once, which takes seconds among 100,000
                people; otherwise that is for the next `wipe`.

        Raises:
            SubjectNotFound.
        """
        return self.erase_all([subject_id], wipe)[0]

    def erase_all(self, subject_ids: Sequence[str], wipe: bool = False) -> list[Receipt]:
        """The same of several people, or of none where one is not there: a receipt for each."""
        each, crops = self._store.journal.erase_subjects(subject_ids)
        self.tally.add(len(each))
        self._index.size()  # which drops who is gone
        places = self._places(crops, wiped=wipe and self._wiped())
        return [
            Receipt(
                subjects=tuple(one.subjects),
                samples=tuple(one.samples),
                templates=one.templates,
                crops=len(one.samples),
                consents=one.consents,
                changes=one.changes,
                at=datetime.now(timezone.utc),
                by=str(actor()),
                places=places,
            )
            for one in each
        ]

    def wipe(self) -> bool:
        """Leave nothing in any file of what was erased; False where that is done already.

        Raises:
            DatabaseUnavailable, StorageUnavailable: not yet.
        """
        return self._store.wipe()

    def _wiped(self) -> bool:
        try:
            self._store.wipe()
        except (DatabaseUnavailable, StorageUnavailable):
            return False
        return True

    def _places(self, crops: bool, wiped: bool) -> dict[Place, Outcome]:
        places: dict[Place, Outcome] = {
            "database": "done",
            "undo": "done",
            "crops": "done" if crops or wiped else "follows",
            "memory": "done",
            "other_servers": "follows",
            "free_space": "done" if wiped else "follows",
        }
        if self._store.kind == "postgresql":
            places["server_log"] = "yours"
        return places | {"backups": "yours"}
