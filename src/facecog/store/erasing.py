"""Forgetting what changes keep; each answers with the ids of samples whose crops are to go."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, delete, null, or_, select, update

from facecog.domain import Kind
from facecog.store.kept import kept_of
from facecog.store.tables import changes
from facecog.store.transactions import parts

KEEPS = changes.c.kept.is_not(null())


def erase(connection: Connection, which: ColumnElement[bool]) -> list[str] | None:
    """Forget changes; None where there is none such."""
    rows = connection.execute(select(changes.c.id, changes.c.kept).where(which)).all()
    for some in parts([row.id for row in rows]):
        connection.execute(delete(changes).where(changes.c.id.in_(some)))
    gone = [sample_id for row in rows for sample_id in kept_of(row.kept).taken_ids()]
    return gone if rows else None


def erase_about(connection: Connection, collection: str, subject_id: str) -> list[str] | None:
    """Forget the changes about a subject, and about those who were merged into it."""
    merges = connection.execute(
        select(changes.c.subject_id, changes.c.other_id).where(
            KEEPS, changes.c.kind == Kind.MERGED.value, changes.c.collection_id == collection
        )
    ).all()
    whom, before = {subject_id}, 0
    while len(whom) > before:
        before = len(whom)
        whom |= {row.subject_id for row in merges if row.other_id in whom}
    about = or_(changes.c.subject_id.in_(whom), changes.c.other_id.in_(whom))
    return erase(connection, about & (changes.c.collection_id == collection))


def erase_sample(connection: Connection, collection: str, sample_id: str) -> list[str]:
    """Forget what changes keep of a sample, and those that are of it alone."""
    gone: list[str] = []
    keeping = select(changes.c.id, changes.c.kind, changes.c.kept).where(
        KEEPS, changes.c.collection_id == collection
    )
    for row in connection.execute(keeping).all():
        kept = kept_of(row.kept)
        if sample_id not in (*kept.moved, *kept.taken_ids()):
            continue
        gone += [sample_id] if sample_id in kept.taken_ids() else []
        kept.moved = [one for one in kept.moved if one != sample_id]
        kept.taken = [one for one in kept.taken if one["id"] != sample_id]
        of_it = changes.c.id == row.id
        if row.kind in (Kind.MOVED.value, Kind.REMOVED.value):
            connection.execute(delete(changes).where(of_it))
        else:
            connection.execute(update(changes).where(of_it).values(kept=kept.plain()))
    return gone


def kept_ids(connection: Connection) -> set[str]:
    """Ids of all samples that a change keeps."""
    kept = connection.execute(select(changes.c.kept).where(KEEPS)).scalars()
    return {sample_id for one in kept for sample_id in kept_of(one).taken_ids()}
