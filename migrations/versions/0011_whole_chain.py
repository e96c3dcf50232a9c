"""The whole handling chain: suspending, helping, extending, moving between levels, merging."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

STATUSES = ("reported", "accepted", "dispatched", "handling", "reviewing", "closed", "declined")
ACTIONS = ("report", "accept", "decline", "dispatch", "sign", "return", "feed_back", "pass_review",
           "fail_review", "reopen", "evaluate", "reassign", "hand_over")  # fmt: skip
NEW_ACTIONS = ("settle_on_spot", "request_material", "supply", "transfer", "assist", "extend",
               "suspend", "resume", "escalate", "hand_down", "urge", "merge", "propose_close",
               "force_close", "comment")  # fmt: skip
HELD = "(status IN ('dispatched', 'handling', 'reviewing')) = (team_id IS NOT NULL)"
CHECKS = (
    ("issue", "status", "status"),
    ("step", "status_before_value", "status_before"),
    ("step", "status_after_value", "status_after"),
)


def upgrade() -> None:
    for table, name, column in CHECKS:
        _listed(table, name, column, (*STATUSES, "suspended", "merged"))
    _listed("step", "action", "action", (*ACTIONS, *NEW_ACTIONS))
    op.add_column("issue", sa.Column("merged_into_id", sa.Uuid()))
    op.create_foreign_key(
        op.f("fk_issue_merged_into_id"), "issue", "issue", ["merged_into_id"], ["id"]
    )
    op.create_index(op.f("ix_issue_merged_into_id"), "issue", ["merged_into_id"])
    for table in ("issue", "step"):
        op.add_column(table, sa.Column("resumes_mark", sa.Float()))
    _check("held", f"status = 'suspended' OR {HELD}")
    _check("closed", "(status IN ('closed', 'declined', 'merged')) = (closed_at IS NOT NULL)")
    _check("merged", "(status = 'merged') = (merged_into_id IS NOT NULL)", old=False)
    _check("merged_into", "merged_into_id <> id", old=False)
    op.create_table(
        "assistance",
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_assistance_issue_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_assistance_team_id")),
        sa.PrimaryKeyConstraint("issue_id", "team_id", name=op.f("pk_assistance")),
    )
    op.create_index(op.f("ix_assistance_team_id"), "assistance", ["team_id"])


def downgrade() -> None:
    # Steps are never deleted: those that the older tables do not know stay, unchecked.
    op.drop_table("assistance")
    op.drop_constraint(op.f("ck_issue_merged_into"), "issue")
    op.drop_constraint(op.f("ck_issue_merged"), "issue")
    _check("held", HELD)
    _check("closed", "(status IN ('closed', 'declined')) = (closed_at IS NOT NULL)")
    for table in ("issue", "step"):
        op.drop_column(table, "resumes_mark")
    op.drop_column("issue", "merged_into_id")
    _listed("step", "action", "action", ACTIONS)
    for table, name, column in CHECKS:
        _listed(table, name, column, STATUSES)


def _check(name: str, rule: str, *, old: bool = True) -> None:
    if old:
        op.execute(f"ALTER TABLE issue DROP CONSTRAINT ck_issue_{name}")
    op.execute(f"ALTER TABLE issue ADD CONSTRAINT ck_issue_{name} CHECK ({rule}) NOT VALID")
    if old is False or "suspended" in rule or "merged" in rule:
        op.execute(f"ALTER TABLE issue VALIDATE CONSTRAINT ck_issue_{name}")


def _listed(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} "
        f"CHECK ({column} IN ({listed})) NOT VALID"
    )
    if "merged" in values or "comment" in values:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}")
