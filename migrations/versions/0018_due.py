"""When households were registered, and all visits of a household by one index.

Those that are there count as registered now: never met, they are due from today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    # now() is reckoned once and kept beside the table: no row is written.
    op.add_column(
        "household",
        sa.Column(
            "registered_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_visit_household", "visit", ["household_id", "started_at"],
        postgresql_include=["outcome"],
    )  # fmt: skip
    op.drop_index("ix_visit_met", "visit")


def downgrade() -> None:
    op.create_index(
        "ix_visit_met", "visit", ["household_id", "started_at"],
        postgresql_where=sa.text("outcome = 'met'"),
    )  # fmt: skip
    op.drop_index("ix_visit_household", "visit")
    op.drop_column("household", "registered_at")
