"""First tables: collections, subjects, samples, templates, crops, and the revision."""

from datetime import datetime, timezone
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

from facecog.store.tables import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    collections = op.create_table(
        "collections",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
        sa.UniqueConstraint("name", name="uq_collections_name"),
    )
    op.create_table(
        "subjects",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("collection_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", sa.String(800), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subjects"),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name="fk_subjects_collection_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("collection_id", "name_key", name="uq_subjects_collection_id_name_key"),
    )
    op.create_table(
        "samples",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("photo_sha256", sa.String(64), nullable=False),
        sa.Column("quality", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
        sa.ForeignKeyConstraint(
            ["subject_id"], ["subjects.id"], name="fk_samples_subject_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint(
            "subject_id", "photo_sha256", name="uq_samples_subject_id_photo_sha256"
        ),
    )
    op.create_table(
        "templates",
        sa.Column("sample_id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sample_id", "model", name="pk_templates"),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_templates_sample_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_templates_model_revision", "templates", ["model", "revision"])
    op.create_table(
        "crops",
        sa.Column("sample_id", sa.String(36), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sample_id", name="pk_crops"),
        sa.ForeignKeyConstraint(
            ["sample_id"], ["samples.id"], name="fk_crops_sample_id", ondelete="CASCADE"
        ),
    )
    counter = op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])
    op.bulk_insert(
        collections,
        [{"id": str(uuid4()), "name": "default", "created_at": datetime.now(timezone.utc)}],
    )
