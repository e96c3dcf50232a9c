"""The backlog at the ends of weeks is kept; steps that came lately are found among millions."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "backlog_week",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_backlog_week")),
    )
    op.create_table(
        "backlog_issue",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("desk_code", sa.String(length=12, collation="C"), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", "issue_id", name=op.f("pk_backlog_issue")),
        sa.ForeignKeyConstraint(
            ["day"], ["backlog_week.day"], name=op.f("fk_backlog_issue_day_backlog_week"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name=op.f("fk_backlog_issue_issue_id_issue")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["team.id"], name=op.f("fk_backlog_issue_team_id_team")
        ),
        sa.ForeignKeyConstraint(
            ["desk_code"], ["jurisdiction.code"],
            name=op.f("fk_backlog_issue_desk_code_jurisdiction"),
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_backlog_issue_issue_id"), "backlog_issue", ["issue_id"])
    op.create_index("ix_step_received_at", "step", ["received_at"], postgresql_using="brin")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_step_received_at", "step")
    op.drop_table("backlog_issue")
    op.drop_table("backlog_week")
