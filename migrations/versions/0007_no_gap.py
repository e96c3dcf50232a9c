"""Where a village was divided, its cells leave no gap; cells are never deleted."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0007"
down_revision = "0006"

# Ground is lost only on a day on which some cell ends (or no longer begins), or on which the first
# of several begins: those days are looked at, at the commit. A hair is what `cell_fits` takes.
COVERS = """
    CREATE FUNCTION cell_covers() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        north constant double precision := 111195;
        east double precision;
        days date[];
        checked date;
        rim geometry;
        held geometry;
    BEGIN
        IF TG_TABLE_NAME = 'divided_ground' THEN
            days := ARRAY[NEW.from_date];
        ELSIF NEW.kind <> 'basic' THEN
            RETURN NULL;
        ELSIF TG_OP = 'INSERT' THEN
            days := ARRAY[NEW.from_date, NEW.to_date];
        ELSE
            days := ARRAY[NEW.from_date, NEW.to_date, OLD.from_date, OLD.to_date];
        END IF;
        FOR checked IN SELECT DISTINCT d FROM unnest(days) AS d WHERE d IS NOT NULL LOOP
            SELECT ground INTO rim FROM divided_ground
            WHERE village_code = NEW.village_code AND from_date <= checked
            ORDER BY from_date DESC, at DESC LIMIT 1;
            CONTINUE WHEN NOT FOUND;
            SELECT ST_Union(polygon) INTO held FROM cell
            WHERE village_code = NEW.village_code AND kind = 'basic' AND from_date <= checked
              AND (to_date IS NULL OR to_date > checked);
            CONTINUE WHEN held IS NULL;  -- a village may lose all its cells at once
            east := north * cos(radians(ST_Y(ST_PointOnSurface(rim))));
            IF NOT ST_IsEmpty(ST_Buffer(
                ST_Scale(ST_Difference(rim, held), east, north), -0.55)) THEN
                RAISE EXCEPTION 'the cells of village % leave a gap on %',
                    NEW.village_code, checked
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'cell_covers';
            END IF;
        END LOOP;
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "divided_ground",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "ground",
            Geometry(geometry_type="MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_divided_ground_village_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_divided_ground")),
    )
    op.create_index(
        op.f("ix_divided_ground_village_code_from_date"),
        "divided_ground",
        ["village_code", "from_date"],
    )
    op.execute("""
        INSERT INTO divided_ground (id, village_code, from_date, at, ground)
        SELECT gen_random_uuid(), d.village_code, d.adopted_on, now(),
               ST_Multi(ST_Union(c.polygon))
        FROM division AS d JOIN cell AS c ON c.village_code = d.village_code
         AND c.kind = 'basic' AND c.from_date <= d.adopted_on
         AND (c.to_date IS NULL OR c.to_date > d.adopted_on)
        WHERE d.status = 'adopted' GROUP BY d.id, d.village_code, d.adopted_on
    """)
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON divided_ground
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    # A code that a cell once had is never another cell's: so the cell stays.
    op.execute("""
        CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON cell
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    op.execute(COVERS)
    for table, event in (
        ("cell", "INSERT OR UPDATE OF from_date, to_date"), ("divided_ground", "INSERT")
    ):  # fmt: skip
        op.execute(f"""
            CREATE CONSTRAINT TRIGGER cell_covers AFTER {event} ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cell_covers()
        """)


def downgrade() -> None:
    op.execute("DROP TRIGGER cell_covers ON cell")
    op.drop_table("divided_ground")
    op.execute("DROP FUNCTION cell_covers()")
    op.execute("DROP TRIGGER never_deleted ON cell")
