"""Wiping: what was erased is overwritten in the database's own files, too.

To delete a row is to mark its place as free. SQLite is told to overwrite it there and then
(`secure_delete`), which leaves a copy in one of some 100,000 places, where rows were moved to
another page before; and PostgreSQL overwrites nothing. So the files are written anew, once for all
that was erased since the last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import DBAPIError

from facecog.errors import DatabaseUnavailable
from facecog.store import rows
from facecog.store.tables import revision, tombstones
from facecog.store.transactions import begin, parts

# Whatever holds something of a person. Each is locked while it is written anew.
ON_SERVER = ("subjects", "samples", "templates", "crops", "consents", "changes")
PATIENCE = 10_000  # milliseconds that a lock is waited for; whoever comes meanwhile waits behind


def note(connection: Connection, ids: Sequence[str]) -> None:
    """Say that something was erased: subjects and samples of these ids, which leave tombstones."""
    for some in parts(list(dict.fromkeys(ids))):
        there = select(tombstones.c.id).where(tombstones.c.id.in_(some))
        known = set(connection.execute(there).scalars())
        new = [{"id": one, "at": rows.now()} for one in some if one not in known]
        if new:
            connection.execute(insert(tombstones), new)
    connection.execute(update(revision).values(erasures=revision.c.erasures + 1))


def due(engine: Engine) -> int:
    """How many erasures there were, if not all of them are wiped yet; else 0."""
    query = select(revision.c.erasures).where(revision.c.erasures > revision.c.wiped)
    with begin(engine) as connection:
        return connection.execute(query).scalar_one_or_none() or 0


def wipe(engine: Engine, erasures: int) -> None:
    """Write the files anew, so that nothing is left in them of so many erasures.

    Raises:
        DatabaseUnavailable: somebody reads or writes all the time, say, or the disk is full.
    """
    try:
        if engine.dialect.name == "sqlite":
            _file_anew(engine)
        else:
            _tables_anew(engine)
    except DBAPIError as error:
        raise DatabaseUnavailable("The database cannot be written anew yet.") from error
    with begin(engine, writes=True) as connection:
        fewer = revision.c.wiped < erasures
        connection.execute(update(revision).where(fewer).values(wiped=erasures))


def _file_anew(engine: Engine) -> None:
    driver = engine.dialect.loaded_dbapi
    try:
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            ((usual,),) = cursor.execute("PRAGMA busy_timeout").fetchall()
            cursor.execute(f"PRAGMA busy_timeout={PATIENCE}")
            try:
                cursor.execute("VACUUM")
                # What the write-ahead log holds is cut off as soon as nobody reads it.
                ((busy, *_),) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                cursor.execute(f"PRAGMA busy_timeout={usual}")
    except driver.OperationalError as error:
        raise DatabaseUnavailable("The database cannot be written anew yet.") from error
    if busy:
        raise DatabaseUnavailable("The database's log is being read, and cannot be cut off yet.")


def _tables_anew(engine: Engine) -> None:
    alone = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with alone as connection:
        connection.exec_driver_sql(f"SET lock_timeout = {PATIENCE}")
        try:
            for table in ON_SERVER:
                connection.exec_driver_sql(f"VACUUM (FULL) {table}")
        finally:
            connection.exec_driver_sql("RESET lock_timeout")
