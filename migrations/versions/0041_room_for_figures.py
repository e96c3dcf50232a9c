"""Room in the pages of kept figures, so that counting a cell anew leaves its index alone.

Each refresh updates a row in place; in a full page it had to go elsewhere, with a new entry in
each index, and reading a county then went by two entries for each cell.
"""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE coverage_day SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE coverage_day RESET (fillfactor, autovacuum_vacuum_scale_factor)")
