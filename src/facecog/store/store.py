"""The Store: what is remembered, and kept safe. What is asked of it is in queries.py."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, select

from facecog.domain import Agreed, Sample, Subject, Template
from facecog.errors import DatabaseUnavailable, FacecogError
from facecog.store import rows, wiping
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
from facecog.store.journal import Journal
from facecog.store.keys import KeyRows
from facecog.store.landing import land
from facecog.store.mending import mend
from facecog.store.presence import be_there, be_there_on_server
from facecog.store.promises import Promises
from facecog.store.queries import Queries
from facecog.store.retention import Retention, Seen
from facecog.store.sealed_names import SealedNames
from facecog.store.tables import collections, samples
from facecog.store.trail import AuditTrail
from facecog.store.transactions import begin, hold, leave, write
from facecog.store.unlocking import refuse_wrong_key, rotate, unlocked


class Store(Queries):
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
            self.promises = Promises(engine, self.collection)
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
        there.promises = Promises(self._engine, collection)
        there.consents = Consents(self._engine, collection)
        there.retention = Retention(self._engine, collection)
        return there

    @property
    def kind(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    def secret_for(self, purpose: str) -> bytes | None:
        """32 bytes that whoever lacks the key cannot know; None where nothing is encrypted."""
        return self._sealing.secret(self._default, purpose)

    def refuse_gone(self) -> None:
        """Raises: CollectionGone. The default collection stays, so nothing is asked about it."""
        if self.collection != self._default:
            with begin(self._engine) as connection:
                rows.of_collection(connection, self.collection, collections.c.id)

    def close(self) -> None:
        self.trail.close()
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
