"""Homes to back up and to restore into, on either kind of database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, insert, select

from facecog.archive import Told
from facecog.store import Store, tables
from facecog.store.crops import FolderCrops, TableCrops
from facecog.store.database import server_engine, sqlite_engine
from facecog.store.dumping import BACKED_UP
from facecog.store.opening import opened
from facecog.store.restore import Restored, restore_on_server, restore_on_sqlite
from tests.databases import add

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=timezone.utc)


@dataclass
class Home:
    """One home: a folder, or the address of a server's database."""

    where: Path | str
    key: bytes | None = None

    def open(self, **options: Any) -> Store:
        if isinstance(self.where, Path):
            return Store.on_sqlite(self.where, key=self.key, **options)
        return Store.on_server(self.where, key=self.key, **options)

    def restore(self, file: Path, replace: bool = False, told: Told = lambda _: None) -> Restored:
        with opened(file, self.key) as backup:
            if isinstance(self.where, Path):
                return restore_on_sqlite(self.where, backup, replace, told)
            return restore_on_server(self.where, backup, replace, told)

    def contents(self) -> dict[str, Any]:
        """All rows of all tables that are backed up, and all crops, as they are stored."""
        with_open(self, lambda store: store.revision())  # which brings the files up to date
        engine = self.engine()
        try:
            return {**_rows(engine), "crops": self._crops(engine)}
        finally:
            engine.dispose()

    def engine(self) -> Engine:
        if isinstance(self.where, Path):
            return sqlite_engine(self.where / "faces.db")
        return server_engine(self.where)

    def crops(self, engine: Engine) -> FolderCrops | TableCrops:
        if isinstance(self.where, Path):
            return FolderCrops(self.where / "dataset", sealed=self.key is not None)
        return TableCrops(engine)

    def _crops(self, engine: Engine) -> dict[str, bytes | None]:
        if isinstance(self.where, Path):
            ids = [file.stem for file in (self.where / "dataset").iterdir()]
        else:
            with engine.connect() as connection:
                ids = list(connection.execute(select(tables.crops.c.sample_id)).scalars())
        with engine.connect() as connection:
            return {one: self.crops(engine).get(connection, one) for one in ids}


def with_open(home: Home, do: Callable[[Store], Any]) -> Any:
    store = home.open()
    try:
        return do(store)
    finally:
        store.close()


def fill(store: Store, people: int = 6) -> None:
    """Something in every table, and changes of every kind that can be undone."""
    for number in range(people):
        for photo in range(2):
            add(store, f"Person {number}", f"photo {photo} of {number}")
    visitors = store.within(store.collections.add("visitors").id)
    add(visitors, "Person 1", "in another collection")
    journal = store.journal
    journal.delete(store.subject_named("Person 0").id)
    journal.merge(store.subject_named("Person 1").id, store.subject_named("Person 2").id)
    sample = store.samples(store.subject_named("Person 3").id, 1).items[0]
    journal.move(sample.id, name="Somebody else")
    store.promises.set_fpir(0.01)
    store.promises.add_calibration("fake", {"margin": 0.1, "tails": [[1, 2.5]]})
    _fill_the_rest(store)


def _fill_the_rest(store: Store) -> None:
    """Tables that the store has no words for."""
    anna, account = store.subject_named("Person 4").id, str(uuid4())
    consent = {"text_version": "2", "purpose": "the door", "how": "in person", "given_at": AT}
    person = {"name": "Olga", "name_key": "olga", "password_hash": "$argon2id$", "role": "owner"}
    api_key = {"name": "door", "secret_hash": "ab" * 32, "role": "recogniser", "created_at": AT}
    session = {"token_hash": "cd" * 32, "created_at": AT, "seen_at": AT, "until": AT}
    values = {
        tables.consents: {"id": str(uuid4()), "subject_id": anna, **consent},
        tables.tombstones: {"id": str(uuid4()), "at": AT},
        tables.accounts: {"id": account, "created_at": AT, **person},
        tables.sessions: {"account_id": account, **session},
        tables.api_keys: {"id": str(uuid4()), "collection_id": store.collection, **api_key},
    }
    with store._engine.begin() as connection:
        for table, row in values.items():
            connection.execute(insert(table).values(row))


def _rows(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(tables.metadata.tables[name]))))
            for name in BACKED_UP
        }


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Row by row; but for the revision, which moves."""
    return {**one, "revision": None} == {**other, "revision": None}
