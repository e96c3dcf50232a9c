"""Wrong passwords are counted by login and address; a household tells a repeat from another thing.

Counted on the account alone, anybody could keep anybody locked out, and the answer told which
logins exist.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "sign_in_failure",
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login", "address", name=op.f("pk_sign_in_failure")),
    )
    op.drop_column("account", "failed_sign_ins")
    op.drop_column("account", "paused_until")
    op.add_column("household", sa.Column("said", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("household", "said")
    op.add_column("account", sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "account",
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False, server_default="0"),
    )
    op.alter_column("account", "failed_sign_ins", server_default=None)
    op.drop_table("sign_in_failure")
