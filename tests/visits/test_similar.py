"""Likely duplicates: by family, place and words; and finding places and people while typing."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from geoalchemy2.shape import from_shape
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point

from gridserve.db import SRID, db, now
from gridserve.permissions import Role
from tests.factories import SOUTH, STEP, TOWNSHIP, VILLAGE, WEST, Make
from visits.intake.initials import initials
from visits.intake.likeness import likeness, pairs
from visits.issues.models import Category, Issue

HERE = (WEST + STEP / 2, SOUTH + STEP / 2)


@pytest.fixture
def place(make: Make, as_user: Any) -> Any:
    for code in ("facility.road", "facility.streetlight", "water.outage"):
        make.category(code)
    for code in ("facility", "water"):
        make.category(code)
    for row in db.session.query(Category):
        row.parent_code = row.code.partition(".")[0] if "." in row.code else None
    db.session.commit()
    cell = make.cell()
    desk = make.user(Role.DISPATCHER, TOWNSHIP)
    return SimpleNamespace(make=make, cell=cell, user=desk, desk=as_user(desk))


def told(place: Any, words: str, *, days: int = 1, metres: float = 0, **kind: Any) -> str:
    """An issue at a household so many metres north of HERE."""
    home = place.make.household(place.cell, number=f"S{uuid.uuid4().hex[:6]}")
    home.point = from_shape(Point(HERE[0], HERE[1] + metres / 111_000), srid=SRID)
    db.session.commit()
    at = now() - timedelta(days=days)
    issue = place.make.issue(home, place.user, at, kind.get("category", "facility.streetlight"))
    issue.words = words
    db.session.commit()
    return issue.number


def ask(client: Any, **asked: Any) -> list[str]:
    query = {"category": "facility.streetlight", "lon": HERE[0], "lat": HERE[1], **asked}
    answer = client.get("/api/v1/issues/similar", query_string=query)
    assert answer.status_code == 200, answer.json
    return [each["issue"]["number"] for each in answer.json["items"]]


def test_the_same_lamp_in_other_words_is_found_first(place: Any) -> None:
    same = told(place, "路口两盏路灯不亮已一周。", metres=30)
    sibling = told(place, "路面坑洼，老人摔过跤。", metres=20, category="facility.road")
    told(place, "停水三天", metres=5, category="water.outage")
    old = told(place, "村口的路灯坏了", days=100, metres=10)
    found = ask(place.desk, words="村口的路灯坏了，晚上不亮")
    assert {same, old} <= set(found)
    assert sibling not in found


def test_only_open_ones_or_those_of_the_last_ninety_days(place: Any) -> None:
    number = told(place, "路灯不亮", days=100)
    assert number in ask(place.desk, words="路灯不亮")
    issue = db.session.query(Issue).filter_by(number=number).one()
    said = {"words": "不归这里", "basis": "权责清单", "instead": "供电所", "seen": issue.step_no}
    body = {"id": str(uuid.uuid4()), "action": "decline", **said}
    answer = place.desk.post(f"/api/v1/issues/{issue.id}/steps", json=body)
    assert answer.status_code == 201, answer.json
    assert number not in ask(place.desk, words="路灯不亮")


def test_nobody_finds_what_is_not_theirs_to_see(place: Any, as_user: Any) -> None:
    told(place, "路灯不亮")
    elsewhere = place.make.user(Role.DISPATCHER, "530626102")
    assert ask(as_user(elsewhere), words="路灯不亮") == []
    cadre = place.make.cadre([place.make.cell(3)])
    assert ask(as_user(cadre), words="路灯不亮") == []


def test_places_by_parts_of_what_a_caller_says(place: Any, as_user: Any) -> None:
    home = place.make.household(place.cell, address="田坝3组12号", group_name="第3村民小组")
    found = place.desk.get("/api/v1/places?q=田坝 12号").json["items"]
    assert [(f["kind"], f["key"]) for f in found] == [("household", str(home.id))]
    kinds = {f["kind"] for f in place.desk.get("/api/v1/places?q=田坝").json["items"]}
    assert kinds == {"village", "cell", "household"}
    assert place.desk.get("/api/v1/places?q=%25").json["items"] == []
    other = as_user(place.make.user(Role.DISPATCHER, "530626102"))
    assert other.get("/api/v1/places?q=田坝").json["items"] == []
    named = place.make.user(Role.CADRE, VILLAGE, name="王网格")
    people = place.desk.get("/api/v1/colleagues?q=王").json["items"]
    assert [p["id"] for p in people] == [str(named.id)]


def test_an_issue_may_be_told_of_a_village_alone(place: Any) -> None:
    said = {
        "id": str(uuid.uuid4()),
        "category": "facility.road",
        "words": "路坏了",
        "village": VILLAGE,
    }
    assert place.desk.post("/api/v1/issues", json=said).json["village"] == VILLAGE
    unknown = {**said, "id": str(uuid.uuid4()), "village": "530626101999"}
    assert place.desk.post("/api/v1/issues", json=unknown).status_code == 422


@given(st.text(), st.text())
def test_likeness_is_between_nothing_and_everything(one: str, other: str) -> None:
    a, b = pairs(one), pairs(other)
    assert 0 <= likeness(a, b) <= 1
    assert likeness(a, b) == likeness(b, a)
    assert likeness(a, a) == (1 if a else 0)


def test_pinyin_initials() -> None:
    assert initials("路灯不亮") == "ldbl"
    assert initials("低保救助申请") == "dbjzsq"
    assert initials("ABC 12") == "abc12"
