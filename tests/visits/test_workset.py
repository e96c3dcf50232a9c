"""What a cadre's phone is given: the own cells and no more, small, in few queries, with an ETag."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
import shapely
from sqlalchemy import select, update
from werkzeug.http import unquote_etag

from grids.models import Assignment, Duty, Membership
from gridserve import workdays
from gridserve.db import db, now
from gridserve.installation import ROOT
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, VILLAGE
from tests.statements import statements
from visits import categories
from visits.demo import history, households
from visits.demo.accounts import Account
from visits.demo.teams import Crew
from visits.issues.models import Issue
from visits.models import Household, HouseholdStatus, Outcome
from visits.workset.icons import ICONS, OTHER

WORKSET = "/api/v1/workset"
ZIPPED = {"Accept-Encoding": "gzip"}  # as every browser asks


def ago(days):
    return now() - timedelta(days=days)


def names(workset):
    return {home["number"]: home["name"] for home in workset["households"]}


def test_the_own_cells_and_no_more(make, as_user):
    mine, theirs = make.cell(1), make.cell(2)
    cadre, other = make.cadre([mine]), make.cadre([theirs])
    home, hidden = make.household(mine, note="家有狼犬"), make.household(theirs)
    ours = make.issue(home, by=cadre)
    make.issue(hidden, by=other)
    make.visit(home, by=cadre, at=ago(40))
    got = as_user(cadre).get(WORKSET).json
    assert [cell["code"] for cell in got["cells"]] == [mine.code]
    assert (got["cells"][0]["village_name"], got["cells"][0]["lead"]) == ("田坝村", True)
    assert len(got["cells"][0]["rings"][0]) == 5
    assert [home["number"] for home in got["households"]] == [home.number]
    assert [issue["id"] for issue in got["issues"]] == [str(ours.id)]
    assert (got["issues"][0]["light"], got["issues"][0]["mine"]) == ("green", True)
    assert got["left_out"] == []
    (seen,) = got["households"]
    due = workdays.day_of(ago(40)) + timedelta(days=180)
    assert (seen["note"], seen["due"]) == ("家有狼犬", due.isoformat())
    assert [visit["outcome"] for visit in seen["visits"]] == ["met"]
    assert "status" not in seen
    assert "dnd" not in seen


def test_who_leaves_the_team_has_nothing_of_it_at_once(make, as_user):
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE)
    make.team([cell], [cadre])
    make.household(cell)
    client = as_user(cadre)
    before = client.get(WORKSET)
    assert len(before.json["households"]) == 1
    db.session.execute(
        update(Membership).where(Membership.user_id == cadre.id).values(to_date=workdays.today())
    )
    db.session.commit()
    after = client.get(WORKSET, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert (after.json["cells"], after.json["households"]) == ([], [])


def test_a_cell_given_to_another_team_is_gone_from_one_phone_and_on_the_other(make, as_user):
    cell, kept = make.cell(1), make.cell(2)
    one, two = make.cadre([cell, kept]), make.user(Role.CADRE, VILLAGE)
    make.household(cell)
    team = make.team([], [two])
    clients = as_user(one), as_user(two)
    assert [len(c.get(WORKSET).json["households"]) for c in clients] == [1, 0]
    row = db.session.scalars(select(Assignment).where(Assignment.cell_id == cell.id)).one()
    row.to_date = workdays.today()
    db.session.add(Assignment(team_id=team.id, cell_id=cell.id, from_date=workdays.today(),
                              lead=True))  # fmt: skip
    db.session.commit()
    assert [len(c.get(WORKSET).json["households"]) for c in clients] == [0, 1]


def test_who_stands_in_has_the_others_cells_and_is_told_for_whom(make, as_user):
    cell = make.cell()
    a, b = make.user(Role.CADRE, VILLAGE, name="甲"), make.user(Role.CADRE, VILLAGE, name="乙")
    team = make.team([cell], [a])
    make.household(cell)
    make.deputy(team, a, b)
    client = as_user(b)
    assert client.get(WORKSET).json["cells"] == []
    absence = make.absent(a, workdays.today())
    got = client.get(WORKSET).json
    assert [(c["code"], c["for"]) for c in got["cells"]] == [(cell.code, "甲")]
    assert got["me"]["stands_in"] == [{"name": "甲", "team": team.name}]
    assert len(got["households"]) == 1
    assert as_user(a).get(WORKSET).json["me"]["away"] is True
    absence.to_date = workdays.today()
    db.session.commit()
    assert client.get(WORKSET).json["cells"] == []


def test_names_are_full_only_where_the_work_needs_them(make, as_user):
    cell = make.cell()
    cadre = make.cadre([cell])
    for number, met, more in (
        ("late", 200, {}),
        ("soon", 174, {}),
        ("far", 170, {}),
        ("tagged", 25, {"tags": ["poor"]}),
        ("vacant", 900, {"status": HouseholdStatus.VACANT}),
        ("gone", 900, {"status": HouseholdStatus.DEMOLISHED}),
    ):
        make.household(cell, number=number, head_name="王小明", last_met_at=ago(met), **more)
    troubled = make.household(cell, number="issue", head_name="王小明", last_met_at=ago(1))
    issue = make.issue(troubled, by=cadre)
    make.household(cell, number="never", head_name="王小明")
    client = as_user(cadre)
    got = client.get(WORKSET).json
    assert names(got) == {
        "late": "王小明", "soon": "王小明", "never": "王小明", "tagged": "王小明",
        "issue": "王小明", "far": "王**", "vacant": "王**",
    }  # fmt: skip
    assert {home["phone"] for home in got["households"]} == {"138******34"}
    assert "13800001234" not in client.get(WORKSET).text
    desk = make.user(Role.DISPATCHER)
    make.step(issue, "decline", desk, words="不属于")
    assert names(client.get(WORKSET).json)["issue"] == "王**"


def test_the_etag_holds_while_nothing_changes_and_falls_with_what_is_shown(make, as_user):
    cell = make.cell()
    cadre, colleague = make.cadre([cell]), make.cadre([cell])
    home = make.household(cell)
    issue = make.issue(home, by=cadre)
    client = as_user(cadre)
    tag = client.get(WORKSET, headers=ZIPPED).headers["ETag"]
    assert tag.startswith("W/")

    def changed():
        nonlocal tag
        answer = client.get(WORKSET, headers=ZIPPED | {"If-None-Match": tag})
        before, tag = tag, answer.headers["ETag"]
        assert (answer.status_code == 304) == (unquote_etag(tag)[0] == unquote_etag(before)[0])
        assert answer.status_code != 304 or not answer.data
        return answer.status_code != 304

    assert not changed()
    make.visit(home, by=colleague, outcome="nobody_home")
    assert changed()
    assert not changed()
    make.step(issue, "comment", colleague, words="看过了")
    assert changed()
    make.household(make.cell(2))  # somebody else's
    assert not changed()
    as_user(cadre).patch(f"/api/v1/households/{home.id}", json={"note": "改天再来"})
    assert changed()
    assert not changed()


def test_what_is_given_expires_after_the_days_that_were_set(make, as_user, context, monkeypatch):
    config = replace(context.extensions["gridserve"], workset_days=2)
    monkeypatch.setitem(context.extensions, "gridserve", config)
    got = as_user(make.cadre([make.cell()])).get(WORKSET).json
    made, expires = (datetime.fromisoformat(got[k]) for k in ("made_at", "expires_at"))
    assert expires - made == timedelta(days=2)


def test_issues_say_what_may_be_done_and_what_comes_after(make, as_user):
    cell = make.cell()
    cadre, lead = make.user(Role.CADRE, VILLAGE), make.user(Role.CADRE, VILLAGE, name="组长")
    team = make.team([cell], [cadre])
    make.member(team, lead, Duty.LEADER)
    other = make.team([], [], code=TOWNSHIP)
    home, desk = make.household(cell), make.user(Role.DISPATCHER, TOWNSHIP)
    issue = make.issue(home, by=cadre)
    for action in ("accept", "dispatch"):
        make.step(issue, action, desk, team_id=team.id, words="请尽快")
    client = as_user(cadre)
    got = client.get(WORKSET).json
    (shown,) = got["issues"]
    actions = {each["action"]: each for each in shown["actions"]}
    assert set(actions) == set(client.get(f"/api/v1/issues/{issue.id}").json["actions"])
    assert shown["actions"][0] == {"action": "sign", "to": "handling"}
    assert actions["return"] == {"action": "return", "needs": ["words"], "to": "accepted"}
    assert (shown["status"], shown["held"], shown["handler"]) == ("dispatched", True, cadre.name)
    assert shown["last"]["action"] == "dispatch"
    # Signed without signal, it can be fed back without signal.
    after = {each["action"]: each["to"] for each in got["chain"]["handling"]}
    assert (after["feed_back"], after["comment"]) == ("reviewing", "handling")
    assert "pass_review" not in {each["action"] for each in got["chain"]["reviewing"]}
    assert got["teams"] == []  # a member transfers nothing
    leading = as_user(lead).get(WORKSET).json
    assert {each["id"] for each in leading["teams"]} >= {str(team.id), str(other.id)}


def test_a_closed_issue_stays_a_month_to_be_evaluated(make, as_user):
    cell = make.cell()
    cadre, colleague, desk = make.cadre([cell]), make.cadre([cell]), make.user(Role.DISPATCHER)
    issue = make.issue(make.household(cell), by=cadre)
    team = db.session.scalars(
        select(Membership.team_id).where(Membership.user_id == cadre.id)
    ).one()
    for action, by in (("accept", desk), ("dispatch", desk), ("sign", cadre),
                       ("feed_back", cadre), ("pass_review", desk)):  # fmt: skip
        make.step(issue, action, by, team_id=team, words="修好了")
    (shown,) = as_user(colleague).get(WORKSET).json["issues"]
    assert "evaluate" in {each["action"] for each in shown["actions"]}
    assert "light" not in shown
    (own,) = as_user(cadre).get(WORKSET).json["issues"]
    assert "evaluate" not in {each["action"] for each in own["actions"]}  # never the handler
    db.session.execute(update(Issue).values(closed_at=ago(32)))
    db.session.commit()
    assert as_user(colleague).get(WORKSET).json["issues"] == []


def test_the_resident_is_named_to_those_who_work_on_it(make, as_user):
    cell, beside = make.cell(1), make.cell(2)
    cadre, neighbour = make.cadre([cell]), make.cadre([cell, beside])
    issue = make.issue(make.household(beside), by=cadre)
    db.session.execute(update(Issue).values(resident_name="赵老汉", resident_phone="13900001111"))
    db.session.commit()
    of = lambda user: as_user(user).get(WORKSET).json["issues"][0]["resident"]  # noqa: E731
    assert of(cadre) == {"name": "赵老汉", "phone": "13900001111"}  # who took it down
    assert of(neighbour) == {"name": "赵**", "phone": "139******11"}
    assert issue.number


def test_a_complaint_about_one_of_us_is_on_no_phone_of_the_team(make, as_user):
    cell = make.cell()
    cadre, colleague = make.user(Role.CADRE, VILLAGE), make.user(Role.CADRE, VILLAGE)
    make.team([cell], [cadre, colleague])
    issue = make.issue(make.household(cell, last_met_at=ago(1)), by=make.user(Role.DISPATCHER))
    db.session.execute(update(Issue).values(about_staff=True, about_id=colleague.id))
    db.session.commit()
    for user in (cadre, colleague):
        got = as_user(user).get(WORKSET)
        assert str(issue.id) not in got.text
        assert got.json["households"][0]["name"] == "李*"  # nor does the name tell of it


def test_words_that_one_writes_often_are_offered_first(make, as_user):
    cell = make.cell()
    cadre, other = make.cadre([cell]), make.cadre([cell])
    home = make.household(cell)
    for by, notes in ((cadre, "橘子熟了"), (cadre, "橘子熟了"), (cadre, "只此一次"),
                      (cadre, "赶集去了"), (cadre, "赶集去了"),
                      (other, "别人的话"), (other, "别人的话")):  # fmt: skip
        visit = make.visit(home, by=by)
        visit.notes = notes
        visit.outcome = Outcome.NOBODY_HOME if notes == "赶集去了" else Outcome.MET
    db.session.commit()
    found = as_user(cadre).get(WORKSET).json
    assert found["phrases"][:2] == ["橘子熟了", "家中一切正常。"]
    assert found["phrases_away"][:2] == ["赶集去了", "家中无人，已向邻居了解。"]
    assert not {"只此一次", "别人的话", "赶集去了"} & set(found["phrases"])


def test_categories_are_found_by_initials_and_by_picture(make, as_user):
    categories.store_default()
    db.session.commit()
    got = as_user(make.cadre([make.cell()])).get(WORKSET).json["categories"]
    of = {each["code"]: each for each in got}
    assert "ldbl" in of["facility.streetlight"]["find"].split()
    assert of["facility.streetlight"]["icon"] == "streetlight"
    assert of["facility.bridge"]["icon"] == "road"  # its family's
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (ROOT / "gridserve/static/phone/icons.svg")
                           .read_text()))  # fmt: skip
    assert {each["icon"] for each in got} <= drawn
    assert {*ICONS.values(), OTHER} == drawn
    assert set(ICONS) <= set(of)
    assert of["welfare.allowance"]["materials"][0] == "身份证"


@pytest.fixture
def village(make):
    """A cell of 500 households with a year of visits, and 40 open issues; invented by the seed."""
    categories.store_default()
    rng = np.random.default_rng(3)
    cell = make.cell(polygon=shapely.Point(103.96, 28.61).buffer(0.01, quad_segs=60))
    cadres = [make.user(Role.CADRE, VILLAGE, name=name) for name in ("陈建国", "杨秀英", "周明")]
    team = make.team([cell], cadres)
    points = np.array([103.955, 28.605]) + rng.random((500, 2)) * 0.01
    homes = households.invent(VILLAGE, "田坝村", points, rng.integers(1, 9, 500),
                              np.zeros(500, int), rng)  # fmt: skip
    people = tuple(Account(c.id, c.login, c.name, "154", Role.CADRE, VILLAGE, "") for c in cadres)
    crew = Crew(team.id, people, (Duty.FULL_TIME, Duty.PART_TIME, Duty.PART_TIME))
    year = history.Calendar(workdays.today())
    visits = history.invent(homes, [crew], 4_000, year, rng)
    households.store(homes, [cell], visits.last_met(500), rng)
    history.store(visits, homes, [cell], [crew], year, rng)
    db.session.commit()
    return cell, cadres, homes


def test_a_cell_of_500_households_is_less_than_100_kilobytes(village, make, as_user):
    cell, cadres, homes = village
    assert cell.code
    client = as_user(cadres[0])
    for n in range(40):
        home = db.session.get_one(Household, homes.ids[n * 12])
        make.issue(home, by=cadres[n % 3], category="facility.road")
    answer = client.get(WORKSET, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    got = json.loads(gzip.decompress(answer.data))
    assert len(got["households"]) == 500 - (homes.status == 3).sum()
    assert len(got["issues"]) == 40
    assert sum(len(home.get("visits", ())) for home in got["households"]) > 800
    print(f"{len(answer.data):,} bytes, {len(gzip.decompress(answer.data)):,} before gzip")
    assert len(answer.data) < 100_000


def test_the_queries_do_not_grow_with_households_or_issues(village, make, as_user):
    _cell, cadres, homes = village
    client, counts = as_user(cadres[0]), []
    client.get(WORKSET)  # the working calendar is read once
    for issues in (2, 12):
        for n in range(issues):
            home = db.session.get_one(Household, homes.ids[n])
            issue = make.issue(home, by=cadres[1])
            if n % 2:
                make.step(issue, "accept", make.user(Role.DISPATCHER))
        with statements() as found:
            client.get(WORKSET)
        counts.append(len(found))
    assert counts[0] == counts[1] <= 22, counts


def test_what_was_refused_of_ones_own_waits_in_it_until_it_is_seen_to(make, as_user):
    cell = make.cell()
    cadre, colleague = make.cadre([cell]), make.cadre([cell])
    home, client = make.household(cell), as_user(cadre)
    visit = {"id": str(uuid.uuid4()), "household_id": str(home.id), "outcome": "asleep",
             "started_at": now().isoformat()}  # fmt: skip
    sent = {"items": [{"kind": "visit", "data": visit}]}
    (result,) = client.post("/api/v1/submissions", json=sent).json["results"]
    (refused,) = client.get(WORKSET).json["refused"]
    assert (refused["id"], refused["item"]) == (result["kept"], visit["id"])
    assert (refused["kind"], refused["code"]) == ("visit", result["code"])
    assert as_user(colleague).get(WORKSET).json["refused"] == []
    client.post(f"/api/v1/submissions/{refused['id']}/drop", json={"words": "录错了"})
    assert client.get(WORKSET).json["refused"] == []


def test_only_field_cadres_have_one(make, as_user):
    for role in (Role.DISPATCHER, Role.LEADER, Role.ADMINISTRATOR, Role.AUDITOR):
        assert as_user(make.user(role)).get(WORKSET).status_code == 403
