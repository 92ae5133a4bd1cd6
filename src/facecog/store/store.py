"""The Store: every query that facecog makes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from facecog.domain import Sample, Subject, Template
from facecog.errors import (
    DatabaseUnavailable,
    FacecogError,
    InvalidCursor,
    NameTaken,
    SampleNotFound,
    SubjectNotFound,
)
from facecog.names import name_key
from facecog.store import tables
from facecog.store.crops import Crops, FolderCrops, TableCrops
from facecog.store.database import migrate, server_engine, sqlite_engine
from facecog.store.tables import collections, samples, subjects, templates

Item = TypeVar("Item")
DbRow = Any  # columns by name, as the query selects them
DEFAULT_COLLECTION = "default"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list. `next_cursor` asks for the part after it; None at the end."""

    items: tuple[Item, ...]
    next_cursor: str | None


class Store:
    """Subjects, their samples and templates. Safe to call from several threads and processes.

    Each write is one transaction, which also moves the revision; on SQLite it holds the database's
    write lock from the start, on PostgreSQL the revision's row, so writers follow one another.
    """

    def __init__(self, engine: Engine, crops: Crops) -> None:
        self._engine, self._crops = engine, crops
        try:
            migrate(engine)
            self.sweep()
        except FacecogError:
            engine.dispose()
            raise

    @classmethod
    def on_sqlite(cls, home: Path) -> Store:
        """`faces.db` and `dataset/` in a folder, which is made where it is missing."""
        try:
            home.mkdir(parents=True, exist_ok=True)
            return cls(sqlite_engine(home / "faces.db"), FolderCrops(home / "dataset"))
        except OSError as error:
            raise DatabaseUnavailable(f"{home} cannot be used: {error.strerror}.") from error

    @classmethod
    def on_server(cls, url: str) -> Store:
        """A PostgreSQL database, crops included."""
        return cls(server_engine(url), TableCrops())

    @property
    def kind(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engine.dialect.name

    def close(self) -> None:
        self._engine.dispose()

    # -- writing ------------------------------------------------------------------------------

    def add_sample(
        self,
        name: str,
        template: Template,
        crop: bytes,
        photo_sha256: str,
        origin: str,
        quality: dict[str, float],
        accept: Callable[[], None] = lambda: None,
    ) -> tuple[Subject, Sample, bool]:
        """Keep a sample under a name; the subject is made when the name is new.

        Args:
            accept: called for a photo that is new, while no other writer can come between; what it
                raises ends the writing, and nothing is kept.

        Returns:
            the subject, the sample, and False when this photo was already one of the subject's.
        """
        sample_id = str(uuid4())
        with ExitStack() as failed:
            failed.callback(self._crops.drop, [sample_id])
            with self._write() as (connection, revision):
                subject_id = _subject_named(connection, name)
                known = subject_id and _sample_of_photo(connection, subject_id, photo_sha256)
                if subject_id and known:
                    _insert_template(connection, known.id, template, revision)
                    return _subject(connection, subject_id), known, False
                accept()
                subject_id = subject_id or _new_subject(connection, name)
                sample = Sample(sample_id, subject_id, _now(), origin, quality)
                _insert_sample(connection, sample, photo_sha256)
                _insert_template(connection, sample.id, template, revision)
                self._crops.put(connection, sample.id, crop)
                subject = _subject(connection, subject_id)
            failed.pop_all()
        return subject, sample, True

    def rename_subject(self, subject_id: str, name: str) -> Subject:
        """Give a subject another name.

        Raises:
            SubjectNotFound, NameTaken
        """
        with self._write() as (connection, _):
            _subject(connection, subject_id)
            try:
                connection.execute(
                    update(subjects)
                    .where(subjects.c.id == subject_id)
                    .values(name=name, name_key=name_key(name))
                )
            except IntegrityError:
                raise NameTaken("Another person has this name already.") from None
            return _subject(connection, subject_id)

    def delete_subject(self, subject_id: str) -> None:
        """Forget a subject with all its samples. Raises: SubjectNotFound."""
        with self._write() as (connection, _):
            _subject(connection, subject_id)
            of_subject = select(samples.c.id).where(samples.c.subject_id == subject_id)
            gone = list(connection.execute(of_subject).scalars())
            connection.execute(delete(subjects).where(subjects.c.id == subject_id))
        self._crops.drop(gone)

    def delete_sample(self, sample_id: str) -> None:
        """Forget one sample; its subject stays. Raises: SampleNotFound."""
        with self._write() as (connection, _):
            _sample(connection, sample_id)
            connection.execute(delete(samples).where(samples.c.id == sample_id))
        self._crops.drop([sample_id])

    def set_fpir(self, fpir: float | None) -> None:
        """Promise a false-positive identification rate; None takes the setting's."""
        with self._write() as (connection, _):
            of_default = collections.c.name == DEFAULT_COLLECTION
            connection.execute(update(collections).where(of_default).values(fpir=fpir))

    def add_calibration(self, model: str, numbers: dict[str, Any]) -> None:
        """Put a calibration in force, as plain values."""
        with self._write() as (connection, _):
            connection.execute(
                insert(tables.calibrations).values(
                    id=str(uuid4()), model=model, created_at=_now(), numbers=numbers
                )
            )

    def retire_calibration(self, model: str) -> bool:
        """Take back the calibration in force; False when there is none of the owner's own."""
        with self._write() as (connection, _):
            newest = connection.execute(_calibrations(model)).first()
            if newest is None:
                return False
            connection.execute(
                update(tables.calibrations)
                .where(tables.calibrations.c.id == newest.id)
                .values(retired_at=_now())
            )
            return True

    def sweep(self) -> int:
        """Remove the crops that no sample names, left by a process that was killed.

        Under the write lock, so that no crop is taken for an orphan before its row is committed.
        """
        with _begin(self._engine, writes=True) as connection:
            known = set(connection.execute(select(samples.c.id)).scalars())
            return self._crops.sweep(known)

    # -- reading ------------------------------------------------------------------------------

    def subject(self, subject_id: str) -> Subject:
        """Raises: SubjectNotFound."""
        with _begin(self._engine) as connection:
            return _subject(connection, subject_id)

    def find_named(self, name: str) -> Subject | None:
        """The subject of a name, if there is one."""
        with _begin(self._engine) as connection:
            subject_id = _subject_named(connection, name)
            return _subject(connection, subject_id) if subject_id else None

    def subject_named(self, name: str) -> Subject:
        """Raises: SubjectNotFound."""
        subject = self.find_named(name)
        if subject is None:
            raise SubjectNotFound("There is nobody of that name.")
        return subject

    def subjects(self, limit: int, cursor: str | None = None, search: str = "") -> Page[Subject]:
        """Subjects by name, those whose name contains `search`. Raises: InvalidCursor."""
        order = tuple_(subjects.c.name_key, subjects.c.id)
        query = _subject_query().order_by(subjects.c.name_key, subjects.c.id).limit(limit + 1)
        if search := name_key(search).replace("\0", ""):  # PostgreSQL takes no NUL
            query = query.where(subjects.c.name_key.contains(search, autoescape=True))
        if cursor:
            query = query.where(order > tuple_(*map(literal, _cursor_values(cursor))))
        with _begin(self._engine) as connection:
            rows = connection.execute(query).all()
        return _page(rows, limit, _to_subject, lambda row: (row.name_key, row.id))

    def names(self, subject_ids: Sequence[str]) -> dict[str, str]:
        """The names of subjects by id; those that are gone are left out."""
        query = select(subjects.c.id, subjects.c.name).where(subjects.c.id.in_(set(subject_ids)))
        with _begin(self._engine) as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def sample(self, sample_id: str) -> Sample:
        """Raises: SampleNotFound."""
        with _begin(self._engine) as connection:
            return _sample(connection, sample_id)

    def samples(self, subject_id: str, limit: int, cursor: str | None = None) -> Page[Sample]:
        """A subject's samples, oldest first. Raises: SubjectNotFound, InvalidCursor."""
        query = (
            select(samples)
            .where(samples.c.subject_id == subject_id)
            .order_by(samples.c.created_at, samples.c.id)
            .limit(limit + 1)
        )
        if cursor:
            moment, last = _cursor_values(cursor)
            query = query.where(
                tuple_(samples.c.created_at, samples.c.id)
                > tuple_(literal(_moment(moment), tables.UtcDateTime), literal(last))
            )
        with _begin(self._engine) as connection:
            _subject(connection, subject_id)
            rows = connection.execute(query).all()
        return _page(rows, limit, _to_sample, lambda row: (row.created_at.isoformat(), row.id))

    def crop(self, sample_id: str) -> bytes:
        """The JPEG of a sample. Raises: SampleNotFound."""
        with _begin(self._engine) as connection:
            _sample(connection, sample_id)
            jpeg = self._crops.get(connection, sample_id)
        if jpeg is None:
            raise SampleNotFound("The picture of this sample is gone.")
        return jpeg

    def counts(self) -> tuple[int, int]:
        """How many subjects and samples there are."""
        with _begin(self._engine) as connection:
            people = connection.execute(select(func.count()).select_from(subjects)).scalar_one()
            kept = connection.execute(select(func.count()).select_from(samples)).scalar_one()
            return people, kept

    def fpir(self) -> float | None:
        """The promise; None when it is the setting's."""
        query = select(collections.c.fpir).where(collections.c.name == DEFAULT_COLLECTION)
        with _begin(self._engine) as connection:
            promised: float | None = connection.execute(query).scalar_one()
            return promised

    def calibration(self, model: str) -> dict[str, Any] | None:
        """The owner's own calibration in force, as plain values."""
        with _begin(self._engine) as connection:
            newest = connection.execute(_calibrations(model)).first()
            return None if newest is None else dict(newest.numbers)

    def revision(self) -> int:
        """The number of writes so far."""
        with _begin(self._engine) as connection:
            value: int = connection.execute(select(tables.revision.c.value)).scalar_one()
            return value

    def gallery(self, model: str, after: int = -1) -> tuple[int, int, Sequence[DbRow]]:
        """What an index needs, all of one moment.

        Returns:
            the revision, how many templates of this model there are, and those that came after
            revision `after`: rows of subject_id, sample_id and vector (little-endian float32).
        """
        of_model = templates.c.model == model
        count = select(func.count()).select_from(templates).where(of_model)
        rows = (
            select(samples.c.subject_id, templates.c.sample_id, templates.c.vector)
            .join(samples, samples.c.id == templates.c.sample_id)
            .where(of_model, templates.c.revision > after)
            .order_by(templates.c.revision, templates.c.sample_id)
        )
        with _begin(self._engine) as connection:
            revision = connection.execute(select(tables.revision.c.value)).scalar_one()
            total = connection.execute(count).scalar_one()
            return revision, total, connection.execute(rows).all()

    @contextmanager
    def _write(self) -> Iterator[tuple[Connection, int]]:
        """One transaction, and the revision that it makes."""
        with _begin(self._engine, writes=True) as connection:
            moved = update(tables.revision).values(value=tables.revision.c.value + 1)
            revision = connection.execute(moved.returning(tables.revision.c.value)).scalar_one()
            yield connection, revision


@contextmanager
def _begin(engine: Engine, writes: bool = False) -> Iterator[Connection]:
    """One transaction. A reader sees one moment of the database from its first query on."""
    options: dict[str, Any] = {"writes": writes}
    if engine.dialect.name == "postgresql" and not writes:
        options["isolation_level"] = "REPEATABLE READ"
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except OperationalError as error:
        raise DatabaseUnavailable("The database does not answer; try again.") from error


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidCursor(BAD_CURSOR) from None


def _subject_query() -> Select[Any]:
    count = select(func.count()).where(samples.c.subject_id == subjects.c.id).scalar_subquery()
    return select(subjects, count.label("samples"))


def _to_subject(row: DbRow) -> Subject:
    return Subject(row.id, row.name, row.created_at, row.samples)


def _subject(connection: Connection, subject_id: str) -> Subject:
    row = connection.execute(_subject_query().where(subjects.c.id == subject_id)).one_or_none()
    if row is None:
        raise SubjectNotFound("There is nobody with this id.")
    return _to_subject(row)


def _subject_named(connection: Connection, name: str) -> str | None:
    query = select(subjects.c.id).where(subjects.c.name_key == name_key(name))
    return connection.execute(query).scalar_one_or_none()


def _new_subject(connection: Connection, name: str) -> str:
    subject_id = str(uuid4())
    collection = select(collections.c.id).where(collections.c.name == DEFAULT_COLLECTION)
    connection.execute(
        insert(subjects).values(
            id=subject_id,
            collection_id=collection.scalar_subquery(),
            name=name,
            name_key=name_key(name),
            created_at=_now(),
        )
    )
    return subject_id


def _calibrations(model: str) -> Select[Any]:
    table = tables.calibrations
    return (
        select(table)
        .where(table.c.model == model, table.c.retired_at.is_(None))
        .order_by(table.c.created_at.desc(), table.c.id)
    )


def _to_sample(row: DbRow) -> Sample:
    return Sample(row.id, row.subject_id, row.created_at, row.origin, row.quality)


def _sample(connection: Connection, sample_id: str) -> Sample:
    row = connection.execute(select(samples).where(samples.c.id == sample_id)).one_or_none()
    if row is None:
        raise SampleNotFound("There is no sample with this id.")
    return _to_sample(row)


def _insert_sample(connection: Connection, sample: Sample, photo_sha256: str) -> None:
    connection.execute(
        insert(samples).values(
            id=sample.id,
            subject_id=sample.subject_id,
            created_at=sample.created_at,
            origin=sample.origin,
            photo_sha256=photo_sha256,
            quality=sample.quality,
        )
    )


def _insert_template(
    connection: Connection, sample_id: str, template: Template, revision: int
) -> None:
    """Keep a template, unless the sample has one of this model already."""
    key = (templates.c.sample_id == sample_id, templates.c.model == template.model)
    if connection.execute(select(templates.c.model).where(*key)).first():
        return
    connection.execute(
        insert(templates).values(
            sample_id=sample_id,
            model=template.model,
            vector=template.vector.astype("<f4").tobytes(),
            revision=revision,
        )
    )


def _sample_of_photo(connection: Connection, subject_id: str, photo: str) -> Sample | None:
    query = select(samples).where(
        samples.c.subject_id == subject_id, samples.c.photo_sha256 == photo
    )
    row = connection.execute(query).one_or_none()
    return _to_sample(row) if row else None


BAD_CURSOR = "This cursor is not one that facecog gave out."


def _page(
    rows: Sequence[DbRow],
    limit: int,
    to_item: Callable[[DbRow], Item],
    position: Callable[[DbRow], tuple[str, str]],
) -> Page[Item]:
    """One row more than `limit` was asked for, to know whether there is a next page."""
    more = len(rows) > limit
    cursor = _cursor(position(rows[limit - 1])) if more else None
    return Page(tuple(to_item(row) for row in rows[:limit]), cursor)


def _cursor(position: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _cursor_values(cursor: str) -> tuple[str, str]:
    try:
        match json.loads(base64.urlsafe_b64decode(cursor.encode())):
            case [str(first), str(second)] if "\0" not in first + second:
                (first + second).encode()  # no database takes half a surrogate pair
                return first, second
    except (ValueError, RecursionError):
        pass
    raise InvalidCursor(BAD_CURSOR)
