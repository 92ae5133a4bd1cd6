"""Asking people first: what they agreed to, and taking it back."""

from __future__ import annotations

from facecog.domain import Agreed, Consent, ConsentPolicy, Receipt
from facecog.erasure import Erasure
from facecog.errors import InvalidConsent
from facecog.store import Store

LONGEST, LONGEST_PURPOSE = 200, 500  # characters


class Consents:
    """Of the people of one collection."""

    def __init__(self, store: Store, erasure: Erasure) -> None:
        self._store, self._erasure = store, erasure

    def policy(self) -> ConsentPolicy:
        return self._store.consents.policy()

    def set_policy(self, policy: ConsentPolicy) -> ConsentPolicy:
        """Who is here already stays; their next photo needs consent. Raises: InvalidConsent."""
        cleaned = ConsentPolicy(
            policy.required,
            _words("The text's version", policy.text_version, LONGEST, policy.required),
            _words("The purpose", policy.purpose, LONGEST_PURPOSE, policy.required),
        )
        self._store.consents.set_policy(cleaned)
        return cleaned

    def of(self, subject_id: str) -> list[Consent]:
        """All that a person ever gave, the oldest first. Raises: SubjectNotFound."""
        return self._store.consents.of(subject_id)

    def give(self, subject_id: str, agreed: Agreed) -> list[Consent]:
        """Raises: SubjectNotFound, InvalidConsent."""
        self._store.consents.give(subject_id, checked(agreed))
        return self.of(subject_id)

    def withdraw(self, subject_id: str) -> Receipt | None:
        """Take back a person's consent. Where it is required the person is erased: what they were
        kept for is over (GDPR, articles 7 and 17); elsewhere it is only noted, and None returned.

        Raises:
            SubjectNotFound, ConsentNotFound.
        """
        self._store.consents.withdraw(subject_id)
        return self._erasure.erase(subject_id) if self.policy().required else None


def checked(agreed: Agreed) -> Agreed:
    """Raises: InvalidConsent."""
    return Agreed(
        _words("The text's version", agreed.text_version, LONGEST, needed=True),
        _words("How it was given", agreed.how, LONGEST, needed=True),
    )


def _words(what: str, text: str, longest: int, needed: bool) -> str:
    cleaned = " ".join(text.split())
    if (needed and not cleaned) or len(cleaned) > longest or not cleaned.isprintable():
        raise InvalidConsent(f"{what} is a text of 1 to {longest} characters.")
    return cleaned
