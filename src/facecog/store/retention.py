"""For how long subjects are kept, and who is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    exists,
    false,
    or_,
    select,
    update,
)

from facecog.domain import Due, RetentionPolicy
from facecog.errors import DatabaseUnavailable, SubjectNotFound
from facecog.store import rows
from facecog.store.audit import note
from facecog.store.tables import collections, subjects
from facecog.store.transactions import begin, parts

DAY = timedelta(days=1)


class Retention:
    """Of one collection. A clock that was set back makes nobody due who was not before."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self._engine, self._collection = engine, collection

    def policy(self) -> RetentionPolicy:
        with begin(self._engine) as connection:
            return self._policy(connection)

    def set_policy(self, policy: RetentionPolicy) -> None:
        """Days in which nobody was noted as seen do not count: they begin when they are set."""
        here = subjects.c.collection_id == self._collection
        with begin(self._engine, writes=True) as connection:
            before = self._policy(connection)
            connection.execute(
                update(collections)
                .where(collections.c.id == self._collection)
                .values(keep_days=policy.keep_days, unseen_days=policy.unseen_days)
            )
            if (before.unseen_days is None) != (policy.unseen_days is None):
                seen = None if policy.unseen_days is None else today()
                connection.execute(update(subjects).where(here).values(seen_at=seen))
            note(
                connection,
                "retention.policy",
                self._collection,
                keep_days=policy.keep_days,
                unseen_days=policy.unseen_days,
            )

    def set_expiry(self, subject_id: str, at: datetime | None) -> None:
        """Raises: SubjectNotFound."""
        this = and_(subjects.c.id == subject_id, subjects.c.collection_id == self._collection)
        with begin(self._engine, writes=True) as connection:
            set_ = update(subjects).where(this).values(expires_at=at)
            if not connection.execute(set_).rowcount:
                raise SubjectNotFound("There is nobody with this id.")
            end = at.isoformat() if at else None
            note(connection, "retention.expiry", self._collection, subject_id, at=end)

    def due(self, limit: int, would_be: RetentionPolicy | None = None) -> list[Due]:
        """Who is to be erased by now, the oldest first; `would_be`: if that were the policy."""
        with begin(self._engine) as connection:
            policy = self._policy(connection)
            if would_be:
                counted = policy.unseen_days is not None  # else the days begin when they are set
                policy = would_be if counted else replace(would_be, unseen_days=None)
            why = _reasons(policy, rows.now())
            query = (
                select(subjects.c.id, *(one.label(name) for name, one in why.items()))
                .where(subjects.c.collection_id == self._collection, or_(*why.values()))
                .order_by(subjects.c.created_at, subjects.c.id)
                .limit(limit)
            )
            found = connection.execute(query).all()
        return [
            Due(row.id, next(name for name in why if getattr(row, name)))  # the first that holds
            for row in found
        ]

    def _policy(self, connection: Connection) -> RetentionPolicy:
        kept = collections.c.keep_days, collections.c.unseen_days
        row = rows.of_collection(connection, self._collection, *kept)
        return RetentionPolicy(row.keep_days, row.unseen_days)


def _reasons(policy: RetentionPolicy, now: datetime) -> dict[str, ColumnElement[bool]]:
    kept, seen = subjects.c.created_at, subjects.c.seen_at
    expired = and_(subjects.c.expires_at.is_not(None), subjects.c.expires_at <= now)
    too_long: ColumnElement[bool] = false()
    if policy.keep_days is not None:
        too_long = kept <= now - policy.keep_days * DAY
    unseen: ColumnElement[bool] = false()
    if policy.unseen_days is not None:
        since = now - policy.unseen_days * DAY
        # Seen on some day is seen until its end.
        unseen = and_(kept <= since, or_(seen.is_(None), seen <= since - DAY))
    return {"expired": expired, "kept_too_long": too_long, "unseen": unseen}


def today() -> datetime:
    return rows.now().replace(hour=0, minute=0, second=0, microsecond=0)


class Seen:
    """Who was recognised, and on which day; written down now and then, where it is asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._written: dict[str, datetime] = {}
        self._waiting: dict[str, datetime] = {}

    def note(self, subject_ids: list[str]) -> None:
        """In memory alone."""
        if not subject_ids:
            return
        day = today()
        with self._lock:
            self._waiting |= {one: day for one in subject_ids if self._written.get(one) != day}

    def flush(self) -> None:
        """Where somebody's last day counts, keep it. Raises: DatabaseUnavailable."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            with begin(self._engine, writes=True) as connection:
                for day in set(waiting.values()):
                    _write(connection, [one for one in waiting if waiting[one] == day], day)
        except DatabaseUnavailable:
            with self._lock:
                self._waiting = waiting | self._waiting
            raise
        with self._lock:
            last = max(waiting.values())
            known = {one: day for one, day in self._written.items() if day == last}
            self._written = known | waiting


def _write(connection: Connection, subject_ids: list[str], day: datetime) -> None:
    counts = exists().where(
        collections.c.id == subjects.c.collection_id, collections.c.unseen_days.is_not(None)
    )
    earlier = or_(subjects.c.seen_at.is_(None), subjects.c.seen_at < day)
    for some in parts(subject_ids):
        these = and_(subjects.c.id.in_(some), counts, earlier)
        connection.execute(update(subjects).where(these).values(seen_at=day))
