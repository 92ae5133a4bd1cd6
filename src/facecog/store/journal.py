"""What is done to subjects and their samples once they are there, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from facecog.domain import Change, Kind, Sample, Subject
from facecog.errors import (
    InvalidInput,
    NameTaken,
    SampleNotFound,
    StorageUnavailable,
    SubjectNotFound,
)
from facecog.store import erasing, rows
from facecog.store.audit import note
from facecog.store.changes import Changes
from facecog.store.consents import refuse_without
from facecog.store.erasing import Erased
from facecog.store.kept import Kept, give_samples, subject_row, take_samples
from facecog.store.tables import samples, subjects
from facecog.store.transactions import leave


class Journal(Changes):
    """Each change is one transaction, together with what undo needs; crops stay where they are.

    Where nothing is to be kept a change is final, and None takes its place.
    """

    def within(self, collection: str) -> Journal:
        return Journal(self._engine, self._crops, collection, self._undo)

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
            return renamed, to.keep(Kind.RENAMED, kept, subject, renamed)

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
            change = to.keep(Kind.MOVED, kept, source, target, 1)
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
            change = to.keep(Kind.MERGED, kept, source, target, source.samples)
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
            return to.keep(Kind.REMOVED, kept, subject, None, 1, forever)

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
            return to.keep(Kind.DELETED, kept, subject, None, subject.samples)

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
