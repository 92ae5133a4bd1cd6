"""What somebody did, and whether the record of it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AuditLine:
    """What somebody did.

    Attributes:
        number: lines are in the order of their numbers; times may go back, as a clock does.
        action: "identify", "enrol", "view.crop" and so on; docs/audit.md has all of them.
        actor: who, by id: "account:1f0c...", "key:...", "local", "command", "system".
        collection_id, subject_id: what it was about, where that is one.
        details: plain values; ids and numbers, no names.
        hash: of this line and of the hash before it, as hexadecimal digits.
    """

    number: int
    at: datetime
    action: str
    actor: str
    request_id: str | None
    collection_id: str | None
    subject_id: str | None
    details: dict[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether the audit is as it was written.

    Attributes:
        lines: how many are there and were right.
        first, last: their numbers; 0 where there are none.
        head: hash of the last; noted elsewhere it shows later that nothing before it was altered.
        keyed: whether hashes are made with a key.
        fault: what is wrong with the first line that is not right; None where all are.
    """

    lines: int
    first: int
    last: int
    head: str
    keyed: bool
    fault: str | None = None
