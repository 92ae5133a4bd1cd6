"""Changes that can be undone; crops that outlive their sample; people in order."""

import sqlalchemy as sa
from alembic import op

from facecog.store.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("collection_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("undone_at", UtcDateTime(), nullable=True),
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("subject_name", sa.String(200), nullable=False),
        sa.Column("other_id", sa.String(36), nullable=True),
        sa.Column("other_name", sa.String(200), nullable=True),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("kept", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sa.ForeignKeyConstraint(
            ["collection_id"],
            ["collections.id"],
            name="fk_changes_collection_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_changes_at_id", "changes", ["at", "id"])
    op.create_index("ix_changes_until", "changes", ["until"])
    op.create_index("ix_subjects_name_key_id", "subjects", ["name_key", "id"])
    op.create_index("ix_subjects_created_at_id", "subjects", ["created_at", "id"])
    with op.batch_alter_table("crops") as crops:
        crops.drop_constraint("fk_crops_sample_id", type_="foreignkey")
