"""The changes that are kept: undone, listed, and forgotten when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Engine, exists, literal, or_, select, tuple_, update

from facecog.domain import Change, Subject
from facecog.errors import ChangeNotFound
from facecog.store import erasing, removals, rows, tables
from facecog.store.audit import note
from facecog.store.crops import Crops
from facecog.store.kept import change_query, kept_of, numbered, to_change
from facecog.store.paging import Page, moment_cursor, page
from facecog.store.tables import changes
from facecog.store.transactions import begin, write
from facecog.store.undoing import undo
from facecog.store.writing import Writing, mark

UNDO = timedelta(hours=24)


class Changes:
    """Of the subjects of one collection."""

    def __init__(
        self, engine: Engine, crops: Crops, collection: str, undo: timedelta = UNDO
    ) -> None:
        """
        Args:
            collection: id of the one whose subjects can be changed.
            undo: for how long changes can be undone; zero: nothing is kept.
        """
        self._engine, self._crops = engine, crops
        self._collection, self._undo = collection, undo

    @property
    def kept_for(self) -> timedelta:
        """For how long changes can be undone; zero: not at all."""
        return self._undo

    def undo(self, change_id: str) -> tuple[Change, Subject]:
        """Take a change back: all of it, or nothing where it cannot be.

        Returns:
            the change and the subject that it happened to.

        Raises:
            ChangeNotFound, CannotUndo.
        """
        with self._write() as to:
            row = to.connection.execute(change_query(kept=True).where(self._is(change_id))).first()
            if row is None:
                raise ChangeNotFound("This change is past, or there never was one with this id.")
            change = to_change(row, to.sealer)
            undo(to.connection, to.collection, to.revision, change, kept_of(row.kept))
            to.connection.execute(
                update(changes).where(self._is(change_id)).values(undone_at=rows.now(), kept=None)
            )
            undone = to.connection.execute(change_query().where(self._is(change_id))).one()
            subject = rows.subject_of(to.connection, to.collection, row.subject_id)
            note(to.connection, "undo", to.collection, row.subject_id, change=change_id)
            return to_change(undone, to.sealer), subject

    def changes(self, limit: int, cursor: str | None = None) -> Page[Change]:
        """Those that are not past, newest first. Raises: InvalidCursor."""
        self.purge()
        query = (
            change_query()
            .where(changes.c.until > rows.now(), self._here())
            .order_by(changes.c.at.desc(), changes.c.id.desc())
            .limit(limit + 1)
        )
        if cursor:
            at, last = moment_cursor(cursor, "changes")
            query = query.where(
                tuple_(changes.c.at, changes.c.id)
                < tuple_(literal(at, tables.UtcDateTime), literal(last))
            )
        with begin(self._engine) as connection:
            found = connection.execute(query).all()
            to_item = partial(to_change, sealer=rows.sealer_of(connection, self._collection))
        return page(found, limit, to_item, "changes", lambda row: (row.at.isoformat(), row.id))

    def about(self, subject_id: str) -> list[Change]:
        """Those that happened to a subject, the oldest first."""
        query = change_query().where(changes.c.subject_id == subject_id, self._here())
        with begin(self._engine) as connection:
            sealer = rows.sealer_of(connection, self._collection)
            found = connection.execute(query.order_by(changes.c.at))
            return [to_change(row, sealer) for row in found]

    def kept_of(self, subject_id: str) -> Iterator[dict[str, Any]]:
        """The samples that a subject's changes keep, with their templates as numbers."""
        query = select(changes.c.kept).where(changes.c.subject_id == subject_id, self._here())
        with begin(self._engine) as connection:
            found = connection.execute(query.order_by(changes.c.at)).scalars().all()
            sealer = rows.sealer_of(connection, self._collection)
        for kept in found:
            yield from numbered(kept_of(kept).taken, sealer)

    def erase(self, change_id: str) -> None:
        """Forget a change and all it keeps, for good. Raises: ChangeNotFound."""
        with self._write() as to:
            to.erased.add(erasing.erase(to.connection, self._is(change_id)))
            if not to.erased.changes:
                raise ChangeNotFound("This change is past, or there never was one with this id.")
            note(to.connection, "change.erase", to.collection, change=change_id)

    def erase_all(self) -> None:
        """Forget all changes and all they keep, for good."""
        with self._write() as to:
            to.erased.add(erasing.erase(to.connection, self._here()))
            note(to.connection, "change.erase", to.collection, samples=len(to.erased.samples))

    def purge(self) -> None:
        """Forget the changes that are past, and all they keep; one look where there are none."""
        past = changes.c.until <= rows.now()
        any_past = or_(exists().where(past), exists().where(removals.past()))
        with begin(self._engine) as connection:
            if not connection.execute(select(any_past)).scalar_one():
                return
        with begin(self._engine, writes=True) as connection:
            erased = erasing.erase(connection, past)
            mark(connection, erased)
            removals.purge(connection)
            if erased.changes:
                note(connection, "change.expire", samples=len(erased.samples))
        self._crops.drop(erased.samples)

    @contextmanager
    def _write(self) -> Iterator[Writing]:
        with self._transaction() as to:
            yield to
        self._crops.drop(to.erased.samples)

    @contextmanager
    def _transaction(self) -> Iterator[Writing]:
        self.purge()
        with write(self._engine) as (connection, revision):
            to = Writing(connection, self._collection, revision, self._undo)
            yield to
            mark(connection, to.erased)

    def _is(self, change_id: str) -> ColumnElement[bool]:
        return (changes.c.id == change_id) & self._here() & (changes.c.until > rows.now())

    def _here(self) -> ColumnElement[bool]:
        return changes.c.collection_id == self._collection
