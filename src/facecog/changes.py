"""Changing what is registered, and taking it back."""

from __future__ import annotations

from datetime import timedelta

from facecog.audit import Audit
from facecog.domain import Change, Sample, Subject
from facecog.names import clean_name
from facecog.store import MAX_PAGE, Page, Store


class Changes:
    """Each change can be undone for a while (`FACECOG_UNDO_HOURS`), and erased before that.

    Where nothing is kept a change is final: then None takes its place.
    """

    def __init__(self, store: Store) -> None:
        self._journal, self._audit = store.journal, Audit(store)
        self._log = store.audit

    @property
    def hours(self) -> int:
        """For how long changes can be undone; 0: not at all."""
        return int(self._journal.kept_for / timedelta(hours=1))

    def rename(self, subject_id: str, name: str) -> tuple[Subject, Change | None]:
        """Give a person another name; None also where it is the name already.

        Raises:
            InvalidName, SubjectNotFound, NameTaken.
        """
        return self._journal.rename(subject_id, clean_name(name))

    def move(self, sample_id: str, subject_id: str) -> tuple[Sample, Subject, Change | None]:
        """Make a sample another person's.

        Returns:
            the sample, or the one by which the person had this photo already; the person; the
            change, None also where the sample was that person's already.

        Raises:
            SampleNotFound, SubjectNotFound.
        """
        return self._journal.move(sample_id, subject_id)

    def move_to_name(self, sample_id: str, name: str) -> tuple[Sample, Subject, Change | None]:
        """The same by name; the person is made where the name is new.

        Raises:
            InvalidName, SampleNotFound.
        """
        return self._journal.move(sample_id, name=clean_name(name))

    def merge(self, subject_id: str, into: str) -> tuple[Subject, Change | None]:
        """Give all samples of a person to another and forget the person; the other is returned.

        Raises:
            SubjectNotFound; InvalidInput: the two are one.
        """
        return self._journal.merge(subject_id, into)

    def remove(self, sample_id: str, forever: bool = False) -> Change | None:
        """Forget one sample; its person stays.

        Args:
            forever: keep nothing of it, nor what earlier changes keep.

        Raises:
            SampleNotFound.
        """
        return self._journal.remove(sample_id, forever)

    def delete(self, subject_id: str, forever: bool = False) -> Change | None:
        """Forget a person with all samples, templates and crops.

        Args:
            forever: keep nothing of the person, nor what earlier changes keep.

        Raises:
            SubjectNotFound.
        """
        return self._journal.delete(subject_id, forever)

    def undo(self, change_id: str) -> tuple[Change, Subject]:
        """Take a change back; the person it happened to is returned too.

        Raises:
            ChangeNotFound, CannotUndo.
        """
        return self._journal.undo(change_id)

    def listed(self, limit: int = 100, cursor: str | None = None) -> Page[Change]:
        """What was done, newest first, for as long as it can be undone. Raises: InvalidCursor."""
        found = self._journal.changes(min(limit, MAX_PAGE), cursor)
        self._audit.viewed("changes", shown=len(found.items))
        return found

    def erase(self, change_id: str) -> None:
        """Forget for good what a change keeps. Raises: ChangeNotFound."""
        self._journal.erase(change_id)

    def erase_all(self) -> None:
        """Forget for good what all changes keep."""
        self._journal.erase_all()

    def tidy(self) -> None:
        """Forget what is past: what changes keep, lines of the audit. Cheap where nothing is."""
        self._journal.purge()
        self._log.purge()
