"""Cells from a file: whose villages they are, and the households that then live in them."""

from __future__ import annotations

from datetime import date

import pytest
from flask_babel import force_locale
from geoalchemy2.shape import from_shape

from grids.models import Cell
from gridserve.db import SRID, db
from gridserve.permissions import Role
from tests.data.broken.make_maps import CODES, HERE, LEFT, RIGHT
from tests.factories import VILLAGE, Make
from visits.cellimport import import_cells
from visits.models import Household

DAY = date(2026, 1, 1)


@pytest.fixture
def village(make: Make) -> str:
    make.boundary(VILLAGE, LEFT.union(RIGHT))
    return VILLAGE


def test_households_live_in_the_cells_that_came_in(make: Make, village: str) -> None:
    west, east = (
        make.household(point=from_shape(area.centroid, srid=SRID), point_source="wgs84")
        for area in (LEFT, RIGHT)
    )
    tried = import_cells(HERE / "gbk.zip", from_date=DAY, dry_run=True)
    assert (tried.new, tried.stored, tried.households) == (2, True, 0)
    assert db.session.query(Cell).count() == 0
    done = import_cells(HERE / "gbk.zip", from_date=DAY)
    assert (done.new, done.villages, done.households) == (2, [VILLAGE], 2)
    cells = {cell.id: cell.code for cell in db.session.query(Cell)}
    homes = [cells.get(db.session.get_one(Household, h.id).cell_id) for h in (west, east)]
    assert homes == CODES
    again = import_cells(HERE / "gbk.zip", from_date=DAY)
    assert (again.new, again.same, again.households) == (0, 2, 0)


def test_an_administrator_imports_within_the_own_jurisdiction(make: Make, village: str) -> None:
    stranger = make.user(Role.ADMINISTRATOR, "530626102")
    leader = make.user(Role.LEADER, "530626")
    for user in (stranger, leader):
        report = import_cells(HERE / "gbk.zip", from_date=DAY, by=user)
        assert not report.stored
        assert [fault.kind for fault in report.faults] == ["scope", "scope"]
    own = make.user(Role.ADMINISTRATOR, VILLAGE[:9])
    assert import_cells(HERE / "gbk.zip", from_date=DAY, by=own).new == 2


def test_the_report_speaks_the_readers_language(village: str) -> None:
    report = import_cells(HERE / "bow-tie.geojson", from_date=DAY)
    with force_locale("zh"):
        assert "轮廓在" in report.as_dict()["faults"][0]["reason"]
    with force_locale("en"):
        assert "crosses itself" in report.as_dict()["faults"][0]["reason"]


def test_progress_is_told(village: str) -> None:
    told: list[tuple[str, object]] = []
    with force_locale("en"):
        import_cells(
            HERE / "gbk.zip", from_date=DAY,
            begin=lambda n: told.append(("begin", n)), step=lambda n: told.append(("step", n)),
            say=lambda words: told.append(("say", words)),
        )  # fmt: skip
    assert told == [
        ("say", "Reading…"), ("begin", 2), ("say", "Checking…"), ("step", 1), ("step", 1),
        ("say", "Storing…"),
    ]  # fmt: skip
