"""A year of visits, then a split, a merge and a person replaced: what was stays as it was."""

from __future__ import annotations

import random
from datetime import timedelta

from sqlalchemy import func, select

from grids.models import Assignment, Cell, Membership
from gridserve import workdays
from gridserve.db import db
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.visits.test_cells_change import at, cell_of, new_id, send, upright
from tests.visits.test_cells_life import UNANSWERED
from visits import figures
from visits.issues import projection
from visits.issues.models import Issue, Step
from visits.models import Household, Visit

WHOLE = ("jurisdiction", "by", "from", "to", "as_of", "formula", "total", "elsewhere", "areas")


def test_a_year_stays_as_it_was_when_cells_and_people_change(make, as_user):
    chance = random.Random(7)
    cells = [make.cell(n) for n in (1, 2, 3)]
    cadres = [make.cadre([cell]) for cell in cells]
    desk, successor = make.user(Role.DISPATCHER, TOWNSHIP), make.user(Role.CADRE, VILLAGE)
    clerk = make.user(Role.ADMINISTRATOR, COUNTY, name="王干事")
    admin, leader = as_user(clerk), as_user(make.user(Role.LEADER, COUNTY))
    today = workdays.today()
    homes = [make.household(cells[n % 3], **at(n % 3 + (n + 1) / 14)) for n in range(12)]
    for back in range(364, 0, -7):  # one visit a week, met in two of three
        n = chance.randrange(12)
        moment = workdays.start_of(today - timedelta(days=back))
        outcome = chance.choice(["met", "met", "nobody_home"])
        make.visit(homes[n], cadres[n % 3], at=moment, outcome=outcome)
    for n in range(3):
        issue = make.issue(homes[n], cadres[n])
        make.step(issue, "accept", desk)
        held_by = select(Assignment.team_id).where(Assignment.cell_id == cells[n].id)
        make.step(issue, "dispatch", desk, team_id=db.session.scalar(held_by))
    quarter = f"from={today - timedelta(days=120)}&to={today - timedelta(days=30)}"
    asked = f"/api/v1/coverage?jurisdiction={VILLAGE}&by=cell&{quarter}"
    year = f"/api/v1/coverage?jurisdiction={COUNTY}&by=village&from={today - timedelta(days=364)}"

    def told():
        last, whole = leader.get(asked).json, leader.get(f"{year}&to={today}").json
        people = [leader.get(f"{a['cases']}").json["items"] for a in last["areas"]]
        names = [[home["id"] for home in homes] for homes in people]
        return {k: last[k] for k in WHOLE}, {k: whole[k] for k in ("total", "areas")}, names

    before = told()
    split = send(admin, "split", cell=cells[0].code, line=upright(0.5))
    merged = send(admin, "merge", cells=[split["cells"][1]["code"], cells[1].code])
    team, leaving = db.session.execute(
        select(Membership.team_id, Membership.id).where(Membership.user_id == cadres[2].id)
    ).one()
    body = {"id": new_id(), "user": str(successor.id)}
    replaced = admin.post(f"/api/v1/teams/{team}/members/{leaving}/replace", json=body)
    assert replaced.status_code in (200, 201), replaced.json
    assert told() == before
    areas = before[0]["areas"]
    assert sum(area["met"] for area in areas) > 0
    assert [area["code"] for area in areas] == [cell.code for cell in cells]
    # Nothing is unassigned: each household and open issue has one cell, and one team leads there.
    assert db.session.scalar(UNANSWERED, {"today": today}) == 0
    held = select(func.count()).select_from(Issue).where(Issue.team_id.is_(None))
    assert db.session.scalar(held) == 0
    assert db.session.scalar(select(Visit.id).where(~Visit.in_scope)) is None
    shown = as_user(successor).get("/api/v1/households").json["items"]
    mine = select(Household.id).where(Household.cell_id == cells[2].id)
    assert {home["id"] for home in shown} == {str(i) for i in db.session.scalars(mine)}
    # The audit trail says who did what, and so do the chains.
    did = select(Event.action).where(Event.actor_id == clerk.id)
    actions = set(db.session.scalars(did))
    assert {"cell.split", "cell.merge", "cell.created", "issue.moved"} <= actions
    assert any("member" in action or "replac" in action for action in actions)
    listed = admin.get(f"/api/v1/cells/changes?jurisdiction={VILLAGE}").json["items"]
    assert [(c["kind"], c["by"]) for c in listed] == [("merge", "王干事"), ("split", "王干事")]
    moved = select(Step).where(Step.action == "reassign").order_by(Step.received_at)
    assert {step.actor_id for step in db.session.scalars(moved)} == {clerk.id}
    assert cell_of(homes[1]) == merged["cells"][0]["code"]
    current = select(Cell.code).where(Cell.to_date.is_(None)).order_by(Cell.code)
    assert [code[-3:] for code in db.session.scalars(current)] == ["003", "004", "006"]
    figures.refresh_marked()
    assert figures.check() == []
    assert projection.check() == []
