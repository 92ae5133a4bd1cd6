"""Opening a home with its key, or without; and giving it another key."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, exists, inspect, or_, select, update

from facecog.errors import CollectionNotFound, KeyMissing, KeyWrong, NotEncrypted
from facecog.store import tables
from facecog.store.sealing import NEW_KEY_NEEDED, Sealing, sealing_of
from facecog.store.tables import changes, collections, subjects
from facecog.store.transactions import begin, hold

Keys = dict[str, bytes]
"""Collection id -> its key."""


def refuse_wrong_key(connection: Connection, key: bytes | None) -> None:
    """Before the tables of an encrypted home are changed. Raises: KeyMissing, KeyWrong."""
    known = inspect(connection)
    if known.has_table("revision"):
        columns = {column["name"] for column in known.get_columns("revision")}
        if "sealed" in columns:
            _refuse(connection, key)


def unlocked(engine: Engine, key: bytes | None) -> Sealing:
    """How the values of a home are stored, whose tables are up to date.

    A home in which there is nobody yet is encrypted from now on where there is a key.

    Raises: KeyMissing, KeyWrong; NotEncrypted: there are people in it, unencrypted.
    """
    sealing = Sealing(key, lambda collection: _wrapped_key(engine, collection))
    with begin(engine) as connection:
        sealed = _refuse(connection, key)
    if sealing.sealed and not sealed:
        with hold(engine) as connection:
            if not _refuse(connection, key):  # another process may have done it meanwhile
                _refuse_people(connection)
                start_sealing(connection, sealing)
    return sealing


def start_sealing(connection: Connection, sealing: Sealing) -> None:
    """Give each collection a key. What is in them is for the caller to seal."""
    for collection in connection.execute(select(collections.c.id)).scalars().all():
        wrapped = sealing.new_wrapped_key(collection)
        this = collections.c.id == collection
        connection.execute(update(collections).where(this).values(wrapped_key=wrapped))
    connection.execute(update(tables.revision).values(sealed=True))


def new_wrapped_key(connection: Connection, collection: str) -> bytes | None:
    """What a new collection is sealed with, for its row; None where nothing is encrypted.

    Raises:
        KeyWrong: the key of the home is another one since this process has started.
    """
    sealing = sealing_of(connection)
    if sealing.sealed:
        _unwrapped(connection, sealing)
    return sealing.new_wrapped_key(collection)


def rotate(engine: Engine, old: bytes, new: bytes) -> int:
    """Wrap the keys of all collections by another key; how many there are.

    One transaction, beside which servers go on: they have the collections' keys, which stay.

    Raises: KeyWrong.
    """
    before, after = Sealing(old), Sealing(new)
    with hold(engine) as connection:
        keys = _unwrapped(connection, before)
        for collection, key in keys.items():
            this = collections.c.id == collection
            wrapped = after.wrap(collection, key)
            connection.execute(update(collections).where(this).values(wrapped_key=wrapped))
    with begin(engine) as connection:
        if not keys.items() <= _unwrapped(connection, after).items():
            raise KeyWrong("The new key does not open this home. Restore a backup.")
    return len(keys)


def _refuse(connection: Connection, key: bytes | None) -> bool:
    """Whether the home is encrypted. Raises: KeyMissing, KeyWrong."""
    sealed = bool(connection.execute(select(tables.revision.c.sealed)).scalar())
    if sealed and key is None:
        raise KeyMissing(NEW_KEY_NEEDED)
    if sealed:
        _unwrapped(connection, Sealing(key))
    return sealed


def _refuse_people(connection: Connection) -> None:
    anybody = or_(exists(select(subjects.c.id)), exists(select(changes.c.id)))
    if connection.execute(select(anybody)).scalar_one():
        raise NotEncrypted(
            "What is in this home is not encrypted. `facecog key init` encrypts it; without "
            "FACECOG_KEY and FACECOG_KEY_FILE it is used as it is."
        )


def _unwrapped(connection: Connection, sealing: Sealing) -> Keys:
    """Raises: KeyWrong."""
    found = connection.execute(select(collections.c.id, collections.c.wrapped_key))
    return {row.id: sealing.unwrapped(row.id, row.wrapped_key or b"") for row in found}


def _wrapped_key(engine: Engine, collection: str) -> bytes:
    query = select(collections.c.wrapped_key).where(collections.c.id == collection)
    with begin(engine) as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise CollectionNotFound("There is no such collection.")
    return row.wrapped_key or b""
