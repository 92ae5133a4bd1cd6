"""A database to test the store on, how to look beneath it, and what to put there."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, event, inspect, select, text, update

from facecog.domain import Sample, Subject, Template
from facecog.store import Page, Store, tables, upgrading
from facecog.store.database import HEAD

MODEL = "fake"
KEY = bytes(range(32))


@dataclass
class Database:
    """One database: how to open it as a store, and how to look beneath."""

    open: Callable[..., Store]
    engine: Engine
    dataset: Path | None
    key: bytes | None = None
    opened: list[Store] = field(default_factory=list)

    def store(self, **options: Any) -> Store:
        self.opened.append(self.open(**options))
        return self.opened[-1]

    def rows(self, table: str) -> int:
        with self.engine.connect() as connection:
            count: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            return count

    def crop_ids(self) -> set[str]:
        """Of every crop that is kept, wherever crops are."""
        if self.dataset:
            return {file.stem for file in self.dataset.iterdir()}
        with self.engine.connect() as connection:
            return set(connection.execute(select(tables.crops.c.sample_id)).scalars())

    def close(self) -> None:
        for store in self.opened:
            store.close()
        self.engine.dispose()


MIGRATE = upgrading.upgrade
# Kind of database -> what the migrations had it do to make the tables.
_made: dict[str, list[tuple[str, Any]]] = {}


def upgrade(connection: Connection, version: str = "head") -> None:
    """As upgrading.upgrade, but each empty database of a kind is told what the first one was.

    Alembic looks at the tables again for each one, which takes ten times as long.
    """
    kind = connection.dialect.name
    if version not in ("head", HEAD) or inspect(connection).get_table_names():
        MIGRATE(connection, version)
        return
    if kind not in _made:
        _made[kind] = _told(connection)
    for statement, parameters in _made[kind]:
        connection.exec_driver_sql(statement, parameters)
    own = {"id": str(uuid4()), "created_at": datetime.now(timezone.utc)}
    connection.execute(update(tables.collections).values(own))


def _told(connection: Connection) -> list[tuple[str, Any]]:
    """Migrate, take it back, and say all that changed something on the way."""
    told = []

    def hear(_: object, cursor: object, statement: str, parameters: Any, *more: object) -> None:
        if not statement.lstrip().startswith(("SELECT", "PRAGMA")):
            told.append((statement, parameters))

    with connection.begin_nested() as trial:
        event.listen(connection, "before_cursor_execute", hear)
        MIGRATE(connection)
        event.remove(connection, "before_cursor_execute", hear)
        trial.rollback()
    return told


def add(store: Store, name: str, photo: str = "", model: str = MODEL) -> tuple[Subject, Sample]:
    subject, sample, _ = put(store, name, photo or name, model)
    return subject, sample


def put(
    store: Store,
    name: str,
    photo: str,
    model: str = MODEL,
    accept: Callable[[], None] = lambda: None,
) -> tuple[Subject, Sample, bool]:
    return store.add_sample(
        name=name,
        template=template(photo, model),
        crop=photo.encode(),
        photo_sha256=hashlib.sha256(photo.encode()).hexdigest(),
        origin="test",
        quality={"brightness": 100.0},
        accept=accept,
    )


def template(photo: str, model: str = MODEL) -> Template:
    vector = np.random.default_rng(list(photo.encode())).standard_normal(8).astype(np.float32)
    return Template(vector / np.linalg.norm(vector), model)


def names(page: Page[Subject]) -> list[str]:
    return [subject.name for subject in page.items]


def pages(read: Callable[[str | None], Page[Any]]) -> list[list[Any]]:
    page = read(None)
    found = [list(page.items)]
    while page.next_cursor:
        page = read(page.next_cursor)
        found.append(list(page.items))
    return found


def cursor_of(value: object) -> str:
    """As Page.next_cursor is made."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def texts(ids: NDArray[np.uint8]) -> list[str]:
    """Ids of a gallery's part as the rest of facecog has them."""
    return [str(UUID(bytes=one.tobytes())) for one in ids]
