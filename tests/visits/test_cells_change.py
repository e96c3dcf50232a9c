"""Cells that change: what belongs to them follows, and what is past stays as it was."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from shapely import Point, box
from shapely.geometry import shape
from sqlalchemy import func, select

from grids.models import Assignment, Cell, Change, Lineage, Membership
from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, LONG_AGO, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from visits import figures
from visits.issues import projection
from visits.issues.models import Step
from visits.models import CoverageMark, Stay

WIDE = box(WEST, SOUTH, WEST + STEP, SOUTH + STEP)


def upright(share: float) -> dict:
    """A line from south to north through the first cell, at a share of its width."""
    lon = WEST + share * STEP
    return {
        "type": "LineString",
        "coordinates": [[lon, SOUTH - 0.001], [lon, SOUTH + STEP + 0.001]],
    }


def at(share: float) -> dict:
    point = f"SRID=4326;POINT({WEST + share * STEP} {SOUTH + STEP / 2})"
    return {"point": point, "point_source": "wgs84"}


def new_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def admin(make, as_user):
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def send(client, what, status=201, **body):
    path = f"/api/v1/cells/{what}".rstrip("/")
    answer = client.post(path, json={"id": new_id(), **body})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


def cell_of(row) -> str:
    db.session.refresh(row)
    return db.session.scalar(select(Cell.code).where(Cell.id == row.cell_id))


def test_a_split_takes_households_and_open_issues_along_and_leaves_the_past(make, admin, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    west, east = make.household(cell, **at(0.1)), make.household(cell, **at(0.9))
    lost = make.household(cell, point=None, point_source=None)
    visit = make.visit(east, cadre, at=now() - timedelta(days=3))
    open_ = make.issue(east, cadre, at=now() - timedelta(days=3))
    closed = make.issue(west, cadre)
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    make.step(closed, "decline", desk, words="不属实")
    leader = as_user(make.user(Role.LEADER, COUNTY))
    yesterday = workdays.today() - timedelta(days=1)
    place = f"/api/v1/coverage?jurisdiction={VILLAGE}&by=cell&from=2026-01-01&to={yesterday}"
    aging = f"/api/v1/aging?jurisdiction={VILLAGE}&as_of={yesterday}"
    before, aged = leader.get(place), leader.get(aging).json
    done = send(admin, "split", cell=cell.code, line=upright(0.3))
    assert [c["code"][-3:] for c in done["cells"]] == ["002", "003"]
    assert (done["ended"], done["households_moved"], done["issues_moved"]) == ([cell.code], 3, 1)
    assert [c["households"] for c in done["cells"]] == [1, 2]
    assert [c["open_issues"] for c in done["cells"]] == [0, 1]
    assert done["issues_reassigned"] == 0
    assert [c["name"] for c in done["cadres"]] == [cadre.name]
    assert [cell_of(h)[-3:] for h in (west, east, lost)] == ["002", "003", "003"]
    assert cell_of(open_)[-3:] == "003"
    assert (open_.status, open_.step_no, closed.step_no) == ("reported", 2, 2)
    assert cell_of(closed) == cell.code
    assert cell_of(visit) == cell.code
    assert (before.status_code, before.json["total"]["met"]) == (200, 1), before.json
    after = leader.get(place).json
    assert (after["areas"], after["total"]) == (before.json["areas"], before.json["total"])
    assert [(a["code"], a["households"]) for a in after["areas"]] == [(cell.code, 3)]
    after = leader.get(aging).json
    assert (after["areas"], after["total"]) == (aged["areas"], aged["total"])
    assert [(a["code"], a["total"]) for a in after["areas"]] == [(cell.code, 1)]
    assert after["places"] == aged["places"] != []
    figures.refresh_marked()
    assert figures.check() == []
    assert projection.check() == []


def test_who_answered_has_one_answer_for_every_day(make, admin):
    cell = make.cell()
    make.cadre([cell])
    done = send(admin, "split", cell=cell.code, line=upright(0.5))

    def answer(day):
        where = f"lon={WEST + 0.2 * STEP}&lat={SOUTH + 0.5 * STEP}&on={day}"
        found = admin.get(f"/api/v1/cells/at?{where}").json
        names = [person["name"] for person in found["responsible"]["people"]]
        assert (found["responsible"]["desk"], names) == (TOWNSHIP, ["张三"])
        assert found["responsible"]["cell"] == found["features"][0]["id"]
        assert found["responsible"]["team"] == found["features"][0]["properties"]["teams"][0]
        return [f["properties"] for f in found["features"]]

    today = workdays.today()
    (old,), (new,) = answer(today - timedelta(days=1)), answer(today)
    assert (old["code"], new["code"]) == (cell.code, done["cells"][0]["code"])
    assert old["teams"] == new["teams"] != []
    family = admin.get(f"/api/v1/cells/{new['code']}/lineage").json
    assert [c["code"] for c in family["ancestors"]] == [cell.code]
    assert [(c["parent"], c["kind"]) for c in family["changes"]] == [(cell.code, "split")]
    assert len(admin.get(f"/api/v1/cells/{cell.code}/lineage").json["descendants"]) == 2


def test_a_merge_gathers_households_and_teams(make, admin):
    one, other = make.cell(1), make.cell(2)
    first, second = make.cadre([one]), make.cadre([other])
    leading = db.session.scalar(select(Assignment.team_id).where(Assignment.cell_id == other.id))
    households = [make.household(one), make.household(other), make.household(other)]
    issue = make.issue(households[1], second)
    done = send(admin, "merge", cells=[one.code, other.code])
    (cell,) = done["cells"]
    assert (cell["code"][-3:], cell["households"], cell["open_issues"]) == ("003", 3, 1)
    assert len(cell["teams"]) == 2
    assert cell["teams"][0]["id"] == str(leading)  # of the cell with the most households
    assert {cell_of(h) for h in households} == {cell["code"]} == {cell_of(issue)}
    assert {c["id"] for c in done["cadres"]} == {str(first.id), str(second.id)}
    far, near = make.cell(9), make.cell(8)
    early = (workdays.today() - timedelta(days=1)).isoformat()
    young = send(admin, "split", 422, cell=cell["code"], line=upright(1), on=early)
    assert list(young["errors"]) == ["/on"]
    again = send(admin, "merge", cells=[far.code, near.code])
    assert again["cells"][0]["code"][-3:] == "010"


def test_a_redrawn_edge_gives_issues_in_between_to_the_other_team(make, admin, as_user):
    one, other = make.cell(1), make.cell(2)
    cadre, neighbour = make.cadre([one]), make.cadre([other])
    household = make.household(one, **at(0.9))
    stays = make.household(one, **at(0.1))
    issue, unmoved = make.issue(household, cadre), make.issue(stays, cadre)
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    team = db.session.scalar(select(Assignment.team_id).where(Assignment.cell_id == one.id))
    for each in (issue, unmoved):
        make.step(each, "accept", desk)
        make.step(each, "dispatch", desk, team_id=team)
    done = send(admin, "redraw", cells=[one.code, other.code], line=upright(0.5))
    assert (done["issues_moved"], done["issues_reassigned"], done["households_moved"]) == (2, 1, 2)
    db.session.expire_all()
    to = db.session.scalar(select(Assignment.team_id).where(Assignment.cell_id == other.id))
    step = db.session.scalars(select(Step).where(Step.issue_id == issue.id, Step.seq == 4)).one()
    assert (step.action, step.team_before_id, step.team_after_id) == ("reassign", team, to)
    assert (step.status_before, step.status_after) == ("dispatched", "dispatched")
    assert step.data["to"] == done["cells"][1]["code"]
    assert (unmoved.team_id, unmoved.step_no) == (team, 4)
    told = db.session.scalars(select(Step).where(Step.issue_id == unmoved.id, Step.seq == 4)).one()
    assert (told.action, told.team_after_id) == ("reassign", team)
    assert (told.data["from"], told.data["to"]) == (one.code, done["cells"][0]["code"])
    assert projection.check() == []
    seen = as_user(neighbour).get(f"/api/v1/issues/{issue.id}").json
    assert seen["actions"] == ["sign", "return", "comment"]
    forged = {"id": new_id(), "action": "reassign", "seen": 4, "team_id": str(team)}
    refused = as_user(neighbour).post(f"/api/v1/issues/{issue.id}/steps", json=forged)
    assert refused.status_code == 422
    family = admin.get(f"/api/v1/cells/{other.code}/lineage").json
    assert [c["child"][-3:] for c in family["changes"]] == ["004"]
    family = admin.get(f"/api/v1/cells/{one.code}/lineage").json
    assert [c["child"][-3:] for c in family["changes"]] == ["003", "004"]


def test_a_dedicated_cell_is_retired_and_a_basic_one_is_not(make, admin):
    basic, _other = make.cell(1), make.cell(2)
    dedicated = make.cell(5, kind="dedicated", polygon=WIDE.buffer(-0.002))
    make.team([dedicated])
    done = send(admin, f"{dedicated.code}/retire")
    assert (done["ended"], done["cells"]) == ([dedicated.code], [])
    assert send(admin, f"{dedicated.code}/retire", 409)["code"] == "cell.ended"
    assert send(admin, f"{basic.code}/retire", 409)["code"] == "cell.leaves_gap"


def test_a_preview_says_the_same_and_stores_nothing(make, admin):
    cell = make.cell()
    cadre = make.cadre([cell])
    household = make.household(cell, **at(0.9))
    make.issue(household, cadre)

    def counts():
        tables = (Cell, Change, Lineage, Event, Stay, Assignment, Step, CoverageMark)
        return [db.session.scalar(select(func.count()).select_from(t)) for t in tables]

    before, body = counts(), {"id": new_id(), "cell": cell.code, "line": upright(0.4)}
    seen = admin.post("/api/v1/cells/split?dry_run=true", json=body)
    assert seen.status_code == 200
    assert counts() == before
    assert cell_of(household) == cell.code
    done = admin.post("/api/v1/cells/split", json=body)
    assert (done.status_code, done.json) == (201, seen.json)


def test_the_same_change_again_gets_the_same_answer(make, admin, as_user):
    cell = make.cell()
    body = {"id": new_id(), "cell": cell.code, "line": upright(0.4)}
    first = admin.post("/api/v1/cells/split", json=body)
    again = admin.post("/api/v1/cells/split", json=body)
    assert (again.status_code, again.json) == (201, first.json)
    other = admin.post("/api/v1/cells/split", json={**body, "line": upright(0.5)})
    assert (other.status_code, other.json["code"]) == (409, "request.id_taken")
    somebody = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    assert somebody.post("/api/v1/cells/split", json=body).status_code == 409
    ended = admin.post("/api/v1/cells/split", json={**body, "id": new_id()})
    assert (ended.status_code, ended.json["code"]) == (409, "cell.ended")


def test_only_administrators_of_the_place_change_cells(make, as_user):
    cell = make.cell()
    make.jurisdictions("530627")
    for user, status in (
        (make.user(Role.DISPATCHER, COUNTY), 403),
        (make.user(Role.ADMINISTRATOR, "530627"), 404),
    ):
        send(as_user(user), "split", status, cell=cell.code, line=upright(0.5))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"line": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}, "/line"),
        ({"line": {"type": "Point", "coordinates": [0, 0]}}, "/line"),
        ({"line": {"type": "LineString", "coordinates": [[None, "x"]]}}, "/line"),
        ({"line": 7}, "/line"),
        ({"line": upright(0.00001)}, "/line"),
        ({"line": upright(0.5), "names": ["一个"]}, "/names"),
        ({"line": upright(0.5), "on": "2100-01-01"}, "/on"),
        ({"line": upright(0.5), "on": "2020-01-01"}, "/on"),
        ({"line": upright(0.5), "on": "2020-06-01"}, "/on"),
    ],
)
def test_what_cannot_be_done_is_said_where_it_stands(make, admin, body, pointer):
    cell = make.cell()
    assert list(send(admin, "split", 422, cell=cell.code, **body)["errors"]) == [pointer]
    assert db.session.get_one(Cell, cell.id).to_date is None


def test_a_change_of_some_days_ago_takes_teams_of_since_then_along(make, admin):
    cell = make.cell()
    early, late = make.team([cell]), make.team([cell], since=workdays.today())
    household = make.household(cell)
    before = now() - timedelta(days=9)
    cadre = make.user(Role.CADRE, VILLAGE)
    db.session.add(Membership(team_id=late.id, user_id=cadre.id, duty="other", from_date=LONG_AGO))
    old, visit = make.visit(household, cadre, at=before), make.visit(household, cadre, at=now())
    day = workdays.today() - timedelta(days=5)
    done = send(admin, "split", cell=cell.code, line=upright(0.5), on=day.isoformat())
    rows = db.session.execute(
        select(Assignment.team_id, Assignment.from_date, Assignment.to_date)
        .join(Cell, Cell.id == Assignment.cell_id)
        .where(Cell.code == done["cells"][0]["code"])
    ).all()
    assert {tuple(r) for r in rows} == {
        (early.id, day, None), (late.id, workdays.today(), None)
    }  # fmt: skip
    kept = db.session.scalars(select(Assignment).where(Assignment.cell_id == cell.id)).all()
    assert [(a.from_date, a.to_date) for a in kept] == [(LONG_AGO, day)]
    assert cell_of(old) == cell.code
    assert cell_of(visit) == done["cells"][0]["code"]  # it held when the visit was made
    assert (visit.team_id, visit.in_scope, done["visits_moved"]) == (late.id, True, 1)
    assert db.session.scalar(select(CoverageMark.id)) is not None


def test_shapes_of_the_answer_tile_the_old_cell(make, admin):
    cell = make.cell()
    done = send(admin, "split", cell=cell.code, line=upright(0.5), names=["西", "东"])
    west, east = (shape(c["polygon"]) for c in done["cells"])
    assert [c["name"] for c in done["cells"]] == ["西", "东"]
    assert west.union(east).symmetric_difference(WIDE).area < 1e-12
    assert west.contains(Point(WEST + 0.2 * STEP, SOUTH + STEP / 2))
