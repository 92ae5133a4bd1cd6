"""Files of crops that come with the commit of a transaction: all of them, or none.

They are written to `dataset/restoring/NUMBER/`, and the transaction puts that number into the
database. Whoever opens the home next moves them to their places where the database has the number,
and removes them where it has not; so a kill at any moment leaves the old crops or the new ones.
"""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Engine

from facecog.errors import StorageUnavailable
from facecog.store.crops import FolderCrops, sync_folder
from facecog.store.transactions import begin

FOLDER = "restoring"


class Landing:
    """Crops beside those that are there."""

    def __init__(self, dataset: Path, sealed: bool) -> None:
        self._number = random.SystemRandom().randint(1, 2**31 - 1)
        folder = dataset / FOLDER / str(self._number)
        try:
            for one in (dataset, folder.parent):
                one.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._crops = FolderCrops(folder, sealed)
        except OSError as error:
            raise StorageUnavailable(f"{folder} cannot be made: {error.strerror}.") from error

    def put(self, connection: Connection, sample_id: str, stored: bytes) -> None:
        """Raises: StorageUnavailable."""
        self._crops.put(connection, sample_id, stored)

    def come_with(self, connection: Connection) -> None:
        """From the commit of this transaction on they are the home's."""
        connection.exec_driver_sql(f"PRAGMA user_version = {self._number}")


def land(engine: Engine, dataset: Path) -> None:
    """Move those to their places that were committed, and remove the others.

    Several processes may do so at once.
    """
    waiting = dataset / FOLDER
    if not waiting.is_dir():
        return
    with begin(engine) as connection:
        number = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    try:
        for file in list((waiting / str(number)).glob("*")):
            with suppress(FileNotFoundError):
                file.replace(dataset / file.name)
        sync_folder(dataset)
    except OSError as error:
        raise StorageUnavailable(f"{waiting} cannot be emptied: {error.strerror}.") from error
    shutil.rmtree(waiting, ignore_errors=True)
