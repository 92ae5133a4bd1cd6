"""Rows as a backup holds them: as they are stored, each value as JSON has it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Connection, LargeBinary, TableClause, column, select, table
from sqlalchemy.types import NullType, TypeEngine

from facecog.archive import Plain
from facecog.store.tables import UtcDateTime, metadata
from facecog.store.transactions import PART

# A new table is in one of these, by the test of them; in the order in which rows can be put back.
BACKED_UP = (
    "collections",
    "subjects",
    "samples",
    "templates",
    "changes",
    "calibrations",
    "revision",
    "consents",
    "tombstones",
    "accounts",
    "api_keys",
    "audit",
    "audit_chain",
)
LEFT_OUT = {
    "crops": "They are entries of their own, wherever they were kept.",
    "sessions": "Whoever was signed in then signs in again.",
    "removals": "Every index reads everything anew after a restore.",
}

Kinds = Mapping[str, str]
"""Column -> what its values are, so that they can be read into tables of another time."""

TYPES: dict[str, TypeEngine[Any]] = {
    "bytes": LargeBinary(),
    "moment": UtcDateTime(),
    "json": JSON(none_as_null=True),
    "value": NullType(),
}
TO_PLAIN: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda value: base64.b64encode(value).decode(),
    "moment": lambda value: value.isoformat(),
}
FROM_PLAIN: dict[str, Callable[[Any], Any]] = {
    "bytes": lambda value: base64.b64decode(value, validate=True),
    "moment": datetime.fromisoformat,
}


def kinds_of(name: str) -> dict[str, str]:
    return {one.name: _kind(one) for one in metadata.tables[name].columns}


def dumped(connection: Connection, name: str) -> Iterator[Plain]:
    """All rows of a table, in a transaction of one moment."""
    kinds = kinds_of(name)
    every = select(metadata.tables[name])
    with connection.execute(every, execution_options={"yield_per": PART}) as found:
        for row in found:
            yield _each(TO_PLAIN, kinds, dict(row._mapping))


def loaded(kinds: Kinds, row: Plain) -> Plain:
    """A row as it is put back. Raises: ValueError, TypeError or LookupError where it is none."""
    return _each(FROM_PLAIN, kinds, {name: row[name] for name in kinds})


def clause(name: str, kinds: Kinds) -> TableClause:
    """A table with the columns that it had then."""
    return table(name, *(column(one, TYPES[kind]) for one, kind in kinds.items()))


def _kind(of: Column[Any]) -> str:
    return next((kind for kind, one in TYPES.items() if isinstance(of.type, type(one))), "value")


def _each(
    convert: Mapping[str, Callable[[Any], Any]], kinds: Kinds, row: Mapping[str, Any]
) -> Plain:
    return {
        name: value if value is None else convert.get(kinds[name], _same)(value)
        for name, value in row.items()
    }


def _same(value: Any) -> Any:
    return value
