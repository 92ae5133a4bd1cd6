"""Forgetting for good: what changes keep, and a subject with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, null, or_, select, update

from facecog.domain import Kind
from facecog.store import rows
from facecog.store.kept import kept_of, take_samples
from facecog.store.tables import changes, consents, samples, subjects
from facecog.store.transactions import parts

KEEPS = changes.c.kept.is_not(null())


@dataclass(slots=True)
class Erased:
    """What goes for good.

    Attributes:
        subjects, samples: their ids; the samples' crops go too.
        templates, consents, changes: how many.
    """

    subjects: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    templates: int = 0
    consents: int = 0
    changes: int = 0

    def take(self, samples: list[dict[str, Any]]) -> None:
        """Samples as they were taken away."""
        self.samples += [one["id"] for one in samples]
        self.templates += sum(len(one["templates"]) for one in samples)

    def add(self, more: Erased) -> None:
        self.subjects += more.subjects
        self.samples += more.samples
        self.templates += more.templates
        self.consents += more.consents
        self.changes += more.changes


def erase(connection: Connection, which: ColumnElement[bool]) -> Erased:
    """Forget changes. Whoever one of them deleted is gone for good with it."""
    query = select(changes.c.id, changes.c.kind, changes.c.subject_id, changes.c.kept)
    found = connection.execute(query.where(which)).all()
    for some in parts([row.id for row in found]):
        connection.execute(delete(changes).where(changes.c.id.in_(some)))
    erased = Erased(changes=len(found))
    for row in found:
        kept = kept_of(row.kept)
        erased.take(kept.taken)
        if kept.subject and row.kind in (Kind.DELETED.value, Kind.MERGED.value):
            erased.consents += len(kept.subject.get("consents", []))
        if kept.subject and row.kind == Kind.DELETED.value:
            erased.subjects.append(row.subject_id)
    return erased


def erase_subject(
    connection: Connection, collection: str, subject_id: str, revision: int
) -> Erased | None:
    """Forget a subject with what changes keep of it; None where nothing is known of it."""
    whom = _with_merged(connection, collection, subject_id)
    about = or_(changes.c.subject_id.in_(whom), changes.c.other_id.in_(whom))
    erased = erase(connection, about & (changes.c.collection_id == collection))
    there = rows.find_subject(connection, collection, subject_id)
    if there is None and not erased.changes:
        return None
    erased.subjects = sorted(whom)
    if there:
        of_subject = consents.c.subject_id == subject_id
        given = connection.execute(select(func.count()).where(of_subject)).scalar_one()
        erased.consents += given
        erased.take(take_samples(connection, samples.c.subject_id == subject_id, revision))
        connection.execute(delete(subjects).where(subjects.c.id == subject_id))
    return erased


def _with_merged(connection: Connection, collection: str, subject_id: str) -> set[str]:
    """A subject, and those who were merged into it."""
    merges = connection.execute(
        select(changes.c.subject_id, changes.c.other_id).where(
            KEEPS, changes.c.kind == Kind.MERGED.value, changes.c.collection_id == collection
        )
    ).all()
    whom, before = {subject_id}, 0
    while len(whom) > before:
        before = len(whom)
        whom |= {row.subject_id for row in merges if row.other_id in whom}
    return whom


def erase_sample(connection: Connection, collection: str, sample_id: str) -> Erased:
    """Forget what changes keep of a sample, and those that are of it alone."""
    erased = Erased()
    keeping = select(changes.c.id, changes.c.kind, changes.c.kept).where(
        KEEPS, changes.c.collection_id == collection
    )
    for row in connection.execute(keeping).all():
        kept = kept_of(row.kept)
        if sample_id not in (*kept.moved, *kept.taken_ids()):
            continue
        erased.take([one for one in kept.taken if one["id"] == sample_id])
        kept.moved = [one for one in kept.moved if one != sample_id]
        kept.taken = [one for one in kept.taken if one["id"] != sample_id]
        of_it = changes.c.id == row.id
        if row.kind in (Kind.MOVED.value, Kind.REMOVED.value):
            connection.execute(delete(changes).where(of_it))
        else:
            connection.execute(update(changes).where(of_it).values(kept=kept.plain()))
        erased.changes += 1
    return erased


def kept_ids(connection: Connection) -> set[str]:
    """Ids of all samples that a change keeps."""
    kept = connection.execute(select(changes.c.kept).where(KEEPS)).scalars()
    return {sample_id for one in kept for sample_id in kept_of(one).taken_ids()}
