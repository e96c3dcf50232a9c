"""Notices and questionnaires: whom they are for, who was told, what came back.

People are told of them, too: a notice in the inbox may be about something else than an issue.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"

KINDS = ("dispatched", "transferred", "handed_over", "rework", "help", "returned", "dissatisfied",
         "escalated", "handed_down", "merged", "urged", "answer_due", "amber", "red", "red_1",
         "red_5", "accept_near", "accept_over")  # fmt: skip
PARTS = ("holder", "lead", "helper", "desk", "leader", "upper", "reporter", "asker")
NEW_KINDS, NEW_PARTS = ("asked_back", "answered", "hint"), ("publisher", "visitor")
INSTANT = sa.DateTime(timezone=True)
APPEND_ONLY = ("told", "answer")


def _id(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _allow(column: str, values: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"ck_notice_{column}"), "notice")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_notice_{column}"), "notice", f"{column} IN ({listed})")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "announcement",
        _id("id"),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("at_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("title", sa.String(60), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=False),
        _id("publisher_id"),
        sa.Column("published_at", INSTANT, nullable=False),
        sa.Column("withdrawn_at", INSTANT), _id("withdrawn_by_id", nullable=True),
        sa.Column("said", sa.String(64), nullable=False),
        _one_of("announcement", "kind", ("notice", "questionnaire")),
        sa.CheckConstraint("from_date <= until_date", name=op.f("ck_announcement_period")),
        sa.CheckConstraint("(withdrawn_at IS NULL) = (withdrawn_by_id IS NULL)",
                           name=op.f("ck_announcement_withdrawn")),
        _key("announcement", "at_code", "jurisdiction.code"),
        _key("announcement", "publisher_id", "account.id"),
        _key("announcement", "withdrawn_by_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
    )  # fmt: skip
    op.create_index(op.f("ix_announcement_at_code_published_at"), "announcement",
                    ["at_code", "published_at"])  # fmt: skip
    op.create_index(op.f("ix_announcement_until_date"), "announcement", ["until_date"])
    op.create_table(
        "announcement_place",
        _id("announcement_id"),
        sa.Column("code", sa.String(12, collation="C"), nullable=False),
        _key("announcement_place", "announcement_id", "announcement.id"),
        _key("announcement_place", "code", "jurisdiction.code"),
        sa.PrimaryKeyConstraint("announcement_id", "code", name=op.f("pk_announcement_place")),
    )
    op.create_index(op.f("ix_announcement_place_code"), "announcement_place", ["code"])
    op.create_table(
        "question",
        _id("id"), _id("announcement_id"),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("asks", sa.String(24), nullable=False),
        sa.Column("options", postgresql.ARRAY(sa.String(40)), nullable=False),
        _one_of("question", "asks", ("yes_no", "choice", "number", "text")),
        sa.CheckConstraint(
            "cardinality(options) BETWEEN 2 AND 20 OR (asks <> 'choice' AND options = '{}')",
            name=op.f("ck_question_options"),
        ),
        _key("question", "announcement_id", "announcement.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sa.UniqueConstraint("announcement_id", "position",
                            name=op.f("uq_question_announcement_id_position")),
    )  # fmt: skip
    op.create_table(
        "told",
        _id("announcement_id"), _id("household_id"), _id("visit_id"),
        sa.Column("at", INSTANT, nullable=False),
        _key("told", "announcement_id", "announcement.id"),
        _key("told", "household_id", "household.id"),
        _key("told", "visit_id", "visit.id"),
        sa.PrimaryKeyConstraint("announcement_id", "household_id", name=op.f("pk_told")),
    )  # fmt: skip
    op.create_index(op.f("ix_told_visit_id"), "told", ["visit_id"])
    op.create_index(op.f("ix_told_household_id"), "told", ["household_id"])
    op.create_table(
        "answer",
        _id("visit_id"), _id("question_id"), _id("household_id"),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("value", sa.String(200), nullable=False),
        _key("answer", "visit_id", "visit.id"),
        _key("answer", "question_id", "question.id"),
        _key("answer", "household_id", "household.id"),
        sa.PrimaryKeyConstraint("visit_id", "question_id", name=op.f("pk_answer")),
    )  # fmt: skip
    op.create_index(op.f("ix_answer_question_id_household_id_at"), "answer",
                    ["question_id", "household_id", "at"])  # fmt: skip
    op.create_table(
        "asked",
        _id("id"), _id("announcement_id"), _id("visit_id"), _id("household_id"),
        sa.Column("words", sa.String(500), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("answer", sa.String(1000), nullable=False),
        _id("answered_by_id", nullable=True), sa.Column("answered_at", INSTANT),
        sa.CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)",
                           name=op.f("ck_asked_answered")),
        sa.CheckConstraint("(answered_at IS NULL) = (answer = '')", name=op.f("ck_asked_answer")),
        _key("asked", "announcement_id", "announcement.id"),
        _key("asked", "visit_id", "visit.id"),
        _key("asked", "household_id", "household.id"),
        _key("asked", "answered_by_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asked")),
        sa.UniqueConstraint("visit_id", "announcement_id",
                            name=op.f("uq_asked_visit_id_announcement_id")),
    )  # fmt: skip
    op.create_index(op.f("ix_asked_announcement_id_received_at_id"), "asked",
                    ["announcement_id", "received_at", "id"])  # fmt: skip
    op.create_index("ix_asked_open", "asked", ["announcement_id"],
                    postgresql_where=sa.text("answered_at IS NULL"))  # fmt: skip
    op.create_index(op.f("ix_asked_household_id"), "asked", ["household_id"])
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)
    op.add_column("notice", _id("subject_id", nullable=True))
    op.alter_column("notice", "issue_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_notice_about"), "notice", "num_nonnulls(issue_id, subject_id) = 1"
    )
    _allow("kind", KINDS + NEW_KINDS)
    _allow("part", PARTS + NEW_PARTS)


def downgrade() -> None:
    op.execute("DELETE FROM delivery USING notice WHERE notice_id = notice.id AND issue_id IS NULL")
    op.execute("DELETE FROM notice WHERE issue_id IS NULL")
    _allow("part", PARTS)
    _allow("kind", KINDS)
    op.drop_constraint(op.f("ck_notice_about"), "notice")
    op.alter_column("notice", "issue_id", nullable=False)
    op.drop_column("notice", "subject_id")
    for table in ("asked", "answer", "told", "question", "announcement_place", "announcement"):
        op.drop_table(table)
