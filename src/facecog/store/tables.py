"""The tables. A change here needs a migration in `migrations/versions/`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

# Names for constraints, so that a later migration can drop them on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone on both databases; SQLite itself would drop it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(timezone.utc)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.astimezone(timezone.utc)


Id = String(36)  # a UUID as text

collections = Table(
    "collections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("fpir", Float),  # the promise; the setting's when empty
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", Id, primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(200), nullable=False),
    # The name as it is searched and sorted: "anna" and "Anna" are one person.
    Column("name_key", String(800), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("collection_id", "name_key"),
    Index(None, "name_key", "id"),
    Index(None, "created_at", "id"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject_id", ForeignKey("subjects.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("origin", String(200), nullable=False),
    # Of the photo as it was sent, so that the same one is not kept twice.
    Column("photo_sha256", String(64), nullable=False),
    Column("quality", JSON, nullable=False),
    UniqueConstraint("subject_id", "photo_sha256"),
)

templates = Table(
    "templates",
    metadata,
    Column("sample_id", ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("vector", LargeBinary, nullable=False),  # little-endian float32
    Column("revision", Integer, nullable=False),  # the one that it came with
    Index(None, "model", "revision"),
)

# Used on PostgreSQL alone; with SQLite the crops are files in dataset/. No foreign key: the crop of
# a sample that was taken away stays for as long as that can be undone.
crops = Table(
    "crops",
    metadata,
    Column("sample_id", Id, primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)

# What was done to subjects, for as long as it can be undone; see journal.py.
changes = Table(
    "changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("undone_at", UtcDateTime),
    # Both may be gone, so these are no foreign keys.
    Column("subject_id", Id, nullable=False),
    Column("subject_name", String(200), nullable=False),
    Column("other_id", Id),
    Column("other_name", String(200)),
    Column("samples", Integer, nullable=False),
    Column("kept", JSON(none_as_null=True)),  # kept.py; none once it is undone
    Index(None, "at", "id"),
    Index(None, "until"),
)

# Made by the owner. The newest of a model that is not retired is in force, else its card's own.
calibrations = Table(
    "calibrations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("model", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("numbers", JSON, nullable=False),
    Column("retired_at", UtcDateTime),
    Index(None, "model", "created_at"),
)

# One row. It moves in the transaction of each write, so a reader knows whether anything changed.
revision = Table(
    "revision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("value", Integer, nullable=False),
    # What went up to this revision is in `removals` no more.
    Column("forgotten", Integer, nullable=False, server_default="0"),
)

# Samples that went, for long enough that every index hears of them; see removals.py.
removals = Table(
    "removals",
    metadata,
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("sample_id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "at"),
)
