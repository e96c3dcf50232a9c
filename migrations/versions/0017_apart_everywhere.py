"""Basic cells are kept apart across villages too, where boundaries overlap or are missing."""

import re

from alembic import op
from sqlalchemy import text

revision = "0017"
down_revision = "0016"

# One lock for all villages: whoever writes cells waits for whoever else does, so that two in
# neighbouring villages see each other.
LOCK = "hashtext('cells of a village'), hashtext({})"
OVERLAP = """WHERE {}c.kind = 'basic' AND c.id <> NEW.id"""
WIDTH = "ST_Scale(ST_Intersection(c.polygon, NEW.polygon), east, north), {}))"
# Cells may stray 6 m over their own village's boundary, so two of them may overlap by twice that.
ACROSS = "CASE WHEN c.village_code = NEW.village_code THEN -0.55 ELSE -6.1 END"


def upgrade() -> None:
    _replace(
        (LOCK.format("NEW.village_code"), LOCK.format("''")),
        (OVERLAP.format("c.village_code = NEW.village_code AND "), OVERLAP.format("")),
        (WIDTH.format("-0.55"), WIDTH.format(ACROSS)),
    )


def downgrade() -> None:
    _replace(
        (LOCK.format("''"), LOCK.format("NEW.village_code")),
        (OVERLAP.format(""), OVERLAP.format("c.village_code = NEW.village_code AND ")),
        (WIDTH.format(ACROSS), WIDTH.format("-0.55")),
    )


def _replace(*changes: tuple[str, str]) -> None:
    """Write the function anew with some of its words changed."""
    source = op.get_bind().scalar(
        text("SELECT pg_get_functiondef(CAST('cell_fits()' AS regprocedure))")
    )
    for old, new in changes:
        source, count = re.subn(re.escape(old), lambda _match, new=new: new, source)
        if count != 1:
            raise RuntimeError(f"cell_fits() does not say {old!r} once")
    op.get_bind().exec_driver_sql(source.replace("%", "%%"))  # as the driver wants it
