"""What a database's own errors mean to those who asked, and to the operator."""

from __future__ import annotations

from facecog.errors import DatabaseBusy, DatabaseUnavailable, StorageUnavailable, Unavailable

FULL = "The database cannot be written: the disk is full."
READ_ONLY = "The database cannot be written: it is read-only."
BROKEN = "The database cannot be read or written: the disk does not work."
DAMAGED = "The database is damaged; restore a backup."
HELD = "Another program holds the database; try again."
AWAY = "The database does not answer; try again."
COME_AGAIN = 1  # seconds

# SQLite's own words, which are part of its interface (sqlite3_errstr).
SQLITE = {
    "database or disk is full": FULL,
    "attempt to write a readonly database": READ_ONLY,
    "disk I/O error": BROKEN,
    "database disk image is malformed": DAMAGED,
    "file is not a database": DAMAGED,
    "database is locked": HELD,
    "database table is locked": HELD,
}
# PostgreSQL's codes (appendix A of its manual).
SQLSTATE = {
    "53100": FULL,
    "25006": READ_ONLY,
    "58030": BROKEN,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "55P03": HELD,  # it took longer than lock_timeout
    "40P01": HELD,  # a deadlock, with a program that is not facecog
}


def refusal_of(error: BaseException | None, away: bool) -> Unavailable | None:
    """The refusal for an error of the driver; None where it is no breakdown but a bug.

    Args:
        away: of an error that is not known better: the database does not answer.
    """
    said = SQLSTATE.get(getattr(error, "sqlstate", None) or "")
    said = said or next((text for start, text in SQLITE.items() if start in str(error)), None)
    if said == HELD:
        return DatabaseBusy(said, COME_AGAIN)
    if said in (FULL, READ_ONLY, BROKEN):
        return StorageUnavailable(said)
    return DatabaseUnavailable(said or AWAY) if said or away else None
