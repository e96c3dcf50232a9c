"""Figures of an old day stay as they were when a household moves or changes its status."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST, Make
from tests.visits.test_cells_change import at, new_id, send, upright
from visits.householdimport import import_households
from visits.models import StatusStay, Stay


def spot(x: float) -> dict[str, object]:
    return {"lon": WEST + x * STEP, "lat": SOUTH + STEP / 2, "crs": "wgs84"}


def by_patch(client, home, **changes):
    address = f"/api/v1/households/{home.id}"
    answer = client.patch(
        address, json=changes, headers={"If-Match": client.get(address).headers["ETag"]}
    )
    assert answer.status_code == 200, answer.json


def by_file(_client, home, *, point=None, status=None):
    """The same change from a table, as `gridserve import-households` reads it."""
    words = {"vacant": "空置", "active": "在住", None: ""}[status]
    lon, lat = (point["lon"], point["lat"]) if point else ("", "")
    rows = [
        "村代码,户号,经度,纬度,坐标系,居住状态",
        f"{VILLAGE},{home.number},{lon},{lat},WGS84,{words}",
    ]
    report = import_households("\n".join(rows).encode(), by=None)
    assert (report.stored, report.changed) == (True, 1), report.faults
    db.session.commit()


@pytest.fixture
def admin(make: Make, as_user):
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


@pytest.fixture
def desk(make: Make, as_user):
    return as_user(make.user(Role.DISPATCHER, COUNTY))


@pytest.mark.parametrize("change", [by_patch, by_file])
def test_who_moves_or_leaves_today_counts_for_yesterday_where_and_as_it_was(
    make, desk, as_user, change
):
    west, east = make.cell(1), make.cell(2)
    home, stays = make.household(west, **at(0.5)), make.household(west, **at(0.4))
    cadre, leader = make.cadre([west, east]), as_user(make.user(Role.LEADER, COUNTY))
    yesterday = workdays.today() - timedelta(days=1)
    days = {"from": (yesterday - timedelta(days=89)).isoformat(), "to": yesterday.isoformat()}
    make.visit(home, cadre, at=workdays.start_of(yesterday))

    def figures(**asked):
        answer = leader.get(
            "/api/v1/coverage",
            query_string={"jurisdiction": VILLAGE, "by": "cell", **days, **asked},
        )  # fmt: skip
        return [(row["met"], row["households"]) for row in answer.json["areas"]]

    def listed(**asked):
        answer = leader.get("/api/v1/households", query_string=asked)
        return {row["id"] for row in answer.json["items"]}

    assert figures() == [(1, 2), (0, 0)]
    change(desk, home, point=spot(1.5))
    assert figures() == [(1, 2), (0, 0)]
    assert figures(boundaries="today") == [(0, 1), (1, 1)]
    change(desk, home, status="vacant")
    change(desk, stays, status="vacant")
    assert figures() == [(1, 2), (0, 0)]
    assert figures(to=workdays.today().isoformat()) == [(0, 0), (0, 0)]
    # the list behind the figure shows the same households
    behind = {"cell": west.code, "status": "active", "as_of": yesterday.isoformat()}
    assert listed(**behind) == {str(home.id), str(stays.id)}
    assert listed(**behind, **days, met="true") == {str(home.id)}
    assert listed(cell=west.code, status="active") == set()
    # back again on the same day: nothing of before has changed, and no day has two statuses
    change(desk, home, status="active", point=spot(0.5))
    assert figures() == [(1, 2), (0, 0)]
    kept = db.session.scalars(select(StatusStay.household_id)).all()
    assert sorted(kept) == sorted([home.id, stays.id])


def test_a_change_dated_back_does_not_come_before_a_move(make, admin, desk):
    west, east = make.cell(1), make.cell(2)
    home, last = make.household(west, **at(0.5)), workdays.today() - timedelta(days=1)
    by_patch(desk, home, point=spot(1.25))
    day = workdays.today() - timedelta(days=5)
    send(admin, "split", cell=east.code, line=upright(1.5), on=day.isoformat())
    rows = db.session.execute(select(Stay.cell_id, Stay.to_date).order_by(Stay.to_date, Stay.at))
    assert rows.all() == [(west.id, workdays.today()), (east.id, workdays.today())]
    asked = {"jurisdiction": VILLAGE, "cell": west.code, "as_of": last.isoformat()}
    answer = desk.get("/api/v1/households", query_string=asked)
    assert [row["id"] for row in answer.json["items"]] == [str(home.id)]


def test_who_was_away_and_came_back_keeps_a_change_from_being_undone(make, admin, desk):
    west, east = make.cell(1), make.cell(2)
    home = make.household(west, **at(0.25))
    done = send(admin, "split", cell=west.code, line=upright(0.5))
    db.session.expire_all()
    by_patch(desk, home, point=spot(1.5))
    by_patch(desk, home, point=spot(0.25))
    assert east.to_date is None
    again = admin.post("/api/v1/cells/undo", json={"id": new_id(), "change": done["id"]})
    assert (again.status_code, again.json["code"]) == (409, "change.depends")
