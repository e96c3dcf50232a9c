"""A month in which cells change every day: the ground stays whole, and nobody is without a cell."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta

import pytest
import shapely
from geoalchemy2.shape import to_shape
from shapely import box
from sqlalchemy import select, text

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, WEST
from visits import figures
from visits.issues import projection

GROUND = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP)
ASTRAY = """
    SELECT count(*) FROM household h LEFT JOIN cell c ON c.id = h.cell_id
    WHERE c.id IS NULL OR c.to_date IS NOT NULL OR NOT ST_Covers(c.polygon, h.point)
"""
LEFT_BEHIND = """
    SELECT count(*) FROM issue i LEFT JOIN cell c ON c.id = i.cell_id
    LEFT JOIN assignment a
        ON a.cell_id = c.id AND a.team_id = i.team_id AND a.to_date IS NULL
    WHERE c.to_date IS NOT NULL OR (i.status = 'dispatched' AND a.id IS NULL)
"""


def valid(day) -> list[Cell]:
    rows = select(Cell).where(Cell.from_date <= day, Cell.to_date.is_(None) | (Cell.to_date > day))
    return list(db.session.scalars(rows.order_by(Cell.code)))


def asked(chance: random.Random, day) -> tuple[str, dict]:
    """Something to try on the cells of the day."""
    cells = valid(day)
    one = chance.choice(cells)
    shape = to_shape(one.polygon)
    near = [c for c in cells if c is not one and to_shape(c.polygon).intersection(shape).length]
    kind = chance.choice(["split", "redraw", "merge"] if near else ["split"])
    if kind == "split":
        body = {"cell": one.code}
    else:
        other = chance.choice(near)
        body, shape = {"cells": [one.code, other.code]}, shape.union(to_shape(other.polygon))
    if kind != "merge":
        x, y = shape.centroid.x, shape.centroid.y
        dx, dy = chance.uniform(-1, 1) * STEP * 4, STEP * 4
        body["line"] = {"type": "LineString", "coordinates": [[x - dx, y - dy], [x + dx, y + dy]]}
    return kind, body


@pytest.mark.parametrize("seed", [1, 4])
def test_a_month_of_changes_keeps_everything_in_its_place(make, as_user, seed):
    chance = random.Random(seed)
    cells = [make.cell(n) for n in (1, 2, 3)]
    cadres = [make.cadre([cell]) for cell in cells]
    desk = make.user(Role.DISPATCHER, COUNTY)
    for n in range(24):
        home = cells[n % 3]
        lon = WEST + (n % 3 + chance.uniform(0.01, 0.99)) * STEP
        lat = SOUTH + chance.uniform(0.01, 0.99) * STEP
        point = f"SRID=4326;POINT({lon} {lat})"
        household = make.household(home, point=point, point_source="wgs84")
        issue = make.issue(household, cadres[n % 3])
        make.step(issue, "accept", desk)
        held = text("SELECT team_id FROM assignment WHERE cell_id = :cell")
        team = db.session.scalar(held, {"cell": home.id})
        make.step(issue, "dispatch", desk, team_id=team)
    client = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    today, done = workdays.today(), 0
    for back in range(28, -1, -1):
        day = today - timedelta(days=back)
        kind, body = asked(chance, day)
        body |= {"id": str(uuid.uuid4()), "on": day.isoformat()}
        answer = client.post(f"/api/v1/cells/{kind}", json=body)
        assert answer.status_code in (201, 422), answer.json
        done += answer.status_code == 201
    assert done > 15
    for back in (400, 28, 21, 14, 7, 0):
        shapes = [to_shape(c.polygon) for c in valid(today - timedelta(days=back))]
        assert shapely.union_all(shapes).symmetric_difference(GROUND).area < 1e-12
        assert sum(s.area for s in shapes) == pytest.approx(GROUND.area, rel=1e-9)
    assert db.session.scalar(text(ASTRAY)) == 0
    assert db.session.scalar(text(LEFT_BEHIND)) == 0
    figures.refresh_marked()
    assert figures.check() == []
    assert projection.check() == []
