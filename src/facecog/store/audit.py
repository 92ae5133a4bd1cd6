"""Writing the audit: who did what, each line with a hash of itself and of the hash before it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, insert, select, update

from facecog.acting import actor
from facecog.errors import AuditUnavailable
from facecog.store import rows
from facecog.store.tables import audit, audit_chain

Level = Literal["all", "changes", "off"]
LEVELS: tuple[Level, ...] = ("all", "changes", "off")
ENCODE = json.JSONEncoder(separators=(",", ":")).encode
NO_CHAIN = "Where the audit begins and ends was taken out of the database."
OPTION = "audit"  # of the engine, so that whoever has a connection can make a note


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is recorded.

    Attributes:
        level: "all", "changes" (also of access, and what leaves the house) or "off".
        days: for how long.
        key: what hashes are made with, so that nobody without it can make them anew.
    """

    level: Level = "all"
    days: int = 90
    key: bytes | None = None

    def of(self, engine: Engine) -> None:
        """Let notes on this engine's connections be kept so."""
        engine.update_execution_options(**{OPTION: self})


class Entry(NamedTuple):
    """A line that has no number yet. No name and nothing of a face goes into its details."""

    at: datetime
    action: str
    actor: str
    request_id: str | None
    collection_id: str | None
    subject_id: str | None
    details: str  # JSON, to the letter as it is stored and hashed


def entry(
    action: str, collection_id: str | None, subject_id: str | None, details: dict[str, Any]
) -> Entry:
    """What whoever acts does now."""
    who = actor()
    request_id = who.request_id and who.request_id[:40]
    said = ENCODE(details)
    return Entry(rows.now(), action, str(who), request_id, collection_id, subject_id, said)


def note(
    connection: Connection,
    action: str,
    collection_id: str | None = None,
    subject_id: str | None = None,
    **details: Any,
) -> None:
    """Record a change, in the transaction that makes it.

    The last thing in it: on PostgreSQL it holds the chain's row until the transaction ends, and
    whoever waits for that row must hold nothing that is needed afterwards.
    """
    if keeping_of(connection).level != "off":
        append(connection, [entry(action, collection_id, subject_id, details)])


def keeping_of(connection: Connection) -> Keeping:
    kept: Keeping = connection.get_execution_options().get(OPTION, Keeping())
    return kept


def append(connection: Connection, entries: Iterable[Entry]) -> None:
    """Put lines at the end of the chain, in a transaction that writes."""
    key = keeping_of(connection).key
    chain = held_chain(connection)
    number, last = chain.last, chain.hash
    lines: list[dict[str, Any]] = []
    for one in entries:
        number += 1
        last = digest(key, last, number, *one)
        lines.append({**one._asdict(), "number": number, "hash": last})
    connection.execute(insert(audit), lines)
    set_chain(connection, number, last, chain.before, chain.before_hash)


def digest(key: bytes | None, before: str, number: int, at: datetime, *rest: str | None) -> str:
    """The hash of a line, given the one before it.

    Args:
        rest: its further columns, in their order.
    """
    said = at.astimezone(timezone.utc).isoformat(timespec="microseconds")
    return hashed(key, [before, number, said, *rest])


def hashed(key: bytes | None, values: list[Any]) -> str:
    """SHA-256 of values as JSON, or HMAC-SHA-256 with a key."""
    text = ENCODE(values).encode()
    if key is None:
        return hashlib.sha256(text).hexdigest()
    return hmac.digest(key, text, "sha256").hex()


def held_chain(connection: Connection) -> Any:
    """The chain's row, which nobody else changes until the transaction ends.

    Raises:
        AuditUnavailable: somebody took it out of the database.
    """
    chain = connection.execute(select(audit_chain).with_for_update()).one_or_none()
    if chain is None:
        raise AuditUnavailable(f"{NO_CHAIN} Restore a backup.")
    return chain


def set_chain(connection: Connection, last: int, last_hash: str, before: int, past: str) -> None:
    """Say where the chain begins and ends.

    Args:
        before, past: number and hash of the last line that is kept no more.
    """
    connection.execute(
        update(audit_chain).values(
            last=last,
            hash=last_hash,
            before=before,
            before_hash=past,
            seal=seal(keeping_of(connection).key, last, last_hash, before, past),
        )
    )


def seal(key: bytes | None, last: int, last_hash: str, before: int, past: str) -> str:
    """Without it whoever deletes lines at an end could say that they never were."""
    return hashed(key, ["chain", last, last_hash, before, past])


def cutoff(days: int) -> datetime:
    """What is older than so many days is kept no more; by whole days, so that it is once a day."""
    today = rows.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)
