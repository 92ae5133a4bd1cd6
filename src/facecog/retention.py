"""For how long people are kept; who is due is erased."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from facecog.audit import Audit
from facecog.domain import Due, Receipt, RetentionPolicy, Subject
from facecog.erasure import Erasure
from facecog.errors import InvalidRetention, SubjectNotFound
from facecog.store import Store

LONGEST = 36_500  # days
AT_ONCE = 500  # that are looked up; each is erased by itself


class Retention:
    """Of the people of one collection."""

    def __init__(self, store: Store, erasure: Erasure) -> None:
        self._store, self._erasure, self._audit = store, erasure, Audit(store)

    def policy(self) -> RetentionPolicy:
        return self._store.retention.policy()

    def set_policy(self, policy: RetentionPolicy) -> RetentionPolicy:
        """Who is due by it is erased with the next `run`. Raises: InvalidRetention."""
        _check(policy)
        self._store.retention.set_policy(policy)
        return policy

    def set_expiry(self, subject_id: str, at: datetime | None) -> None:
        """When a person is erased; None: by no date of their own. Raises: SubjectNotFound."""
        self._store.retention.set_expiry(subject_id, at)

    def ends(self, subject: Subject) -> datetime | None:
        """When a person is erased at the latest, however often they are recognised."""
        days = self.policy().keep_days
        kept = None if days is None else subject.created_at + timedelta(days=days)
        return min((end for end in (kept, subject.expires_at) if end), default=None)

    def due(self, would_be: RetentionPolicy | None = None) -> list[Due]:
        """Who would be erased now, the oldest first, AT_ONCE at most.

        Args:
            would_be: a policy that is not set yet, if it were.

        Raises:
            InvalidRetention.
        """
        _check(would_be or RetentionPolicy())
        self._store.seen.flush()
        return self._store.retention.due(AT_ONCE, would_be)

    def names(self, due: list[Due]) -> dict[str, str]:
        """Whom these are, by id."""
        self._audit.viewed("people", shown=len(due), searched=False)
        return self._store.names([one.subject_id for one in due])

    def run(self) -> Iterator[tuple[Due, Receipt]]:
        """Erase who is due, one after the other."""
        while some := self.due():
            for one in some:
                try:
                    yield one, self._erasure.erase(one.subject_id)
                except SubjectNotFound:  # somebody else was faster
                    continue

    def note_seen(self, subject_ids: list[str]) -> None:
        """Say that people were recognised; it is written down with the next `flush`."""
        self._store.seen.note(subject_ids)

    def flush(self) -> None:
        """Raises: DatabaseUnavailable."""
        self._store.seen.flush()


def _check(policy: RetentionPolicy) -> None:
    for days in (policy.keep_days, policy.unseen_days):
        if days is not None and not 1 <= days <= LONGEST:
            raise InvalidRetention(f"People are kept for 1 to {LONGEST:,} days, or for good.")
