"""Objections of teams to the comparison of a quarter."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        sa.Column("words", sa.String(1000), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("answer", sa.String(1000)),
        sa.Column("upheld", sa.Boolean()),
        sa.Column("answered_by_id", sa.Uuid()),
        sa.Column("answered_at", INSTANT),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_by_id IS NULL) "
            "AND (answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (upheld IS NULL)",
            name=op.f("ck_objection_answer"),
        ),
        sa.CheckConstraint(
            "extract(day FROM quarter) = 1 AND extract(month FROM quarter) IN (1, 4, 7, 10)",
            name=op.f("ck_objection_quarter"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_objection_team_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_objection_by_id")),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["account.id"], name=op.f("fk_objection_answered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
    )
    op.create_index(op.f("ix_objection_team_id_quarter"), "objection", ["team_id", "quarter"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_table("objection")
