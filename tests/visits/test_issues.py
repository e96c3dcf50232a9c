"""The chain over HTTP: from report to evaluation, by the right people, seen step by seen step."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import TOWNSHIP
from visits.issues import projection


@pytest.fixture
def place(make):
    """A cell with its cadre, a household, the township's desk, and clients for both."""
    make.category()
    cell = make.cell()
    cadre = make.user(Role.CADRE, cell.village_code, name="王网格")
    return SimpleNamespace(
        cell=cell,
        cadre=cadre,
        team=make.team([cell], [cadre]),
        household=make.household(cell),
        desk=make.user(Role.DISPATCHER, TOWNSHIP, name="赵调度"),
    )


def report(client, place, **changes):
    said = {
        "id": str(uuid.uuid4()),
        "category": "facility.road",
        "words": "路面塌陷",
        "household_id": str(place.household.id),
        **changes,
    }
    return client.post("/api/v1/issues", json=said)


def step(client, issue, action, **said):
    body = {"id": str(uuid.uuid4()), "action": action, **said}
    body.setdefault("seen", client.get(f"/api/v1/issues/{issue}").json.get("step_no", 1))
    return client.post(f"/api/v1/issues/{issue}/steps", json=body)


def test_the_main_road_from_report_to_evaluation(place, as_user):
    cadre, desk = as_user(place.cadre), as_user(place.desk)
    issue = report(cadre, place).json["id"]
    road = [
        (desk, "accept", {}),
        (desk, "dispatch", {"team_id": str(place.team.id)}),
        (cadre, "sign", {}),
        (cadre, "feed_back", {"words": "已修好", "answer": "已告知"}),
        (desk, "pass_review", {}),
        (desk, "evaluate", {"rating": "satisfied"}),
    ]
    for client, action, said in road:
        answer = step(client, issue, action, **said)
        assert answer.status_code == 201, answer.json
    whole = desk.get(f"/api/v1/issues/{issue}").json
    assert (whole["status"], whole["rating"], whole["step_no"]) == ("closed", "satisfied", 7)
    assert [s["action"] for s in whole["steps"]] == ["report", *(a for _c, a, _s in road)]
    assert whole["steps"][2]["team"]["name"] == place.team.name
    assert projection.check() == []


def test_the_handler_does_not_review_or_evaluate_the_own_work(make, place, as_user):
    both = make.user(Role.DISPATCHER, TOWNSHIP)
    team = make.team([place.cell], [both])
    client = as_user(both)
    issue = report(client, place).json["id"]
    for action, said in (
        ("accept", {}),
        ("dispatch", {"team_id": str(team.id)}),
        ("sign", {}),
        ("feed_back", {"words": "好了", "answer": "已告知"}),
    ):
        assert step(client, issue, action, **said).status_code == 201
    assert step(client, issue, "pass_review").json["code"] == "issue.not_yours"
    other = as_user(place.desk)
    assert step(other, issue, "pass_review").status_code == 201
    assert step(client, issue, "evaluate", rating="satisfied").json["code"] == "issue.not_yours"


def test_steps_and_reports_sent_twice_are_taken_once(place, as_user):
    cadre, desk = as_user(place.cadre), as_user(place.desk)
    said = {"id": str(uuid.uuid4())}
    first, second = report(cadre, place, **said), report(cadre, place, **said)
    assert (first.status_code, first.json) == (201, second.json)
    take = {"id": str(uuid.uuid4()), "action": "accept", "seen": 1}
    address = f"/api/v1/issues/{said['id']}/steps"
    first, second = desk.post(address, json=take), desk.post(address, json=take)
    assert (first.status_code, first.data) == (201, second.data)
    assert desk.get(f"/api/v1/issues/{said['id']}").json["step_no"] == 2


def test_a_reopened_issue_keeps_its_age_and_loses_the_time_it_was_closed(make, place):
    reported = now() - timedelta(days=10)
    issue = make.issue(place.household, place.cadre, reported)
    make.step(issue, "accept", place.desk, happened_at=reported)
    make.step(issue, "decline", place.desk, words="不属本镇", happened_at=now() - timedelta(days=8))
    make.step(issue, "reopen", place.desk, words="再查", happened_at=now() - timedelta(days=2))
    assert issue.closed_at is None
    assert issue.due_at - reported == pytest.approx(timedelta(days=5 + 6), abs=timedelta(minutes=1))


@pytest.mark.parametrize("where", ["point", "cell", "household_id"])
def test_a_place_can_be_said_in_several_ways(place, as_user, where):
    said = {"household_id": None, "point": None, "cell": None} | {
        where: {
            "point": {"lon": 103.955, "lat": 28.605},
            "cell": place.cell.code,
            "household_id": str(place.household.id),
        }[where]
    }
    said = {k: v for k, v in said.items() if v is not None or k == "household_id"}
    answer = report(as_user(place.cadre), place, **said)
    assert (answer.status_code, answer.json["cell"]) == (201, place.cell.code)


def test_another_county_sees_nothing(make, place, as_user):
    issue = report(as_user(place.cadre), place).json["id"]
    other = as_user(make.user(Role.DISPATCHER, "530629"))
    assert other.get(f"/api/v1/issues/{issue}").status_code == 404
    assert step(other, issue, "accept", seen=1).status_code == 404
    assert other.get("/api/v1/issues").json["items"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE step SET words = 'x'",
        "DELETE FROM step",
        "TRUNCATE step CASCADE",
        "UPDATE event SET action = 'x'",
        "DELETE FROM event",
    ],
)
def test_the_database_itself_keeps_steps_and_events(make, place, statement):
    make.issue(place.household, place.cadre)
    with pytest.raises(DBAPIError, match="never changed or deleted"):
        db.session.execute(text(statement))


def test_a_projection_gone_wrong_is_found_and_rebuilt(make, place):
    issue = make.issue(place.household, place.cadre)
    make.step(issue, "accept", place.desk)
    db.session.execute(text("UPDATE issue SET status = 'reported', step_no = 1"))
    assert projection.check() == [issue.id]
    projection.rebuild(issue.id)
    db.session.flush()
    assert projection.check() == []


def test_a_number_that_is_taken_gets_more_letters(make, place, as_user):
    tail = "000000000000000000000000000"  # numbers come from the last digits of the id
    first, second = f"{tail}00001", f"1{tail[1:]}00001"
    answers = [report(as_user(place.cadre), place, id=str(uuid.UUID(i))) for i in (first, second)]
    assert [a.status_code for a in answers] == [201, 201]
    one, two = (a.json["number"] for a in answers)
    assert two.startswith(one)
    assert len(two) == len(one) + 3
