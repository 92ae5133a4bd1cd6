"""API keys: the queries. Of a key only the SHA-256 is kept: it has 256 bits of chance."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from facecog.acting import Role
from facecog.domain import ApiKey
from facecog.errors import CollectionNotFound, DatabaseUnavailable, KeyNotFound
from facecog.store import rows
from facecog.store.audit import note
from facecog.store.tables import api_keys
from facecog.store.transactions import begin, fetched, moment

NOTED = timedelta(minutes=1)  # a use is written down no more often
KEY = """SELECT id, role, collection_id, expires_at, revoked_at, used_at FROM api_keys
    WHERE secret_hash IN"""


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is behind a key that was shown."""

    id: str
    role: Role
    collection: str | None
    expired: bool
    revoked: bool


class KeyRows:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def listed(self) -> list[ApiKey]:
        """Newest first."""
        query = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        with begin(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]

    def add(
        self,
        name: str,
        secret_hash: str,
        role: Role,
        collection: str | None,
        good_for: timedelta | None,
    ) -> ApiKey:
        now = rows.now()
        until = now + good_for if good_for else None
        key = ApiKey(str(uuid4()), name, role, collection, now, until, None, None)
        row = insert(api_keys).values(
            id=key.id,
            name=name,
            secret_hash=secret_hash,
            role=role.value,
            collection_id=collection,
            created_at=now,
            expires_at=until,
        )
        try:
            with begin(self._engine, writes=True) as connection:
                connection.execute(row)
                note(connection, "key.add", collection, key=key.id, role=role.value)
        except IntegrityError:
            raise CollectionNotFound("There is no such collection.") from None
        return key

    def revoke(self, key_id: str) -> ApiKey:
        """Raises: KeyNotFound."""
        this = api_keys.c.id == key_id
        with begin(self._engine, writes=True) as connection:
            still = this, api_keys.c.revoked_at.is_(None)
            revoked = update(api_keys).where(*still).values(revoked_at=rows.now())
            if connection.execute(revoked).rowcount:
                note(connection, "key.revoke", key=key_id)
            found = connection.execute(select(api_keys).where(this)).first()
        if found is None:
            raise KeyNotFound("There is no API key of this id.")
        return _key(found)

    def shown(self, secret_hash: str) -> Shown | None:
        """What there is behind it; that it was used is noted."""
        found = fetched(self._engine, KEY, [secret_hash])
        if not found:
            return None
        ((key_id, role, collection, expires_at, revoked_at, used_at),) = found
        now = rows.now()
        expired = expires_at is not None and now >= moment(expires_at)
        if not expired and not revoked_at and (not used_at or now >= moment(used_at) + NOTED):
            self._note(key_id, now)
        return Shown(key_id, Role(role), collection, expired, revoked_at is not None)

    def _note(self, key_id: str, now: datetime) -> None:
        before = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at <= now - NOTED)
        this = api_keys.c.id == key_id, before
        # On a disk that is full or read-only people are let in all the same.
        with suppress(DatabaseUnavailable), begin(self._engine, writes=True) as connection:
            connection.execute(update(api_keys).where(*this).values(used_at=now))


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        collection=row.collection_id,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )
