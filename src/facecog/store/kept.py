"""What a change keeps so that it can be undone: rows as they were stored, in one JSON value.

So the live tables hold what is live and nothing else, every query and the gallery stay as they are,
and to erase what a change keeps is to delete its row and the crops of the samples in it. What is
sealed stays so: a row that is put back is the same row.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    insert,
    null,
    select,
    update,
)

from facecog.domain import Change, Kind, Named, Subject
from facecog.store import removals, rows
from facecog.store.paging import DbRow
from facecog.store.sealed_templates import bind
from facecog.store.sealing import Sealer
from facecog.store.tables import UtcDateTime, changes, consents, samples, subjects, templates
from facecog.store.transactions import parts

Plain = dict[str, Any]


@dataclass(slots=True)
class Kept:
    """
    Attributes:
        subject: the row of one that was renamed, merged or deleted, as it was, with consents.
        moved: ids of the subject's samples that became another's.
        taken: its samples that were taken away, whole, with their templates.
        made: the other subject was made by this change.
    """

    subject: Plain | None = None
    moved: list[str] = field(default_factory=list)
    taken: list[Plain] = field(default_factory=list)
    made: bool = False

    def plain(self) -> Plain:
        return asdict(self)

    def taken_ids(self) -> list[str]:
        return [sample["id"] for sample in self.taken]


def kept_of(plain: Plain | None) -> Kept:
    return Kept(**plain) if plain else Kept()


def subject_row(connection: Connection, subject_id: str) -> Plain:
    row = connection.execute(select(subjects).where(subjects.c.id == subject_id)).one()
    given = connection.execute(select(consents).where(consents.c.subject_id == subject_id))
    return _plain(row) | {"consents": [_plain(one) for one in given]}


def put_back_subject(connection: Connection, row: Plain) -> None:
    connection.execute(insert(subjects).values(_row(subjects, row)))
    for consent in row.get("consents", []):  # none was kept before facecog knew of consent
        connection.execute(insert(consents).values(_row(consents, consent)))


def take_samples(connection: Connection, which: ColumnElement[bool], revision: int) -> list[Plain]:
    """Remove samples with their templates; what `put_back_samples` needs.

    Samples are taken nowhere else, so every index hears of all that go.
    """
    taken = {
        row.id: _plain(row) | {"templates": []}
        for row in connection.execute(select(samples).where(which).order_by(samples.c.created_at))
    }
    for some in parts(list(taken)):
        of_these = templates.c.sample_id.in_(some)
        for row in connection.execute(select(templates).where(of_these)):
            vector = base64.b64encode(row.vector).decode()
            taken[row.sample_id]["templates"].append({"model": row.model, "vector": vector})
        connection.execute(delete(samples).where(samples.c.id.in_(some)))
    removals.note(connection, list(taken), revision)
    return list(taken.values())


def put_back_samples(connection: Connection, taken: Sequence[Plain], revision: int) -> None:
    """Every index takes them for new ones, by the revision."""
    for sample in taken:
        connection.execute(insert(samples).values(_row(samples, sample)))
        for template in sample["templates"]:
            connection.execute(
                insert(templates).values(
                    sample_id=sample["id"],
                    model=template["model"],
                    vector=base64.b64decode(template["vector"]),
                    revision=revision,
                )
            )


def give_samples(
    connection: Connection,
    sample_ids: Sequence[str],
    subject_id: str,
    revision: int,
    sealer: Sealer,
) -> None:
    """Make samples another subject's; every index reads their templates again, by the revision."""
    bind(connection, sealer, sample_ids, subject_id)
    for some in parts(sample_ids):
        connection.execute(
            update(samples).where(samples.c.id.in_(some)).values(subject_id=subject_id)
        )
        connection.execute(
            update(templates).where(templates.c.sample_id.in_(some)).values(revision=revision)
        )


def numbered(taken: Sequence[Plain], sealer: Sealer) -> Iterator[Plain]:
    """Samples that are kept, as they were given, with their templates as numbers, by model."""
    for sample in taken:
        made = {}
        for one in sample["templates"]:
            where = rows.of_template(sample["id"], sample["subject_id"], one["model"])
            vector = sealer.open(base64.b64decode(one["vector"]), *where)
            made[one["model"]] = np.frombuffer(vector, "<f4").tolist()
        origin = sealer.open_text(sample["origin"], "samples", "origin", sample["id"])
        yield {**sample, "origin": origin, "templates": made}


def change_query(kept: bool = False) -> Select[Any]:
    """Without what changes keep, which may be much, unless that is wanted."""
    keeps = changes.c.kept.is_not(null()).label("keeps")
    of_change = [column for column in changes.c if kept or column is not changes.c.kept]
    return select(*of_change, keeps)


def stored_names(
    change_id: str, subject: Subject, other: Subject | None, sealer: Sealer
) -> dict[str, str | None]:
    """The columns that hold the names of then."""
    return {
        "subject_name": sealer.seal_text(subject.name, "changes", "subject_name", change_id),
        "other_name": sealer.seal_text(other.name, "changes", "other_name", change_id)
        if other
        else None,
    }


def to_change(row: DbRow, sealer: Sealer) -> Change:
    def name(column: str) -> str:
        return sealer.open_text(row._mapping[column], "changes", column, row.id)

    return Change(
        id=row.id,
        kind=Kind(row.kind),
        at=row.at,
        until=row.until,
        undone_at=row.undone_at,
        subject=Named(row.subject_id, name("subject_name")),
        other=Named(row.other_id, name("other_name")) if row.other_id else None,
        samples=row.samples,
        undoable=bool(row.keeps),
    )


def _plain(row: DbRow) -> Plain:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row._mapping.items()
    }


def _row(table: Table, plain: Plain) -> Plain:
    """What of it are the table's columns, with dates as dates."""
    dates = {column.name for column in table.c if isinstance(column.type, UtcDateTime)}
    return {
        name: datetime.fromisoformat(value) if value and name in dates else value
        for name, value in plain.items()
        if name in table.c
    }
