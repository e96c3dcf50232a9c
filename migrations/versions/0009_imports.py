"""Imports of files: the record, and the file for as long as it is needed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

STATES = "'checking', 'checked', 'importing', 'done', 'failed', 'dropped'"


def upgrade() -> None:
    op.create_table(
        "import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("scope", sa.String(12, collation="C"), nullable=False),
        sa.Column("file_name", sa.String(120), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("failure", sa.String(2000), nullable=True),
        sa.Column("said", sa.String(64), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_import_state")),
        sa.CheckConstraint(
            "(state = 'failed') = (failure IS NOT NULL)", name=op.f("ck_import_failure")
        ),
        sa.CheckConstraint(
            "state NOT IN ('checking', 'importing') OR content IS NOT NULL",
            name=op.f("ck_import_content"),
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_import_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import")),
    )
    op.create_index(op.f("ix_import_created_at"), "import", ["created_at"])
    op.create_index(
        "ix_import_at_work",
        "import",
        ["claimed_at"],
        postgresql_where=sa.text("state IN ('checking', 'importing')"),
    )


def downgrade() -> None:
    op.drop_table("import")
