"""The collections: galleries that know nothing of one another."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from facecog.domain import Collection
from facecog.errors import (
    CollectionInUse,
    CollectionNotFound,
    DefaultCollection,
    NameTaken,
)
from facecog.store import rows
from facecog.store.audit import note
from facecog.store.paging import DbRow
from facecog.store.tables import changes, collections, subjects
from facecog.store.transactions import begin, write
from facecog.store.unlocking import new_wrapped_key


class Collections:
    """Names are compared as they are written; "default" is always there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self) -> list[Collection]:
        """All of them, by name."""
        with begin(self._engine) as connection:
            return [_to_collection(row) for row in connection.execute(_query())]

    def names(self) -> dict[str, str]:
        """Id -> name, by name; without counting who is in them."""
        query = select(collections.c.id, collections.c.name).order_by(collections.c.name)
        with begin(self._engine) as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def named(self, name: str) -> Collection:
        """Raises: CollectionNotFound."""
        with begin(self._engine) as connection:
            return _one(connection, collections.c.name == name)

    def of(self, collection_id: str) -> Collection:
        """Raises: CollectionNotFound."""
        with begin(self._engine) as connection:
            return _one(connection, collections.c.id == collection_id)

    def add(self, name: str) -> Collection:
        """Raises: NameTaken."""
        made: dict[str, Any] = {"id": str(uuid4()), "name": name, "created_at": rows.now()}
        try:
            with write(self._engine) as (connection, _):
                made["wrapped_key"] = new_wrapped_key(connection, made["id"])
                connection.execute(insert(collections).values(made))
                note(connection, "collection.add", made["id"])
                return _one(connection, collections.c.name == name)
        except IntegrityError:
            raise NameTaken("There is a collection of this name already.") from None

    def rename(self, collection_id: str, name: str) -> Collection:
        """Raises: CollectionNotFound, NameTaken, DefaultCollection."""
        this = collections.c.id == collection_id
        try:
            with write(self._engine) as (connection, _):
                _refuse_default(_one(connection, this))
                connection.execute(update(collections).where(this).values(name=name))
                note(connection, "collection.rename", collection_id)
                return _one(connection, this)
        except IntegrityError:
            raise NameTaken("There is a collection of this name already.") from None

    def remove(self, collection_id: str) -> None:
        """Forget one that is empty.

        Raises:
            CollectionNotFound, DefaultCollection; CollectionInUse: it has people, or changes that
            can be undone.
        """
        this = collections.c.id == collection_id
        with write(self._engine) as (connection, _):
            one = _one(connection, this)
            _refuse_default(one)
            kept = select(changes.c.id).where(changes.c.collection_id == collection_id).limit(1)
            if one.subjects or connection.execute(kept).first():
                raise CollectionInUse(
                    "There are people in this collection, or changes that can be undone. "
                    "Delete or erase them first."
                )
            connection.execute(delete(collections).where(this))
            note(connection, "collection.remove", collection_id)


def _query() -> Select[Any]:
    count = select(func.count()).where(subjects.c.collection_id == collections.c.id)
    people = count.scalar_subquery().label("subjects")
    return select(collections.c.id, collections.c.name, collections.c.created_at, people).order_by(
        collections.c.name
    )


def _one(connection: Connection, which: Any) -> Collection:
    row = connection.execute(_query().where(which)).one_or_none()
    if row is None:
        raise CollectionNotFound("There is no such collection.")
    return _to_collection(row)


def _to_collection(row: DbRow) -> Collection:
    return Collection(row.id, row.name, row.created_at, row.subjects)


def _refuse_default(collection: Collection) -> None:
    if collection.name == rows.DEFAULT_COLLECTION:
        raise DefaultCollection("The default collection stays, and keeps its name.")
