"""Looking for what does not fit together. Nothing is changed here; see mending.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from sqlalchemy import Connection, Engine, Row, Select, exists, func, select

from facecog.archive import Plain, Told
from facecog.errors import FacecogError
from facecog.store import rows
from facecog.store.backup import wanted_ids
from facecog.store.crops import Crops, of_crop
from facecog.store.kept import change_query, kept_of, to_change
from facecog.store.sealing import Sealer
from facecog.store.tables import (
    changes,
    revision,
    samples,
    subjects,
    templates,
    tombstones,
)
from facecog.store.transactions import begin, parts

NORM = 1e-3  # that a template's may be off by

Readable = Callable[[bytes], object]
"""Raises a FacecogError for what is no picture."""

Found = dict[str, list[str]]
"""Code -> ids."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be found.

    Attributes:
        mend: what mending does; empty where nothing here can.
        fault: False where it may be so, and is only said.
    """

    said: str
    mend: str = ""
    fault: bool = True


REMOVE = "remove the sample; register its photo again"
KINDS = {
    "database_damaged": Kind("the database's own check complains"),
    "audit_broken": Kind("the audit was altered; facecog audit verify says where"),
    "revision_behind": Kind("templates are newer than the revision", "move the revision"),
    "tombstone_alive": Kind("what was erased is there", "remove it"),
    "name_damaged": Kind("names of people cannot be read"),
    "name_key_wrong": Kind("people are not found by their name", "make the key anew"),
    "sample_damaged": Kind("samples cannot be read", REMOVE),
    "change_damaged": Kind("changes cannot be read", "erase the change"),
    "template_damaged": Kind("templates are none", "remove it; register the photo again"),
    "crop_missing": Kind("samples have no picture", REMOVE),
    "crop_damaged": Kind("pictures cannot be opened", REMOVE),
    "crop_orphaned": Kind("pictures of no sample", "removed when this began", fault=False),
    "template_missing": Kind("samples have no template of this model", fault=False),
    "subject_empty": Kind("people have no sample", fault=False),
    "file_strange": Kind("files in dataset/ are not of facecog", fault=False),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Attributes:
        ids: of rows; names of files; of a template its sample, "/" and its model. None of what is
            there no more.
    """

    code: str
    ids: tuple[str, ...]
    count: int

    @property
    def kind(self) -> Kind:
        return KINDS[self.code]


def check(
    engine: Engine, crops: Crops, model: str | None, readable: Readable, told: Told
) -> list[Finding]:
    """All that is found, in the order of KINDS.

    Args:
        model: the one in use; None where it is not to be looked for.
        told: called with how many crops more were looked at.
    """
    with begin(engine) as connection:
        found: dict[str, Iterable[str]] = {
            "database_damaged": list(_database(connection)),
            "revision_behind": list(_ahead(connection)),
            "tombstone_alive": sorted(_alive(connection)),
            **_people(connection),
            "sample_damaged": list(_samples(connection)),
            "change_damaged": list(_changes(connection)),
            "template_damaged": list(_templates(connection)),
            "template_missing": list(_without(connection, model)) if model else [],
            "subject_empty": list(_empty(connection)),
            "file_strange": crops.strange(),
        }
    found |= _crops(engine, crops, readable, told)
    return [Finding(code, ids, len(ids)) for code in KINDS if (ids := tuple(found.get(code, ())))]


def _database(connection: Connection) -> Iterator[str]:
    """PostgreSQL keeps its own pages and keys; amcheck looks at them."""
    if connection.dialect.name != "sqlite":
        return
    for (said,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if said != "ok":
            yield said
    for table, row, other, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to nothing in {other}"


def _ahead(connection: Connection) -> Iterable[str]:
    now = select(revision.c.value).scalar_subquery()
    query = select(templates.c.sample_id).where(templates.c.revision > now)
    return connection.execute(query).scalars()


def _alive(connection: Connection) -> set[str]:
    dead = set(connection.execute(select(tombstones.c.id)).scalars())
    people = set(connection.execute(select(subjects.c.id)).scalars())
    return dead & (people | wanted_ids(connection)) if dead else set()


def _people(connection: Connection) -> Found:
    found: Found = {"name_damaged": [], "name_key_wrong": []}
    for row in connection.execute(select(subjects)):
        sealer = rows.sealer_of(connection, row.collection_id)
        try:
            right = rows.stored_name(row.id, rows.name_of(row, sealer), sealer)
        except FacecogError:
            found["name_damaged"].append(row.id)
        else:
            if right["name_key"] != row.name_key:
                found["name_key_wrong"].append(row.id)
    return found


def _samples(connection: Connection) -> Iterator[str]:
    """Those whose person is gone, too."""
    query = select(samples, subjects.c.collection_id).join(subjects, isouter=True)
    for row in connection.execute(query):
        if row.collection_id is None or not _opens(
            partial(rows.to_sample, row, rows.sealer_of(connection, row.collection_id))
        ):
            yield row.id


def _changes(connection: Connection) -> Iterator[str]:
    for row in connection.execute(change_query(kept=True)):
        sealer = rows.sealer_of(connection, row.collection_id)
        if not (_opens(partial(to_change, row, sealer)) and _opens(partial(kept_of, row.kept))):
            yield row.id


def _templates(connection: Connection) -> Iterator[str]:
    sizes = func.length(templates.c.vector)
    usual: dict[str, Counter[int]] = {}
    counted = select(templates.c.model, sizes, func.count()).group_by(templates.c.model, sizes)
    for model, size, count in connection.execute(counted):
        usual.setdefault(model, Counter())[size] += count
    query = select(templates, samples.c.subject_id, subjects.c.collection_id)
    for row in connection.execute(query.join_from(templates, samples).join(subjects)):
        sealer = rows.sealer_of(connection, row.collection_id)
        ((size, _),) = usual[row.model].most_common(1)
        if len(row.vector) != size or not _is_template(row, sealer):
            yield f"{row.sample_id}/{row.model}"


def _is_template(row: Row[Plain], sealer: Sealer) -> bool:
    try:
        of = rows.of_template(row.sample_id, row.subject_id, row.model)
        vector = np.frombuffer(sealer.open(row.vector, *of), "<f4").astype(np.float64)
    except (FacecogError, ValueError):
        return False
    # Not true of what is not finite either.
    return bool(abs(np.linalg.norm(vector) - 1) <= NORM)


def _without(connection: Connection, model: str) -> Iterable[str]:
    has = exists().where(templates.c.sample_id == samples.c.id, templates.c.model == model)
    return connection.execute(select(samples.c.id).where(~has)).scalars()


def _empty(connection: Connection) -> Iterable[str]:
    has = exists().where(samples.c.subject_id == subjects.c.id)
    return connection.execute(select(subjects.c.id).where(~has)).scalars()


def _crops(engine: Engine, crops: Crops, readable: Readable, told: Told) -> Found:
    """A part at a time, so that a long look holds up nobody."""
    found: Found = {"crop_missing": [], "crop_damaged": []}
    with begin(engine) as connection:
        owners = _owners(connection)
    for some in parts(sorted(owners)):
        with begin(engine) as connection:
            for one in some:
                code = _of_crop(connection, crops, one, owners[one], readable)
                found.setdefault(code, []).append(one)
                told(1)
    with begin(engine) as connection:  # what was erased meanwhile is missing rightly
        wanted_now = wanted_ids(connection)
    return {code: [one for one in ids if one in wanted_now] for code, ids in found.items() if code}


def _of_crop(
    connection: Connection, crops: Crops, sample_id: str, collection: str, readable: Readable
) -> str:
    """What there is to say of it; empty where nothing."""
    stored = crops.get(connection, sample_id)
    if stored is None:
        return "crop_missing"
    sealer = rows.sealer_of(connection, collection)
    intact = _opens(lambda: readable(sealer.open(stored, *of_crop(sample_id))))
    return "" if intact else "crop_damaged"


def _owners(connection: Connection) -> dict[str, str]:
    """Sample -> collection, of kept ones too."""
    live: Select[tuple[str, str]] = select(samples.c.id, subjects.c.collection_id).join(subjects)
    owners = {row.id: row.collection_id for row in connection.execute(live)}
    for row in connection.execute(select(changes.c.collection_id, changes.c.kept)):
        owners |= dict.fromkeys(kept_of(row.kept).taken_ids(), row.collection_id)
    return owners


def _opens(what: Callable[[], object]) -> bool:
    try:
        what()
    except (FacecogError, ValueError, TypeError, LookupError):
        return False
    return True
