"""Deputies and absences; work is in somebody's charge; who stands in says for whom."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

PEOPLE = (
    ("visit", "for_id"),
    ("visit_move", "for_id"),
    ("issue", "handler_id"),
    ("step", "for_id"),
    ("step", "handler_id"),
)
ACTIONS = ("report", "accept", "decline", "dispatch", "sign", "return", "feed_back", "pass_review",
           "fail_review", "reopen", "evaluate", "reassign")  # fmt: skip


def upgrade() -> None:
    op.add_column("team", sa.Column("to_date", sa.Date()))
    op.add_column("membership", sa.Column("replaces_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_membership_replaces_id"), "membership", "membership", ["replaces_id"], ["id"]
    )
    op.create_check_constraint(op.f("ck_membership_replaces"), "membership", "replaces_id <> id")
    op.create_unique_constraint(op.f("uq_membership_id_user_id"), "membership", ["id", "user_id"])
    _periods(">=")
    op.create_table(
        "deputy",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("for_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date()),
        sa.CheckConstraint("to_date >= from_date", name=op.f("ck_deputy_period")),
        sa.CheckConstraint("user_id <> for_id", name=op.f("ck_deputy_two")),
        sa.ForeignKeyConstraint(
            ["membership_id", "for_id"], ["membership.id", "membership.user_id"],
            name=op.f("fk_deputy_membership_id"),
        ),
        sa.ForeignKeyConstraint(["for_id"], ["account.id"], name=op.f("fk_deputy_for_id")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_deputy_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deputy")),
    )  # fmt: skip
    op.create_index(op.f("ix_deputy_user_id"), "deputy", ["user_id"])
    op.create_table(
        "absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date()),
        sa.Column("said_by_id", sa.Uuid(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("to_date >= from_date", name=op.f("ck_absence_period")),
        sa.CheckConstraint(
            "kind IN ('leave', 'training', 'illness', 'other')", name=op.f("ck_absence_kind")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_absence_user_id")),
        sa.ForeignKeyConstraint(["said_by_id"], ["account.id"], name=op.f("fk_absence_said_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    for table, column in (("deputy", "membership_id"), ("absence", "user_id")):
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_period EXCLUDE USING gist "
            f"({column} WITH =, daterange(from_date, to_date, '[)') WITH &&)"
        )
    for table, column in PEOPLE:
        op.add_column(table, sa.Column(column, sa.Uuid()))
        op.create_foreign_key(
            op.f(f"fk_{table}_{column}"), table, "account", [column], ["id"],
            postgresql_not_valid=True,
        )  # fmt: skip
        # All rows are empty yet, so this reads and finds nothing.
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT fk_{table}_{column}")
    op.execute(
        "ALTER TABLE issue ADD CONSTRAINT ck_issue_handler "
        "CHECK (handler_id IS NULL OR team_id IS NOT NULL) NOT VALID"
    )
    op.execute("ALTER TABLE issue VALIDATE CONSTRAINT ck_issue_handler")
    op.create_index(
        "ix_issue_open_handler", "issue", ["handler_id"],
        postgresql_where=sa.text("closed_at IS NULL AND handler_id IS NOT NULL"),
    )  # fmt: skip
    _actions(*ACTIONS, "hand_over")
    op.execute("ALTER TABLE step VALIDATE CONSTRAINT ck_step_action")


def downgrade() -> None:
    # Steps are never deleted: those that the older tables do not know stay, unchecked.
    _actions(*ACTIONS)
    op.drop_index("ix_issue_open_handler", "issue")
    op.drop_constraint(op.f("ck_issue_handler"), "issue")
    for table, column in PEOPLE:
        op.drop_column(table, column)
    op.drop_table("absence")
    op.drop_table("deputy")
    op.execute("DELETE FROM membership WHERE to_date = from_date")
    op.execute("DELETE FROM assignment WHERE to_date = from_date")
    _periods(">")
    op.drop_constraint(op.f("uq_membership_id_user_id"), "membership")
    op.drop_column("membership", "replaces_id")
    op.drop_column("team", "to_date")


def _periods(sign: str) -> None:
    """A row may end on the day it began (`>=`): then it never held."""
    for table in ("membership", "assignment"):
        op.drop_constraint(op.f(f"ck_{table}_period"), table)
        op.create_check_constraint(op.f(f"ck_{table}_period"), table, f"to_date {sign} from_date")


def _actions(*names: str) -> None:
    op.execute("ALTER TABLE step DROP CONSTRAINT ck_step_action")
    listed = ", ".join(f"'{name}'" for name in names)
    op.execute(
        f"ALTER TABLE step ADD CONSTRAINT ck_step_action CHECK (action IN ({listed})) NOT VALID"
    )
