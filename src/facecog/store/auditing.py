"""Reading the audit: a page at a time, all of it, whether it is whole; and forgetting its past."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    and_,
    delete,
    or_,
    select,
    true,
)

from facecog.domain import AuditCheck, AuditLine
from facecog.errors import InvalidCursor
from facecog.store.audit import (
    NO_CHAIN,
    cutoff,
    digest,
    held_chain,
    keeping_of,
    note,
    seal,
    set_chain,
)
from facecog.store.paging import BAD_CURSOR, DbRow, Page, cursor_values, page
from facecog.store.tables import audit, audit_chain
from facecog.store.transactions import begin, fetched

READ = 1000  # lines at once
PURGED = 10_000  # lines in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What to look for in the audit; everything where nothing is said.

    Attributes:
        since, until: from the one on and before the other.
        action: the whole of it, or what is before the dot: "view" for "view.crop" too.
        actor: likewise before the colon: "key" for all keys.
        subject: id; also where it is among the candidates of a search.
        collection: id.
    """

    since: datetime | None = None
    until: datetime | None = None
    action: str = ""
    actor: str = ""
    subject: str = ""
    collection: str = ""

    def within(self, only: str | None) -> Which:
        """The same of one collection, where there is only one to be seen."""
        return replace(self, collection=only) if only else self

    def lines(self) -> ColumnElement[bool]:
        asked: list[ColumnElement[bool]] = [true()]
        if self.since:
            asked.append(audit.c.at >= self.since)
        if self.until:
            asked.append(audit.c.at < self.until)
        if self.action:
            asked.append(_is_or_begins(audit.c.action, self.action, "."))
        if self.actor:
            asked.append(_is_or_begins(audit.c.actor, self.actor, ":"))
        if self.subject:
            among = audit.c.details.contains(f'"{self.subject}"', autoescape=True)
            asked.append(or_(audit.c.subject_id == self.subject, among))
        if self.collection:
            asked.append(audit.c.collection_id == self.collection)
        return and_(*asked)


def _is_or_begins(column: Any, word: str, end: str) -> ColumnElement[bool]:
    return or_(column == word, column.startswith(word + end, autoescape=True))


class AuditLog:
    """All collections' lines."""

    def __init__(self, engine: Engine, days: int) -> None:
        self._engine, self._days = engine, days

    def listed(self, which: Which, limit: int, cursor: str | None = None) -> Page[AuditLine]:
        """Newest first. Raises: InvalidCursor."""
        query = select(audit).where(which.lines()).order_by(audit.c.number.desc())
        if cursor:
            query = query.where(audit.c.number < _number(cursor))
        with begin(self._engine) as connection:
            found = connection.execute(query.limit(limit + 1)).all()
        return page(found, limit, _to_line, "audit", lambda row: (str(row.number), ""))

    def lines(self) -> Iterator[AuditLine]:
        """All of one moment, oldest first."""
        with begin(self._engine) as connection, _every(connection) as found:
            yield from map(_to_line, found)

    def about(self, subject_id: str) -> list[AuditLine]:
        """Those in which a subject is named, oldest first."""
        named = Which(subject=subject_id).lines()
        query = select(audit).where(named).order_by(audit.c.number)
        with begin(self._engine) as connection:
            return [_to_line(row) for row in connection.execute(query)]

    def check(self, head: tuple[int, str] | None = None) -> AuditCheck:
        """Is every line there, and as it was written?

        Args:
            head: number and hash of a line, as they were noted at some time.
        """
        with begin(self._engine) as connection:
            key = keeping_of(connection).key
            chain = connection.execute(select(audit_chain)).one_or_none()
            if chain is None:
                return AuditCheck(0, 0, 0, "", key is not None, NO_CHAIN)
            walk = Walk(key, chain, head)
            with _every(connection) as found:
                fault = next(filter(None, map(walk.fault, found)), None)
        fault = fault or walk.fault_of_end()
        return AuditCheck(walk.lines, walk.first, walk.number, walk.hash, key is not None, fault)

    def written(self) -> int:
        """How many lines were ever written, by all processes; also those that are kept no more."""
        ((last,),) = fetched(self._engine, "SELECT last FROM audit_chain")
        return int(last)

    def note(
        self, action: str, collection_id: str | None = None, subject_id: str | None = None
    ) -> None:
        """Record what is no change of a row: something that leaves the house, before it does."""
        with begin(self._engine, writes=True) as connection:
            note(connection, action, collection_id, subject_id)

    def purge(self) -> int:
        """Forget the lines that are kept no more, and say so; how many.

        From the first on, up to one that is to be kept: numbers say what was before what, and a
        clock that is wrong for a while forgets nothing too soon.
        """
        before, purged = cutoff(self._days), 0
        while some := self._purge_some(before):
            purged += some
        if purged:
            with begin(self._engine, writes=True) as connection:
                note(connection, "audit.purge", lines=purged)
        return purged

    def _purge_some(self, before: datetime) -> int:
        with begin(self._engine) as connection:
            oldest = connection.execute(_oldest(1)).first()
        if oldest is None or oldest.at >= before:
            return 0
        with begin(self._engine, writes=True) as connection:
            chain = held_chain(connection)
            last = None
            for row in connection.execute(_oldest(PURGED)).all():
                if row.at >= before:
                    break
                last = row
            if last is None:
                return 0
            gone = connection.execute(delete(audit).where(audit.c.number <= last.number))
            set_chain(connection, chain.last, chain.hash, last.number, last.hash)
            return gone.rowcount


class Walk:
    """Along the chain, from its beginning to its end, looking at each line."""

    def __init__(self, key: bytes | None, chain: DbRow, head: tuple[int, str] | None) -> None:
        self._key, self._chain, self._head = key, chain, head
        # Lines that were written before there was a key, up to the first that was written with it.
        self._plain = key is not None
        self.lines = self.first = 0
        self.number, self.hash = chain.before, chain.before_hash

    def fault(self, row: DbRow) -> str | None:
        """What is wrong with the next line."""
        number, *rest, written = row
        if number != self.number + 1:
            return f"Line {self.number + 1} is missing."
        if not self._right(written, number, rest):
            return f"Line {number} was altered, or what is before it."
        if self._head and self._head[0] == number and self._head[1] != written:
            return f"Line {number} is not the one that was noted."
        self.number, self.hash = number, written
        self.lines += 1
        self.first = self.first or number
        return None

    def _right(self, written: str, number: int, rest: list[Any]) -> bool:
        if written == digest(self._key, self.hash, number, *rest):
            self._plain = False
            return True
        return self._plain and written == digest(None, self.hash, number, *rest)

    def fault_of_end(self) -> str | None:
        """What is wrong with the chain once all its lines were right."""
        chain = self._chain
        if self.number < chain.last:
            return f"Line {self.number + 1} is missing, and all after it."
        if (self.number, self.hash) != (chain.last, chain.hash):
            return f"Line {self.number} is not the one that was written last."
        if self.lines and self._plain:
            return f"Line {self.number} was not written with the key."
        said = (chain.last, chain.hash, chain.before, chain.before_hash)
        if chain.last and chain.seal != seal(self._key, *said):
            return "Where the audit begins or ends was altered."
        return self._fault_of_head()

    def _fault_of_head(self) -> str | None:
        if self._head is None:
            return None
        number, noted = self._head
        if number > self.number:
            return f"Line {self.number + 1} is missing: there were {number} when it was noted."
        if number == self._chain.before and noted != self._chain.before_hash:
            return f"Line {number} is not the one that was noted."
        if number < self._chain.before:
            return f"Line {number} is kept no more, so what was noted of it shows nothing."
        return None


def _oldest(number: int) -> Any:
    oldest = select(audit.c.number, audit.c.at, audit.c.hash).order_by(audit.c.number)
    return oldest.limit(number)


def _every(connection: Connection) -> CursorResult[Any]:
    """All lines in their order, some at a time."""
    query = select(audit).order_by(audit.c.number)
    return connection.execute(query, execution_options={"yield_per": READ})


def _to_line(row: DbRow) -> AuditLine:
    return AuditLine(**{**row._mapping, "details": json.loads(row.details)})


def _number(cursor: str) -> int:
    number, _ = cursor_values(cursor, "audit")
    if not number.isdecimal() or len(number) > 18:
        raise InvalidCursor(BAD_CURSOR)
    return int(number)
