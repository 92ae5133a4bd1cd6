"""Leaving nothing of what was there before in a database's own files."""

from __future__ import annotations

import time
from contextlib import closing

from sqlalchemy import Engine, text

from facecog.errors import DatabaseUnavailable
from facecog.store.tables import metadata

PATIENCE = 30.0  # seconds for whoever still reads


def rewrite(engine: Engine) -> None:
    """Write the database anew, without free pages and without a log of what it was.

    On SQLite the file and its write-ahead log. On PostgreSQL the tables; its log and its backups
    are its own.

    Raises:
        DatabaseUnavailable: another process reads what was there, so that it has to stay.
    """
    if engine.dialect.name == "sqlite":
        _file_anew(engine)
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in metadata.sorted_tables:
            connection.execute(text(f"VACUUM FULL {table.name}"))


def _file_anew(engine: Engine) -> None:
    driver, give_up = engine.dialect.loaded_dbapi, time.monotonic() + PATIENCE
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        try:
            cursor.execute("VACUUM")
            while cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > give_up:
                    raise DatabaseUnavailable(
                        "Another process still reads faces.db. Stop it, and run this again."
                    )
                time.sleep(0.1)
        except driver.OperationalError as error:
            raise DatabaseUnavailable(f"faces.db cannot be written anew: {error}.") from error
