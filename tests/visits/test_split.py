"""The first division of a village from the command line: figures, cells, households in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from geoalchemy2.shape import from_shape, to_shape
from shapely import Point, box, union_all
from sqlalchemy import func, select, text

from grids.models import Cell
from gridserve.db import SRID, db
from gridserve.events import Event
from tests.factories import SOUTH, STEP, VILLAGE, WEST, Make
from visits.commands import split
from visits.models import CoverageMark, Household, HouseholdStatus

OUTLINE = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + 2 * STEP)

Run = Callable[..., Result]


@pytest.fixture
def run(context: Flask) -> Run:
    return lambda *args: CliRunner().invoke(split, [*args], catch_exceptions=False)


@pytest.fixture
def village(make: Make) -> str:
    """A village of 60 households, two of them without a point, one moved away, one outside."""
    make.boundary(VILLAGE, OUTLINE)
    for n in range(60):
        place = Point(WEST + STEP * (0.05 + 2.9 * (n % 10) / 9),
                      SOUTH + STEP * (0.05 + 1.9 * (n // 10) / 5))  # fmt: skip
        point: dict[str, Any] = {"point": from_shape(place, srid=SRID), "point_source": "wgs84"}
        if n < 2:
            point = {"point": None, "point_source": None}
        if n == 3:
            point["point"] = from_shape(Point(WEST - STEP, SOUTH), srid=SRID)
        status = HouseholdStatus.MOVED if n == 2 else HouseholdStatus.ACTIVE
        make.household(None, status=status, **point)
    return VILLAGE


def test_a_proposal_stores_nothing(run: Run, village: str) -> None:
    result = run(village, "--min", "15", "--max", "25", "--json")
    answer = json.loads(result.stdout)
    assert (answer["written"], answer["outside"], answer["assigned"]) == (False, 1, None)
    assert len(answer["cells"]) == 3
    assert sum(c["households"] for c in answer["cells"]) == pytest.approx(58, abs=1)
    assert all(10 <= c["households"] <= 30 for c in answer["cells"])
    assert db.session.scalar(select(func.count()).select_from(Cell)) == 0
    plain = run(village, "--min", "15", "--max", "25").stdout
    assert "largest ÷ smallest" in plain
    assert "1 households lie outside" in plain


def test_written_cells_tile_the_village_and_hold_its_households(run: Run, village: str) -> None:
    result = run(village, "--min", "15", "--max", "25", "--write", "--json")
    answer = json.loads(result.stdout)
    cells = list(db.session.scalars(select(Cell).order_by(Cell.code)))
    assert [c.code for c in cells] == [f"{village}00{n}" for n in (1, 2, 3)]
    assert [c["code"] for c in answer["cells"]] == [c.code for c in cells]
    shapes = [to_shape(c.polygon) for c in cells]
    assert union_all(shapes).symmetric_difference(OUTLINE).area < 1e-9 * OUTLINE.area
    assert sum(s.area for s in shapes) == pytest.approx(OUTLINE.area)
    # Counted without the statement that assigned them.
    inside = db.session.scalar(text(
        "SELECT count(*) FROM household h WHERE EXISTS (SELECT FROM cell c WHERE c.id = h.cell_id"
        " AND ST_Covers(c.polygon, h.point))"
    ))  # fmt: skip
    assert inside == answer["assigned"] == 57
    rest = db.session.scalars(select(Household).where(Household.cell_id.is_(None))).all()
    assert len(rest) == 3
    marked = set(db.session.scalars(select(CoverageMark.cell_id)))
    assert marked == {c.id for c in cells}
    events = select(Event.jurisdiction_code).where(Event.action == "cell.divided")
    assert sorted(db.session.scalars(events)) == [c.code for c in cells]


def test_one_cell_takes_those_without_a_point_too(run: Run, village: str) -> None:
    assert json.loads(run(village, "--write", "--json").stdout)["assigned"] == 59


def test_a_village_with_cells_is_refused_and_stays(run: Run, village: str) -> None:
    run(village, "--write")
    again = run(village, "--write")
    assert again.exit_code == 1
    assert "has 1 basic cells already" in again.stderr
    assert "split or merge those" in again.stderr
    assert db.session.scalar(select(func.count()).select_from(Cell)) == 1
    assert run(village).exit_code == 0  # a proposal to compare with may be asked for


def test_serials_go_on_after_retired_cells(run: Run, village: str, make: Make) -> None:
    make.cell(7, polygon=OUTLINE, to_date=date(2024, 1, 1))
    assert json.loads(run(village, "--write", "--json").stdout)["cells"][0]["code"][-3:] == "008"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["530626101999"], 1, "No village has the code"),
        (["530626101"], 1, "No village has the code"),
        (["530626101202"], 1, "has no boundary yet"),
        ([VILLAGE, "--min", "9", "--max", "5"], 2, "--min 9 is above --max 5"),
    ],
)
def test_refusals_are_plain(
    run: Run, village: str, make: Make, args: list[str], code: int, words: str
) -> None:
    make.jurisdictions("530626101202")
    result = run(*args, "--write")
    assert result.exit_code == code
    assert words in result.stderr


def test_lines_from_a_file_are_followed(run: Run, village: str, tmp_path: Path) -> None:
    lon = WEST + 1.35 * STEP
    river = {"type": "LineString", "coordinates": [[lon, SOUTH - STEP], [lon, SOUTH + 3 * STEP]]}
    path = tmp_path / "river.geojson"
    path.write_text(json.dumps({"type": "Feature", "geometry": river}))
    args = (village, "--min", "20", "--max", "40", "--lines", str(path), "--write", "--json")
    answer = json.loads(run(*args).stdout)
    assert len(answer["cells"]) == 2
    west = to_shape(db.session.scalar(select(Cell.polygon).order_by(Cell.code)))
    assert west.symmetric_difference(box(WEST, SOUTH, lon, SOUTH + 2 * STEP)).area < 1e-12
    path.write_text('{"type": "Point", "coordinates": [103, 28]}')
    refused = run(*args)
    assert refused.exit_code == 2
    assert "LineString" in refused.stderr
    path.write_text("<html>")
    assert run(*args).exit_code == 2
