"""A dump of the database can be restored.

pg_restore works with an empty search_path, in which no operator of PostGIS is found: a trigger's
condition may not compare geometries. Their bytes it may.
"""

from alembic import op

revision = "0034"
down_revision = "0033"

STAYS = """
    CREATE TRIGGER cell_stays BEFORE UPDATE OF code, village_code, kind, polygon ON cell
    FOR EACH ROW WHEN ((OLD.code, OLD.village_code, OLD.kind, {old})
        IS DISTINCT FROM (NEW.code, NEW.village_code, NEW.kind, {new}))
    EXECUTE FUNCTION cell_stays()
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER cell_stays ON cell")
    op.execute(STAYS.format(old="ST_AsEWKB(OLD.polygon)", new="ST_AsEWKB(NEW.polygon)"))


def downgrade() -> None:
    op.execute("DROP TRIGGER cell_stays ON cell")
    op.execute(STAYS.format(old="OLD.polygon", new="NEW.polygon"))
