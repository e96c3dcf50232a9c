"""Notices of objections to a comparison, and of their answers."""

from alembic import op

revision = "0045"
down_revision = "0044"

KINDS = (
    "dispatched", "transferred", "handed_over", "rework", "help", "returned", "dissatisfied",
    "escalated", "handed_down", "merged", "urged", "answer_due", "accept_near", "accept_over",
    "amber", "red", "red_1", "red_5", "asked_back", "answered", "hint", "reveals",
)  # fmt: skip
NEW = ("objection", "objection_answered")


def _kinds(values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute("ALTER TABLE notice DROP CONSTRAINT ck_notice_kind")
    op.execute(
        f"ALTER TABLE notice ADD CONSTRAINT ck_notice_kind CHECK (kind IN ({listed})) NOT VALID"
    )
    op.execute("ALTER TABLE notice VALIDATE CONSTRAINT ck_notice_kind")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _kinds((*KINDS, *NEW))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    gone = "SELECT id FROM notice WHERE kind IN ('objection', 'objection_answered')"
    op.execute(f"DELETE FROM delivery WHERE notice_id IN ({gone})")  # noqa: S608
    op.execute("DELETE FROM notice WHERE kind IN ('objection', 'objection_answered')")
    _kinds(KINDS)
