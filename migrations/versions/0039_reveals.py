"""Names and phones that were shown to somebody, and the notice to the administrator."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"

KINDS = (
    "dispatched", "transferred", "handed_over", "rework", "help", "returned", "dissatisfied",
    "escalated", "handed_down", "merged", "urged", "answer_due", "accept_near", "accept_over",
    "amber", "red", "red_1", "red_5", "asked_back", "answered", "hint",
)  # fmt: skip
PARTS = (
    "holder", "lead", "helper", "desk", "leader", "upper", "reporter", "asker", "publisher",
    "visitor",
)  # fmt: skip
PURPOSES = ("handling", "visit", "checking", "resident", "emergency", "other")


def _choice(column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(f"ALTER TABLE notice DROP CONSTRAINT ck_notice_{column}")
    op.execute(
        f"ALTER TABLE notice ADD CONSTRAINT ck_notice_{column} CHECK ({column} IN ({listed})) "
        "NOT VALID"
    )
    op.execute(f"ALTER TABLE notice VALIDATE CONSTRAINT ck_notice_{column}")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _choice("kind", (*KINDS, "reveals"))
    _choice("part", (*PARTS, "administrator"))
    purposes = ", ".join(f"'{purpose}'" for purpose in PURPOSES)
    op.create_table(
        "reveal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid()),
        sa.Column("issue_id", sa.Uuid()),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("words", sa.String(200), nullable=False),
        sa.Column("unusual", postgresql.ARRAY(sa.String(24)), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveal")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_reveal_user_id")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_reveal_household_id")
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_reveal_issue_id")),
        sa.CheckConstraint(
            "num_nonnulls(household_id, issue_id) = 1", name=op.f("ck_reveal_about")
        ),
        sa.CheckConstraint(f"purpose IN ({purposes})", name=op.f("ck_reveal_purpose")),
    )
    op.create_index(op.f("ix_reveal_user_id_at"), "reveal", ["user_id", "at"])
    op.create_index(op.f("ix_reveal_village_code_at_id"), "reveal", ["village_code", "at", "id"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "DELETE FROM delivery WHERE notice_id IN (SELECT id FROM notice WHERE kind = 'reveals')"
    )
    op.execute("DELETE FROM notice WHERE kind = 'reveals'")
    op.drop_table("reveal")
    _choice("kind", KINDS)
    _choice("part", PARTS)
