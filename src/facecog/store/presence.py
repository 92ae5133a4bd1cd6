"""Who has a home open: each that does is there, and a restore needs to be alone.

Held by the operating system or by PostgreSQL, so that it ends with the process, however that ends.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from facecog.errors import DatabaseUnavailable, HomeInUse

FILE = "in-use"
# Any number that no other program takes for its own lock on the same server.
LOCK = 0xFACEC07
RESTORING = "A backup is being restored here. Try again when that is done."
IN_USE = "A facecog has this home open, a server say. Stop it first."


def be_there(engine: Engine, home: Path) -> None:
    """Until the engine is disposed of. Raises: DatabaseUnavailable, somebody is to be alone."""
    # SQLite's own locks, of a database with nothing in it: shared ones on every system.
    lock = _lock_file(home)
    try:
        lock.execute("BEGIN")
        lock.execute("SELECT * FROM sqlite_master").fetchall()
    except sqlite3.OperationalError as error:
        lock.close()
        raise DatabaseUnavailable(_said(home, error, RESTORING)) from error
    event.listen(engine, "engine_disposed", lambda _: lock.close())


def be_there_on_server(engine: Engine) -> None:
    """With every connection of the engine, so that it holds when the server was gone and is back.

    Raises, where it connects: DatabaseUnavailable, somebody is to be alone.
    """

    @event.listens_for(engine, "connect")
    def lock(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock_shared(%s)", (LOCK,))
            (shared,) = cursor.fetchone()
        connection.commit()
        if not shared:
            connection.close()
            raise DatabaseUnavailable(RESTORING)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else has the home open, or opens it. Raises: HomeInUse."""
    with closing(_lock_file(home)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise HomeInUse(_said(home, error, IN_USE)) from error
        yield


def be_alone_on_server(connection: Connection) -> None:
    """Until the transaction ends. Raises: HomeInUse."""
    asked = text("SELECT pg_try_advisory_xact_lock(:n)")
    if not connection.execute(asked, {"n": LOCK}).scalar_one():
        raise HomeInUse(IN_USE)


def _lock_file(home: Path) -> sqlite3.Connection:
    file = home / FILE
    try:
        if not file.exists():  # else a home that is read-only could not even be read
            file.touch(mode=0o600)
        return sqlite3.connect(file, isolation_level=None, timeout=0, check_same_thread=False)
    except OSError as error:
        raise DatabaseUnavailable(f"{home} cannot be used: {error.strerror}.") from error
    except sqlite3.OperationalError as error:
        raise DatabaseUnavailable(_said(home, error)) from error


def _said(home: Path, error: Exception, locked: str = "") -> str:
    # Before Python 3.11 there is nothing but the text to tell them apart by.
    return locked if "locked" in str(error) and locked else f"{home} cannot be used: {error}."
