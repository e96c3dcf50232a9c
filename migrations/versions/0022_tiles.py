"""Cells keep generalised shapes for tiles; whatever changes the ground leaves a mark."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "0022"
down_revision = "0021"

# Metres of Web Mercator that a shape may be simplified by: half a pixel at the band's last zoom.
BANDS = {"shape_8": 300, "shape_10": 75, "shape_13": 10}
MARK = """
    CREATE FUNCTION ground_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ground_mark (id, at) VALUES (gen_random_uuid(), clock_timestamp());
        RETURN NULL;
    END $$
"""
TRIGGER = """
    CREATE TRIGGER ground_changed AFTER INSERT OR DELETE OR UPDATE {of} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ground_changed()
"""
WATCHED = {"cell": "", "jurisdiction": "OF name, boundary"}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name, metres in BANDS.items():
        simplified = (
            "st_simplifypreservetopology(st_transform(polygon, 3857), "
            f"({metres})::double precision)"
        )
        column = Geometry("POLYGON", srid=3857, spatial_index=False)
        op.add_column("cell", sa.Column(name, column, sa.Computed(simplified, persisted=True)))
    op.create_table(
        "ground_mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ground_mark"),
    )
    op.execute(MARK)
    for table, of in WATCHED.items():
        op.execute(TRIGGER.format(table=table, of=of))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in WATCHED:
        op.execute(f"DROP TRIGGER ground_changed ON {table}")
    op.execute("DROP FUNCTION ground_changed()")
    op.drop_table("ground_mark")
    for name in BANDS:
        op.drop_column("cell", name)
