"""The Store: every query that facecog makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import Connection, Engine, func, insert, literal, select, tuple_, update

from facecog.domain import Agreed, Candidate, GalleryPart, Sample, Subject, Template, Totals
from facecog.errors import (
    CropLost,
    DatabaseUnavailable,
    FacecogError,
    InvalidSort,
    SubjectNotFound,
)
from facecog.names import name_key
from facecog.store import rows, tables, wiping
from facecog.store.accounts import AccountRows
from facecog.store.audit import Keeping, note
from facecog.store.auditing import AuditLog
from facecog.store.backup import BackedUp, backup
from facecog.store.changes import UNDO
from facecog.store.checking import Finding, Readable, check
from facecog.store.collections import Collections
from facecog.store.consents import Consents, refuse_without
from facecog.store.consents import keep as keep_consent
from facecog.store.crops import Crops, FolderCrops, TableCrops, of_crop
from facecog.store.database import look_at, migrate, server_engine, sqlite_engine
from facecog.store.encrypting import Told, encrypt
from facecog.store.erasing import kept_ids
from facecog.store.gallery import gallery_part
from facecog.store.journal import Journal
from facecog.store.keys import KeyRows
from facecog.store.landing import land
from facecog.store.mending import mend
from facecog.store.orders import ORDERS, listed
from facecog.store.paging import Page, moment_cursor, page
from facecog.store.presence import be_there, be_there_on_server
from facecog.store.retention import Retention, Seen
from facecog.store.sealed_names import SealedNames
from facecog.store.sealing import Sealer
from facecog.store.tables import collections, samples, subjects, templates
from facecog.store.trail import AuditTrail
from facecog.store.transactions import begin, fetched, hold, leave, write
from facecog.store.unlocking import refuse_wrong_key, rotate, unlocked


class Store:
    """Subjects of one collection, their samples and templates.

    Safe to call from several threads and processes. It opens with the default collection, and what
    is said of galleries and revisions is of all.

    Each write is one transaction, which also moves the revision; on SQLite it holds the database's
    write lock from the start, on PostgreSQL the revision's row, so writers follow one another.
    """

    def __init__(
        self,
        engine: Engine,
        crops: Crops,
        undo: timedelta = UNDO,
        key: bytes | None = None,
        keeping: Keeping = Keeping(),  # noqa: B008  it is frozen
    ) -> None:
        """
        Args:
            undo: for how long changes can be undone; zero: nothing is kept.
            key: what the home is encrypted with, 32 bytes; None where it is not.
            keeping: what the audit records.

        Raises:
            DatabaseUnavailable, LegacyHome, KeyMissing, KeyWrong, NotEncrypted.
        """
        self._engine, self._crops = engine, crops
        self.collections = Collections(engine)
        self.accounts, self.keys = AccountRows(engine), KeyRows(engine)
        try:
            migrate(engine, partial(refuse_wrong_key, key=key))
            self._sealing = unlocked(engine, key)
            # So that each of its connections knows it.
            engine.update_execution_options(sealing=self._sealing)
            crops.sealed = self._sealing.sealed
            self.collection = self.collections.named(rows.DEFAULT_COLLECTION).id
            self._default = self.collection
            # Read now, and not within somebody's transaction.
            keeping = replace(keeping, key=self.secret_for("audit") or keeping.key)
            keeping.of(engine)
            self.trail, self.audit = AuditTrail(engine, keeping), AuditLog(engine, keeping.days)
            self.journal = Journal(engine, crops, self.collection, undo)
            self._sealed_names = SealedNames(self._sealing, self.collection)
            self.consents = Consents(engine, self.collection)
            self.retention = Retention(engine, self.collection)
            self.seen = Seen(engine)
            self.journal.purge()
            self._swept = self.sweep()
            self.audit.purge()
        except FacecogError:
            engine.dispose()
            raise

    @classmethod
    def on_sqlite(
        cls,
        home: Path,
        undo: timedelta = UNDO,
        key: bytes | None = None,
        keeping: Keeping = Keeping(),  # noqa: B008
    ) -> Store:
        """`faces.db` and `dataset/` in a folder, which is made where it is missing."""
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            engine, dataset = sqlite_engine(home / "faces.db"), home / "dataset"
            with ExitStack() as failed:
                failed.callback(engine.dispose)
                look_at(engine)
                be_there(engine, home)
                land(engine, dataset)
                store = cls(engine, FolderCrops(dataset), undo, key, keeping)
                failed.pop_all()
            return store
        except OSError as error:
            raise DatabaseUnavailable(f"{home} cannot be used: {error.strerror}.") from error

    @classmethod
    def on_server(
        cls,
        url: str,
        undo: timedelta = UNDO,
        key: bytes | None = None,
        keeping: Keeping = Keeping(),  # noqa: B008
    ) -> Store:
        """A PostgreSQL database, crops included."""
        engine = server_engine(url)
        be_there_on_server(engine)
        return cls(engine, TableCrops(engine), undo, key, keeping)

    def within(self, collection: str) -> Store:
        """The same store, but of the subjects of one collection, by its id, and of no others."""
        there = copy(self)
        there.collection = collection
        there.journal = self.journal.within(collection)
        there._sealed_names = self._sealed_names.within(collection)
        there.consents = Consents(self._engine, collection)
        there.retention = Retention(self._engine, collection)
        return there

    @property
    def kind(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    @property
    def sealed(self) -> bool:
        """Whether the home is encrypted."""
        return self._sealing.sealed

    def secret_for(self, purpose: str) -> bytes | None:
        """32 bytes that whoever lacks the key cannot know; None where nothing is encrypted."""
        return self._sealing.secret(self._default, purpose)

    def close(self) -> None:
        self.trail.close()
        self._engine.dispose()

    @property
    def _sealer(self) -> Sealer:
        return self._sealing.of(self.collection)

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
        agreed: Agreed | None = None,
    ) -> tuple[Subject, Sample, bool]:
        """Keep a sample under a name; the subject is made when the name is new.

        Args:
            accept: called for a photo that is new, while no other writer can come between; what it
                raises ends the writing, and nothing is kept.
            agreed: the consent that came with the photo.

        Raises:
            ConsentNeeded.

        Returns:
            the subject, the sample, and False when this photo was already one of the subject's.
        """
        self.journal.purge()
        sample_id, sealer = str(uuid4()), self._sealer
        photo = rows.stored_photo(photo_sha256, sealer)
        with ExitStack() as failed:
            failed.callback(self._crops.drop, [sample_id])
            with write(self._engine) as (connection, revision):
                subject_id = rows.subject_named(connection, self.collection, name)
                known = subject_id and rows.sample_of_photo(connection, subject_id, photo, sealer)
                if subject_id and known:
                    subject = rows.subject_of(connection, self.collection, subject_id)
                    if rows.insert_template(connection, known, template, revision, sealer):
                        self._note(connection, "enrol", subject_id, sample=known.id)
                    else:
                        leave(connection)
                    return subject, known, False
                refuse_without(connection, self.collection, subject_id, agreed)
                accept()
                subject_id = subject_id or rows.new_subject(connection, self.collection, name)
                keep_consent(connection, self.collection, subject_id, agreed)
                sample = Sample(sample_id, subject_id, rows.now(), origin, quality)
                rows.insert_sample(connection, sample, photo, sealer)
                rows.insert_template(connection, sample, template, revision, sealer)
                self._crops.put(connection, sample.id, sealer.seal(crop, *of_crop(sample.id)))
                subject = rows.subject_of(connection, self.collection, subject_id)
                self._note(connection, "enrol", subject_id, sample=sample_id)
            failed.pop_all()
        return subject, sample, True

    def set_fpir(self, fpir: float | None) -> None:
        """Promise a false-positive identification rate; None takes the setting's."""
        with write(self._engine) as (connection, _):
            here = collections.c.id == self.collection
            connection.execute(update(collections).where(here).values(fpir=fpir))
            self._note(connection, "promise", fpir=fpir)

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
            note(connection, "calibration.add", model=model)

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
            note(connection, "calibration.retire", model=model)
            return True

    def sweep(self) -> int:
        """Remove the crops of no sample, live or kept, left by a process that was killed.

        While nobody writes, so that no crop is taken for an orphan before its row is committed.
        """
        with hold(self._engine) as connection:
            live = connection.execute(select(rows.joined(samples.c.id, " "))).scalar_one()
            return self._crops.sweep(connection, {*live.split(), *kept_ids(connection)})

    # -- keeping it safe ----------------------------------------------------------------------

    def backup(self, file: Path, told: Told = lambda _: None) -> BackedUp:
        """Write all that is stored to one file, while others go on.

        Args:
            told: called with how many crops more are in it.

        Raises:
            InvalidBackup, CropMissing, StorageUnavailable.
        """
        self.audit.note("backup")
        return backup(self._engine, self._crops, file, self.secret_for("backup"), told)

    def check(
        self, model: str | None, readable: Readable, told: Told = lambda _: None
    ) -> list[Finding]:
        """What does not fit together, and what is only to be known.

        Args:
            model: the one in use, or None.
            readable: raises a FacecogError for bytes that are no picture.
            told: called with how many crops more were looked at.
        """
        found = check(self._engine, self._crops, model, readable, told)
        if self.audit.check().fault:
            found.insert(0, Finding("audit_broken", (), 1))
        return [*found, Finding("crop_orphaned", (), self._swept)] if self._swept else found

    def mend(self, findings: list[Finding]) -> None:
        """Do what can be done of each."""
        mend(self._engine, findings)
        self.sweep()

    # -- encryption ---------------------------------------------------------------------------

    def encrypt(self, key: bytes, told: Told = lambda _: None) -> None:
        """Encrypt what is not; close this store then, and open the home with the key."""
        encrypt(self._engine, self._crops, key, told)

    def rotate(self, old: bytes, new: bytes) -> int:
        """Wrap the keys of all collections anew; how many there are. Raises: KeyWrong."""
        return rotate(self._engine, old, new)

    def wipe(self) -> bool:
        """Leave nothing in any file of what was erased; False where that is done already.

        Raises:
            DatabaseUnavailable, StorageUnavailable: not yet.
        """
        erasures = wiping.due(self._engine)
        if erasures:
            self.sweep()  # crops that could not be removed at their time
            wiping.wipe(self._engine, erasures)
        return bool(erasures)

    def _note(
        self, connection: Connection, action: str, subject_id: str | None = None, **details: Any
    ) -> None:
        note(connection, action, self.collection, subject_id, **details)

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
        search = name_key(search).replace("\0", "")  # PostgreSQL takes no NUL
        to_item = partial(rows.to_subject, sealer=self._sealer)
        with begin(self._engine) as connection:
            if self.sealed and (search or sort == "name"):
                found = self._sealed_names.listed(connection, limit, cursor, search, sort)
            else:
                found = listed(connection, self.collection, limit, cursor, search, sort)
        return page(found.rows, limit, to_item, sort, found.position, found.total)

    def names(self, subject_ids: Sequence[str]) -> dict[str, str]:
        """The names of subjects by id; those that are gone are left out."""
        asked = tuple(set(subject_ids))
        if not asked:
            return {}
        found = fetched(self._engine, "SELECT id, name FROM subjects WHERE id IN", asked)
        sealer = self._sealer
        return {one: sealer.open_text(name, "subjects", "name", one) for one, name in found}

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
        to_item = partial(rows.to_sample, sealer=self._sealer)
        return page(found, limit, to_item, "samples", rows.by_date)

    def crop(self, sample_id: str) -> bytes:
        """The JPEG of a sample. Raises: SampleNotFound, CropLost, StorageUnavailable."""
        with begin(self._engine) as connection:
            rows.sample_of(connection, self.collection, sample_id)
            stored = self._crops.get(connection, sample_id)
        if stored is None:
            raise CropLost("The picture of this sample is gone.")
        return self._sealer.open(stored, *of_crop(sample_id))

    def kept_crop(self, sample_id: str) -> bytes:
        """The JPEG of a sample, also of one that was removed and can be brought back.

        Raises:
            CropLost.
        """
        with begin(self._engine) as connection:
            stored = self._crops.get(connection, sample_id)
        if stored is None:
            raise CropLost("The picture of this sample is gone.")
        return self._sealer.open(stored, *of_crop(sample_id))

    def templates(self, sample_id: str) -> list[Template]:
        """A sample's, of each model that made one."""
        query = select(templates, samples.c.subject_id).join(samples)
        this = templates.c.sample_id == sample_id
        with begin(self._engine) as connection:
            found = connection.execute(query.where(this).order_by(templates.c.model)).all()
        made = []
        for row in found:
            where = rows.of_template(sample_id, row.subject_id, row.model)
            vector = self._sealer.open(row.vector, *where)
            made.append(Template(np.frombuffer(vector, "<f4"), row.model))
        return made

    def seen_at(self, subject_id: str) -> datetime | None:
        """The day on which a subject was last recognised, where that is noted."""
        with begin(self._engine) as connection:
            query = select(subjects.c.seen_at).where(subjects.c.id == subject_id)
            return connection.execute(query).scalar_one_or_none()

    def record_of(self, subject_id: str) -> list[dict[str, Any]]:
        """What the audit says of a subject, the oldest first."""
        table = tables.audit
        said = (table.c.at, table.c.action, table.c.actor, table.c.details)
        query = select(*said).where(table.c.subject_id == subject_id).order_by(table.c.number)
        with begin(self._engine) as connection:
            found = connection.execute(query)
            return [{**row._mapping, "details": json.loads(row.details)} for row in found]

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
