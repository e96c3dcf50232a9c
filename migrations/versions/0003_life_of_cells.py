"""Cells change with a lineage, and the database itself keeps them from overlapping."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

ACTIONS = ("report", "accept", "decline", "dispatch", "sign", "return", "feed_back", "pass_review",
           "fail_review", "reopen", "evaluate")  # fmt: skip
APPEND_ONLY = ("cell_change", "lineage")

# Raised as check violations, which callers know. What an import takes (grids/fit.py: half a metre
# from either side of an edge, 5 m over the boundary), this takes too, and a little more, so that
# two ways of rounding never disagree.
FITS = """
    CREATE FUNCTION cell_fits() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        east double precision;
        north constant double precision := 111195;
        outside double precision;
        other text;
        rim geometry;
    BEGIN
        east := north * cos(radians(ST_Y(ST_PointOnSurface(NEW.polygon))));
        IF TG_OP = 'INSERT' THEN
            SELECT boundary INTO rim FROM jurisdiction WHERE code = NEW.village_code;
            IF rim IS NOT NULL AND NOT ST_Covers(rim, NEW.polygon) THEN
                SELECT max(ST_Distance(ST_Scale(corner.geom, east, north), ST_Scale(rim, east, north)))
                INTO outside FROM ST_DumpPoints(ST_Difference(NEW.polygon, rim)) AS corner;
                IF outside > 6 THEN
                    RAISE EXCEPTION 'cell % lies up to % m outside its village',
                        NEW.code, round(outside::numeric, 1)
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'cell_fits';
                END IF;
            END IF;
        ELSIF daterange(NEW.from_date, NEW.to_date) <@ daterange(OLD.from_date, OLD.to_date) THEN
            RETURN NULL;
        END IF;
        IF NEW.kind <> 'basic' THEN
            RETURN NULL;
        END IF;
        -- A repeatable read would not see what others commit while it waits for the lock.
        IF current_setting('transaction_isolation') = 'repeatable read' THEN
            RAISE EXCEPTION 'cells are written in read committed or serializable transactions'
                USING ERRCODE = 'invalid_transaction_state';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtext('cells of a village'), hashtext(NEW.village_code));
        SELECT c.code INTO other FROM cell AS c
        WHERE c.village_code = NEW.village_code AND c.kind = 'basic' AND c.id <> NEW.id
          AND daterange(c.from_date, c.to_date) && daterange(NEW.from_date, NEW.to_date)
          AND c.polygon && NEW.polygon
          AND ST_Relate(c.polygon, NEW.polygon, 'T********')
          AND NOT ST_IsEmpty(ST_Buffer(
              ST_Scale(ST_Intersection(c.polygon, NEW.polygon), east, north), -0.55))
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'cell % overlaps cell %', NEW.code, other
                USING ERRCODE = 'check_violation', CONSTRAINT = 'cell_fits';
        END IF;
        RETURN NULL;
    END $$
"""

STAYS = """
    CREATE FUNCTION cell_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'code, village, kind and polygon of cell % never change', OLD.code
            USING ERRCODE = 'restrict_violation';
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "cell_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", postgresql.JSONB(), nullable=False),
        sa.Column("said", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "kind IN ('split', 'merge', 'redraw', 'retire')", name=op.f("ck_cell_change_kind")
        ),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_cell_change_village_code")
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_cell_change_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_change")),
    )
    op.create_index(op.f("ix_cell_change_village_code"), "cell_change", ["village_code"])
    op.create_table(
        "lineage",
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("child_id", sa.Uuid(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("parent_id <> child_id", name=op.f("ck_lineage_two")),
        sa.ForeignKeyConstraint(["parent_id"], ["cell.id"], name=op.f("fk_lineage_parent_id")),
        sa.ForeignKeyConstraint(["child_id"], ["cell.id"], name=op.f("fk_lineage_child_id")),
        sa.ForeignKeyConstraint(
            ["change_id"], ["cell_change.id"], name=op.f("fk_lineage_change_id")
        ),
        sa.PrimaryKeyConstraint("parent_id", "child_id", name=op.f("pk_lineage")),
    )
    op.create_index(op.f("ix_lineage_child_id"), "lineage", ["child_id"])
    for kind in ("household", "issue"):
        op.create_table(
            f"{kind}_stay",
            sa.Column(f"{kind}_id", sa.Uuid(), nullable=False),
            sa.Column("to_date", sa.Date(), nullable=False),
            sa.Column("cell_id", sa.Uuid(), nullable=False),
            sa.ForeignKeyConstraint(
                [f"{kind}_id"], [f"{kind}.id"], name=op.f(f"fk_{kind}_stay_{kind}_id")
            ),
            sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f(f"fk_{kind}_stay_cell_id")),
            sa.PrimaryKeyConstraint(f"{kind}_id", "to_date", name=op.f(f"pk_{kind}_stay")),
        )
        op.create_index(op.f(f"ix_{kind}_stay_cell_id"), f"{kind}_stay", ["cell_id"])
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)
    op.execute(FITS)
    op.execute("""
        CREATE CONSTRAINT TRIGGER cell_fits AFTER INSERT OR UPDATE OF from_date, to_date ON cell
        DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION cell_fits()
    """)
    op.execute(STAYS)
    op.execute("""
        CREATE TRIGGER cell_stays BEFORE UPDATE OF code, village_code, kind, polygon ON cell
        FOR EACH ROW WHEN ((OLD.code, OLD.village_code, OLD.kind, OLD.polygon)
            IS DISTINCT FROM (NEW.code, NEW.village_code, NEW.kind, NEW.polygon))
        EXECUTE FUNCTION cell_stays()
    """)
    _actions(*ACTIONS, "reassign")
    op.execute("ALTER TABLE step VALIDATE CONSTRAINT ck_step_action")


def downgrade() -> None:
    # Steps are never deleted: those that the older table does not know stay, unchecked.
    _actions(*ACTIONS)
    op.execute("DROP TRIGGER cell_stays ON cell")
    op.execute("DROP TRIGGER cell_fits ON cell")
    op.execute("DROP FUNCTION cell_stays()")
    op.execute("DROP FUNCTION cell_fits()")
    op.drop_table("issue_stay")
    op.drop_table("household_stay")
    op.drop_table("lineage")
    op.drop_table("cell_change")


def _actions(*names: str) -> None:
    op.execute("ALTER TABLE step DROP CONSTRAINT ck_step_action")
    listed = ", ".join(f"'{name}'" for name in names)
    op.execute(
        f"ALTER TABLE step ADD CONSTRAINT ck_step_action CHECK (action IN ({listed})) NOT VALID"
    )
