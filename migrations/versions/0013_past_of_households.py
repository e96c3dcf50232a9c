"""What held for a household on an earlier day: its status, and any cell that it left."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

STATUSES = ("active", "vacant", "moved", "demolished")


def upgrade() -> None:
    op.create_table(
        "household_status",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=False),
        sa.Column("status", sa.String(24), nullable=False),
        sa.CheckConstraint(
            "status IN ({})".format(", ".join(f"'{status}'" for status in STATUSES)),
            name=op.f("ck_household_status_status"),
        ),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_household_status_household_id")
        ),
        sa.PrimaryKeyConstraint("household_id", "to_date", name=op.f("pk_household_status")),
    )
    op.add_column("household_stay", sa.Column("at", sa.DateTime(timezone=True)))
    op.execute("""
        UPDATE household_stay SET at = c.at FROM cell_change AS c WHERE c.id = change_id
    """)
    op.alter_column(
        "household_stay", "at", nullable=False, server_default=sa.text("clock_timestamp()")
    )
    op.drop_constraint(op.f("pk_household_stay"), "household_stay")
    op.alter_column("household_stay", "change_id", nullable=True)
    op.create_primary_key(op.f("pk_household_stay"), "household_stay", ["household_id", "at"])
    op.create_unique_constraint(
        op.f("uq_household_stay_household_id_change_id"), "household_stay",
        ["household_id", "change_id"],
    )  # fmt: skip


def downgrade() -> None:
    # The older table knows only what a change of cells moved.
    op.execute("DELETE FROM household_stay WHERE change_id IS NULL")
    op.drop_constraint(op.f("uq_household_stay_household_id_change_id"), "household_stay")
    op.drop_constraint(op.f("pk_household_stay"), "household_stay")
    op.drop_column("household_stay", "at")
    op.alter_column("household_stay", "change_id", nullable=False)
    op.create_primary_key(
        op.f("pk_household_stay"), "household_stay", ["household_id", "change_id"]
    )
    op.drop_table("household_status")
