"""Who is first responsible for an issue that no desk has accepted, and notices to that person."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

KINDS = ("dispatched", "transferred", "handed_over", "rework", "help", "returned", "dissatisfied",
         "escalated", "handed_down", "merged", "urged", "answer_due", "amber", "red", "red_1",
         "red_5")  # fmt: skip
NEW = ("accept_near", "accept_over")


def _kinds(values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute("ALTER TABLE notice DROP CONSTRAINT ck_notice_kind")
    # Checked in a second step, which lets others read and write meanwhile.
    op.execute(
        f"ALTER TABLE notice ADD CONSTRAINT ck_notice_kind CHECK (kind IN ({listed})) NOT VALID"
    )
    op.execute("ALTER TABLE notice VALIDATE CONSTRAINT ck_notice_kind")


def upgrade() -> None:
    op.add_column("issue", sa.Column("first_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_issue_first_id"), "issue", "account", ["first_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_issue_first"), "issue", "first_id IS NULL OR status = 'reported'"
    )
    # Those that wait to be accepted are few beside all issues.
    op.execute(
        "UPDATE issue SET first_id = reported_by_id WHERE status = 'reported' AND NOT EXISTS "
        "(SELECT FROM step WHERE issue_id = issue.id AND status_after <> 'reported')"
    )
    op.create_index(
        "ix_issue_first", "issue", ["first_id"], postgresql_where=sa.text("first_id IS NOT NULL")
    )
    _kinds(KINDS + NEW)


def downgrade() -> None:
    op.execute(
        "DELETE FROM delivery USING notice WHERE notice.id = notice_id "
        "AND kind IN ('accept_near', 'accept_over')"
    )
    op.execute("DELETE FROM notice WHERE kind IN ('accept_near', 'accept_over')")
    _kinds(KINDS)
    op.drop_index("ix_issue_first", "issue")
    op.drop_constraint(op.f("ck_issue_first"), "issue")
    op.drop_constraint(op.f("fk_issue_first_id"), "issue")
    op.drop_column("issue", "first_id")
