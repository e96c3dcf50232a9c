"""Residents' requests to see, correct or delete what is kept of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"

INSTANT = sa.DateTime(timezone=True)


def _in(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_resident_request_{column}"))


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_resident_request_{name}"))


def _key(column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_resident_request_{column}"))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "resident_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("phone", sa.LargeBinary()),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("checked", sa.String(200), nullable=False),
        sa.Column("wanted", sa.LargeBinary()),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", INSTANT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("decided_at", INSTANT),
        sa.Column("decided_by_id", sa.Uuid()),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("outcome", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resident_request")),
        _in("kind", "see", "correct", "delete"),
        _in("state", "open", "granted", "refused"),
        _check("decided", "(state = 'open') = (decided_at IS NULL)"),
        _check("decided_by", "(state = 'open') = (decided_by_id IS NULL)"),
        _check("four_eyes", "decided_by_id <> by_id"),
        _check(
            "phone_sealed",
            "get_byte(phone, 0) IN (1, 2) AND octet_length(phone) BETWEEN 45 AND 125",
        ),
        _key("household_id", "household.id"),
        _key("by_id", "account.id"),
        _key("decided_by_id", "account.id"),
    )
    op.create_index(
        op.f("ix_resident_request_village_code_state_due_on_id"), "resident_request",
        ["village_code", "state", "due_on", "id"],
    )  # fmt: skip
    op.create_index(op.f("ix_resident_request_household_id"), "resident_request", ["household_id"])


def downgrade() -> None:
    op.drop_table("resident_request")
