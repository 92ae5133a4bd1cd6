"""Searching and sorting people by names that are sealed: the names of a collection, opened, in RAM.

Read when they are first asked for, and looked through for what changed when the revision has moved:
what is sealed anew is another text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection, select

from facecog.errors import InvalidCursor, SealedValueDamaged
from facecog.names import name_key
from facecog.store import rows
from facecog.store.orders import Listed
from facecog.store.paging import BAD_CURSOR, DbRow, cursor_values, moment_cursor
from facecog.store.sealing import Sealer, Sealing
from facecog.store.tables import revision, subjects
from facecog.store.transactions import PART, parts

CURSOR = ("cursor", "name")


class Person(NamedTuple):
    """In the order of the list by name.

    Attributes:
        stored: the name, sealed.
    """

    key: str
    id: str
    created_at: datetime
    stored: str


class Known(NamedTuple):
    """All people of a collection at one revision, by name."""

    revision: int
    people: list[Person]


class SealedNames:
    """Of one collection; safe to call from several threads."""

    def __init__(self, sealing: Sealing, collection: str) -> None:
        self._sealing, self._collection = sealing, collection
        self._known = Known(-1, [])
        self._reading = Lock()
        self._others = {collection: self}

    def within(self, collection: str) -> SealedNames:
        """The same of another collection."""
        there = self._others.get(collection)
        if there is None:
            there = SealedNames(self._sealing, collection)
            there._others = self._others
            there = self._others.setdefault(collection, there)
        return there

    def listed(
        self, connection: Connection, limit: int, cursor: str | None, search: str, sort: str
    ) -> Listed:
        """As `orders.listed`. A cursor of the list by name holds a name, sealed."""
        sealer = self._sealing.of(self._collection)
        found = self._fresh(connection, sealer)
        if search:
            found = [one for one in found if search in one.key]
        if sort == "name":
            first = _after(found, _name_at(cursor, sealer)) if cursor else 0
            chosen = found[first : first + limit + 1]
        else:
            chosen = _by_date(found, cursor, sort)[: limit + 1]
        keys = {one.id: one.key for one in chosen}

        def by_name(row: DbRow) -> tuple[str, str]:
            return sealer.seal_text(keys[row.id], *CURSOR, row.id), row.id

        position = by_name if sort == "name" else rows.by_date
        return Listed(_rows(connection, list(keys)), position, len(found))

    def _fresh(self, connection: Connection, sealer: Sealer) -> list[Person]:
        """All people at the moment of the connection's transaction."""
        now = connection.execute(select(revision.c.value)).scalar_one()
        known = self._known
        if known.revision != now:
            with self._reading:
                known = self._known
                if known.revision != now:
                    known = Known(now, self._read(connection, sealer, known.people))
                    self._known = known
        return known.people

    def _read(self, connection: Connection, sealer: Sealer, old: list[Person]) -> list[Person]:
        here = subjects.c.collection_id == self._collection
        joined = select(rows.joined(subjects.c.id, " "), rows.joined(subjects.c.name, " "))
        ids, names = connection.execute(joined.where(here)).one()
        those, sealed = (ids.split(), names.split(" ")) if ids else ([], [])
        if len(those) == len(sealed):
            stored = dict(zip(those, sealed, strict=True))
        else:  # somebody put a name with spaces there; read one by one it shows whose it is
            each = connection.execute(select(subjects.c.id, subjects.c.name).where(here)).all()
            stored = {one.id: one.name for one in each}
        stay = [one for one in old if stored.get(one.id) == one.stored]
        new = stored.keys() - {one.id for one in stay}
        dates = _dates(connection, self._collection, list(new))
        came = [Person(_key(one, stored[one], sealer), one, dates[one], stored[one]) for one in new]
        return sorted([*stay, *came])


def _key(subject_id: str, stored: str, sealer: Sealer) -> str:
    return name_key(sealer.open_text(stored, "subjects", "name", subject_id))


def _dates(connection: Connection, collection: str, ids: Sequence[str]) -> dict[str, datetime]:
    """When subjects were made."""
    query = select(subjects.c.id, subjects.c.created_at)
    if len(ids) > PART:
        every = query.where(subjects.c.collection_id == collection)
        return {row.id: row.created_at for row in connection.execute(every)}
    found = connection.execute(query.where(subjects.c.id.in_(ids)))
    return {row.id: row.created_at for row in found}


def _after(found: list[Person], place: tuple[str, str]) -> int:
    return bisect_right(found, place, key=attrgetter("key", "id"))


def _name_at(cursor: str, sealer: Sealer) -> tuple[str, str]:
    """The place in the list by name that a cursor stands for. Raises: InvalidCursor."""
    stored, last = cursor_values(cursor, "name")
    try:
        return sealer.open_text(stored, *CURSOR, last), last
    except SealedValueDamaged:
        raise InvalidCursor(BAD_CURSOR) from None


def _by_date(found: list[Person], cursor: str | None, sort: str) -> list[Person]:
    """In an order of dates, those after a cursor. Raises: InvalidCursor."""
    place = attrgetter("created_at", "id")
    ordered = sorted(found, key=place, reverse=sort == "newest")
    if not cursor:
        return ordered
    at = moment_cursor(cursor, sort)
    if sort == "newest":
        return [one for one in ordered if place(one) < at]
    return [one for one in ordered if place(one) > at]


def _rows(connection: Connection, ids: Sequence[str]) -> list[DbRow]:
    """Whole subjects in the order of their ids here."""
    found: dict[str, DbRow] = {}
    for some in parts(ids):
        query = rows.subject_query().where(subjects.c.id.in_(some))
        found |= {row.id: row for row in connection.execute(query)}
    return [found[one] for one in ids]
