"""Intake: query codes, anonymous reports, complaints about staff, and what a resident says."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# Nobody of ours took these: a resident evaluated with the own code, and what follows by itself.
ACTOR = (
    "actor_id IS NOT NULL OR (action = 'evaluate' AND data @> '{\"way\": \"code\"}') "
    "OR (action = 'reopen' AND data @> '{\"because\": \"evaluate\"}')"
)


def upgrade() -> None:
    op.add_column("category", _no("about_staff"))
    op.add_column("issue", _no("about_staff"))
    op.add_column("issue", _no("anonymous"))
    op.add_column("issue", sa.Column("about_id", sa.Uuid()))
    op.add_column("issue", sa.Column("code_hash", sa.String(64)))
    op.create_foreign_key(op.f("fk_issue_about_id"), "issue", "account", ["about_id"], ["id"])
    _check("issue", "about", "about_id IS NULL OR about_staff")
    _check("issue", "anonymous", "NOT anonymous OR num_nonnulls(resident_name, resident_phone) = 0")
    op.create_index(
        "ix_issue_about_staff", "issue", ["desk_code", "due_at"],
        postgresql_where=sa.text("about_staff"),
    )  # fmt: skip
    op.alter_column("step", "actor_id", nullable=True)
    _check("step", "actor", ACTOR)


def downgrade() -> None:
    # Steps that residents took stay without an actor: the older tables cannot say who it was.
    op.drop_constraint(op.f("ck_step_actor"), "step")
    op.execute(
        "ALTER TABLE step ADD CONSTRAINT ck_step_actor CHECK (actor_id IS NOT NULL) NOT VALID"
    )
    op.drop_index("ix_issue_about_staff", "issue")
    for column in ("code_hash", "about_id", "anonymous", "about_staff"):
        op.drop_column("issue", column)
    op.drop_column("category", "about_staff")


def _no(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _check(table: str, name: str, rule: str) -> None:
    constraint = f"ck_{table}_{name}"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({rule}) NOT VALID")
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")
