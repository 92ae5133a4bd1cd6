"""Whether a backup is whole in itself: all rows, each with what it refers to, and their crops."""

from __future__ import annotations

from facecog.archive import Plain, Reader, unreadable_is_damaged
from facecog.errors import BackupDamaged, BackupTooNew
from facecog.store.database import HEAD
from facecog.store.dumping import BACKED_UP
from facecog.store.kept import kept_of
from facecog.store.tables import metadata

FORMAT = 1

References = list[tuple[str, str]]
"""Columns, and the table whose ids are in each."""


def refuse_unwhole(backup: Reader) -> None:
    """Raises: BackupDamaged, BackupTooNew."""
    with unreadable_is_damaged():
        if backup.manifest["format"] > FORMAT or backup.manifest["schema"] > HEAD:
            raise BackupTooNew(
                f"facecog {backup.manifest['facecog']} made this backup. Restore it with that one."
            )
        if not set(backup.tables) <= set(BACKED_UP):
            raise BackupDamaged("This backup has tables that facecog does not have.")
        ids: dict[str, set[str]] = {}
        crops: set[str] = set()
        for table in backup.tables:
            ids[table] = set()
            _look_at(backup, table, ids, crops)
        if crops != backup.crop_ids:
            raise BackupDamaged("This backup has not the crops of its samples.")


def references(table: str) -> References:
    """Only ids are referred to, and by one column each."""
    keys = metadata.tables[table].foreign_keys
    return [(key.parent.name, key.column.table.name) for key in keys]


def crops_of(table: str, row: Plain) -> list[str]:
    """Ids of samples whose crops belong to a row."""
    if table == "samples":
        return [row["id"]]
    return kept_of(row["kept"]).taken_ids() if table == "changes" else []


def _look_at(backup: Reader, table: str, ids: dict[str, set[str]], crops: set[str]) -> None:
    refers, count = references(table), 0
    for row in backup.rows(table):
        count += 1
        for column, other in refers:
            if row.get(column) is not None and row[column] not in ids[other]:
                raise BackupDamaged(f"This backup has {table} of {other} that are not in it.")
        ids[table].add(row.get("id", ""))
        crops.update(crops_of(table, row))
    if count != backup.manifest["rows"][table]:
        raise BackupDamaged(f"This backup has another number of {table} than it says.")
