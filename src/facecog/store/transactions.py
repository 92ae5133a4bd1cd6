"""Transactions: a reader's of one moment, and a writer's that follows all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import DBAPIError, OperationalError

from facecog.errors import KeyMissing
from facecog.stages import stage
from facecog.store import tables
from facecog.store.failing import refusal_of

PART = 500  # values in one statement; every database takes so many


@contextmanager
def begin(engine: Engine, writes: bool = False) -> Iterator[Connection]:
    """One transaction. A reader sees one moment of the database from its first query on.

    Raises:
        DatabaseUnavailable; DatabaseBusy: another program writes for too long; StorageUnavailable.
    """
    options: dict[str, Any] = {"writes": writes}
    if engine.dialect.name == "postgresql" and not writes:
        options["isolation_level"] = "REPEATABLE READ"
    try:
        with (
            stage("store"),
            engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection
    except DBAPIError as error:
        refusal = refusal_of(error.orig, away=isinstance(error, OperationalError))
        if refusal is None:
            raise
        raise refusal from error


@contextmanager
def write(engine: Engine) -> Iterator[tuple[Connection, int]]:
    """One transaction, and the revision that it makes."""
    with begin(engine, writes=True) as connection:
        moved = update(tables.revision).values(value=tables.revision.c.value + 1)
        now = moved.returning(tables.revision.c.value, tables.revision.c.sealed)
        revision, sealed = connection.execute(now).one()
        refuse_other_sealing(connection, sealed)
        yield connection, revision


def leave(connection: Connection) -> None:
    """End a writer's transaction in which nothing was to be written; the revision stays too."""
    connection.rollback()


@contextmanager
def hold(engine: Engine) -> Iterator[Connection]:
    """One transaction during which nobody writes. It leaves the revision: no gallery changes."""
    with begin(engine, writes=True) as connection:
        locked = select(tables.revision.c.sealed).with_for_update()
        refuse_other_sealing(connection, connection.execute(locked).scalar_one())
        yield connection


def refuse_other_sealing(connection: Connection, sealed: bool) -> None:
    """For a process that runs on while the home is encrypted by another: it must write nothing.

    Args:
        sealed: what the database says of itself.
    """
    sealing = connection.get_execution_options().get("sealing")
    if sealing is not None and sealing.sealed != sealed:
        raise KeyMissing(
            "This home has been encrypted since. Start again, with FACECOG_KEY or FACECOG_KEY_FILE."
        )


def fetched(engine: Engine, query: str, values: Sequence[str] = ()) -> Sequence[Any]:
    """All rows of one query that needs no transaction around it, by the driver itself.

    For what each recognition asks: SQLAlchemy's part in it takes three times as long as the
    database's.

    Args:
        query: one that ends with `IN` where there are values, which are put behind it.
    """
    driver = engine.dialect.loaded_dbapi
    if values:
        mark = "?" if driver.paramstyle == "qmark" else "%s"
        query += f" ({', '.join([mark] * len(values))})"
    try:
        with (
            stage("store"),
            closing(engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(query, tuple(values))
            return cursor.fetchall()
    except driver.Error as error:
        refusal = refusal_of(error, away=isinstance(error, driver.OperationalError))
        if refusal is None:
            raise
        raise refusal from error


def moment(value: datetime | str) -> datetime:
    """A date as `fetched` has it: SQLite keeps text, in UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Values by as many as one statement takes."""
    for start in range(0, len(values), PART):
        yield values[start : start + PART]
