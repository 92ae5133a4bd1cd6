"""Encrypting a home that is not: all rows in one transaction, files of crops beside the old ones.

Until the transaction is committed the home is what it was, and sealed files are of nobody; from
then on it is encrypted, and files that are not sealed are of nobody. Whoever opens it next removes
what is of nobody, so a kill at any moment leaves one or the other.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, select, update

from facecog.errors import StorageUnavailable
from facecog.store import rows, wiping
from facecog.store.crops import Crops, of_crop
from facecog.store.kept import kept_of
from facecog.store.sealing import Sealer, Sealing
from facecog.store.tables import changes, collections, samples, subjects, templates
from facecog.store.transactions import parts, write
from facecog.store.unlocking import start_sealing

Row = dict[str, Any]
Told = Callable[[int], object]
"""Called with how many values more are sealed."""


def encrypt(engine: Engine, crops: Crops, key: bytes, told: Told) -> None:
    """Seal all that is in a home, while nobody else writes."""
    wrapped: dict[str, bytes] = {}
    sealing = Sealing(key, wrapped.__getitem__)
    with write(engine) as (connection, _):
        start_sealing(connection, sealing)
        query = select(collections.c.id, collections.c.wrapped_key)
        wrapped.update((row.id, row.wrapped_key) for row in connection.execute(query))
        for collection in wrapped:
            sealer = sealing.of(collection)
            _seal_subjects(connection, collection, sealer, told)
            sample_ids = _seal_samples(connection, collection, sealer, told)
            sample_ids += _seal_changes(connection, collection, sealer, told)
            for sample_id in sample_ids:
                _seal_crop(connection, crops, sample_id, sealer)
                told(1)
        wiping.note(connection, [])  # what was there as it is, is to go from the files too


def _seal_subjects(connection: Connection, collection: str, sealer: Sealer, told: Told) -> None:
    here = select(subjects.c.id).where(subjects.c.collection_id == collection)
    for some in parts(connection.execute(here).scalars().all()):
        query = select(subjects.c.id, subjects.c.name).where(subjects.c.id.in_(some))
        _write(
            connection,
            subjects,
            [
                {"at_id": row.id, **rows.stored_name(row.id, row.name, sealer)}
                for row in connection.execute(query)
            ],
        )
        told(len(some))


def _seal_samples(connection: Connection, collection: str, sealer: Sealer, told: Told) -> list[str]:
    """Samples and their templates; the samples' ids."""
    here = select(samples.c.id).where(rows.in_collection(collection))
    ids = list(connection.execute(here).scalars())
    for some in parts(ids):
        query = select(samples.c.id, samples.c.origin, samples.c.photo_sha256)
        found = connection.execute(query.where(samples.c.id.in_(some))).all()
        _write(
            connection,
            samples,
            [{"at_id": row.id, **_sealed_sample(row._mapping, sealer)} for row in found],
        )
        query = select(templates, samples.c.subject_id).join(samples)
        found = connection.execute(query.where(samples.c.id.in_(some))).all()
        _write(connection, templates, [_sealed_template(row, sealer) for row in found])
        told(len(some) + len(found))
    return ids


def _sealed_sample(sample: Any, sealer: Sealer) -> Row:
    return {
        "origin": sealer.seal_text(sample["origin"], "samples", "origin", sample["id"]),
        "photo_sha256": rows.stored_photo(sample["photo_sha256"], sealer),
    }


def _sealed_template(row: Any, sealer: Sealer) -> Row:
    at = {"at_sample_id": row.sample_id, "at_model": row.model}
    where = rows.of_template(row.sample_id, row.subject_id, row.model)
    return {**at, "vector": sealer.seal(row.vector, *where)}


def _seal_changes(connection: Connection, collection: str, sealer: Sealer, told: Told) -> list[str]:
    """What changes say and keep; the ids of the samples that they keep."""
    here = select(changes.c.id).where(changes.c.collection_id == collection)
    kept_ids = []
    for change_id in connection.execute(here).scalars().all():
        this = changes.c.id == change_id
        row = connection.execute(select(changes).where(this)).one()
        sealed = {
            column: sealer.seal_text(name, "changes", column, change_id)
            for column in ("subject_name", "other_name")
            if (name := row._mapping[column]) is not None
        }
        kept = row.kept and _sealed_kept(row.kept, sealer)
        connection.execute(update(changes).where(this).values(kept=kept, **sealed))
        kept_ids += kept_of(row.kept).taken_ids()
        told(1)
    return kept_ids


def _sealed_kept(kept: Row, sealer: Sealer) -> Row:
    """What a change keeps, as `kept.py` would keep it of rows that are sealed."""
    subject = kept["subject"]
    if subject:
        subject = {**subject, **rows.stored_name(subject["id"], subject["name"], sealer)}
    taken = [
        {
            **sample,
            **_sealed_sample(sample, sealer),
            "templates": [_sealed_copy(sample, one, sealer) for one in sample["templates"]],
        }
        for sample in kept["taken"]
    ]
    return {**kept, "subject": subject, "taken": taken}


def _sealed_copy(sample: Row, template: Row, sealer: Sealer) -> Row:
    where = rows.of_template(sample["id"], sample["subject_id"], template["model"])
    sealed = sealer.seal(base64.b64decode(template["vector"]), *where)
    return {**template, "vector": base64.b64encode(sealed).decode()}


def _seal_crop(connection: Connection, crops: Crops, sample_id: str, sealer: Sealer) -> None:
    jpeg = crops.get(connection, sample_id)
    if jpeg is None:
        return
    beside, where = crops.beside(), of_crop(sample_id)
    beside.replace(connection, sample_id, sealer.seal(jpeg, *where))
    # The only other copy goes: look whether this one is whole.
    stored = beside.get(connection, sample_id)
    if stored is None or sealer.open(stored, *where) != jpeg:
        raise StorageUnavailable("A picture that was encrypted cannot be read again.")


def _write(connection: Connection, table: Table, changed: Sequence[Row]) -> None:
    """Update rows, each with its key as `at_` and the column's name."""
    if changed:
        keys = [column for column in table.primary_key if f"at_{column.name}" in changed[0]]
        at = [column == bindparam(f"at_{column.name}") for column in keys]
        connection.execute(update(table).where(*at), changed)
