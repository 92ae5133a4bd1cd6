"""The orders in which subjects are listed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import ColumnElement, UnaryExpression, literal, tuple_

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
