"""Everything that a broken or hostile phone may send: no fault of ours, and the rest goes in."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import TOWNSHIP
from visits.issues.models import Issue, Step
from visits.models import Visit
from visits.submissions.keeping import LONGEST_KEPT
from visits.submissions.models import Submission

ID = "3f0c6d0e-9c35-4d3e-8a6e-6f3d7a2b1c00"


def said(place, **changes):
    return {
        "id": str(uuid.uuid4()),
        "household_id": str(place.household),
        "outcome": "met",
        "started_at": (now() - timedelta(hours=1)).isoformat(),
        **changes,
    }


def visit(**changes):
    """A visit with something wrong: (item of the place, result, pointers or code)."""
    return lambda place: {"kind": "visit", "data": said(place, **changes)}


def issue(**changes):
    data = {"category": "facility.road", "words": "路灯不亮"}
    return lambda place: {
        "kind": "issue",
        "data": {
            "id": str(uuid.uuid4()), "household_id": str(place.household), **data, **changes
        },
    }  # fmt: skip


def step(issue_id="own", **changes):
    def item(place):
        data = {"id": str(uuid.uuid4()), "action": "comment", "seen": 1, "words": "备注", **changes}
        which = {"own": place.issue, "theirs": place.their_issue}.get(issue_id, issue_id)
        return {"kind": "step", "issue_id": str(which), "data": data}

    return item


def raw(sent):
    return lambda place: sent


DEEP: list = []
for _level in range(300):
    DEEP = [DEEP]

# What is sent, the result, and the pointers of its errors or else its code.
BAD = {
    "no object": (raw(5), "invalid", ["/"]),
    "null": (raw(None), "invalid", ["/"]),
    "a list": (raw([[]]), "invalid", ["/"]),
    "text": (raw("visit"), "invalid", ["/"]),
    "empty": (raw({}), "invalid", ["/kind", "/data"]),
    "unknown kind": (raw({"kind": "photo", "data": {}}), "invalid", ["/kind"]),
    "kind is a list": (raw({"kind": [], "data": {}}), "invalid", ["/kind"]),
    "data is text": (raw({"kind": "visit", "data": "x"}), "invalid", ["/data"]),
    "more names": (raw({"kind": "visit", "data": {}, "x": 1}), "invalid", ["/x"]),
    "nested deeply": (raw({"kind": "visit", "data": {"id": ID, "notes": DEEP}}), "invalid", ["/"]),
    "no id": (visit(id=None), "invalid", ["/id"]),
    "id is a number": (visit(id=7), "invalid", ["/id"]),
    "id is too short": (visit(id="3f0c"), "invalid", ["/id"]),
    "unknown field": (visit(colour="red"), "invalid", ["/colour"]),
    "unknown outcome": (visit(outcome="asleep"), "invalid", ["/outcome"]),
    "outcome is an object": (visit(outcome={}), "invalid", ["/outcome"]),
    "latitude 999": (visit(point={"lon": 103.9, "lat": 999}), "invalid", ["/point/lat"]),
    "no number": (visit(point={"lon": float("nan"), "lat": 28}), "invalid", ["/point/lon"]),
    "endless": (visit(accuracy_m=float("inf")), "invalid", ["/accuracy_m"]),
    "swapped": (visit(point={"lon": 28.6, "lat": 80.0}), "invalid", ["/point"]),
    "unknown system": (
        visit(point={"lon": 103.9, "lat": 28.6, "crs": "mars"}), "invalid", ["/point/crs"]
    ),
    "point is text": (visit(point="here"), "invalid", ["/point"]),
    "accuracy below zero": (visit(accuracy_m=-1), "invalid", ["/accuracy_m"]),
    "year 1": (visit(started_at="0001-01-01T00:00:00Z"), "invalid", ["/started_at"]),
    "year 9999": (visit(started_at="9999-12-31T23:59:59Z"), "invalid", ["/started_at"]),
    "year 2099": (visit(started_at="2099-01-01T00:00:00Z"), "invalid", ["/started_at"]),
    "30 February": (visit(started_at="2026-02-30T00:00:00Z"), "invalid", ["/started_at"]),
    "no offset": (visit(started_at="2026-11-23T09:00:00"), "invalid", ["/started_at"]),
    "a time as number": (visit(started_at=1764000000), "invalid", ["/started_at"]),
    "ends before it began": (visit(ended_at="2020-01-01T00:00:00Z"), "invalid", ["/ended_at"]),
    "NUL": (visit(notes="a\x00b"), "invalid", ["/notes"]),
    "half a character": (visit(notes="a\ud800b"), "invalid", ["/notes"]),
    "5 MB of text": (visit(notes="老" * 1_700_000), "invalid", ["/notes"]),
    "a number of 5,000 digits": (visit(accuracy_m=int("9" * 4000)), "invalid", ["/accuracy_m"]),
    "no such household": (visit(household_id=ID), "forbidden", "household.not_found"),
    "someone else's visit": (
        lambda place: {"kind": "visit", "data": said(place, id=str(place.their_visit))},
        "conflict", "request.id_taken",
    ),
    "SQL": (visit(notes="'; DROP TABLE visit; --", outcome="met'--"), "invalid", ["/outcome"]),
    "unknown category": (issue(category="nothing"), "invalid", ["/category"]),
    "no words": (issue(words=" "), "invalid", ["/words"]),
    "someone else's visit as place": (
        lambda place: issue(visit_id=str(place.their_visit), household_id=None)(place),
        "invalid", ["/visit_id"],
    ),
    "a visit that is an issue": (
        lambda place: {"kind": "issue", "data": said(place)}, "invalid",
        ["/category", "/words", "/outcome", "/started_at"],
    ),
    "issue of tomorrow": (
        issue(reported_at="2099-01-01T00:00:00Z"), "invalid", ["/reported_at"]
    ),
    "step without issue": (
        lambda place: {k: v for k, v in step()(place).items() if k != "issue_id"},
        "invalid", ["/issue_id"],
    ),
    "step on someone else's issue": (step("theirs"), "forbidden", "issue.not_found"),
    "step that is not theirs": (step(action="accept"), "forbidden", "issue.not_yours"),
    "step that is not possible": (
        step(action="sign"), "conflict", "issue.not_possible"
    ),
    "unknown action": (step(action="burn"), "invalid", ["/action"]),
    "seen nothing": (step(seen=0), "invalid", ["/seen"]),
    "seen a text": (step(seen="1"), "invalid", ["/seen"]),
    "id of another step": (
        lambda place: step(id=str(place.issue))(place), "conflict", "request.id_taken"
    ),
}  # fmt: skip


@pytest.fixture
def place(make, as_user):
    class Place:
        cell = make.cell()
        cadre = make.cadre([cell])
        household = make.household(cell).id
        client = as_user(cadre)

    make.category()
    elsewhere = make.cell(village="530626102201")
    stranger = make.cadre([elsewhere], code="530626102201")
    home = make.household(elsewhere)
    Place.their_visit = make.visit(home, stranger).id
    Place.their_issue = make.issue(home, stranger).id
    own = issue()(Place)
    Place.client.post("/api/v1/submissions", json={"items": [own]})
    Place.issue = uuid.UUID(own["data"]["id"])
    return Place


def count(model):
    return db.session.scalar(select(func.count()).select_from(model))


def post(client, items, dumps=json.dumps):
    body = dumps({"items": items}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return client.post("/api/v1/submissions", data=body, content_type="application/json")


def test_each_bad_item_gets_its_answer_and_the_good_ones_go_in(place):
    before = count(Visit), count(Issue), count(Step)
    items, good = [], 0
    for bad, _result, _why in BAD.values():
        items += [bad(place), {"kind": "visit", "data": said(place)}]
        good += 1
    answer = post(place.client, items)
    assert answer.status_code == 200
    answered = answer.json["results"]
    assert [one["result"] for one in answered[1::2]] == ["applied"] * good
    for (name, (_bad, result, why)), one in zip(BAD.items(), answered[::2], strict=True):
        assert one["result"] == result, (name, one)
        assert one["retry"] is False
        assert one["kept"], name
        assert one["detail"] or one["errors"]
        if isinstance(why, list):
            assert sorted(one["errors"]) == sorted(why), (name, one)
        else:
            assert one["code"] == why, (name, one)
    assert (count(Visit) - before[0], count(Issue), count(Step)) == (good, *before[1:])
    assert count(Submission) == len(BAD)
    again = post(place.client, items).json["results"]
    assert again[::2] == answered[::2]
    assert count(Submission) == len(BAD)
    # A payload that is very long is kept cut, and says so.
    assert max(map(len, db.session.scalars(select(Submission.payload)))) == LONGEST_KEPT
    address, listed = "/api/v1/submissions?limit=100", []
    listed = place.client.get(address).json["items"]
    assert len(listed) == len(BAD)
    assert any(row["sent"] is None for row in listed)


def test_what_json_cannot_say_is_told_apart_by_item_where_it_can_be(place):
    good = json.dumps({"kind": "visit", "data": said(place)}).encode()
    twice = good.replace(b'"outcome"', b'"outcome": "refused", "outcome"')
    bytes_ = json.dumps({"kind": "visit", "data": said(place, notes="@")}).encode()
    body = b'{"items": [' + b",".join([twice, good, bytes_.replace(b"@", b"\xff\xfe")]) + b"]}"
    answer = place.client.post(
        "/api/v1/submissions", data=body, content_type="application/json"
    ).json["results"]
    assert [one["result"] for one in answer] == ["invalid", "applied", "invalid"]
    assert [list(one.get("errors", {})) for one in answer] == [["/"], [], ["/notes"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"items": [{"kind": "vis', 400, "request.bad"),
        (b"\x00\x01", 400, "request.bad"),
        (b"[" * 100_000, 400, "request.bad"),
        (b"[]", 422, "request.invalid"),
        (b'{"items": {}}', 422, "request.invalid"),
        (b'{"items": [], "more": 1}', 422, "request.invalid"),
        (b'{"items": [' + b",".join([b"{}"] * 10_000) + b"]}", 422, "request.invalid"),
        (b'{"items": ["' + b"x" * 9_000_000 + b'"]}', 413, "request.too_large"),
    ],
)
def test_what_is_no_batch_at_all_is_refused_as_a_whole(place, body, status, code):
    answer = place.client.post("/api/v1/submissions", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert count(Submission) == 0


@pytest.mark.parametrize(
    "clock", ["1970-01-01T00:00:00Z", "yesterday", 7, None, "9999-12-31T23:59:59+00:00"]
)
def test_a_phones_own_clock_stops_nothing(place, clock):
    answer = place.client.post(
        "/api/v1/submissions",
        json={"device_time": clock, "items": [
            {"kind": "visit", "data": said(place)},
            {"kind": "visit", "data": said(place, started_at="2090-01-01T00:00:00Z")},
        ]},
    )  # fmt: skip
    assert [one["result"] for one in answer.json["results"]] == ["applied", "invalid"]


def test_who_may_not_is_told_so_item_by_item(make, place, as_user):
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    answer = post(desk, [{"kind": "visit", "data": said(place)}, step()(place)]).json["results"]
    assert [(one["result"], one.get("code")) for one in answer] == [
        ("forbidden", "auth.forbidden"),
        ("applied", None),
    ]


def test_so_much_is_kept_and_no_more(place, monkeypatch):
    monkeypatch.setattr("visits.submissions.keeping.MOST_KEPT", 3)
    answer = post(place.client, [visit(outcome=f"x{n}")(place) for n in range(5)]).json["results"]
    assert sorted((one["retry"], one["code"]) for one in answer) == [
        (False, "request.invalid"), (False, "request.invalid"), (False, "request.invalid"),
        (True, "submission.too_many_refused"), (True, "submission.too_many_refused"),
    ]  # fmt: skip
