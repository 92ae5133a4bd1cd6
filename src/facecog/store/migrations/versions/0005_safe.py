"""Who may do what, what is agreed and for how long, what was erased, and what happened."""

import sqlalchemy as sa
from alembic import op

from facecog.store.tables import Number, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _collections()
    _subjects()
    _access()
    _audit()
    _erasing()
    # What is sealed is longer than what is plain. SQLite takes any length as it is, and to change a
    # column there is to make its table anew, which would take what refers to it with it.
    if op.get_bind().dialect.name != "sqlite":
        for table, column in (
            ("collections", "name"),
            ("subjects", "name"),
            ("samples", "origin"),
            ("changes", "subject_name"),
            ("changes", "other_name"),
        ):
            op.alter_column(table, column, type_=sa.String(1200))


def _erasing() -> None:
    op.create_table(
        "tombstones",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
    )
    for name in ("erasures", "wiped"):
        op.add_column("revision", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    # PostgreSQL would keep some of the names and templates as statistics, also of who is gone.
    if op.get_bind().dialect.name == "postgresql":
        for table, column in (
            ("subjects", "name"),
            ("subjects", "name_key"),
            ("samples", "photo_sha256"),
            ("templates", "vector"),
            ("crops", "jpeg"),
            ("changes", "subject_name"),
            ("changes", "other_name"),
        ):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")


def _collections() -> None:
    for column in (
        sa.Column("consent_required", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("consent_text", sa.String(200)),
        sa.Column("purpose", sa.String(500)),
        sa.Column("keep_days", sa.Integer()),
        sa.Column("unseen_days", sa.Integer()),
        sa.Column("wrapped_key", sa.LargeBinary()),
    ):
        op.add_column("collections", column)
    op.add_column(
        "revision", sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def _subjects() -> None:
    # Lists are of one collection.
    for then in ("name_key", "created_at"):
        op.drop_index(f"ix_subjects_{then}_id", "subjects")
        op.create_index(
            f"ix_subjects_collection_id_{then}_id", "subjects", ["collection_id", then, "id"]
        )
    op.add_column("subjects", sa.Column("expires_at", UtcDateTime()))
    op.add_column("subjects", sa.Column("seen_at", UtcDateTime()))
    op.create_table(
        "consents",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("text_version", sa.String(200), nullable=False),
        sa.Column("purpose", sa.String(500), nullable=False),
        sa.Column("how", sa.String(200), nullable=False),
        sa.Column("given_at", UtcDateTime(), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name="fk_consents_subject_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_consents_subject_id_given_at", "consents", ["subject_id", "given_at"])


def _access() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", sa.String(800), nullable=False),
        sa.Column("password_hash", sa.String(300), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name_key", name="uq_accounts_name_key"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_sessions_account_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_index("ix_sessions_until", "sessions", ["until"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("collection_id", sa.String(36)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("revoked_at", UtcDateTime()),
        sa.Column("used_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name="fk_api_keys_collection_id",
            ondelete="CASCADE",
        ),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", Number, autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("actor", sa.String(80), nullable=False),
        sa.Column("request_id", sa.String(40)),
        sa.Column("collection_id", sa.String(36)),
        sa.Column("subject_id", sa.String(36)),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    chain = op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("last", Number, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("before", Number, nullable=False),
        sa.Column("before_hash", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_chain"),
    )
    empty = {"id": 1, "last": 0, "hash": "", "before": 0, "before_hash": "", "seal": ""}
    op.bulk_insert(chain, [empty])
