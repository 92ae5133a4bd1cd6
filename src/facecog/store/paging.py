"""Lists a part at a time: a cursor says after which row the next part begins."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar

from facecog.errors import InvalidCursor

Item = TypeVar("Item")
DbRow = Any  # columns by name, as the query selects them

MAX_PAGE = 1000  # rows
BAD_CURSOR = "This cursor is not one that facecog gave out."


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list.

    Attributes:
        next_cursor: asks for the part after it; None at the end.
        total: how long the whole list is, where that was counted.
    """

    items: tuple[Item, ...]
    next_cursor: str | None
    total: int | None = None


def page(
    rows: Sequence[DbRow],
    limit: int,
    to_item: Callable[[DbRow], Item],
    order: str,
    position: Callable[[DbRow], tuple[str, str]],
    total: int | None = None,
) -> Page[Item]:
    """One row more than `limit` was asked for, to know whether there is a next page.

    Args:
        order: what the list is and how it is sorted; a cursor of another one is refused.
        position: of a row in that order.
    """
    more = len(rows) > limit
    cursor = _cursor([order, *position(rows[limit - 1])]) if more else None
    return Page(tuple(to_item(row) for row in rows[:limit]), cursor, total)


def _cursor(values: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def cursor_values(cursor: str, order: str) -> tuple[str, str]:
    """The position that a cursor of this order stands for. Raises: InvalidCursor."""
    try:
        match json.loads(base64.urlsafe_b64decode(cursor.encode())):
            case [str(of), str(first), str(second)] if of == order and "\0" not in first + second:
                (first + second).encode()  # no database takes half a surrogate pair
                return first, second
    except (ValueError, RecursionError):
        pass
    raise InvalidCursor(BAD_CURSOR)


def moment_cursor(cursor: str, order: str) -> tuple[datetime, str]:
    """The same where the order is one of time. Raises: InvalidCursor."""
    since, last = cursor_values(cursor, order)
    try:
        return datetime.fromisoformat(since).astimezone(timezone.utc), last
    except (ValueError, OverflowError):
        raise InvalidCursor(BAD_CURSOR) from None
