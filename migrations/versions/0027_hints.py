"""Hints on visits, the phone's word on a made-up position, and the weekly samples with their calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"

INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = ("sample", "callback_try")
OUTCOMES = ("confirmed", "not_confirmed", "not_reached")


def _id(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _code(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length, collation="C"), nullable=False)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _choice(
    table: str, name: str, values: tuple[str, ...], nullable: bool = False
) -> tuple[sa.Column, sa.CheckConstraint]:
    listed = ", ".join(f"'{value}'" for value in values)
    check = sa.CheckConstraint(f"{name} IN ({listed})", name=op.f(f"ck_{table}_{name}"))
    return sa.Column(name, sa.String(24), nullable=nullable), check


def _words(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), server_default="", nullable=False)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.add_column("visit", sa.Column("mocked", sa.Boolean()))
    op.create_index(op.f("ix_visit_received_at"), "visit", ["received_at"])
    # Short notes, which are most, are not in it.
    op.create_index(
        "ix_visit_text", "visit", [sa.text("md5(notes)")],
        postgresql_where=sa.text("char_length(notes) >= 31"),
    )  # fmt: skip
    op.create_table(
        "hint",
        _id("id"),
        *_choice("hint", "kind", ("same_text", "same_photo", "speed", "late_batch", "far", "mocked")),
        _id("visit_id"), _id("other_id", nullable=True), _code("village_code", 12),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        *_choice("hint", "state", ("open", "asked", "answered", "in_order", "to_confirm")),
        sa.Column("found_at", INSTANT, nullable=False),
        sa.Column("asked_at", INSTANT), _id("asked_by_id", nullable=True), _words("question", 300),
        sa.Column("answered_at", INSTANT), _words("answer", 500),
        sa.Column("settled_at", INSTANT), _id("settled_by_id", nullable=True),
        _words("settled_words", 300),
        sa.CheckConstraint("(asked_at IS NULL) = (asked_by_id IS NULL)", name=op.f("ck_hint_asked")),
        sa.CheckConstraint("(answered_at IS NULL) = (answer = '')", name=op.f("ck_hint_answered")),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (settled_by_id IS NULL)"
            " AND (settled_at IS NOT NULL) = (state IN ('in_order', 'to_confirm'))",
            name=op.f("ck_hint_settled"),
        ),
        _key("hint", "visit_id", "visit.id"), _key("hint", "other_id", "visit.id"),
        _key("hint", "village_code", "jurisdiction.code"),
        _key("hint", "asked_by_id", "account.id"), _key("hint", "settled_by_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hint")),
        sa.UniqueConstraint("visit_id", "kind", name=op.f("uq_hint_visit_id_kind")),
    )  # fmt: skip
    op.create_index(
        op.f("ix_hint_village_code_found_at_id"), "hint", ["village_code", "found_at", "id"]
    )
    op.create_index("ix_hint_unsettled", "hint", ["village_code", "found_at", "id"],
                    postgresql_where=sa.text("settled_at IS NULL"))  # fmt: skip
    op.create_table(
        "sample",
        _code("township_code", 9), sa.Column("week", sa.Date(), nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("minimum", sa.SmallInteger(), nullable=False),
        sa.Column("received_until", INSTANT, nullable=False),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("left_out", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("drawn_at", INSTANT, nullable=False),
        sa.CheckConstraint("extract(isodow FROM week) = 1", name=op.f("ck_sample_week")),
        sa.CheckConstraint("share BETWEEN 0 AND 1 AND minimum >= 0", name=op.f("ck_sample_size")),
        _key("sample", "township_code", "jurisdiction.code"),
        sa.PrimaryKeyConstraint("township_code", "week", name=op.f("pk_sample")),
    )  # fmt: skip
    op.create_table(
        "callback",
        _id("visit_id"), _code("township_code", 9), sa.Column("week", sa.Date()),
        sa.Column("position", sa.SmallInteger()),
        sa.Column("added_at", INSTANT, nullable=False),
        _id("caller_id", nullable=True), sa.Column("taken_at", INSTANT),
        *_choice("callback", "outcome", OUTCOMES, nullable=True),
        _words("words", 300), _id("by_id", nullable=True),
        sa.CheckConstraint("(week IS NULL) = (position IS NULL)", name=op.f("ck_callback_drawn")),
        sa.CheckConstraint("(outcome IS NULL) = (by_id IS NULL)",
                           name=op.f("ck_callback_outcome_by")),
        sa.CheckConstraint("(caller_id IS NULL) = (taken_at IS NULL)",
                           name=op.f("ck_callback_caller")),
        _key("callback", "visit_id", "visit.id"),
        _key("callback", "caller_id", "account.id"), _key("callback", "by_id", "account.id"),
        sa.ForeignKeyConstraint(["township_code"], ["jurisdiction.code"],
                                name="fk_callback_township"),
        sa.ForeignKeyConstraint(["township_code", "week"],
                                ["sample.township_code", "sample.week"],
                                name=op.f("fk_callback_township_code")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_callback")),
    )  # fmt: skip
    op.create_index(op.f("ix_callback_township_code_week_position"), "callback",
                    ["township_code", "week", "position"])  # fmt: skip
    op.create_table(
        "callback_try",
        _id("id"), _id("visit_id"), *_choice("callback_try", "outcome", OUTCOMES),
        sa.Column("words", sa.String(300), nullable=False), _id("by_id"),
        sa.Column("at", INSTANT, nullable=False),
        _key("callback_try", "visit_id", "callback.visit_id"),
        _key("callback_try", "by_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_try")),
    )  # fmt: skip
    op.create_index(op.f("ix_callback_try_visit_id"), "callback_try", ["visit_id"])
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)


def downgrade() -> None:
    for table in ("callback_try", "callback", "sample", "hint"):
        op.drop_table(table)
    op.drop_index("ix_visit_text", "visit")
    op.drop_index(op.f("ix_visit_received_at"), "visit")
    op.drop_column("visit", "mocked")
