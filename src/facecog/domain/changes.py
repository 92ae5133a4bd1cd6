"""What was done to people, and can be undone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple


class Named(NamedTuple):
    """A subject that may be gone, under the name that it had."""

    id: str
    name: str


class Kind(Enum):
    """What happened to a subject or to a sample of it."""

    RENAMED = "renamed"
    MOVED = "moved"
    MERGED = "merged"
    REMOVED = "removed"  # a sample
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a subject, and can be undone for a while.

    Attributes:
        until: when what undo needs is erased, and the change forgotten.
        subject: whom it happened to, under the name of then.
        other: whom samples were moved to or the subject was merged into; of one that was renamed,
            itself under the new name.
        samples: how many samples were moved, merged, removed or deleted with it.
    """

    id: str
    kind: Kind
    at: datetime
    until: datetime
    undone_at: datetime | None
    subject: Named
    other: Named | None
    samples: int
    undoable: bool
