"""That people agreed, to what, how, and whether they took it back."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, select, update

from facecog.domain import Agreed, Consent, ConsentPolicy
from facecog.errors import ConsentNeeded, ConsentNotFound
from facecog.store import rows
from facecog.store.audit import note
from facecog.store.tables import collections, consents
from facecog.store.transactions import begin


class Consents:
    """Of the subjects of one collection."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self._engine, self._collection = engine, collection

    def policy(self) -> ConsentPolicy:
        with begin(self._engine) as connection:
            return policy_of(connection, self._collection)

    def set_policy(self, policy: ConsentPolicy) -> None:
        with begin(self._engine, writes=True) as connection:
            connection.execute(
                update(collections)
                .where(collections.c.id == self._collection)
                .values(
                    consent_required=policy.required,
                    consent_text=policy.text_version or None,
                    purpose=policy.purpose or None,
                )
            )
            note(connection, "consent.policy", self._collection, required=policy.required)

    def of(self, subject_id: str) -> list[Consent]:
        """All that a subject ever gave, the oldest first. Raises: SubjectNotFound."""
        query = select(consents).where(consents.c.subject_id == subject_id)
        with begin(self._engine) as connection:
            rows.subject_of(connection, self._collection, subject_id)
            found = connection.execute(query.order_by(consents.c.given_at, consents.c.id))
            return [Consent(**row._mapping) for row in found]

    def give(self, subject_id: str, agreed: Agreed) -> None:
        """Raises: SubjectNotFound."""
        with begin(self._engine, writes=True) as connection:
            rows.subject_of(connection, self._collection, subject_id)
            _give(connection, subject_id, agreed, policy_of(connection, self._collection).purpose)
            note(connection, "consent.give", self._collection, subject_id)

    def withdraw(self, subject_id: str) -> None:
        """All that are in force. Raises: SubjectNotFound, ConsentNotFound."""
        in_force = (consents.c.subject_id == subject_id) & consents.c.withdrawn_at.is_(None)
        with begin(self._engine, writes=True) as connection:
            rows.subject_of(connection, self._collection, subject_id)
            taken = update(consents).where(in_force).values(withdrawn_at=rows.now())
            if not connection.execute(taken).rowcount:
                raise ConsentNotFound("This person has given no consent that is in force.")
            note(connection, "consent.withdraw", self._collection, subject_id)


def policy_of(connection: Connection, collection: str) -> ConsentPolicy:
    """Raises: CollectionGone."""
    kept = collections.c.consent_required, collections.c.consent_text, collections.c.purpose
    row = rows.of_collection(connection, collection, *kept)
    return ConsentPolicy(row.consent_required, row.consent_text or "", row.purpose or "")


def refuse_without(
    connection: Connection, collection: str, subject_id: str | None, agreed: Agreed | None
) -> None:
    """Of somebody who is to be registered, who may be known already. Raises: ConsentNeeded."""
    policy = policy_of(connection, collection)
    if not policy.required or (agreed and agreed.text_version == policy.text_version):
        return
    in_force = select(consents.c.id).where(
        consents.c.subject_id == subject_id,
        consents.c.text_version == policy.text_version,
        consents.c.withdrawn_at.is_(None),
    )
    if subject_id is None or not connection.execute(in_force.limit(1)).first():
        raise ConsentNeeded(
            f"Nobody is registered here without having agreed to “{policy.text_version}”. Once "
            "they have, say so: the field `consent`, or the option --consent, with that text.",
            policy.text_version,
            policy.purpose,
        )


def keep(connection: Connection, collection: str, subject_id: str, agreed: Agreed | None) -> None:
    """What was said when somebody was registered."""
    if agreed:
        _give(connection, subject_id, agreed, policy_of(connection, collection).purpose)


def _give(connection: Connection, subject_id: str, agreed: Agreed, purpose: str) -> None:
    """Once: the same consent, given again, is no other one."""
    same = select(consents.c.id).where(
        consents.c.subject_id == subject_id,
        consents.c.text_version == agreed.text_version,
        consents.c.purpose == purpose,
        consents.c.withdrawn_at.is_(None),
    )
    if not connection.execute(same.limit(1)).first():
        connection.execute(
            insert(consents).values(
                id=str(uuid4()),
                subject_id=subject_id,
                text_version=agreed.text_version,
                purpose=purpose,
                how=agreed.how,
                given_at=rows.now(),
            )
        )
