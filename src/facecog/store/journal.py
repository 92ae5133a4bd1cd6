"""What is done to subjects and their samples once they are there, and can be undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from facecog.domain import Change, Kind, Sample, Subject
from facecog.errors import (
    ChangeNotFound,
    InvalidInput,
    NameTaken,
    SampleNotFound,
    StorageUnavailable,
    SubjectNotFound,
)
from facecog.store import erasing, removals, rows, tables, wiping
from facecog.store.audit import note
from facecog.store.consents import refuse_without
from facecog.store.crops import Crops
from facecog.store.erasing import Erased
from facecog.store.kept import (
    Kept,
    change_query,
    give_samples,
    kept_of,
    numbered,
    stored_names,
    subject_row,
    take_samples,
    to_change,
)
from facecog.store.paging import Page, moment_cursor, page
from facecog.store.sealing import Sealer
from facecog.store.tables import changes, samples, subjects
from facecog.store.transactions import begin, leave, write
from facecog.store.undoing import undo

UNDO = timedelta(hours=24)
# As the audit names what was done.
ACTIONS = {
    Kind.RENAMED: "rename",
    Kind.MOVED: "move",
    Kind.MERGED: "merge",
    Kind.REMOVED: "remove",
    Kind.DELETED: "delete",
}


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction under way.

    Attributes:
        erased: what goes for good; the samples' crops once it is committed.
    """

    connection: Connection
    collection: str
    revision: int
    erased: Erased = field(default_factory=Erased)

    @property
    def sealer(self) -> Sealer:
        """How the values of its collection are stored."""
        return rows.sealer_of(self.connection, self.collection)


class Journal:
    """Each change is one transaction, together with what undo needs; crops stay where they are.

    Where nothing is to be kept a change is final, and None takes its place.
    """

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

    def within(self, collection: str) -> Journal:
        return Journal(self._engine, self._crops, collection, self._undo)

    @property
    def kept_for(self) -> timedelta:
        """For how long changes can be undone; zero: not at all."""
        return self._undo

    # -- changing -----------------------------------------------------------------------------

    def rename(self, subject_id: str, name: str) -> tuple[Subject, Change | None]:
        """Give a subject another name. Raises: SubjectNotFound, NameTaken."""
        with self._write() as to:
            subject = rows.subject_of(to.connection, to.collection, subject_id)
            if subject.name == name:
                leave(to.connection)
                return subject, None
            kept = Kept(subject_row(to.connection, subject_id))
            try:
                named = rows.stored_name(subject_id, name, to.sealer)
                this = subjects.c.id == subject_id
                to.connection.execute(update(subjects).where(this).values(named))
            except IntegrityError:
                raise NameTaken("Another person has this name already.") from None
            renamed = rows.subject_of(to.connection, to.collection, subject_id)
            return renamed, self._keep(to, Kind.RENAMED, kept, subject, renamed)

    def move(
        self, sample_id: str, subject_id: str | None = None, name: str = ""
    ) -> tuple[Sample, Subject, Change | None]:
        """Make a sample another subject's.

        Args:
            subject_id: whose it becomes. Without it that of `name`, who is made when new.

        Returns:
            the sample, or the one by which the subject had this photo already; and the subject.

        Raises:
            SampleNotFound, SubjectNotFound; ConsentNeeded: of somebody new.
        """
        with self._write() as to:
            sample, photo = rows.sample_and_photo(to.connection, to.collection, sample_id)
            source = rows.subject_of(to.connection, to.collection, sample.subject_id)
            target_id = subject_id or rows.subject_named(to.connection, to.collection, name)
            if target_id is None:
                refuse_without(to.connection, to.collection, None, None)
            kept = Kept(made=target_id is None)
            target_id = target_id or rows.new_subject(to.connection, to.collection, name)
            target = rows.subject_of(to.connection, to.collection, target_id)
            if target.id == source.id:
                leave(to.connection)
                return sample, target, None
            same = rows.sample_of_photo(to.connection, target.id, photo, to.sealer)
            if same:
                kept.taken = take_samples(to.connection, samples.c.id == sample_id, to.revision)
            else:
                kept.moved = [sample_id]
                give_samples(to.connection, kept.moved, target.id, to.revision, to.sealer)
            change = self._keep(to, Kind.MOVED, kept, source, target, 1)
            there = same or rows.sample_of(to.connection, to.collection, sample_id)
            return there, rows.subject_of(to.connection, to.collection, target.id), change

    def merge(self, subject_id: str, into: str) -> tuple[Subject, Change | None]:
        """Make all samples of a subject another's, and forget the subject.

        Photos that the other has too are taken away.

        Raises:
            SubjectNotFound; InvalidInput: the two are one.
        """
        if subject_id == into:
            raise InvalidInput("A person cannot be merged with themself.")
        with self._write() as to:
            source = rows.subject_of(to.connection, to.collection, subject_id)
            target = rows.subject_of(to.connection, to.collection, into)
            kept = Kept(subject_row(to.connection, source.id))
            of_source = samples.c.subject_id == source.id
            of_both = samples.c.photo_sha256.in_(
                select(samples.c.photo_sha256).where(samples.c.subject_id == target.id)
            )
            kept.taken = take_samples(to.connection, of_source & of_both, to.revision)
            rest = select(samples.c.id).where(of_source)
            kept.moved = list(to.connection.execute(rest).scalars())
            give_samples(to.connection, kept.moved, target.id, to.revision, to.sealer)
            to.connection.execute(delete(subjects).where(subjects.c.id == source.id))
            change = self._keep(to, Kind.MERGED, kept, source, target, source.samples)
            return rows.subject_of(to.connection, to.collection, target.id), change

    def remove(self, sample_id: str, forever: bool = False) -> Change | None:
        """Forget one sample; its subject stays.

        Args:
            forever: keep nothing, and erase what earlier changes keep of the sample.

        Raises:
            SampleNotFound.
        """
        with self._write() as to:
            if forever:
                to.erased.add(erasing.erase_sample(to.connection, to.collection, sample_id))
            this = (samples.c.id == sample_id) & rows.in_collection(to.collection)
            taken = take_samples(to.connection, this, to.revision)
            if not taken:
                if to.erased.samples:
                    note(to.connection, "remove", to.collection, sample=sample_id, forever=True)
                    return None
                raise SampleNotFound("There is no sample with this id.")
            subject = rows.subject_of(to.connection, to.collection, taken[0]["subject_id"])
            kept = Kept(taken=taken)
            return self._keep(to, Kind.REMOVED, kept, subject, None, 1, forever)

    def delete(self, subject_id: str, forever: bool = False) -> Change | None:
        """Forget a subject with all its samples.

        Args:
            forever: keep nothing, and erase what earlier changes keep of the subject.

        Raises:
            SubjectNotFound.
        """
        if forever:
            self.erase_subjects([subject_id])
            return None
        with self._write() as to:
            subject = rows.subject_of(to.connection, to.collection, subject_id)
            kept = Kept(subject_row(to.connection, subject_id))
            kept.taken = take_samples(
                to.connection, samples.c.subject_id == subject_id, to.revision
            )
            to.connection.execute(delete(subjects).where(subjects.c.id == subject_id))
            return self._keep(to, Kind.DELETED, kept, subject, None, subject.samples)

    def erase_subjects(self, subject_ids: Sequence[str]) -> tuple[list[Erased], bool]:
        """Forget subjects for good, with all that earlier changes keep of them.

        Returns:
            of each what went, and whether the crops did; otherwise the next `sweep` removes them.

        Raises:
            SubjectNotFound: then nothing is erased.
        """
        each: list[Erased] = []
        with self._transaction() as to:
            for one in subject_ids:
                erased = erasing.erase_subject(to.connection, to.collection, one, to.revision)
                if erased is None:
                    raise SubjectNotFound("There is nobody with this id.")
                each.append(erased)
                to.erased.add(erased)
            for one, erased in zip(subject_ids, each, strict=True):
                said = {"samples": len(erased.samples), "changes": erased.changes}
                note(to.connection, "erase", to.collection, one, **said)
        try:
            self._crops.drop(to.erased.samples)
        except StorageUnavailable:
            return each, False
        return each, True

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

    # -- the changes themselves ---------------------------------------------------------------

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
            _mark(connection, erased)
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
            to = Writing(connection, self._collection, revision)
            yield to
            _mark(connection, to.erased)

    def _keep(
        self,
        to: Writing,
        kind: Kind,
        kept: Kept,
        subject: Subject,
        other: Subject | None,
        of_samples: int = 0,
        forever: bool = False,
    ) -> Change | None:
        change_id, at = str(uuid4()), rows.now()
        final = forever or not self._undo
        self._note(to, kind, kept, subject, other, of_samples, None if final else change_id)
        if final:
            to.erased.take(kept.taken)
            to.erased.subjects += [subject.id] if kind is Kind.DELETED else []
            to.erased.changes += 1  # the one that is not kept
            return None
        to.connection.execute(
            insert(changes).values(
                id=change_id,
                collection_id=self._collection,
                kind=kind.value,
                at=at,
                until=at + self._undo,
                subject_id=subject.id,
                other_id=other and other.id,
                samples=of_samples,
                kept=kept.plain(),
                **stored_names(change_id, subject, other, to.sealer),
            )
        )
        row = to.connection.execute(change_query().where(self._is(change_id))).one()
        return to_change(row, to.sealer)

    def _note(
        self,
        to: Writing,
        kind: Kind,
        kept: Kept,
        subject: Subject,
        other: Subject | None,
        of_samples: int,
        change_id: str | None,
    ) -> None:
        """Into the audit; without a change to undo it with it is forever."""
        said: dict[str, Any] = {"change": change_id} if change_id else {"forever": True}
        if other and kind is not Kind.RENAMED:
            said["other"] = other.id
        if kind in (Kind.MOVED, Kind.REMOVED):
            (said["sample"],) = [*kept.moved, *kept.taken_ids()]
        elif of_samples:
            said["samples"] = of_samples
        note(to.connection, ACTIONS[kind], to.collection, subject.id, **said)

    def _is(self, change_id: str) -> ColumnElement[bool]:
        return (changes.c.id == change_id) & self._here() & (changes.c.until > rows.now())

    def _here(self) -> ColumnElement[bool]:
        return changes.c.collection_id == self._collection


def _mark(connection: Connection, erased: Erased) -> None:
    """Leave tombstones of what goes for good."""
    if erased.changes or erased.samples or erased.subjects:
        wiping.note(connection, [*erased.subjects, *erased.samples])
