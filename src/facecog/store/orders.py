"""The orders in which subjects are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, UnaryExpression, func, literal, select, tuple_

from facecog.store import rows
from facecog.store.paging import DbRow, cursor_values, moment_cursor
from facecog.store.tables import UtcDateTime, subjects


class Order(NamedTuple):
    """How a list is sorted, and how it goes on.

    Attributes:
        by: columns of ORDER BY.
        after: cursor -> the rows that come after it.
        position: row -> what a cursor says of it.
    """

    by: tuple[ColumnElement[object] | UnaryExpression[object], ...]
    after: Callable[[str], ColumnElement[bool]]
    position: Callable[[DbRow], tuple[str, str]]


class Listed(NamedTuple):
    """A part of a list, and how to go on.

    Attributes:
        rows: one more than asked for, where there are more.
        position: of a row, for a cursor.
        total: how long the whole list is.
    """

    rows: Sequence[DbRow]
    position: Callable[[DbRow], tuple[str, str]]
    total: int


def listed(
    connection: Connection, collection: str, limit: int, cursor: str | None, search: str, sort: str
) -> Listed:
    """Subjects by the database's own order and search."""
    order = ORDERS[sort]
    which: ColumnElement[bool] = subjects.c.collection_id == collection
    if search:
        which &= subjects.c.name_key.contains(search, autoescape=True)
    query = rows.subject_query().where(which).order_by(*order.by).limit(limit + 1)
    if cursor:
        query = query.where(order.after(cursor))
    count = select(func.count()).select_from(subjects).where(which)
    found = connection.execute(query).all()
    return Listed(found, order.position, connection.execute(count).scalar_one())


def _after_name(cursor: str) -> ColumnElement[bool]:
    name, last = cursor_values(cursor, "name")
    return tuple_(subjects.c.name_key, subjects.c.id) > tuple_(literal(name), literal(last))


def _after_date(cursor: str, sort: str) -> ColumnElement[bool]:
    since, last = moment_cursor(cursor, sort)
    here, there = tuple_(*BY_DATE), tuple_(literal(since, UtcDateTime), literal(last))
    return here < there if sort == "newest" else here > there


BY_DATE = (subjects.c.created_at, subjects.c.id)

ORDERS = {
    "name": Order(
        (subjects.c.name_key, subjects.c.id), _after_name, lambda row: (row.name_key, row.id)
    ),
    "newest": Order(
        tuple(column.desc() for column in BY_DATE),
        lambda cursor: _after_date(cursor, "newest"),
        rows.by_date,
    ),
    "oldest": Order(BY_DATE, lambda cursor: _after_date(cursor, "oldest"), rows.by_date),
}
