"""A change under way: one transaction, with what undo needs and its line in the audit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert

from facecog.domain import Change, Kind, Subject
from facecog.store import rows, wiping
from facecog.store.audit import note
from facecog.store.erasing import Erased
from facecog.store.kept import Kept, change_query, stored_names, to_change
from facecog.store.sealing import Sealer
from facecog.store.tables import changes

# As the audit names what was done.
ACTIONS = {
    Kind.RENAMED: "rename",
    Kind.MOVED: "move",
    Kind.MERGED: "merge",
    Kind.REMOVED: "remove",
    Kind.DELETED: "delete",
}


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction under way.

    Attributes:
        undo: for how long the change can be undone; zero: nothing is kept.
        erased: what goes for good; the samples' crops once it is committed.
    """

    connection: Connection
    collection: str
    revision: int
    undo: timedelta
    erased: Erased = field(default_factory=Erased)

    @property
    def sealer(self) -> Sealer:
        """How the values of its collection are stored."""
        return rows.sealer_of(self.connection, self.collection)

    def keep(
        self,
        kind: Kind,
        kept: Kept,
        subject: Subject,
        other: Subject | None,
        of_samples: int = 0,
        forever: bool = False,
    ) -> Change | None:
        """Keep what undo needs, and say in the audit what was done; None: it is final.

        Args:
            forever: nothing is kept.
        """
        change_id, at = str(uuid4()), rows.now()
        final = forever or not self.undo
        self._note(kind, kept, subject, other, of_samples, None if final else change_id)
        if final:
            self.erased.take(kept.taken)
            self.erased.subjects += [subject.id] if kind is Kind.DELETED else []
            self.erased.changes += 1  # the one that is not kept
            return None
        self.connection.execute(
            insert(changes).values(
                id=change_id,
                collection_id=self.collection,
                kind=kind.value,
                at=at,
                until=at + self.undo,
                subject_id=subject.id,
                other_id=other and other.id,
                samples=of_samples,
                kept=kept.plain(),
                **stored_names(change_id, subject, other, self.sealer),
            )
        )
        row = self.connection.execute(change_query().where(changes.c.id == change_id)).one()
        return to_change(row, self.sealer)

    def _note(
        self,
        kind: Kind,
        kept: Kept,
        subject: Subject,
        other: Subject | None,
        of_samples: int,
        change_id: str | None,
    ) -> None:
        """Into the audit; without a change to undo it with it is forever."""
        said: dict[str, Any] = {"change": change_id} if change_id else {"forever": True}
        if other and kind is not Kind.RENAMED:
            said["other"] = other.id
        if kind in (Kind.MOVED, Kind.REMOVED):
            (said["sample"],) = [*kept.moved, *kept.taken_ids()]
        elif of_samples:
            said["samples"] = of_samples
        note(self.connection, ACTIONS[kind], self.collection, subject.id, **said)


def mark(connection: Connection, erased: Erased) -> None:
    """Leave tombstones of what goes for good."""
    if erased.changes or erased.samples or erased.subjects:
        wiping.note(connection, [*erased.subjects, *erased.samples])
