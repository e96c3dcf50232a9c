"""What was returned or reopened is found among millions of steps, and what was closed lately."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        "ix_step_trouble",
        "step",
        ["action", "issue_id"],
        postgresql_where=sa.text("action IN ('return', 'reopen')"),
    )
    op.create_index(op.f("ix_issue_closed_at"), "issue", ["closed_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_issue_closed_at"), "issue")
    op.drop_index("ix_step_trouble", "step")
