"""What is asked of a store, and changes nothing in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import numpy as np
from sqlalchemy import Engine, func, literal, select, tuple_

from facecog.domain import Candidate, GalleryPart, Sample, Subject, Template, Totals
from facecog.errors import CropLost, InvalidSort, SubjectNotFound
from facecog.names import name_key
from facecog.store import rows, tables
from facecog.store.crops import Crops, of_crop
from facecog.store.gallery import gallery_part
from facecog.store.orders import ORDERS, listed
from facecog.store.paging import Page, moment_cursor, page
from facecog.store.sealed_names import SealedNames
from facecog.store.sealing import Sealer, Sealing
from facecog.store.tables import collections, samples, subjects, templates
from facecog.store.transactions import begin, fetched


class Queries:
    """The half of a store that reads.

    Attributes:
        collection: id of the one whose subjects these are.
    """

    collection: str
    _engine: Engine
    _crops: Crops
    _sealing: Sealing
    _sealed_names: SealedNames

    @property
    def sealed(self) -> bool:
        """Whether the home is encrypted."""
        return self._sealing.sealed

    @property
    def _sealer(self) -> Sealer:
        return self._sealing.of(self.collection)

    def subject(self, subject_id: str) -> Subject:
        """Raises: SubjectNotFound."""
        with begin(self._engine) as connection:
            return rows.subject_of(connection, self.collection, subject_id)

    def find_named(self, name: str) -> Subject | None:
        """The subject of a name, if there is one."""
        with begin(self._engine) as connection:
            subject_id = rows.subject_named(connection, self.collection, name)
            return rows.subject_of(connection, self.collection, subject_id) if subject_id else None

    def subject_named(self, name: str) -> Subject:
        """Raises: SubjectNotFound."""
        subject = self.find_named(name)
        if subject is None:
            raise SubjectNotFound("There is nobody of that name.")
        return subject

    def subjects(
        self, limit: int, cursor: str | None = None, search: str = "", sort: str = "name"
    ) -> Page[Subject]:
        """Subjects in an order of ORDERS, those whose name has `search` in it.

        Raises:
            InvalidCursor, InvalidSort.
        """
        if sort not in ORDERS:
            raise InvalidSort(f"People are listed by {', '.join(ORDERS)}.")
        search = name_key(search).replace("\0", "")  # PostgreSQL takes no NUL
        to_item = partial(rows.to_subject, sealer=self._sealer)
        with begin(self._engine) as connection:
            if self.sealed and (search or sort == "name"):
                found = self._sealed_names.listed(connection, limit, cursor, search, sort)
            else:
                found = listed(connection, self.collection, limit, cursor, search, sort)
        return page(found.rows, limit, to_item, sort, found.position, found.total)

    def names(self, subject_ids: Sequence[str]) -> dict[str, str]:
        """The names of subjects by id; those that are gone are left out."""
        asked = tuple(set(subject_ids))
        if not asked:
            return {}
        found = fetched(self._engine, "SELECT id, name FROM subjects WHERE id IN", asked)
        sealer = self._sealer
        return {one: sealer.open_text(name, "subjects", "name", one) for one, name in found}

    def named(self, found: list[list[Candidate]]) -> list[list[Candidate]]:
        """Candidates with their names. One who was deleted since the search is left out."""
        names = self.names([one.subject_id for candidates in found for one in candidates])
        return [
            [
                replace(one, name=names[one.subject_id])
                for one in candidates
                if one.subject_id in names
            ]
            for candidates in found
        ]

    def sample(self, sample_id: str) -> Sample:
        """Raises: SampleNotFound."""
        with begin(self._engine) as connection:
            return rows.sample_of(connection, self.collection, sample_id)

    def samples(self, subject_id: str, limit: int, cursor: str | None = None) -> Page[Sample]:
        """A subject's samples, oldest first. Raises: SubjectNotFound, InvalidCursor."""
        query = (
            select(samples)
            .where(samples.c.subject_id == subject_id)
            .order_by(samples.c.created_at, samples.c.id)
            .limit(limit + 1)
        )
        if cursor:
            since, last = moment_cursor(cursor, "samples")
            query = query.where(
                tuple_(samples.c.created_at, samples.c.id)
                > tuple_(literal(since, tables.UtcDateTime), literal(last))
            )
        with begin(self._engine) as connection:
            rows.subject_of(connection, self.collection, subject_id)
            found = connection.execute(query).all()
        to_item = partial(rows.to_sample, sealer=self._sealer)
        return page(found, limit, to_item, "samples", rows.by_date)

    def crop(self, sample_id: str, removed: bool = False) -> bytes:
        """The JPEG of a sample.

        Args:
            removed: also of one that was removed and can be brought back.

        Raises:
            SampleNotFound, CropLost, StorageUnavailable.
        """
        with begin(self._engine) as connection:
            if not removed:
                rows.sample_of(connection, self.collection, sample_id)
            stored = self._crops.get(connection, sample_id)
        if stored is None:
            raise CropLost("The picture of this sample is gone.")
        return self._sealer.open(stored, *of_crop(sample_id))

    def templates(self, sample_id: str) -> list[Template]:
        """A sample's, of each model that made one."""
        query = select(templates, samples.c.subject_id).join(samples)
        this = templates.c.sample_id == sample_id
        with begin(self._engine) as connection:
            found = connection.execute(query.where(this).order_by(templates.c.model)).all()
        made = []
        for row in found:
            where = rows.of_template(sample_id, row.subject_id, row.model)
            vector = self._sealer.open(row.vector, *where)
            made.append(Template(np.frombuffer(vector, "<f4"), row.model))
        return made

    def seen_at(self, subject_id: str) -> datetime | None:
        """The day on which a subject was last recognised, where that is noted."""
        with begin(self._engine) as connection:
            query = select(subjects.c.seen_at).where(subjects.c.id == subject_id)
            return connection.execute(query).scalar_one_or_none()

    def counts(self) -> tuple[int, int]:
        """How many subjects and samples there are."""
        people = select(func.count()).where(subjects.c.collection_id == self.collection)
        kept = select(func.count()).select_from(samples)
        with begin(self._engine) as connection:
            several = connection.execute(select(func.count()).select_from(collections))
            if several.scalar_one() > 1:  # to look up whose each sample is takes 20 times as long
                kept = kept.where(rows.in_collection(self.collection))
            return connection.execute(people).scalar_one(), connection.execute(kept).scalar_one()

    def totals(self, model: str) -> Totals:
        """What there is in all collections, and templates of one model."""
        of_model = templates.c.model == model
        counts = [
            select(func.count()).select_from(table).scalar_subquery()
            for table in (collections, subjects, samples)
        ]
        counts.append(select(func.count()).where(of_model).scalar_subquery())
        with begin(self._engine) as connection:
            return Totals(*connection.execute(select(*counts)).one())

    def revision(self) -> int:
        """The number of writes so far."""
        ((value,),) = fetched(self._engine, "SELECT value FROM revision")
        return int(value)

    def gallery(self, model: str, after: int | None = None) -> GalleryPart:
        """What an index needs, all of one moment.

        Args:
            after: only what came and went after this revision; all where that is not known any
                more.
        """
        with begin(self._engine) as connection:
            return gallery_part(connection, model, after)
