"""Doing of each finding what checking.py says that mending does."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Engine, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from facecog.store import removals, rows
from facecog.store.checking import Finding
from facecog.store.kept import take_samples
from facecog.store.tables import changes, revision, samples, subjects, templates
from facecog.store.tombs import Tombs
from facecog.store.transactions import parts, write

GONE = ("tombstone_alive", "sample_damaged", "crop_missing", "crop_damaged")


def mend(engine: Engine, findings: Iterable[Finding]) -> None:
    """In one transaction. Crops that are of nobody then are for the store's sweep."""
    ids = {one.code: one.ids for one in findings}
    with write(engine) as (connection, now):
        for change_id in ids.get("change_damaged", ()):
            connection.execute(delete(changes).where(changes.c.id == change_id))
        gone = {one for code in GONE for one in ids.get(code, ())}
        if gone:
            _remove(connection, gone, now)
        for template in ids.get("template_damaged", ()):
            _remove_template(connection, template, now)
        for subject_id in ids.get("name_key_wrong", ()):
            _make_key(connection, subject_id)
        if "revision_behind" in ids:
            _move_revision(connection)


def _remove(connection: Connection, gone: set[str], now: int) -> None:
    """Subjects and samples, live ones and those that a change keeps."""
    tombs = Tombs(gone)
    for row in connection.execute(select(changes)).all():
        this, left = changes.c.id == row.id, tombs.left("changes", row._asdict())
        if left is None:
            connection.execute(delete(changes).where(this))
        elif left["kept"] != row.kept:
            connection.execute(update(changes).where(this).values(kept=left["kept"]))
    for some in parts(sorted(gone)):
        take_samples(connection, samples.c.subject_id.in_(some) | samples.c.id.in_(some), now)
        connection.execute(delete(subjects).where(subjects.c.id.in_(some)))


def _remove_template(connection: Connection, template: str, now: int) -> None:
    """Every index forgets the sample, and reads again what is left of it."""
    sample_id, model = template.split("/", 1)
    of_sample = templates.c.sample_id == sample_id
    there = select(samples.c.id).where(samples.c.id == sample_id)
    if not connection.execute(there).first():  # it was removed for something else
        return
    connection.execute(delete(templates).where(of_sample, templates.c.model == model))
    connection.execute(update(templates).where(of_sample).values(revision=now))
    removals.note(connection, [sample_id], now)


def _make_key(connection: Connection, subject_id: str) -> None:
    this = subjects.c.id == subject_id
    row = connection.execute(select(subjects).where(this)).one_or_none()
    if row is None:  # it was erased a moment ago
        return
    sealer = rows.sealer_of(connection, row.collection_id)
    right = rows.stored_name(row.id, rows.name_of(row, sealer), sealer)
    try:
        with connection.begin_nested():
            connection.execute(update(subjects).where(this).values(name_key=right["name_key"]))
    except IntegrityError:
        # Another person of this name came meanwhile. It stays found until one is renamed.
        return


def _move_revision(connection: Connection) -> None:
    newest = select(func.max(templates.c.revision) + 1).scalar_subquery()
    connection.execute(update(revision).values(value=newest, forgotten=newest))
