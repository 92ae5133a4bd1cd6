"""Taking a change back, where what has happened since leaves room for it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, or_, select, update

from facecog.domain import Change, Kind
from facecog.errors import CannotUndo
from facecog.store import rows
from facecog.store.erasing import KEEPS, kept_ids
from facecog.store.kept import Kept, give_samples, put_back_samples, put_back_subject
from facecog.store.tables import changes, samples, subjects
from facecog.store.transactions import parts


def undo(
    connection: Connection, collection: str, revision: int, change: Change, kept: Kept
) -> None:
    """Raises: CannotUndo; what was written so far is for the caller's transaction to take back."""
    if change.undone_at:
        raise CannotUndo("done", "This has been undone already.")
    _subject_back(connection, collection, change, kept)
    moved = _moved_back(connection, change, kept)
    photos = [one["photo_sha256"] for one in kept.taken]
    _refuse_known_photos(connection, change, [*photos, *_photos(connection, moved)])
    sealer = rows.sealer_of(connection, collection)
    give_samples(connection, moved, change.subject.id, revision, sealer)
    put_back_samples(connection, kept.taken, revision)
    if kept.made and change.other:
        _unmake(connection, change, change.other.id)


def _subject_back(connection: Connection, collection: str, change: Change, kept: Kept) -> None:
    """The subject as it was, or at least there."""
    there = rows.find_subject(connection, collection, change.subject.id)
    if change.kind in (Kind.MERGED, Kind.DELETED) and kept.subject:
        _refuse_taken_name(connection, collection, change)
        put_back_subject(connection, kept.subject)
    elif there is None:
        raise CannotUndo(
            "gone",
            f"{change.subject.name} has been deleted or merged since. Undo that first.",
            name=change.subject.name,
        )
    elif change.kind is Kind.RENAMED and change.other and kept.subject:
        if there.name != change.other.name:
            raise CannotUndo(
                "renamed",
                f"{change.other.name} has been renamed to {there.name} since. Undo that first.",
                name=change.other.name,
                other=there.name,
            )
        _refuse_taken_name(connection, collection, change)
        name = {column: kept.subject[column] for column in ("name", "name_key")}
        connection.execute(update(subjects).where(subjects.c.id == there.id).values(name))


def _refuse_taken_name(connection: Connection, collection: str, change: Change) -> None:
    owner = rows.subject_named(connection, collection, change.subject.name)
    if owner not in (None, change.subject.id):
        raise CannotUndo(
            "name_taken",
            f"Another person is named {change.subject.name} now. Rename that person first.",
            name=change.subject.name,
        )


def _moved_back(connection: Connection, change: Change, kept: Kept) -> list[str]:
    """Which samples go back; those that were erased since cannot."""
    owners: dict[str, str] = {}
    for some in parts(kept.moved):
        query = select(samples.c.id, samples.c.subject_id).where(samples.c.id.in_(some))
        owners |= {row.id: row.subject_id for row in connection.execute(query)}
    at_other = [one for one in kept.moved if change.other and owners.get(one) == change.other.id]
    elsewhere = set(kept.moved) - set(at_other)
    if elsewhere & set(owners) or (elsewhere and elsewhere & kept_ids(connection)):
        raise CannotUndo(
            "moved_on",
            "What was moved has been moved on, merged or removed since. Undo that first.",
        )
    if change.kind is Kind.MOVED and elsewhere:
        raise CannotUndo("erased", "The photo that was moved has been erased since.")
    return at_other


def _photos(connection: Connection, sample_ids: Sequence[str]) -> list[str]:
    found: list[str] = []
    for some in parts(sample_ids):
        query = select(samples.c.photo_sha256).where(samples.c.id.in_(some))
        found += connection.execute(query).scalars()
    return found


def _refuse_known_photos(connection: Connection, change: Change, photos: Sequence[str]) -> None:
    for some in parts(photos):
        of_subject = samples.c.subject_id == change.subject.id
        known = select(samples.c.id).where(of_subject, samples.c.photo_sha256.in_(some))
        if connection.execute(known.limit(1)).first():
            raise CannotUndo(
                "same_photo",
                f"{change.subject.name} has the same photo again, by another registration. "
                "Remove that one first.",
                name=change.subject.name,
            )


def _unmake(connection: Connection, change: Change, made: str) -> None:
    """Forget a subject whom a move made, unless it has samples or other changes need it."""
    in_use = select(samples.c.id).where(samples.c.subject_id == made).limit(1)
    needed = (
        select(changes.c.id)
        .where(
            KEEPS,
            changes.c.id != change.id,
            or_(changes.c.subject_id == made, changes.c.other_id == made),
        )
        .limit(1)
    )
    if not connection.execute(in_use).first() and not connection.execute(needed).first():
        connection.execute(delete(subjects).where(subjects.c.id == made))
