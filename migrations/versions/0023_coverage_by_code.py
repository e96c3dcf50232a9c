"""Coverage is kept by the cell's code, for today and the ends of months; marks say since when."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # All of it can be counted anew, and is: by the first mark or at the turn of the day.
    op.execute("TRUNCATE coverage_day")
    op.drop_constraint("pk_coverage_day", "coverage_day", type_="primary")
    op.drop_index("ix_coverage_day_day", "coverage_day")
    code = sa.Column("cell_code", sa.String(15, collation="C"), nullable=False)
    op.add_column("coverage_day", code)
    key = ["day", "window_days", "cell_code"]
    op.create_primary_key("pk_coverage_day", "coverage_day", key)
    op.create_index("ix_coverage_day_cell_id", "coverage_day", ["cell_id"])
    op.add_column("coverage_mark", sa.Column("since", sa.Date()))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("coverage_mark", "since")
    op.execute("TRUNCATE coverage_day")
    op.drop_index("ix_coverage_day_cell_id", "coverage_day")
    op.drop_constraint("pk_coverage_day", "coverage_day", type_="primary")
    op.drop_column("coverage_day", "cell_code")
    op.create_primary_key("pk_coverage_day", "coverage_day", ["cell_id", "day", "window_days"])
    op.create_index("ix_coverage_day_day", "coverage_day", ["day"])
