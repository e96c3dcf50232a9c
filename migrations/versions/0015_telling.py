"""Notices to people, how far ageing was told, gateways outward and deliveries through them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

KINDS = ("dispatched", "transferred", "handed_over", "rework", "help", "returned", "dissatisfied",
         "escalated", "handed_down", "merged", "urged", "answer_due", "amber", "red", "red_1",
         "red_5")  # fmt: skip
PARTS = ("holder", "lead", "helper", "desk", "leader", "upper", "reporter", "asker")
STATES = ("waiting", "sending", "sent", "failed", "dropped")
INSTANT = sa.DateTime(timezone=True)


def _id(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _code(name: str) -> sa.Column:
    return sa.Column(name, sa.String(12, collation="C"), nullable=False)


def _choice(table: str, name: str, values: tuple[str, ...]) -> tuple[sa.Column, sa.CheckConstraint]:
    listed = ", ".join(f"'{value}'" for value in values)
    check = sa.CheckConstraint(f"{name} IN ({listed})", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.String(24), nullable=False), check


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "notice",
        _id("id"), _id("user_id"),
        sa.Column("cause", sa.String(80), nullable=False),
        *_choice("notice", "kind", KINDS),
        *_choice("notice", "part", PARTS),
        _code("at_code"), _id("issue_id"), _id("step_id", nullable=True),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT),
        sa.Column("routed", sa.Boolean(), nullable=False),
        _key("notice", "user_id", "account.id"),
        _key("notice", "issue_id", "issue.id"),
        _key("notice", "step_id", "step.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("cause", "user_id", name=op.f("uq_notice_cause_user_id")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_notice_user_id_created_at_id"), "notice", ["user_id", "created_at", "id"]
    )
    op.create_index(op.f("ix_notice_issue_id"), "notice", ["issue_id"])
    op.create_index(
        "ix_notice_unread", "notice", ["user_id"], postgresql_where=sa.text("read_at IS NULL")
    )
    op.create_index(
        "ix_notice_to_route", "notice", ["created_at"], postgresql_where=sa.text("NOT routed")
    )
    op.create_table(
        "alarm",
        _id("issue_id"),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("stage BETWEEN 0 AND 4", name=op.f("ck_alarm_stage")),
        _key("alarm", "issue_id", "issue.id"),
        sa.PrimaryKeyConstraint("issue_id", name=op.f("pk_alarm")),
    )
    op.create_table(
        "gateway",
        _id("id"),
        sa.Column("name", sa.String(40), nullable=False),
        _code("jurisdiction_code"), _id("user_id", nullable=True),
        sa.Column("each_person", sa.Boolean(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("shown", sa.String(120), nullable=False),
        sa.Column("expects", sa.String(80), nullable=False),
        sa.Column("template", sa.String(400), nullable=False),
        sa.Column("quiet_from", sa.Time()), sa.Column("quiet_to", sa.Time()),
        sa.Column("digest_at", sa.Time()), sa.Column("digest_on", sa.Date()),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("resting_until", INSTANT), sa.Column("last_ok_at", INSTANT),
        sa.Column("last_error", sa.String(200), nullable=False),
        sa.CheckConstraint("NOT (each_person AND user_id IS NOT NULL)", name=op.f("ck_gateway_for_whom")),
        sa.CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name=op.f("ck_gateway_quiet")),
        sa.CheckConstraint("template LIKE '%{words}%'", name=op.f("ck_gateway_template")),
        _key("gateway", "jurisdiction_code", "jurisdiction.code"),
        _key("gateway", "user_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
    )  # fmt: skip
    op.create_index(op.f("ix_gateway_jurisdiction_code"), "gateway", ["jurisdiction_code"])
    op.create_index(op.f("ix_gateway_user_id"), "gateway", ["user_id"])
    op.create_table(
        "delivery",
        _id("id"), _id("gateway_id"), _id("notice_id"), _id("user_id", nullable=True),
        sa.Column("key", sa.String(120), nullable=False),
        *_choice("delivery", "state", STATES),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_try", INSTANT, nullable=False),
        sa.Column("last_error", sa.String(200), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_delivery_sent")),
        _key("delivery", "gateway_id", "gateway.id"),
        _key("delivery", "notice_id", "notice.id"),
        _key("delivery", "user_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("gateway_id", "key", name=op.f("uq_delivery_gateway_id_key")),
    )  # fmt: skip
    op.create_index("ix_delivery_open", "delivery", ["gateway_id", "next_try"],
                    postgresql_where=sa.text("state IN ('waiting', 'sending')"))  # fmt: skip
    op.create_index("ix_delivery_failed", "delivery", ["gateway_id", "created_at"],
                    postgresql_where=sa.text("state = 'failed'"))  # fmt: skip
    op.create_index(op.f("ix_delivery_notice_id"), "delivery", ["notice_id"])
    op.create_index(
        "ix_step_urge", "step", ["issue_id"], postgresql_where=sa.text("action = 'urge'")
    )


def downgrade() -> None:
    op.drop_index("ix_step_urge", "step")
    for table in ("delivery", "gateway", "alarm", "notice"):
        op.drop_table(table)
