"""What an index reads: the gallery of a model at disk speed, or what changed in it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, func, select

from facecog.domain import GalleryPart, Vectors
from facecog.store import removals, rows
from facecog.store.paging import DbRow
from facecog.store.sealed_templates import opener
from facecog.store.tables import collections, revision, samples, subjects, templates
from facecog.store.transactions import refuse_other_sealing

# Rows that are Python objects at once: more than some 700 wake the garbage collector, and take
# twice as long.
BATCH = 256

Ids = NDArray[np.uint8]
"""UUIDs, shape (n, 16)."""
NO_IDS = np.zeros((0, 16), np.uint8)


def gallery_part(connection: Connection, model: str, after: int | None) -> GalleryPart:
    """What came and went after a revision; the whole gallery where that is not known any more."""
    of_now = select(revision.c.value, revision.c.forgotten, revision.c.sealed)
    now, forgotten, sealed = connection.execute(of_now).one()
    refuse_other_sealing(connection, sealed)
    collection = connection.execute(select(rows.default_collection())).scalar_one()
    whole = after is None or not forgotten <= after <= now
    if after is None or whole:
        came, gone = _whole(connection, model), []
    else:
        came, gone = _changed(connection, model, after), removals.since(connection, after)
    sample_ids, subject_ids, collection_ids, revisions, vectors = came
    return GalleryPart(
        revision=now,
        whole=whole,
        collection=UUID(collection).bytes,
        sample_ids=sample_ids,
        subject_ids=subject_ids,
        collection_ids=collection_ids,
        revisions=revisions,
        vectors=vectors,
        gone=_ids("".join(gone)),
    )


Came = tuple[Ids, Ids, Ids, NDArray[np.int64], Vectors]


def _changed(connection: Connection, model: str, after: int) -> Came:
    """Few rows, each with its owner, by the index on model and revision."""
    query = (
        select(
            templates.c.sample_id,
            samples.c.subject_id,
            subjects.c.collection_id,
            templates.c.revision,
            templates.c.vector,
        )
        .join(samples, samples.c.id == templates.c.sample_id)
        .join(subjects, subjects.c.id == samples.c.subject_id)
        .where(templates.c.model == model, templates.c.revision > after)
    )
    found = connection.execute(query).all()
    columns: Sequence[Sequence[Any]] = list(zip(*found, strict=True)) or [()] * 5
    sample_ids, subject_ids, collection_ids = (_ids("".join(column)) for column in columns[:3])
    vectors = _vectors([_opened(connection, row, model) for row in found])
    return sample_ids, subject_ids, collection_ids, np.array(columns[3], np.int64), vectors


def _whole(connection: Connection, model: str) -> Came:
    """All rows of one table after another, which takes a third of the time of joining them.

    A join looks each sample and each subject up at a random place of the file.
    """
    sample_ids, revisions, vectors = _templates(connection, model)
    pairs = select(rows.joined(samples.c.id), rows.joined(samples.c.subject_id))
    known, owners = (_ids(text) for text in connection.execute(pairs).one())
    subject_ids = owners[_places(sample_ids, known)]
    return sample_ids, subject_ids, _collections(connection, subject_ids), revisions, vectors


def _templates(connection: Connection, model: str) -> tuple[Ids, NDArray[np.int64], Vectors]:
    """Into arrays made for all of them, a batch at a time, so that nothing is held twice."""
    of_model = templates.c.model == model
    total = connection.execute(select(func.count()).where(of_model)).scalar_one()
    query = select(templates.c.sample_id, templates.c.revision, templates.c.vector).where(of_model)
    sample_ids, revisions = np.zeros((total, 16), np.uint8), np.zeros(total, np.int64)
    vectors = np.zeros((0, 0), np.float32)
    opened = opener(connection, model)
    start = 0
    with closing(_batches(connection, query)) as batches:
        for ids, of, blobs in batches:
            some = slice(start, start + len(ids))
            part = _vectors(opened(ids, blobs))
            if not start:
                vectors = np.zeros((total, part.shape[1]), np.float32)
            sample_ids[some], revisions[some], vectors[some] = _ids("".join(ids)), of, part
            start = some.stop
    return sample_ids, revisions, vectors


def _batches(
    connection: Connection, query: Select[Any]
) -> Generator[Sequence[Sequence[Any]], None, None]:
    """Columns of some rows at a time, from a cursor that goes on reading."""
    with connection.execute(query, execution_options={"yield_per": BATCH}) as found:
        for some in found.partitions():
            yield list(zip(*some, strict=True))


def _opened(connection: Connection, row: DbRow, model: str) -> bytes:
    sealer = rows.sealer_of(connection, row.collection_id)
    return sealer.open(row.vector, *rows.of_template(row.sample_id, row.subject_id, model))


def _collections(connection: Connection, subject_ids: Ids) -> Ids:
    """In which collection each subject is."""
    every = connection.execute(select(collections.c.id)).scalars().all()
    if len(every) == 1:  # then there is nothing to look up
        return np.tile(_ids(every[0]), (len(subject_ids), 1))
    query = select(subjects.c.collection_id, rows.joined(subjects.c.id)).group_by(
        subjects.c.collection_id
    )
    groups = [(_ids(one), _ids(text)) for one, text in connection.execute(query)]
    known = np.concatenate([NO_IDS, *(ids for _, ids in groups)])
    of_known = np.concatenate([NO_IDS, *(np.tile(one, (len(ids), 1)) for one, ids in groups)])
    return of_known[_places(subject_ids, known)]


def _places(asked: Ids, known: Ids) -> NDArray[np.intp]:
    """Where each id is among those known, of which it is one."""
    keys = known.view("V16")[:, 0]
    order = np.argsort(keys)
    return order[np.searchsorted(keys[order], asked.view("V16")[:, 0])]


def _ids(texts: str) -> Ids:
    """The bytes of UUIDs that were written one after another."""
    return np.frombuffer(bytes.fromhex(texts.replace("-", "")), np.uint8).reshape(-1, 16)


def _vectors(blobs: Sequence[bytes]) -> Vectors:
    """Vectors out of little-endian float32, all of one length."""
    if not blobs:
        return np.zeros((0, 0), np.float32)
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), -1)
