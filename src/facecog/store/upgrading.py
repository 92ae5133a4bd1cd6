"""Migrating with Alembic, imported only where a migration is due."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from facecog.errors import DatabaseUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, version: str = "head") -> None:
    """Bring the tables up to a version. Raises: DatabaseUnavailable, a newer facecog made them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, version)
    except CommandError as error:
        raise DatabaseUnavailable(f"The database cannot be opened: {error}") from error
