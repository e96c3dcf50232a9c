"""Own words on a day of the work log."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "log_words",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_log_words_user_id")),
        sa.PrimaryKeyConstraint("user_id", "day", name=op.f("pk_log_words")),
    )


def downgrade() -> None:
    op.drop_table("log_words")
