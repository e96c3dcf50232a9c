"""What was refused of what phones sent, kept until somebody has seen to it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

INSTANT = sa.DateTime(timezone=True)
CHOICES = {
    "kind": ("visit", "issue", "step"),
    "result": ("applied", "duplicate", "conflict", "forbidden", "invalid"),
    "resolution": ("applied", "dropped"),
}


def _choice(name: str, nullable: bool = True) -> tuple[sa.Column, sa.CheckConstraint]:
    listed = ", ".join(f"'{value}'" for value in CHOICES[name])
    check = sa.CheckConstraint(f"{name} IN ({listed})", name=op.f(f"ck_submission_{name}"))
    return sa.Column(name, sa.String(24), nullable=nullable), check


def upgrade() -> None:
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.String(80), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("skew_s", sa.Float()),
        *_choice("kind"),
        sa.Column("item_id", sa.Uuid()),
        sa.Column("needs_id", sa.Uuid()),
        sa.Column("jurisdiction_code", sa.String(12, collation="C")),
        sa.Column("about_staff", sa.Boolean(), nullable=False),
        sa.Column("about_id", sa.Uuid()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        *_choice("result", nullable=False),
        sa.Column("code", sa.String(60), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        *_choice("resolution"),
        sa.Column("resolved_at", INSTANT),
        sa.Column("resolved_by_id", sa.Uuid()),
        sa.Column("applied_id", sa.Uuid()),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(resolution IS NULL) = (resolved_at IS NULL)", name=op.f("ck_submission_resolved")
        ),
        sa.CheckConstraint(
            "(resolution IS NULL) = (resolved_by_id IS NULL)",
            name=op.f("ck_submission_resolved_by"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_submission_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by_id"], ["account.id"], name=op.f("fk_submission_resolved_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "account_id", "digest", name=op.f("uq_submission_account_id_digest")
        ),
    )  # fmt: skip
    op.create_index(
        op.f("ix_submission_account_id_item_id"), "submission", ["account_id", "item_id"]
    )
    op.create_index(
        "ix_submission_open", "submission", ["jurisdiction_code", "received_at"],
        postgresql_where=sa.text("resolution IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("submission")
