"""Coverage is kept with its second denominator and with what was due; households by tag."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

NEW = ("registered", "due", "in_time", "overdue", "caught_up")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # All of it can be counted anew, and is: by the first mark or at the turn of the day.
    op.execute("TRUNCATE coverage_day")
    op.drop_constraint(op.f("ck_coverage_day_met"), "coverage_day", type_="check")
    for name in NEW:
        op.add_column("coverage_day", sa.Column(name, sa.Integer(), nullable=False))
    op.create_check_constraint(
        op.f("ck_coverage_day_figures"),
        "coverage_day",
        "met BETWEEN 0 AND households AND due BETWEEN 0 AND households"
        " AND overdue BETWEEN 0 AND households - due AND households <= registered"
        " AND in_time BETWEEN 0 AND due AND caught_up BETWEEN 0 AND overdue",
    )
    op.create_index(op.f("ix_household_tags"), "household", ["tags"], postgresql_using="gin")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_household_tags", "household")
    op.execute("TRUNCATE coverage_day")
    op.drop_constraint(op.f("ck_coverage_day_figures"), "coverage_day", type_="check")
    for name in reversed(NEW):
        op.drop_column("coverage_day", name)
    op.create_check_constraint(
        op.f("ck_coverage_day_met"), "coverage_day", "met >= 0 AND met <= households"
    )
