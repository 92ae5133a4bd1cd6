"""The tables. A change here needs a migration in `migrations/versions/`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
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
# Of the audit, which may grow by a million a day. SQLite's INTEGER is as long, and finds its rows.
Number = BigInteger().with_variant(Integer(), "sqlite")
# 200 letters, or as much as they take when they are sealed. SQLite takes any length as it is.
Sealable = String(200).with_variant(String(1200), "postgresql")

collections = Table(
    "collections",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Sealable, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("fpir", Float),  # the promise; the setting's when empty
    # Nobody is registered here without having agreed to this version of this text.
    Column("consent_required", Boolean, nullable=False, server_default=false()),
    Column("consent_text", String(200)),
    Column("purpose", String(500)),
    # Days after which a subject is erased: since registered, and since last recognised.
    Column("keep_days", Integer),
    Column("unseen_days", Integer),
    # What its names, templates and crops are sealed with, itself wrapped by the master key; none
    # where the home is not encrypted.
    Column("wrapped_key", LargeBinary),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", Id, primary_key=True),
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE"), nullable=False),
    Column("name", Sealable, nullable=False),
    # The name as it is searched and sorted: "anna" and "Anna" are one person.
    Column("name_key", String(800), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),  # when the subject is erased
    Column("seen_at", UtcDateTime),  # last recognised, to the day
    UniqueConstraint("collection_id", "name_key"),
    Index(None, "collection_id", "name_key", "id"),
    Index(None, "collection_id", "created_at", "id"),
)

samples = Table(
    "samples",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject_id", ForeignKey("subjects.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("origin", Sealable, nullable=False),
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
    Column("subject_name", Sealable, nullable=False),
    Column("other_id", Id),
    Column("other_name", Sealable),
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
    # Whether values are encrypted. Here because each write locks and reads this row anyway.
    Column("sealed", Boolean, nullable=False, server_default=false()),
    # How often something was erased for good, and how many of these times are wiped; see wiping.py.
    Column("erasures", Integer, nullable=False, server_default="0"),
    Column("wiped", Integer, nullable=False, server_default="0"),
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

# That a person agreed, to what, and whether they took it back.
consents = Table(
    "consents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("subject_id", ForeignKey("subjects.id", ondelete="CASCADE"), nullable=False),
    Column("text_version", String(200), nullable=False),
    Column("purpose", String(500), nullable=False),
    Column("how", String(200), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
    Column("withdrawn_at", UtcDateTime),
    Index(None, "subject_id", "given_at"),
)

# Ids of subjects and samples that were erased, so that an older backup does not bring them back.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("name_key", String(800), nullable=False, unique=True),
    Column("password_hash", String(300), nullable=False),
    Column("role", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime),
)

# Somebody's browser that is signed in. Of its token only the SHA-256 is here.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("account_id", ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Index(None, "account_id"),
    Index(None, "until"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    # The only one that it opens; all where there is none.
    Column("collection_id", ForeignKey("collections.id", ondelete="CASCADE")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("used_at", UtcDateTime),
)

# What happened. No name, no picture, no template; each line's hash is of the line and of the hash
# before it.
audit = Table(
    "audit",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(40), nullable=False),
    Column("actor", String(80), nullable=False),
    Column("request_id", String(40)),
    # What is gone stays named here, so these are no foreign keys.
    Column("collection_id", Id),
    Column("subject_id", Id),
    Column("details", Text, nullable=False),  # JSON, to the letter as it was hashed
    Column("hash", String(64), nullable=False),
)

# One row: the last line of the audit, and the last of those that are kept no more.
audit_chain = Table(
    "audit_chain",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last", Number, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("before", Number, nullable=False),
    Column("before_hash", String(64), nullable=False),
    Column("seal", String(64), nullable=False),  # a hash of this row
)
