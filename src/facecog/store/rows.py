"""Single rows, inside a transaction that somebody else began."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, exists, func, insert, select

from facecog.domain import Sample, Subject, Template
from facecog.errors import CollectionGone, SampleNotFound, SubjectNotFound
from facecog.names import name_key
from facecog.store.paging import DbRow
from facecog.store.sealing import Sealer, sealing_of
from facecog.store.tables import collections, samples, subjects, templates

DEFAULT_COLLECTION = "default"
EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)


def now() -> datetime:
    return datetime.now(timezone.utc)


def sealer_of(connection: Connection, collection: str) -> Sealer:
    """How the values of one collection are stored."""
    return sealing_of(connection).of(collection)


def of_collection(connection: Connection, collection: str, *columns: ColumnElement[Any]) -> Any:
    """What is kept of a collection itself. Raises: CollectionGone."""
    row = connection.execute(select(*columns).where(collections.c.id == collection)).one_or_none()
    if row is None:
        raise CollectionGone(
            "This collection was removed. Name another one, ?collection=NAME; or set "
            "FACECOG_COLLECTION to one that is there, and start facecog again."
        )
    return row


def by_date(row: DbRow) -> tuple[str, str]:
    """The position of a row in a list by its date."""
    return row.created_at.isoformat(), row.id


def subject_query() -> Select[Any]:
    of_subject = samples.c.subject_id == subjects.c.id
    count = select(func.count()).where(of_subject).scalar_subquery()
    cover = select(samples.c.id).where(of_subject).order_by(samples.c.created_at, samples.c.id)
    return select(
        subjects,
        count.label("samples"),
        cover.limit(1).scalar_subquery().label("cover"),
    )


def to_subject(row: DbRow, sealer: Sealer) -> Subject:
    name = name_of(row, sealer)
    return Subject(row.id, name, row.created_at, row.samples, row.cover, row.expires_at)


def name_of(row: DbRow, sealer: Sealer) -> str:
    """A subject's name as it was given."""
    return sealer.open_text(row.name, "subjects", "name", row.id)


def stored_name(subject_id: str, name: str, sealer: Sealer) -> dict[str, str]:
    """The columns that hold a subject's name."""
    return {
        "name": sealer.seal_text(name, "subjects", "name", subject_id),
        "name_key": sealer.blind(name_key(name), "name"),
    }


def stored_photo(sha256: str, sealer: Sealer) -> str:
    """What tells that a photo is one that was kept."""
    return sealer.blind(sha256, "photo")


def find_subject(connection: Connection, collection: str, subject_id: str) -> Subject | None:
    here = (subjects.c.id == subject_id) & (subjects.c.collection_id == collection)
    row = connection.execute(subject_query().where(here)).one_or_none()
    return to_subject(row, sealer_of(connection, collection)) if row else None


def subject_of(connection: Connection, collection: str, subject_id: str) -> Subject:
    subject = find_subject(connection, collection, subject_id)
    if subject is None:
        raise SubjectNotFound("There is nobody with this id.")
    return subject


def subject_named(connection: Connection, collection: str, name: str) -> str | None:
    key = sealer_of(connection, collection).blind(name_key(name), "name")
    query = select(subjects.c.id).where(
        subjects.c.collection_id == collection, subjects.c.name_key == key
    )
    return connection.execute(query).scalar_one_or_none()


def default_collection() -> ScalarSelect[str]:
    return (
        select(collections.c.id).where(collections.c.name == DEFAULT_COLLECTION).scalar_subquery()
    )


def new_subject(connection: Connection, collection: str, name: str) -> str:
    subject_id = str(uuid4())
    connection.execute(
        insert(subjects).values(
            id=subject_id,
            collection_id=collection,
            created_at=now(),
            **stored_name(subject_id, name, sealer_of(connection, collection)),
        )
    )
    return subject_id


def in_collection(collection: str) -> ColumnElement[bool]:
    """Samples of a collection's subjects."""
    here = (subjects.c.id == samples.c.subject_id) & (subjects.c.collection_id == collection)
    return exists().where(here)


def to_sample(row: DbRow, sealer: Sealer) -> Sample:
    origin = sealer.open_text(row.origin, "samples", "origin", row.id)
    return Sample(row.id, row.subject_id, row.created_at, origin, row.quality)


def sample_of(connection: Connection, collection: str, sample_id: str) -> Sample:
    return sample_and_photo(connection, collection, sample_id)[0]


def sample_and_photo(connection: Connection, collection: str, sample_id: str) -> tuple[Sample, str]:
    """A sample, and what tells the photo that it was cut from."""
    query = select(samples).where(samples.c.id == sample_id, in_collection(collection))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise SampleNotFound("There is no sample with this id.")
    return to_sample(row, sealer_of(connection, collection)), row.photo_sha256


def insert_sample(connection: Connection, sample: Sample, photo: str, sealer: Sealer) -> None:
    connection.execute(
        insert(samples).values(
            id=sample.id,
            subject_id=sample.subject_id,
            created_at=sample.created_at,
            origin=sealer.seal_text(sample.origin, "samples", "origin", sample.id),
            photo_sha256=photo,
            quality=sample.quality,
        )
    )


def insert_template(
    connection: Connection, sample: Sample, template: Template, revision: int, sealer: Sealer
) -> bool:
    """Keep a template, unless the sample has one of this model already; whether it was kept."""
    key = (templates.c.sample_id == sample.id, templates.c.model == template.model)
    if connection.execute(select(templates.c.model).where(*key)).first():
        return False
    vector = template.vector.astype("<f4").tobytes()
    connection.execute(
        insert(templates).values(
            sample_id=sample.id,
            model=template.model,
            vector=sealer.seal(vector, *of_template(sample.id, sample.subject_id, template.model)),
            revision=revision,
        )
    )
    return True


def of_template(sample_id: str, subject_id: str, model: str) -> tuple[str, ...]:
    """Where a template belongs: with its subject, so that no face gets another's name."""
    return "templates", "vector", sample_id, subject_id, model


def sample_of_photo(
    connection: Connection, subject_id: str, photo: str, sealer: Sealer
) -> Sample | None:
    query = select(samples).where(
        samples.c.subject_id == subject_id, samples.c.photo_sha256 == photo
    )
    row = connection.execute(query).one_or_none()
    return to_sample(row, sealer) if row else None


def joined(column: ColumnElement[str], between: str = "") -> ColumnElement[str]:
    """All ids of a column as one text, in the order of every other column of the same query.

    A third of the time of making a Python object for each.
    """
    return func.coalesce(func.aggregate_strings(column, between), "")
