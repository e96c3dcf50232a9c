"""Taking a change of cells back: everything as it was, unless something depends on it by now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from grids.models import Assignment, Cell, Change, ChangeKind
from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from tests.visits.test_cells_change import at, cell_of, new_id, send, upright
from visits import figures
from visits.issues import projection
from visits.issues.models import IssueStay, Step
from visits.models import Stay


@pytest.fixture
def admin(make, as_user):
    return as_user(make.user(Role.ADMINISTRATOR, COUNTY))


def assignments() -> set:
    rows = select(Assignment)
    return {
        (a.id, a.team_id, a.cell_id, a.from_date, a.to_date, a.lead)
        for a in db.session.scalars(rows.execution_options(populate_existing=True))
    }


def test_undo_puts_everything_back_and_stays_on_record(make, admin):
    one, other = make.cell(1), make.cell(2)
    cadre, _neighbour = make.cadre([one]), make.cadre([other])
    make.team([one], since=workdays.today())
    home = make.household(one, **at(0.9))
    issue = make.issue(home, cadre)
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    make.step(issue, "accept", desk)
    team = db.session.scalar(
        select(Assignment.team_id).where(Assignment.cell_id == one.id, Assignment.lead)
    )
    make.step(issue, "dispatch", desk, team_id=team)
    visit = make.visit(home, cadre, at=now())
    before = assignments()
    day = (workdays.today() - timedelta(days=3)).isoformat()
    done = send(admin, "redraw", cells=[one.code, other.code], line=upright(0.5), on=day)
    assert (cell_of(home)[-3:], cell_of(visit)[-3:], issue.team_id != team) == ("004", "004", True)
    body = {"id": new_id(), "change": done["id"]}
    seen = admin.post("/api/v1/cells/undo?dry_run=true", json=body)
    assert cell_of(home)[-3:] == "004"
    back = admin.post("/api/v1/cells/undo", json=body)
    assert (seen.status_code, back.status_code, seen.json) == (200, 201, back.json)
    assert admin.post("/api/v1/cells/undo", json=body).json == back.json
    assert (back.json["kind"], back.json["on"], back.json["undoes"]) == ("undo", day, done["id"])
    assert back.json["ended"] == [cell["code"] for cell in done["cells"]]
    assert [(c["code"], c["households"]) for c in back.json["cells"]] == [
        (one.code, 1), (other.code, 0)
    ]  # fmt: skip
    assert (back.json["issues_moved"], back.json["issues_reassigned"]) == (1, 1)
    db.session.expire_all()
    assert {cell_of(row) for row in (home, visit, issue)} == {one.code}
    assert (issue.team_id, visit.team_id, assignments()) == (team, team, before)
    last = db.session.scalars(select(Step).where(Step.issue_id == issue.id)).all()[-1]
    assert (last.action, last.data["to"], last.team_after_id) == ("reassign", one.code, team)
    assert (one.to_date, other.to_date) == (None, None)
    never = db.session.scalars(select(Cell).where(Cell.code.in_(back.json["ended"]))).all()
    assert {(c.from_date, c.to_date) for c in never} == {(c.from_date, c.from_date) for c in never}
    assert db.session.scalar(select(Stay.household_id)) is None
    assert db.session.scalar(select(IssueStay.issue_id)) is None
    told = select(Event.id).where(Event.action == "cell.undo", Event.subject_id == one.id)
    assert db.session.scalar(told) is not None
    again = send(admin, "undo", 409, change=done["id"])
    assert again["code"] == "change.undone"
    assert list(send(admin, "undo", 422, change=back.json["id"])["errors"]) == ["/change"]
    family = admin.get(f"/api/v1/cells/{one.code}/lineage").json
    assert {c["undone"] for c in family["changes"]} == {True}
    assert [c["code"] for c in family["descendants"]] != []
    anew = send(admin, "split", cell=one.code, line=upright(0.5))
    assert [c["code"][-3:] for c in anew["cells"]] == ["005", "006"]
    figures.refresh_marked()
    assert figures.check() == []
    assert projection.check() == []


@pytest.mark.parametrize(
    ("what", "words"),
    [("visit", "1 次走访"), ("issue", "1 件事件"), ("household", "1 户"), ("closed", "1 件事件"),
     ("moved", "1 户"), ("team", "团队分工"), ("change", "后来的调整")],
)  # fmt: skip
def test_undo_is_refused_once_something_depends_on_it(make, admin, as_user, what, words):
    cell = make.cell()
    cadre = make.cadre([cell])
    home = make.household(cell, **at(0.1))
    open_ = make.issue(home, cadre)
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    done = send(admin, "split", cell=cell.code, line=upright(0.5))
    db.session.expire_all()
    new = db.session.scalars(select(Cell).where(Cell.to_date.is_(None)).order_by(Cell.code)).all()
    if what == "visit":
        make.visit(home, cadre)
    elif what == "issue":
        make.issue(home, cadre)
    elif what == "closed":
        make.step(open_, "decline", desk, words="不属实")
    elif what == "household":
        make.household(new[1])
    elif what == "moved":
        place = {"lon": WEST + 0.9 * STEP, "lat": SOUTH + STEP / 2}
        answer = as_user(desk).patch(f"/api/v1/households/{home.id}", json={"point": place})
        assert answer.status_code == 200, answer.json
    elif what == "team":
        make.team([new[0]])
    else:
        send(admin, "split", cell=new[0].code, line=upright(0.2))
    refused = send(admin, "undo", 409, change=done["id"])
    assert refused["code"] == ("cell.ended" if what == "change" else "change.depends")
    assert words in refused["detail"]
    assert db.session.get_one(Cell, cell.id).to_date is not None


def test_several_changes_of_one_day_are_taken_back_one_after_the_other(make, admin, as_user):
    cell = make.cell()
    make.cadre([cell])
    home = make.household(cell, **at(0.1))
    first = send(admin, "split", cell=cell.code, line=upright(0.5))
    west, east = (c["code"] for c in first["cells"])
    second = send(admin, "split", cell=west, line=upright(0.2))
    third = send(admin, "merge", cells=[second["cells"][1]["code"], east])
    yesterday = workdays.today() - timedelta(days=1)
    place = f"/api/v1/coverage?jurisdiction={VILLAGE}&by=cell&from=2026-01-01&to={yesterday}"
    leader = as_user(make.user(Role.LEADER, COUNTY))
    areas = leader.get(place).json["areas"]
    assert [(a["code"], a["households"]) for a in areas] == [(cell.code, 1)]
    for change in (third, second, first):
        send(admin, "undo", change=change["id"])
        areas = leader.get(place).json["areas"]
        assert [(a["code"], a["households"]) for a in areas] == [(cell.code, 1)]
    assert cell_of(home) == cell.code
    valid = db.session.scalars(select(Cell.code).where(Cell.to_date.is_(None))).all()
    assert valid == [cell.code]
    listed = admin.get(f"/api/v1/cells/changes?jurisdiction={VILLAGE}").json["items"]
    assert [c["kind"] for c in listed] == ["undo"] * 3 + ["merge", "split", "split"]
    assert [c["undone_by"] for c in listed[3:]] == [c["id"] for c in listed[2::-1]]


def test_an_old_period_on_the_boundaries_of_then_and_of_today(make, admin, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    west, east = make.household(cell, **at(0.1)), make.household(cell, **at(0.9))
    make.visit(east, cadre, at=now() - timedelta(days=9))
    done = send(admin, "split", cell=cell.code, line=upright(0.5))
    week = workdays.today() - timedelta(days=7)
    leader = as_user(make.user(Role.LEADER, COUNTY))
    place = f"/api/v1/coverage?jurisdiction={VILLAGE}&by=cell&from=2026-01-01&to={week}"
    then, today = (leader.get(f"{place}&boundaries={b}").json for b in ("then", "today"))
    assert [(a["code"], a["met"], a["households"]) for a in then["areas"]] == [(cell.code, 1, 2)]
    codes = [c["code"] for c in done["cells"]]
    assert [(a["code"], a["met"], a["households"]) for a in today["areas"]] == [
        (codes[0], 0, 1), (codes[1], 1, 1)
    ]  # fmt: skip
    assert then["total"] == today["total"]
    assert (then["boundaries"], today["boundaries"]) == ("then", "today")
    for area, homes in ((then["areas"][0], [west]), (today["areas"][0], [west])):
        listed = leader.get(area["cases"]).json["items"]
        assert [h["id"] for h in listed] == [str(home.id) for home in homes]
    both = leader.get(f"{place}&boundaries=today&as_of={week}")
    assert (both.status_code, list(both.json["errors"])) == (422, ["/boundaries"])
    page = leader.get(f"/maps/coverage?jurisdiction={VILLAGE}&by=cell&from=2026-01-01&to={week}")
    assert "boundaries=today" in page.get_data(as_text=True)


def test_a_village_is_retired_at_once_when_nobody_is_left(make, admin):
    cells = [make.cell(n) for n in (1, 2)]
    inside = send(
        admin, "", village=VILLAGE, name="中心小学",
        polygon={"type": "Polygon", "coordinates": [[
            [WEST + 0.001, SOUTH + 0.001], [WEST + 0.004, SOUTH + 0.001],
            [WEST + 0.004, SOUTH + 0.004], [WEST + 0.001, SOUTH + 0.001]]]},
    )  # fmt: skip
    assert (inside["kind"], inside["cells"][0]["kind"]) == ("add", "dedicated")
    cadre = make.cadre(cells)
    home = make.household(cells[0])
    issue = make.issue(home, cadre)
    refused = send(admin, "retire", 409, village=VILLAGE)
    assert (refused["code"], "1 户在住农户" in refused["detail"]) == ("cell.in_use", True)
    some = send(admin, "retire", 409, cells=[cells[0].code])
    assert some["code"] == "cell.leaves_gap"
    home.status = "moved"
    make.step(issue, "decline", make.user(Role.DISPATCHER, TOWNSHIP), words="已并村")
    done = send(admin, "retire", village=VILLAGE)
    assert len(done["ended"]) == 3
    db.session.refresh(home)
    assert home.cell_id is None
    again = send(admin, "retire", 409, village=VILLAGE)
    assert again["code"] == "cell.ended"
    back = send(admin, "undo", change=done["id"])
    assert {c["code"] for c in back["cells"]} == set(done["ended"])
    assert cell_of(home) == cells[0].code


@pytest.mark.parametrize(
    ("corners", "crs", "pointer"),
    [
        ([[WEST, SOUTH], [WEST + 9 * STEP, SOUTH], [WEST, SOUTH + STEP]], "wgs84", "/polygon"),
        ([[WEST, SOUTH], [WEST + 1e-3, SOUTH + 1e-3], [WEST + 1e-3, SOUTH], [WEST, SOUTH + 1e-3]],
         "wgs84", "/polygon"),
        ([[WEST, SOUTH], [WEST + 1e-3, SOUTH], [WEST, SOUTH + 1e-3]], "gcj02", "/polygon"),
    ],
)  # fmt: skip
def test_a_dedicated_cell_lies_in_its_village(make, admin, corners, crs, pointer):
    make.cell()
    area = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    refused = send(admin, "", 422, village=VILLAGE, name="市场", polygon=area, crs=crs)
    assert list(refused["errors"]) == [pointer]
    assert db.session.scalar(select(Change.id).where(Change.kind == ChangeKind.ADD)) is None
