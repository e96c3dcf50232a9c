"""Complaints about staff stay hidden from the person and the team, on every list, page and map."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text

from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, VILLAGE, Make
from visits.issues.models import Category, Issue
from visits.telling import posting, sweeping
from visits.telling.gateways import save
from visits.telling.models import Delivery, Notice

SECRET = "王网格收了我家两条烟才肯办低保"


@pytest.fixture
def place(make: Make, as_user: Any) -> Any:
    """A cadre of a team who is complained about at the window, and everybody around."""
    make.category()
    make.category("conduct").about_staff = True
    db.session.commit()
    cell = make.cell()
    people = {
        "person": make.user(Role.CADRE, VILLAGE, name="王网格"),
        "mate": make.user(Role.CADRE, VILLAGE, name="同组人"),
        "guide": make.user(Role.CADRE, TOWNSHIP, name="包村干部"),
        "other": make.user(Role.CADRE, TOWNSHIP, name="纪检员"),
        "clerk": make.user(Role.DISPATCHER, TOWNSHIP, name="窗口"),
        "desk": make.user(Role.DISPATCHER, TOWNSHIP, name="调度"),
        "leader": make.user(Role.LEADER, TOWNSHIP, name="镇长"),
        "county": make.user(Role.LEADER, COUNTY, name="县领导"),
    }
    team = make.team([cell], [people["person"], people["mate"], people["guide"]])
    discipline = make.team([], [people["other"]], code=TOWNSHIP)
    clients = {name: as_user(user) for name, user in people.items()}
    return SimpleNamespace(
        make=make, cell=cell, team=team, discipline=discipline, people=people, **clients,
        household=make.household(cell),
    )  # fmt: skip


def complain(place: Any, client: Any, about: Any = "person", **said: Any) -> dict[str, Any]:
    body = {
        "id": str(uuid.uuid4()), "category": "conduct", "words": SECRET, "channel": "window",
        "anonymous": True, "household_id": str(place.household.id), **said,
    }  # fmt: skip
    if about:
        body["about"] = str(place.people[about].id)
    answer = client.post("/api/v1/issues", json=body)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def step(client: Any, issue: str, action: str, **said: Any) -> Any:
    seen = client.get(f"/api/v1/issues/{issue}").json.get("step_no", 1)
    body = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **said}
    return client.post(f"/api/v1/issues/{issue}/steps", json=body)


READ = (
    "/api/v1/issues?limit=100",
    "/api/v1/issues?limit=100&complaints=true",
    f"/api/v1/issues?jurisdiction={COUNTY}&open=true",
    f"/api/v1/aging?jurisdiction={VILLAGE}&by=cell",
    f"/maps/aging?jurisdiction={VILLAGE}",
    f"/overview?jurisdiction={VILLAGE}",
    "/issues",
    "/issues?open=all",
    "/desk",
    "/desk?queue=to_accept",
    "/households/{household}",
    "/complaints",
    "/cells/{cell}",
    "/teams/{team}",
)


def test_nothing_tells_the_person_the_team_or_the_desk(place: Any) -> None:
    """What they can read is the same before and after, wherever it stands in its chain."""

    def seen(name: str) -> dict[str, Any]:
        client, found = getattr(place, name), {}
        for path in READ:
            path = path.format(
                household=place.household.id, cell=place.cell.code, team=place.team.id
            )
            page = client.get(path)
            found[path] = (page.status_code, page.json if page.is_json else SECRET in page.text)
            assert page.status_code < 500, path
        return found

    hidden = ("person", "mate", "guide", "desk")
    before = {name: seen(name) for name in hidden}
    issue = complain(place, place.clerk)
    road = [("accept", {}), ("dispatch", {"team_id": str(place.discipline.id)})]
    for action, said in [("", {}), *road]:
        if action:
            assert step(place.leader, issue["id"], action, **said).status_code == 201
        for name in hidden:
            assert seen(name) == before[name], (name, action)
            page = getattr(place, name).get(f"/api/v1/issues/{issue['id']}")
            assert page.status_code == 404
            assert getattr(place, name).get(f"/issues/{issue['id']}").status_code == 404
            answer = step(getattr(place, name), issue["id"], "comment", words="我看见了")
            assert answer.status_code == 404


def test_leaders_and_an_uninvolved_team_bring_it_to_its_end(place: Any) -> None:
    issue = complain(place, place.clerk, anonymous=False, resident_name="李四")["id"]
    assert step(place.leader, issue, "accept").status_code == 201
    own = step(place.leader, issue, "dispatch", team_id=str(place.team.id))
    assert (own.status_code, "/team_id" in own.json["errors"]) == (422, True)
    steps = (
        (place.leader, "dispatch", {"team_id": str(place.discipline.id)}),
        (place.other, "sign", {}),
        (place.other, "feed_back", {"words": "属实，已谈话", "answer": "已处理，谢谢"}),
        (place.leader, "pass_review", {}),
    )
    for client, action, said in steps:
        answer = step(client, issue, action, **said)
        assert answer.status_code == 201, answer.json
        if action == "sign":  # who handles it need not know who complained
            shown = place.other.get(f"/api/v1/issues/{issue}").json["resident_name"]
            assert shown == "李*"
    assert place.leader.get(f"/api/v1/issues/{issue}").json["resident_name"] == "李四"
    listed = place.leader.get("/api/v1/issues?complaints=true").json["items"]
    assert [each["id"] for each in listed] == [issue]
    assert place.leader.get("/api/v1/issues").json["items"] == []


def test_a_complaint_about_the_townships_own_people_goes_to_the_county(place: Any) -> None:
    issue = complain(place, place.clerk, "leader")
    assert issue["desk"] == COUNTY
    assert place.leader.get(f"/api/v1/issues/{issue['id']}").status_code == 404
    assert place.county.get(f"/api/v1/issues/{issue['id']}").status_code == 200
    assert SECRET in place.county.get("/complaints").text
    assert step(place.county, issue["id"], "accept").status_code == 201


def test_one_may_not_be_named_where_nobody_is_complained_about(place: Any) -> None:
    said = {"id": str(uuid.uuid4()), "words": "路坏了", "household_id": str(place.household.id)}
    about = {"category": "facility.road", "about": str(place.people["mate"].id)}
    named = place.clerk.post("/api/v1/issues", json={**said, **about})
    assert (named.status_code, "/about" in named.json["errors"]) == (422, True)
    both = {"category": "facility.road", "anonymous": True, "resident_name": "李四"}
    answer = place.clerk.post("/api/v1/issues", json={**said, **both})
    assert (answer.status_code, "/anonymous" in answer.json["errors"]) == (422, True)
    assert db.session.query(Issue).count() == 0
    assert db.session.get_one(Category, "conduct").about_staff


def test_nobody_whom_it_concerns_is_told_and_no_group_hears(place: Any) -> None:
    """Notices of a complaint go to its desk, the leaders, even when it is long overdue."""
    issue = db.session.get_one(Issue, uuid.UUID(complain(place, place.clerk)["id"]))
    db.session.execute(
        text(
            "UPDATE issue SET due_mark = due_mark - 10000, due_at = now() - interval '90 days' "
            "WHERE id = :id"
        ),
        {"id": issue.id},
    )
    db.session.commit()
    assert sweeping.sweep() == 1
    told = set(
        db.session.scalars(
            select(User.name)
            .join(Notice, Notice.user_id == User.id)
            .where(Notice.issue_id == issue.id)
        )
    )
    assert told == {"镇长", "县领导"}
    gateways = {
        "id": uuid.uuid4(), "name": "群", "jurisdiction": TOWNSHIP, "template": "{words}",
        "url": "json://example.org/x",
    }  # fmt: skip
    save(gateways, by=place.make.user(Role.ADMINISTRATOR, COUNTY))
    posting.route()
    assert db.session.scalars(select(Delivery)).all() == []
