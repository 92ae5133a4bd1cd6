"""Templates that are sealed: opened for an index, and bound to whose they are.

A template is bound to its sample's subject too, so that whoever can write to the database cannot
give one person's face another's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, select, update

from facecog.store import rows
from facecog.store.sealing import Sealer, sealing_of
from facecog.store.tables import collections, samples, subjects, templates
from facecog.store.transactions import parts

Open = Callable[[Sequence[str], Sequence[bytes]], Sequence[bytes]]
"""Ids of samples and their templates as they are stored -> these as they were."""


def opener(connection: Connection, model: str) -> Open:
    """For all templates of a model."""
    if not sealing_of(connection).sealed:
        return lambda _, stored: stored
    owners, sealer = _owners(connection), _sealer(connection)

    def opened(ids: Sequence[str], stored: Sequence[bytes]) -> Sequence[bytes]:
        return [
            sealer(owners[one]).open(blob, *rows.of_template(one, owners[one], model))
            for one, blob in zip(ids, stored, strict=True)
        ]

    return opened


def bind(connection: Connection, sealer: Sealer, sample_ids: Sequence[str], subject: str) -> None:
    """Seal templates anew, of samples that are to be another subject's."""
    if not sealing_of(connection).sealed:
        return
    query = select(templates, samples.c.subject_id).join(samples)
    for some in parts(sample_ids):
        for row in connection.execute(query.where(samples.c.id.in_(some))).all():
            vector = sealer.open(
                row.vector, *rows.of_template(row.sample_id, row.subject_id, row.model)
            )
            here = (templates.c.sample_id == row.sample_id) & (templates.c.model == row.model)
            sealed = sealer.seal(vector, *rows.of_template(row.sample_id, subject, row.model))
            connection.execute(update(templates).where(here).values(vector=sealed))


def _owners(connection: Connection) -> dict[str, str]:
    """Sample -> subject."""
    pairs = select(rows.joined(samples.c.id, " "), rows.joined(samples.c.subject_id, " "))
    known, owners = connection.execute(pairs).one()
    return dict(zip(known.split(), owners.split(), strict=True))


def _sealer(connection: Connection) -> Callable[[str], Sealer]:
    """Subject -> how its values are sealed."""
    every = connection.execute(select(collections.c.id)).scalars().all()
    if len(every) == 1:
        one = rows.sealer_of(connection, every[0])
        return lambda _: one
    here = select(subjects.c.collection_id, rows.joined(subjects.c.id, " "))
    of_subject = {
        subject: rows.sealer_of(connection, collection)
        for collection, text in connection.execute(here.group_by(subjects.c.collection_id))
        for subject in text.split()
    }
    return of_subject.__getitem__
