"""Working calendars; limits in hours and days of several kinds; due times reckoned on them.

What was promised in days of 24 hours stays so for the issues that are there, as hours around the
clock; categories promise working days from now on.
"""

import uuid
from datetime import UTC, datetime
from itertools import chain

import sqlalchemy as sa
from alembic import op
from chinese_calendar import constants
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

UNITS = ("urgent_hour", "working_hour", "working_day", "calendar_day")
LIMITS = ("limit", "accept", "handle", "review")


def _code(name: str, length: int = 12) -> sa.Column:
    return sa.Column(name, sa.String(length, collation="C"), nullable=False)


def _digits(table: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        "jurisdiction_code ~ '^[0-9]*$'", name=op.f(f"ck_{table}_jurisdiction_code")
    )


def upgrade() -> None:
    years, days = _calendar_tables()
    _seed(years, days)
    for name in LIMITS:
        _limit("category", name, "7", "working_day")
    op.execute("""
        UPDATE category SET limit_amount = limit_days, handle_amount = limit_days,
            accept_amount = 4, accept_unit = 'working_hour', review_amount = 2
    """)
    _limit("issue", "limit", "1", "urgent_hour")
    op.add_column("issue", sa.Column("calendar_code", sa.String(12, collation="C")))
    for table in ("issue", "step"):
        op.add_column(table, sa.Column("due_mark", sa.Float()))
        op.add_column(table, sa.Column("stopped_mark", sa.Float()))
    op.add_column("issue", sa.Column("missing_year", sa.SmallInteger()))
    op.add_column("issue", sa.Column("stage_due_at", sa.DateTime(timezone=True)))
    op.execute("""
        UPDATE issue SET limit_amount = 24 * limit_days, calendar_code = '',
            due_mark = extract(epoch FROM due_at - timestamptz '2000-01-01 00:00+00') / 3600,
            stopped_mark = extract(epoch FROM closed_at - timestamptz '2000-01-01 00:00+00') / 3600
    """)
    # What was written down stays as it was: two columns say it on the new scale.
    op.execute("ALTER TABLE step DISABLE TRIGGER append_only")
    op.execute("""
        UPDATE step
        SET due_mark = extract(epoch FROM due_at - timestamptz '2000-01-01 00:00+00') / 3600
    """)
    op.execute("ALTER TABLE step ENABLE TRIGGER append_only")
    op.alter_column("issue", "calendar_code", nullable=False)
    for table in ("issue", "step"):
        op.alter_column(table, "due_mark", nullable=False)
    for table in ("category", "issue"):
        op.drop_column(table, "limit_days")


def downgrade() -> None:
    for table in ("category", "issue"):
        op.add_column(table, sa.Column("limit_days", sa.SmallInteger()))
        rows = sa.table(table, *map(sa.column, ("limit_days", "limit_amount", "limit_unit")))
        hours = sa.case(
            (rows.c.limit_unit == "urgent_hour", rows.c.limit_amount / 24),
            (rows.c.limit_unit == "working_hour", rows.c.limit_amount / 7),
            else_=rows.c.limit_amount,
        )
        op.execute(rows.update().values(limit_days=sa.func.least(366, sa.func.greatest(1, hours))))
        op.alter_column(table, "limit_days", nullable=False)
    op.create_check_constraint(
        op.f("ck_category_limit_days"), "category", "limit_days BETWEEN 1 AND 366"
    )
    op.create_check_constraint(op.f("ck_issue_limit_days"), "issue", "limit_days >= 1")
    for name in LIMITS:
        op.drop_column("category", f"{name}_amount")
        op.drop_column("category", f"{name}_unit")
    for column in (
        "limit_amount", "limit_unit", "calendar_code", "due_mark", "stopped_mark", "missing_year",
        "stage_due_at",
    ):  # fmt: skip
        op.drop_column("issue", column)
    for column in ("due_mark", "stopped_mark"):
        op.drop_column("step", column)
    for table in ("calendar_change", "working_hours", "calendar_day", "calendar_year"):
        op.drop_table(table)


def _limit(table: str, name: str, amount: str, unit: str) -> None:
    """Add the two columns of a limit, filled with a value that is set right afterwards."""
    op.add_column(
        table, sa.Column(f"{name}_amount", sa.SmallInteger(), nullable=False, server_default=amount)
    )
    op.add_column(
        table, sa.Column(f"{name}_unit", sa.String(24), nullable=False, server_default=unit)
    )
    for column in (f"{name}_amount", f"{name}_unit"):
        op.alter_column(table, column, server_default=None)
    listed = ", ".join(f"'{unit}'" for unit in UNITS)
    op.create_check_constraint(op.f(f"ck_{table}_{name}_unit"), table, f"{name}_unit IN ({listed})")
    op.create_check_constraint(
        op.f(f"ck_{table}_{name}_amount"), table, f"{name}_amount BETWEEN 1 AND 2000"
    )


def _calendar_tables() -> tuple[sa.Table, sa.Table]:
    years = op.create_table(
        "calendar_year",
        _code("jurisdiction_code"),
        sa.Column("year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        _digits("calendar_year"),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_calendar_year_year")),
        sa.PrimaryKeyConstraint("jurisdiction_code", "year", name=op.f("pk_calendar_year")),
    )
    days = op.create_table(
        "calendar_day",
        _code("jurisdiction_code"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        _digits("calendar_day"),
        sa.PrimaryKeyConstraint("jurisdiction_code", "day", name=op.f("pk_calendar_day")),
    )
    op.create_table(
        "working_hours",
        _code("jurisdiction_code"),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("spans", postgresql.JSONB(), nullable=False),
        _digits("working_hours"),
        sa.PrimaryKeyConstraint("jurisdiction_code", "from_date", name=op.f("pk_working_hours")),
    )
    op.create_table(
        "calendar_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        _code("jurisdiction_code"),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recomputed", sa.Integer(), nullable=True),
        _digits("calendar_change"),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_calendar_change_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_change")),
    )
    return years, days


def _seed(years: sa.Table, days: sa.Table) -> None:
    """The years that the package knows, nationwide; later ones are added every night."""
    found = [
        {
            "jurisdiction_code": "", "day": day, "working": working,
            "name": constants.Holiday(name).chinese + ("调休" if working else ""),
        }
        for (day, name), working in chain(
            ((item, False) for item in constants.holidays.items()),
            ((item, True) for item in constants.workdays.items()),
        )
        if day.year >= 2020
    ]  # fmt: skip
    op.bulk_insert(days, found)
    op.bulk_insert(
        years,
        [
            {"jurisdiction_code": "", "year": year, "source": "chinesecalendar"}
            for year in sorted({row["day"].year for row in found})
        ],
    )
    at = datetime.now(UTC)
    change = sa.table("calendar_change", *map(sa.column, ("id", "jurisdiction_code", "at")),
                      sa.column("said", postgresql.JSONB()), sa.column("recomputed"))  # fmt: skip
    op.execute(
        change.insert().values(
            id=uuid.uuid4(), jurisdiction_code="", at=at, recomputed=0,
            said={"source": "chinesecalendar"},
        )
    )  # fmt: skip
