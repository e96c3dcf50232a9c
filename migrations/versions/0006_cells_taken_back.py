"""A change of cells can be taken back: what it moved is kept with the change that moved it.

A cell may end on the day it began; it then never held. Dedicated cells are added by changes too.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

KINDS = ("split", "merge", "redraw", "retire")
STAYS = ("household", "issue")


def upgrade() -> None:
    _period("to_date >= from_date")
    _kinds(*KINDS, "add", "undo")
    op.execute("ALTER TABLE cell VALIDATE CONSTRAINT ck_cell_period")
    op.execute("ALTER TABLE cell_change VALIDATE CONSTRAINT ck_cell_change_kind")
    op.add_column("cell_change", sa.Column("undoes_id", sa.Uuid(), nullable=True))
    op.add_column("cell_change", sa.Column("teams", postgresql.JSONB(), nullable=True))
    op.create_foreign_key(
        op.f("fk_cell_change_undoes_id"), "cell_change", "cell_change", ["undoes_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_cell_change_undoes_id"), "cell_change", ["undoes_id"])
    op.create_check_constraint(
        op.f("ck_cell_change_undoes"), "cell_change", "(kind = 'undo') = (undoes_id IS NOT NULL)"
    )
    op.create_index(op.f("ix_cell_change_at_id"), "cell_change", ["at", "id"])
    for kind in STAYS:
        _keyed_by_change(kind)
    op.create_table(
        "visit_move",
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_visit_move_visit_id")),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["cell_change.id"],
            name=op.f("fk_visit_move_change_id"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_visit_move_cell_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_visit_move_team_id")),
        sa.PrimaryKeyConstraint("visit_id", "change_id", name=op.f("pk_visit_move")),
    )
    op.create_index(op.f("ix_visit_move_change_id"), "visit_move", ["change_id"])


def downgrade() -> None:
    # Changes are never deleted: those that the older table does not know stay, unchecked.
    op.drop_table("visit_move")
    for kind in STAYS:
        op.execute(f"""
            DELETE FROM {kind}_stay AS later USING {kind}_stay AS earlier
            WHERE earlier.{kind}_id = later.{kind}_id AND earlier.to_date = later.to_date
              AND earlier.ctid < later.ctid
        """)  # noqa: S608
        op.drop_index(op.f(f"ix_{kind}_stay_change_id"), f"{kind}_stay")
        op.drop_constraint(op.f(f"pk_{kind}_stay"), f"{kind}_stay")
        op.drop_column(f"{kind}_stay", "change_id")
        op.drop_column(f"{kind}_stay", "next_id")
        op.create_primary_key(op.f(f"pk_{kind}_stay"), f"{kind}_stay", [f"{kind}_id", "to_date"])
    op.drop_index(op.f("ix_cell_change_at_id"), "cell_change")
    op.drop_constraint(op.f("ck_cell_change_undoes"), "cell_change")
    op.drop_column("cell_change", "undoes_id")
    op.drop_column("cell_change", "teams")
    _kinds(*KINDS)
    _period("to_date > from_date")


def _keyed_by_change(kind: str) -> None:
    """Give each stay the change that ended it, and the cell that came after it."""
    stay = f"{kind}_stay"
    op.add_column(stay, sa.Column("change_id", sa.Uuid(), nullable=True))
    op.add_column(stay, sa.Column("next_id", sa.Uuid(), nullable=True))
    op.execute(f"""
        UPDATE {stay} AS s SET
            change_id = coalesce(
                (SELECT l.change_id FROM lineage AS l WHERE l.parent_id = s.cell_id LIMIT 1),
                (SELECT e.id FROM cell_change AS e JOIN cell AS c ON e.result -> 'ended' ? c.code
                 WHERE c.id = s.cell_id AND e.village_code = c.village_code LIMIT 1)),
            next_id = coalesce(
                (SELECT n.cell_id FROM {stay} AS n
                 WHERE n.{kind}_id = s.{kind}_id AND n.to_date > s.to_date
                 ORDER BY n.to_date LIMIT 1),
                (SELECT k.cell_id FROM {kind} AS k WHERE k.id = s.{kind}_id))
    """)  # noqa: S608
    op.execute(f"DELETE FROM {stay} WHERE change_id IS NULL")  # noqa: S608
    op.alter_column(stay, "change_id", nullable=False)
    op.drop_constraint(op.f(f"pk_{stay}"), stay)
    op.create_primary_key(op.f(f"pk_{stay}"), stay, [f"{kind}_id", "change_id"])
    op.create_foreign_key(
        op.f(f"fk_{stay}_change_id"),
        stay,
        "cell_change",
        ["change_id"],
        ["id"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.create_foreign_key(op.f(f"fk_{stay}_next_id"), stay, "cell", ["next_id"], ["id"])
    op.create_index(op.f(f"ix_{stay}_change_id"), stay, ["change_id"])


def _period(check: str) -> None:
    op.execute("ALTER TABLE cell DROP CONSTRAINT ck_cell_period")
    op.execute(f"ALTER TABLE cell ADD CONSTRAINT ck_cell_period CHECK ({check}) NOT VALID")


def _kinds(*names: str) -> None:
    op.execute("ALTER TABLE cell_change DROP CONSTRAINT ck_cell_change_kind")
    listed = ", ".join(f"'{name}'" for name in names)
    op.execute(
        "ALTER TABLE cell_change ADD CONSTRAINT ck_cell_change_kind "
        f"CHECK (kind IN ({listed})) NOT VALID"
    )
