"""Opening a database: connection settings, and bringing its tables up to date."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from facecog.errors import DatabaseUnavailable, LegacyHome

HEAD = "0005"  # the newest of migrations/versions
# Any number that no other program takes for its own lock on the same server.
MIGRATION_LOCK = 0xFACEC06
# An error that is logged does not show what was to be stored.
# A registration searches while it holds the write lock, on a second connection: none may wait for
# one from the pool.
OPTIONS: dict[str, Any] = {"hide_parameters": True, "max_overflow": -1}
# Milliseconds that a writer waits for others. One that registers keeps others from recognising.
PATIENCE = 5_000
# Another process may be bringing the tables up to date.
PATIENCE_AT_START = 30_000
# A server that is cut off, and not gone, says nothing at all (libpq's names).
SILENCE = {"connect_timeout": 5, "keepalives_idle": 10, "tcp_user_timeout": 15_000}  # s, s, ms


def sqlite_engine(file: Path) -> Engine:
    """An engine for faces.db: write-ahead log, every commit on the disk before it returns."""
    # Nobody else's to read; SQLite gives the files beside it the same mode.
    if not file.exists():
        file.touch(mode=0o600)
    engine = create_engine(URL.create("sqlite", database=str(file)), **OPTIONS)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # facecog says BEGIN itself
        connection.execute(f"PRAGMA busy_timeout={PATIENCE_AT_START}")
        # Before the write-ahead log, which is a change to the file.
        _refuse_legacy({name for (name,) in connection.execute("SELECT name FROM sqlite_master")})
        for pragma in (
            "page_size=16384",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        patience = PATIENCE_AT_START if options.get("at_start") else PATIENCE
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")
        # A writer takes the lock at once; one that reads first and writes later can deadlock.
        writes = options.get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def server_engine(url: str) -> Engine:
    """An engine for PostgreSQL.

    Raises:
        DatabaseUnavailable: not a PostgreSQL address, or its driver is not installed.
    """
    try:
        address = make_url(url)
        if address.get_backend_name() not in ("postgresql", "postgres"):
            raise DatabaseUnavailable("FACECOG_DATABASE_URL is a postgresql:// address.")
        address = address.set(drivername="postgresql+psycopg")
        silence = {name: value for name, value in SILENCE.items() if name not in address.query}
        engine = create_engine(address, pool_pre_ping=True, connect_args=silence, **OPTIONS)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise DatabaseUnavailable("FACECOG_DATABASE_URL is not an address.") from None
    except ModuleNotFoundError:
        raise DatabaseUnavailable(
            "PostgreSQL needs its driver: pip install 'facecog[postgres]'."
        ) from None

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.execute(f"SET lock_timeout = {PATIENCE}")
        connection.commit()

    return engine


def look_at(engine: Engine) -> None:
    """Connect once, before anything is made beside the database.

    Raises:
        LegacyHome, DatabaseUnavailable.
    """
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The database cannot be opened: {_first_line(error)}") from error


def migrate(engine: Engine, allowed: Callable[[Connection], None] = lambda _: None) -> None:
    """Bring the tables to this version of facecog.

    Args:
        allowed: called before tables are changed; what it raises leaves them as they are.

    Raises:
        LegacyHome: the database is the original facecog's.
        DatabaseUnavailable: it cannot be reached or written, or a newer facecog made it.
    """
    options = {"writes": True, "at_start": True}
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_AT_START}"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": MIGRATION_LOCK})
            tables = set(inspect(connection).get_table_names())
            _refuse_legacy(tables)
            if "alembic_version" not in tables or _version(connection) != HEAD:
                # Alembic takes as long to import as all the rest of the store.
                from facecog.store.upgrading import upgrade

                allowed(connection)
                upgrade(connection)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"The database cannot be opened: {_first_line(error)}") from error


def _version(connection: Connection) -> str | None:
    query = text("SELECT version_num FROM alembic_version")
    return connection.execute(query).scalar_one_or_none()


def _refuse_legacy(tables: set[str]) -> None:
    if "faces" in tables and "alembic_version" not in tables:
        raise LegacyHome(
            "This folder belongs to the original facecog. Take it over into a new home with "
            "`facecog import-legacy FOLDER`."
        )


def _first_line(error: Exception) -> str:
    # The driver's own words; SQLAlchemy's would add the statement and its values.
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
