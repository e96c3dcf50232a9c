"""Of several teams that answer for a cell, exactly one leads: 主责团队."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

# The team that began first leads (of two on one day the lower id). One that began later leads from
# the day on which all earlier ones are gone: its row is cut in two there.
BUSY = """
    SELECT id, max(coalesce(to_date, 'infinity')) OVER (
        PARTITION BY cell_id ORDER BY from_date, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM assignment
"""


def upgrade() -> None:
    op.add_column(
        "assignment",
        sa.Column("lead", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(f"CREATE TEMPORARY TABLE busy ON COMMIT DROP AS {BUSY}")
    op.execute("""
        UPDATE assignment AS a SET lead = true FROM busy
        WHERE busy.id = a.id AND (busy.until IS NULL OR busy.until <= a.from_date)
    """)
    op.execute("""
        CREATE TEMPORARY TABLE cut ON COMMIT DROP AS
        SELECT a.*, busy.until FROM assignment AS a JOIN busy USING (id)
        WHERE a.from_date < busy.until AND busy.until < coalesce(a.to_date, 'infinity')
    """)
    op.execute("UPDATE assignment AS a SET to_date = cut.until FROM cut WHERE cut.id = a.id")
    op.execute("""
        INSERT INTO assignment (id, team_id, cell_id, from_date, to_date, lead)
        SELECT gen_random_uuid(), team_id, cell_id, until, to_date, true FROM cut
    """)
    op.alter_column("assignment", "lead", server_default=None)
    op.execute("""
        ALTER TABLE assignment ADD CONSTRAINT ex_assignment_lead EXCLUDE USING gist
        (cell_id WITH =, daterange(from_date, to_date, '[)') WITH &&) WHERE (lead)
    """)


def downgrade() -> None:
    op.drop_constraint("ex_assignment_lead", "assignment")
    op.drop_column("assignment", "lead")
