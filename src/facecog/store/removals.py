"""Which samples went, kept until every running index has heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from facecog.store import rows
from facecog.store.tables import removals, revision

# An index catches up with each search. One that has slept for longer reads everything again, in
# less time than it takes to look at a photo.
HEARD = timedelta(hours=1)
# Samples of one change that are noted one by one; beyond that it is no slower to read everything.
AT_MOST = 10_000


def note(connection: Connection, sample_ids: Sequence[str], at_revision: int) -> None:
    """Say that samples went."""
    if len(sample_ids) > AT_MOST:
        _forget(connection, at_revision)
    elif sample_ids:
        went = {"revision": at_revision, "at": rows.now()}
        connection.execute(insert(removals), [went | {"sample_id": one} for one in sample_ids])


def since(connection: Connection, after: int) -> list[str]:
    """Samples that went after a revision, each once."""
    query = select(removals.c.sample_id).where(removals.c.revision > after).distinct()
    return list(connection.execute(query).scalars())


def past() -> ColumnElement[bool]:
    """Those that every index has heard of, or has to read everything for."""
    return removals.c.at <= rows.now() - HEARD


def purge(connection: Connection) -> None:
    """Forget those that are past."""
    last = connection.execute(select(func.max(removals.c.revision)).where(past())).scalar_one()
    if last is not None:
        _forget(connection, last)


def _forget(connection: Connection, up_to: int) -> None:
    connection.execute(delete(removals).where(removals.c.revision <= up_to))
    # Never backwards: two may forget at once.
    later = revision.c.forgotten < up_to
    connection.execute(update(revision).where(later).values(forgotten=up_to))
