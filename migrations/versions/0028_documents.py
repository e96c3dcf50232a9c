"""Documents that jobs make: what was asked for, and where the file lies."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("arguments", postgresql.JSONB(), nullable=False),
        sa.Column("as_of", INSTANT, nullable=False),
        sa.Column("format", sa.String(8), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("formula", sa.String(80), nullable=False),
        sa.Column("title", sa.String(160), nullable=False),
        sa.Column("scope", sa.String(12, collation="C"), nullable=False),
        sa.Column("held", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("failure", sa.String(2000)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("said", sa.String(64), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("claimed_at", INSTANT),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'failed')", name=op.f("ck_document_state")
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (failure IS NOT NULL)", name=op.f("ck_document_failure")
        ),
        sa.CheckConstraint(
            "(state = 'done') = (sha256 IS NOT NULL)", name=op.f("ck_document_sha256")
        ),
        sa.CheckConstraint("(sha256 IS NULL) = (size IS NULL)", name=op.f("ck_document_size")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_document_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index(op.f("ix_document_scope_created_at"), "document", ["scope", "created_at"])
    op.create_index(op.f("ix_document_by_id_created_at"), "document", ["by_id", "created_at"])
    op.create_index(op.f("ix_document_created_at"), "document", ["created_at"])
    op.create_index(op.f("ix_document_sha256"), "document", ["sha256"])
    op.create_index(
        "ix_document_waiting", "document", ["claimed_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )  # fmt: skip


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_table("document")
