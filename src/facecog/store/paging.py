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

BAD_CURSOR = "This cursor is not one that facecog gave out."


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list. `next_cursor` asks for the part after it; None at the end."""

    items: tuple[Item, ...]
    next_cursor: str | None


def page(
    rows: Sequence[DbRow],
    limit: int,
    to_item: Callable[[DbRow], Item],
    position: Callable[[DbRow], tuple[str, str]],
) -> Page[Item]:
    """One row more than `limit` was asked for, to know whether there is a next page."""
    more = len(rows) > limit
    cursor = _cursor(position(rows[limit - 1])) if more else None
    return Page(tuple(to_item(row) for row in rows[:limit]), cursor)


def _cursor(position: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def cursor_values(cursor: str) -> tuple[str, str]:
    try:
        match json.loads(base64.urlsafe_b64decode(cursor.encode())):
            case [str(first), str(second)] if "\0" not in first + second:
                (first + second).encode()  # no database takes half a surrogate pair
                return first, second
    except (ValueError, RecursionError):
        pass
    raise InvalidCursor(BAD_CURSOR)


def moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidCursor(BAD_CURSOR) from None
