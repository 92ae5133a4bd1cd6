"""Putting a backup in the place of what is in a home: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    delete,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import StatementError

from facecog.archive import Plain, Reader, Told, unreadable_is_damaged
from facecog.errors import BackupDamaged, DatabaseUnavailable, HomeNotEmpty
from facecog.store.crops import TableCrops
from facecog.store.database import HEAD, look_at, server_engine, sqlite_engine
from facecog.store.dumping import BACKED_UP, clause, loaded
from facecog.store.landing import Landing, land
from facecog.store.later_lines import later_lines
from facecog.store.presence import alone, be_alone_on_server
from facecog.store.tables import metadata, revision, tombstones
from facecog.store.tombs import Tombs
from facecog.store.transactions import PART, begin

# With rows in one of these, somebody has used the home.
TELLING = ("subjects", "changes", "calibrations", "accounts", "api_keys")


class Place(Protocol):
    """Where crops are put."""

    def put(self, connection: Connection, sample_id: str, stored: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Restored:
    """
    Attributes:
        subjects_left_out, samples_left_out: erased since the backup was made.
        made_at: when that was.
    """

    subjects: int
    samples: int
    subjects_left_out: int
    samples_left_out: int
    made_at: str


def restore_on_sqlite(home: Path, backup: Reader, replace: bool, told: Told) -> Restored:
    """Raises: HomeInUse, HomeNotEmpty, BackupDamaged, StorageUnavailable, DatabaseUnavailable."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = sqlite_engine(home / "faces.db")
    except OSError as error:
        raise DatabaseUnavailable(f"{home} cannot be used: {error.strerror}.") from error
    dataset = home / "dataset"
    with ExitStack() as ended:
        engine = ended.enter_context(_closing(opened))
        look_at(engine)
        ended.enter_context(alone(home))
        land(engine, dataset)  # what one that was killed has left
        crops = Landing(dataset, backup.manifest["sealed"])
        ended.callback(land, engine, dataset)
        with _transaction(engine) as connection:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            restored = _restore(connection, backup, replace, crops, told)
            crops.come_with(connection)
    return restored


def restore_on_server(url: str, backup: Reader, replace: bool, told: Told) -> Restored:
    """Raises: HomeInUse, HomeNotEmpty, BackupDamaged, DatabaseUnavailable."""
    with _closing(server_engine(url)) as engine, _transaction(engine) as connection:
        be_alone_on_server(connection)
        return _restore(connection, backup, replace, TableCrops(engine), told)


def _restore(
    connection: Connection, backup: Reader, replace: bool, crops: Place, told: Told
) -> Restored:
    before = _tables(connection)
    if not replace and _used(connection, before):
        raise HomeNotEmpty("There are people in this home. With --replace they are forgotten.")
    erased, last = _tombstones(connection, before), _last_revision(connection, before)
    later = later_lines(connection, before, backup)
    _empty_tables(connection, backup.manifest["schema"])
    tombs = Tombs({*(row["id"] for row in erased), *_buried(backup)})
    for table in backup.tables:
        _put_rows(connection, backup, table, tombs)
    for sample_id in sorted(tombs.crops):
        crops.put(connection, sample_id, backup.crop(sample_id))
        told(1)
    _upgrade(connection)
    _bury(connection, erased)
    later.put(connection)
    _move_revision(connection, last)
    counts = backup.manifest["rows"]
    return Restored(
        counts["subjects"] - tombs.subjects,
        counts["samples"] - tombs.samples,
        tombs.subjects,
        tombs.samples,
        backup.manifest["made_at"],
    )


def _tables(connection: Connection) -> set[str]:
    """Those that there are. Raises: DatabaseUnavailable, a newer facecog made them."""
    there = set(inspect(connection).get_table_names())
    if "alembic_version" in there:
        made_by = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if str(made_by) > HEAD:
            raise DatabaseUnavailable("A newer facecog made this home. Restore with that one.")
    return there


def _used(connection: Connection, there: set[str]) -> bool:
    telling = [name for name in TELLING if name in there]
    return any(connection.execute(_any_of(name)).first() for name in telling)


def _any_of(name: str) -> Select[Any]:
    return select(literal(1)).select_from(metadata.tables[name]).limit(1)


def _tombstones(connection: Connection, there: set[str]) -> list[Plain]:
    if "tombstones" not in there:
        return []
    return [dict(row._mapping) for row in connection.execute(select(tombstones))]


def _buried(backup: Reader) -> set[str]:
    return (
        {row["id"] for row in backup.rows("tombstones")} if "tombstones" in backup.tables else set()
    )


def _last_revision(connection: Connection, there: set[str]) -> int:
    if "revision" not in there:
        return 0
    return connection.execute(select(revision.c.value)).scalar() or 0


def _empty_tables(connection: Connection, schema: str) -> None:
    """The tables of a version, with nothing in them."""
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    _upgrade(connection, schema)
    there = inspect(connection).get_table_names()
    for name in reversed(BACKED_UP):
        if name in there:
            connection.execute(delete(metadata.tables[name]))


def _put_rows(connection: Connection, backup: Reader, table: str, tombs: Tombs) -> None:
    with unreadable_is_damaged():
        kinds = backup.manifest["columns"][table]
        if set(kinds) != {one["name"] for one in inspect(connection).get_columns(table)}:
            raise BackupDamaged(f"This backup has other columns of {table} than facecog had then.")
        into = insert(clause(table, kinds))
        left = (tombs.left(table, row) for row in backup.rows(table))
        values = (loaded(kinds, row) for row in left if row is not None)
        while some := list(islice(values, PART)):
            connection.execute(into, some)


def _bury(connection: Connection, erased: list[Plain]) -> None:
    """What was erased here stays so when this backup is backed up and restored again."""
    known = set(connection.execute(select(tombstones.c.id)).scalars())
    if new := [row for row in erased if row["id"] not in known]:
        connection.execute(insert(tombstones), new)


def _move_revision(connection: Connection, last: int) -> None:
    """So that every index reads everything anew."""
    of_backup = connection.execute(select(revision.c.value)).scalar_one()
    moved = max(last, of_backup) + 1
    connection.execute(update(revision).values(value=moved, forgotten=moved))


@contextmanager
def _closing(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    """Raises: BackupDamaged, there are rows in it that a database does not take."""
    try:
        with begin(engine, writes=True) as connection:
            yield connection
    except StatementError as error:
        raise BackupDamaged("This backup has rows that cannot be put back.") from error


def _upgrade(connection: Connection, version: str = "head") -> None:
    from facecog.store.upgrading import upgrade  # Alembic takes as long to import as all the rest

    upgrade(connection, version)
