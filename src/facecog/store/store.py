"""The Store: every query that facecog makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Engine, func, insert, literal, select, tuple_, update

from facecog.domain import Candidate, GalleryPart, Sample, Subject, Template, Totals
from facecog.errors import (
    CropLost,
    DatabaseUnavailable,
    FacecogError,
    InvalidSort,
    SubjectNotFound,
)
from facecog.names import name_key
from facecog.store import rows, tables
from facecog.store.accounts import AccountRows
from facecog.store.collections import Collections
from facecog.store.crops import Crops, FolderCrops, TableCrops
from facecog.store.database import migrate, server_engine, sqlite_engine
from facecog.store.erasing import kept_ids
from facecog.store.gallery import gallery_part
from facecog.store.journal import UNDO, Journal
from facecog.store.keys import KeyRows
from facecog.store.orders import ORDERS
from facecog.store.paging import Page, moment_cursor, page
from facecog.store.tables import collections, samples, subjects, templates
from facecog.store.transactions import begin, fetched, hold, leave, write


class Store:
    """Subjects of one collection, their samples and templates.

    Safe to call from several threads and processes. It opens with the default collection, and what
    is said of galleries and revisions is of all.

    Each write is one transaction, which also moves the revision; on SQLite it holds the database's
    write lock from the start, on PostgreSQL the revision's row, so writers follow one another.
    """

    def __init__(self, engine: Engine, crops: Crops, undo: timedelta = UNDO) -> None:
        """
        Args:
            undo: for how long changes can be undone; zero: nothing is kept.
        """
        self._engine, self._crops = engine, crops
        self.collections = Collections(engine)
        self.accounts, self.keys = AccountRows(engine), KeyRows(engine)
        try:
            migrate(engine)
            self.collection = self.collections.named(rows.DEFAULT_COLLECTION).id
            self.journal = Journal(engine, crops, self.collection, undo)
            self.journal.purge()
            self.sweep()
        except FacecogError:
            engine.dispose()
            raise

    @classmethod
    def on_sqlite(cls, home: Path, undo: timedelta = UNDO) -> Store:
        """`faces.db` and `dataset/` in a folder, which is made where it is missing."""
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(sqlite_engine(home / "faces.db"), FolderCrops(home / "dataset"), undo)
        except OSError as error:
            raise DatabaseUnavailable(f"{home} cannot be used: {error.strerror}.") from error

    @classmethod
    def on_server(cls, url: str, undo: timedelta = UNDO) -> Store:
        """A PostgreSQL database, crops included."""
        engine = server_engine(url)
        return cls(engine, TableCrops(engine), undo)

    def within(self, collection: str) -> Store:
        """The same store, but of the subjects of one collection, by its id, and of no others."""
        there = copy(self)
        there.collection = collection
        there.journal = self.journal.within(collection)
        return there

    @property
    def kind(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    def close(self) -> None:
        self._engine.dispose()

    # -- writing ------------------------------------------------------------------------------

    def add_sample(
        self,
        name: str,
        template: Template,
        crop: bytes,
        photo_sha256: str,
        origin: str,
        quality: dict[str, float],
        accept: Callable[[], None] = lambda: None,
    ) -> tuple[Subject, Sample, bool]:
        """Keep a sample under a name; the subject is made when the name is new.

        Args:
            accept: called for a photo that is new, while no other writer can come between; what it
                raises ends the writing, and nothing is kept.

        Returns:
            the subject, the sample, and False when this photo was already one of the subject's.
        """
        self.journal.purge()
        sample_id = str(uuid4())
        with ExitStack() as failed:
            failed.callback(self._crops.drop, [sample_id])
            with write(self._engine) as (connection, revision):
                subject_id = rows.subject_named(connection, self.collection, name)
                known = subject_id and rows.sample_of_photo(connection, subject_id, photo_sha256)
                if subject_id and known:
                    subject = rows.subject_of(connection, self.collection, subject_id)
                    if not rows.insert_template(connection, known.id, template, revision):
                        leave(connection)
                    return subject, known, False
                accept()
                subject_id = subject_id or rows.new_subject(connection, self.collection, name)
                sample = Sample(sample_id, subject_id, rows.now(), origin, quality)
                rows.insert_sample(connection, sample, photo_sha256)
                rows.insert_template(connection, sample.id, template, revision)
                self._crops.put(connection, sample.id, crop)
                subject = rows.subject_of(connection, self.collection, subject_id)
            failed.pop_all()
        return subject, sample, True

    def set_fpir(self, fpir: float | None) -> None:
        """Promise a false-positive identification rate; None takes the setting's."""
        with write(self._engine) as (connection, _):
            here = collections.c.id == self.collection
            connection.execute(update(collections).where(here).values(fpir=fpir))

    def add_calibration(self, model: str, numbers: dict[str, Any]) -> None:
        """Put a calibration in force, as plain values."""
        newest = select(func.max(tables.calibrations.c.created_at))
        with write(self._engine) as (connection, _):
            before = connection.execute(newest).scalar_one() or rows.EARLIEST
            # It is the newest, also when the clock was set back since the last one.
            at = max(rows.now(), before + timedelta(microseconds=1))
            connection.execute(
                insert(tables.calibrations).values(
                    id=str(uuid4()), model=model, created_at=at, numbers=numbers
                )
            )

    def retire_calibration(self, model: str) -> bool:
        """Take back the calibration in force; False when there is none of the owner's own."""
        with write(self._engine) as (connection, _):
            newest = connection.execute(rows.calibrations_of(model)).first()
            if newest is None:
                return False
            connection.execute(
                update(tables.calibrations)
                .where(tables.calibrations.c.id == newest.id)
                .values(retired_at=rows.now())
            )
            return True

    def sweep(self) -> int:
        """Remove the crops of no sample, live or kept, left by a process that was killed.

        While nobody writes, so that no crop is taken for an orphan before its row is committed.
        """
        with hold(self._engine) as connection:
            live = connection.execute(select(rows.joined(samples.c.id, " "))).scalar_one()
            return self._crops.sweep(connection, {*live.split(), *kept_ids(connection)})

    # -- reading ------------------------------------------------------------------------------

    def subject(self, subject_id: str) -> Subject:
        """Raises: SubjectNotFound."""
        with begin(self._engine) as connection:
            return rows.subject_of(connection, self.collection, subject_id)

    def find_named(self, name: str) -> Subject | None:
        """The subject of a name, if there is one."""
        with begin(self._engine) as connection:
            subject_id = rows.subject_named(connection, self.collection, name)
            return rows.subject_of(connection, self.collection, subject_id) if subject_id else None

    def subject_named(self, name: str) -> Subject:
        """Raises: SubjectNotFound."""
        subject = self.find_named(name)
        if subject is None:
            raise SubjectNotFound("There is nobody of that name.")
        return subject

    def subjects(
        self, limit: int, cursor: str | None = None, search: str = "", sort: str = "name"
    ) -> Page[Subject]:
        """Subjects in an order of ORDERS, those whose name has `search` in it.

        Raises:
            InvalidCursor, InvalidSort.
        """
        if sort not in ORDERS:
            raise InvalidSort(f"People are listed by {', '.join(ORDERS)}.")
        order = ORDERS[sort]
        which: ColumnElement[bool] = subjects.c.collection_id == self.collection
        if search := name_key(search).replace("\0", ""):  # PostgreSQL takes no NUL
            which &= subjects.c.name_key.contains(search, autoescape=True)
        query = rows.subject_query().where(which).order_by(*order.by).limit(limit + 1)
        if cursor:
            query = query.where(order.after(cursor))
        count = select(func.count()).select_from(subjects).where(which)
        with begin(self._engine) as connection:
            found = connection.execute(query).all()
            total = connection.execute(count).scalar_one()
        return page(found, limit, rows.to_subject, sort, order.position, total)

    def names(self, subject_ids: Sequence[str]) -> dict[str, str]:
        """The names of subjects by id; those that are gone are left out."""
        asked = tuple(set(subject_ids))
        if not asked:
            return {}
        return dict(fetched(self._engine, "SELECT id, name FROM subjects WHERE id IN", asked))

    def named(self, found: list[list[Candidate]]) -> list[list[Candidate]]:
        """Candidates with their names. One who was deleted since the search is left out."""
        names = self.names([one.subject_id for candidates in found for one in candidates])
        return [
            [
                replace(one, name=names[one.subject_id])
                for one in candidates
                if one.subject_id in names
            ]
            for candidates in found
        ]

    def sample(self, sample_id: str) -> Sample:
        """Raises: SampleNotFound."""
        with begin(self._engine) as connection:
            return rows.sample_of(connection, self.collection, sample_id)

    def samples(self, subject_id: str, limit: int, cursor: str | None = None) -> Page[Sample]:
        """A subject's samples, oldest first. Raises: SubjectNotFound, InvalidCursor."""
        query = (
            select(samples)
            .where(samples.c.subject_id == subject_id)
            .order_by(samples.c.created_at, samples.c.id)
            .limit(limit + 1)
        )
        if cursor:
            since, last = moment_cursor(cursor, "samples")
            query = query.where(
                tuple_(samples.c.created_at, samples.c.id)
                > tuple_(literal(since, tables.UtcDateTime), literal(last))
            )
        with begin(self._engine) as connection:
            rows.subject_of(connection, self.collection, subject_id)
            found = connection.execute(query).all()
        return page(found, limit, rows.to_sample, "samples", rows.by_date)

    def crop(self, sample_id: str) -> bytes:
        """The JPEG of a sample. Raises: SampleNotFound, CropLost, StorageUnavailable."""
        with begin(self._engine) as connection:
            rows.sample_of(connection, self.collection, sample_id)
            jpeg = self._crops.get(connection, sample_id)
        if jpeg is None:
            raise CropLost("The picture of this sample is gone.")
        return jpeg

    def counts(self) -> tuple[int, int]:
        """How many subjects and samples there are."""
        people = select(func.count()).where(subjects.c.collection_id == self.collection)
        kept = select(func.count()).select_from(samples)
        with begin(self._engine) as connection:
            several = connection.execute(select(func.count()).select_from(collections))
            if several.scalar_one() > 1:  # to look up whose each sample is takes 20 times as long
                kept = kept.where(rows.in_collection(self.collection))
            return connection.execute(people).scalar_one(), connection.execute(kept).scalar_one()

    def totals(self, model: str) -> Totals:
        """What there is in all collections, and templates of one model."""
        of_model = templates.c.model == model
        counts = [
            select(func.count()).select_from(table).scalar_subquery()
            for table in (collections, subjects, samples)
        ]
        counts.append(select(func.count()).where(of_model).scalar_subquery())
        with begin(self._engine) as connection:
            return Totals(*connection.execute(select(*counts)).one())

    def fpir(self) -> float | None:
        """The promise; None when it is the setting's."""
        query = select(collections.c.fpir).where(collections.c.id == self.collection)
        with begin(self._engine) as connection:
            promised: float | None = connection.execute(query).scalar_one()
            return promised

    def calibration(self, model: str) -> dict[str, Any] | None:
        """The owner's own calibration in force, as plain values."""
        with begin(self._engine) as connection:
            newest = connection.execute(rows.calibrations_of(model)).first()
            return None if newest is None else dict(newest.numbers)

    def revision(self) -> int:
        """The number of writes so far."""
        ((value,),) = fetched(self._engine, "SELECT value FROM revision")
        return int(value)

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        """What an index needs, all of one moment.

        Args:
            after: only what came and went after this revision; all where that is not known any
                more.
        """
        with begin(self._engine) as connection:
            return gallery_part(connection, model, after)
