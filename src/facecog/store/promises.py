"""What is promised of searches in a collection, and the owner's own calibrations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, Select, func, insert, select, update

from facecog.store import rows
from facecog.store.audit import note
from facecog.store.tables import calibrations, collections
from facecog.store.transactions import begin, write


class Promises:
    """Of one collection; calibrations are of all."""

    def __init__(self, engine: Engine, collection: str) -> None:
        self._engine, self._collection = engine, collection

    def fpir(self) -> float | None:
        """The promise; None when it is the setting's. Raises: CollectionGone."""
        with begin(self._engine) as connection:
            kept = rows.of_collection(connection, self._collection, collections.c.fpir)
            promised: float | None = kept.fpir
            return promised

    def set_fpir(self, fpir: float | None) -> None:
        """Promise a false-positive identification rate; None takes the setting's."""
        with write(self._engine) as (connection, _):
            here = collections.c.id == self._collection
            connection.execute(update(collections).where(here).values(fpir=fpir))
            note(connection, "promise", self._collection, fpir=fpir)

    def calibration(self, model: str) -> dict[str, Any] | None:
        """The owner's own calibration in force, as plain values."""
        with begin(self._engine) as connection:
            newest = connection.execute(_in_force(model)).first()
            return None if newest is None else dict(newest.numbers)

    def add_calibration(self, model: str, numbers: dict[str, Any]) -> None:
        """Put a calibration in force, as plain values."""
        newest = select(func.max(calibrations.c.created_at))
        with write(self._engine) as (connection, _):
            before = connection.execute(newest).scalar_one() or rows.EARLIEST
            # It is the newest, also when the clock was set back since the last one.
            at = max(rows.now(), before + timedelta(microseconds=1))
            connection.execute(
                insert(calibrations).values(
                    id=str(uuid4()), model=model, created_at=at, numbers=numbers
                )
            )
            note(connection, "calibration.add", model=model)

    def retire_calibration(self, model: str) -> bool:
        """Take back the calibration in force; False when there is none of the owner's own."""
        with write(self._engine) as (connection, _):
            newest = connection.execute(_in_force(model)).first()
            if newest is None:
                return False
            connection.execute(
                update(calibrations)
                .where(calibrations.c.id == newest.id)
                .values(retired_at=rows.now())
            )
            note(connection, "calibration.retire", model=model)
            return True


def _in_force(model: str) -> Select[Any]:
    return (
        select(calibrations)
        .where(calibrations.c.model == model, calibrations.c.retired_at.is_(None))
        .order_by(calibrations.c.created_at.desc(), calibrations.c.id)
    )
