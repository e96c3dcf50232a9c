"""Which cell a household is in: worked out for many at once, as the database would."""

from __future__ import annotations

from datetime import date

import numpy as np
from geoalchemy2.shape import from_shape
from shapely import Point, box
from sqlalchemy import select, text

from gridserve.db import SRID, db
from tests.factories import SOUTH, STEP, VILLAGE, WEST, Make
from visits import placing
from visits.models import CoverageMark, Household

OTHER = "530626101202"

# As everywhere: the own village's cell that covers the point, on a shared edge the lower code.
PLAIN = """
    SELECT h.id, (SELECT c.id FROM cell AS c WHERE c.village_code = h.village_code
        AND c.to_date IS NULL AND ST_Covers(c.polygon, h.point) ORDER BY c.code LIMIT 1) AS cell
    FROM household AS h
"""


def at(x: float, y: float) -> dict:
    place = Point(WEST + x * STEP, SOUTH + y * STEP)
    return {"point": from_shape(place, srid=SRID), "point_source": "wgs84"}


def test_all_villages_at_once_as_the_database_would(make: Make) -> None:
    for n in range(1, 5):
        make.cell(n)
    make.cell(5, to_date=date(2024, 1, 1))
    make.cell(1, village=OTHER, polygon=box(WEST, SOUTH + STEP, WEST + STEP, SOUTH + 2 * STEP))
    rng = np.random.default_rng(3)
    for n, (x, y) in enumerate(np.round(rng.uniform([-0.2, -0.2], [5.2, 2.2], (60, 2)), 1)):
        make.household(None, village_code=(VILLAGE, OTHER)[n % 2], **at(x, y))
    edge = make.household(None, village_code=VILLAGE, **at(2, 0.5))  # between 002 and 003
    assert placing.assign_households() > 10
    found = dict(db.session.execute(select(Household.id, Household.cell_id)).all())
    assert found == dict(db.session.execute(text(PLAIN)).all())
    assert db.session.get_one(Household, edge.id).cell_id is not None
    marked = set(db.session.scalars(select(CoverageMark.cell_id)))
    assert marked == set(found.values()) - {None}
    assert placing.assign_households() == 0


def test_only_the_villages_that_are_named_and_only_what_differs(make: Make) -> None:
    first, second = make.cell(1), make.cell(2)
    other = make.cell(
        1, village=OTHER, polygon=box(WEST, SOUTH + STEP, WEST + STEP, SOUTH + 2 * STEP)
    )
    wrong = make.household(second, **at(0.5, 0.5))
    right = make.household(second)
    outside = make.household(first, **at(-3, 0.5))
    nowhere = make.household(None, village_code=VILLAGE)
    alone = make.household(None, village_code=OTHER)  # of a village with one cell
    assert placing.assign_households([VILLAGE, VILLAGE]) == 1
    assert wrong.cell_id == first.id
    assert right.cell_id == second.id
    assert outside.cell_id == first.id  # there is none that covers it: it keeps what it has
    assert nowhere.cell_id is None
    assert placing.assign_households() == 1
    assert alone.cell_id == other.id
    assert placing.assign_households(["530626101999"]) == 0


def test_the_cells_of_the_day_count(make: Make) -> None:
    old, new = make.cell(1, to_date=date(2030, 1, 1)), make.cell(2, from_date=date(2030, 1, 1),
        polygon=box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))  # fmt: skip
    household = make.household(None, village_code=VILLAGE, **at(0.5, 0.5))
    placing.assign_households()
    assert household.cell_id == old.id
    placing.assign_households(on=date(2030, 1, 1))
    assert household.cell_id == new.id
