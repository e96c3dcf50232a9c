"""A phone's outbox over HTTP: stored once, each item with its own answer, refusals kept."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from grids.models import Cell, Membership
from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, VILLAGE
from visits.issues import projection
from visits.issues.models import Issue, Step
from visits.models import Household, HouseholdStatus, Stay, Visit
from visits.submissions.models import Submission


def visit(household, **changes):
    return {
        "kind": "visit",
        "data": {
            "id": str(uuid.uuid4()),
            "household_id": str(household),
            "outcome": "met",
            "started_at": (now() - timedelta(hours=1)).isoformat(),
            **changes,
        },
    }


def issue(**changes):
    said = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路灯不亮", **changes}
    return {"kind": "issue", "data": said}


def step(issue_id, action, seen, **changes):
    said = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **changes}
    return {"kind": "step", "issue_id": str(issue_id), "data": said}


def send(client, items, **more):
    answer = client.post("/api/v1/submissions", json={"items": items, **more})
    assert answer.status_code == 200, answer.text
    assert len(answer.json["results"]) == len(items)
    return answer.json["results"]


def results(answer):
    return [one["result"] for one in answer]


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


@pytest.fixture
def place(make, as_user):
    """A cadre with a cell and a household, signed in."""

    class Place:
        cell = make.cell()
        cadre = make.cadre([cell])
        household = make.household(cell).id
        client = as_user(cadre)

    make.category()
    return Place


def test_a_batch_goes_in_at_once_and_its_repeat_changes_nothing(place):
    seen = visit(place.household)
    told = issue(visit_id=seen["data"]["id"])
    noted = step(told["data"]["id"], "comment", 1, words="已拍照")
    more = step(told["data"]["id"], "comment", 2, words="已告知")
    batch = [more, noted, told, seen]  # the worst order
    first = send(place.client, batch)
    assert results(first) == ["applied"] * 4
    assert [one["id"] for one in first] == [item["data"]["id"] for item in batch]
    assert first[3]["visit"] == {"in_scope": True, "for": None, "cell": place.cell.code}
    assert first[2]["issue"]["step_no"] == 3
    again = send(place.client, batch)
    assert results(again) == ["duplicate"] * 4
    assert [one | {"result": "applied"} for one in again] == first
    assert (count(Visit), count(Issue), count(Step), count(Submission)) == (1, 1, 3, 0)
    assert projection.check() == []


def test_what_has_not_arrived_is_waited_for_and_nothing_is_kept(place):
    seen = visit(place.household)
    told = issue(visit_id=seen["data"]["id"])
    noted = step(told["data"]["id"], "comment", 1, words="一")
    more = step(told["data"]["id"], "comment", 2, words="二")
    for early in (noted, more, told):
        (one,) = send(place.client, [early])
        assert (one["code"], one["retry"], one["kept"]) == ("submission.not_yet", True, None)
    assert results(send(place.client, [seen])) == ["applied"]
    assert results(send(place.client, [told])) == ["applied"]
    assert send(place.client, [more])[0]["retry"]  # the step before it is missing
    assert results(send(place.client, [more, noted])) == ["applied", "applied"]
    assert count(Submission) == 0


def test_a_stale_step_is_kept_and_says_how_the_issue_stands(make, place, as_user):
    told = issue(household_id=str(place.household))
    send(place.client, [told])
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    number = told["data"]["id"]
    assert results(send(desk, [step(number, "accept", 1)])) == ["applied"]
    late = step(number, "comment", 1, words="晚了")
    (one,) = send(place.client, [late])
    assert (one["result"], one["code"]) == ("conflict", "issue.stale_step")
    assert one["issue"] | {"number": ""} == {
        "id": number, "number": "", "status": "accepted", "step_no": 2,
    }  # fmt: skip
    assert one["kept"]
    assert send(place.client, [late]) == [one]
    assert count(Submission) == 1
    # The desk sees it, corrects the number and applies it; the cadre stays the one who said it.
    (kept,) = desk.get("/api/v1/submissions?open=true").json["items"]
    assert (kept["id"], kept["by"]["id"]) == (one["kept"], str(place.cadre.id))
    address = f"/api/v1/submissions/{one['kept']}/apply"
    other = desk.post(address, json={"data": late["data"] | {"seen": 2, "action": "urge"}})
    assert (other.status_code, list(other.json["errors"])) == (422, ["/action"])
    done = desk.post(address, json={"data": late["data"] | {"seen": 2}})
    assert (done.status_code, done.json["result"]) == (200, "applied")
    row = db.session.get_one(Step, uuid.UUID(late["data"]["id"]))
    assert (row.actor_id, row.seq) == (place.cadre.id, 3)
    event = db.session.scalars(select(Event).where(Event.action == "submission.applied")).one()
    assert event.data["changed"] == ["seen"]
    assert event.actor_id != place.cadre.id
    assert desk.post(address, json={"data": late["data"]}).json["code"] == "submission.resolved"
    (repeat,) = send(place.client, [late])
    assert (repeat["result"], repeat["kept"]) == ("duplicate", one["kept"])


def test_a_visit_of_tomorrow_is_asked_about_with_a_suggestion(place):
    ahead = now() + timedelta(days=1)
    said = visit(place.household, started_at=(ahead - timedelta(minutes=28)).isoformat())
    (one,) = send(place.client, [said], device_time=ahead.isoformat())
    assert (one["result"], one["code"]) == ("invalid", "visit.in_future")
    assert list(one["errors"]) == ["/started_at"]
    suggested = one["suggested"]["started_at"]
    mended = said["data"] | {"started_at": suggested}
    address = f"/api/v1/submissions/{one['kept']}/apply"
    assert place.client.post(address, json={"data": mended}).json["result"] == "applied"
    at = db.session.scalars(select(Visit.started_at)).one()
    assert abs(at - (now() - timedelta(minutes=28))) < timedelta(minutes=1)


def test_what_was_dropped_stays_dropped_and_says_so(make, place, as_user):
    said = visit(uuid.uuid4())
    (one,) = send(place.client, [said])
    assert (one["result"], one["code"]) == ("forbidden", "household.not_found")
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    address = f"/api/v1/submissions/{one['kept']}/drop"
    assert desk.post(address, json={"words": "没有这一户"}).json["resolution"] == "dropped"
    (again,) = send(place.client, [said])
    assert (again["code"], again["kept"]) == (one["code"], one["kept"])
    assert "没有这一户" in again["say"][0]
    assert place.client.get("/api/v1/submissions?open=true").json["items"] == []


def test_what_needs_something_refused_is_kept_beside_it(make, place, as_user):
    seen = visit(place.household, ended_at="2020-01-01T00:00:00Z")
    told = issue(visit_id=seen["data"]["id"])
    first, second = send(place.client, [seen, told])
    assert (second["code"], second["retry"]) == ("submission.needs_refused", False)
    mended = {k: v for k, v in seen["data"].items() if k != "ended_at"}
    for one, data in ((first, mended), (second, told["data"])):
        address = f"/api/v1/submissions/{one['kept']}/apply"
        assert place.client.post(address, json={"data": data}).json["result"] == "applied"
    assert db.session.scalars(select(Issue.visit_id)).one() == uuid.UUID(seen["data"]["id"])


def test_refused_things_are_seen_by_the_own_desk_only(make, place, as_user):
    (one,) = send(place.client, [visit(uuid.uuid4())])
    about = make.user(Role.DISPATCHER, TOWNSHIP)
    send(place.client, [issue(household_id=str(place.household), about=str(about.id))])
    colleague, elsewhere = make.cadre([place.cell]), make.user(Role.DISPATCHER, "530626102")
    leader = make.user(Role.LEADER, TOWNSHIP)

    def listed(user):
        items = as_user(user).get("/api/v1/submissions").json["items"]
        return sorted(row["kind"] for row in items)

    assert listed(place.cadre) == ["issue", "visit"]
    assert listed(make.user(Role.DISPATCHER, TOWNSHIP)) == ["visit"]
    assert listed(leader) == ["issue"]  # a complaint about staff
    assert listed(about) == ["visit"]
    assert listed(colleague) == listed(elsewhere) == []
    address = f"/api/v1/submissions/{one['kept']}/drop"
    assert as_user(colleague).post(address, json={"words": "x"}).status_code == 404


def assigned_until(cell, user, day):
    """Let everything by which `user` answers for `cell` end on `day`."""
    for row in db.session.scalars(select(Membership).where(Membership.user_id == user.id)):
        row.to_date = day
    db.session.commit()


def test_what_changed_between_a_visit_and_its_arrival_is_said_in_plain_words(make, place):
    client, today = place.client, workdays.today()
    ago = (now() - timedelta(days=5)).isoformat()
    other = make.cell(2)
    place.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "zh"
    homes = {name: make.household(place.cell).id for name in ("moved", "gone", "split", "same")}
    home = db.session.get_one(Household, homes["moved"])
    home.cell_id = other.id
    db.session.add(
        Stay(household_id=home.id, to_date=today - timedelta(days=2), cell_id=place.cell.id)
    )
    db.session.get_one(Household, homes["gone"]).status = HouseholdStatus.MOVED
    db.session.commit()
    sent = [visit(homes[name], started_at=ago) for name in ("moved", "gone", "same")]
    moved, gone, same = send(client, sent)
    for one in (moved, gone, same):
        assert one["visit"] == {"in_scope": True, "for": None, "cell": place.cell.code}
    assert moved["say"] == ["这户已转到第2网格；本次走访仍按当日计入第1网格。"]
    assert gone["say"] == ["这户已登记为搬离；本次走访照常计入。"]
    assert same["say"] == []
    assert send(client, sent)[0]["say"] == moved["say"]
    # Then the cell is divided, and the cadre leaves the team.
    row = db.session.get_one(Cell, place.cell.id)
    row.to_date = today
    heir = Cell(
        code=f"{VILLAGE}009", village_code=VILLAGE, name="第9网格", from_date=today,
        polygon=row.polygon,
    )  # fmt: skip
    db.session.add(heir)
    home = db.session.get_one(Household, homes["split"])
    db.session.flush()
    home.cell_id = heir.id
    db.session.add(Stay(household_id=home.id, to_date=today, cell_id=place.cell.id))
    assigned_until(place.cell, place.cadre, today - timedelta(days=1))
    split, left, late = send(
        client,
        [
            visit(homes["split"], started_at=ago),
            visit(homes["same"], started_at=ago),
            visit(homes["same"]),
        ],
    )
    assert split["visit"]["in_scope"]
    assert split["say"] == ["第1网格已调整，这户现在属于第9网格；本次走访仍按当日计入第1网格。"]
    assert left["visit"]["in_scope"]
    assert left["say"] == ["您现在已不负责第1网格；走访当日您负责，照常计入。"]
    assert not late["visit"]["in_scope"]
    assert late["say"] == ["走访当日您不负责第1网格：已保存，并作了标注。"]
