"""The resident's page: number and code, progress in plain words, one evaluation, few tries."""

from __future__ import annotations

import uuid
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, Make
from visits.intake import tries
from visits.issues import projection
from visits.issues.models import Issue, Step

CODE = "482913"


@pytest.fixture
def place(make: Make, as_user: Any, client: Any) -> Any:
    make.category()
    cell = make.cell()
    cadre = make.user(Role.CADRE, cell.village_code, name="王网格")
    team = make.team([cell], [cadre])
    desk = make.user(Role.DISPATCHER, TOWNSHIP, name="赵调度")
    return SimpleNamespace(
        team=team, desk=as_user(desk), cadre=as_user(cadre), client=client,
        household=make.household(cell),
    )  # fmt: skip


def report(place: Any, code: str = CODE, words: str = "路灯不亮") -> dict[str, Any]:
    said = {
        "id": str(uuid.uuid4()), "category": "facility.road", "words": words, "channel": "hotline",
        "household_id": str(place.household.id), "query_code": code, "resident_name": "李四",
    }  # fmt: skip
    answer = place.desk.post("/api/v1/issues", json=said)
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def step(client: Any, issue: dict[str, Any], action: str, **said: Any) -> None:
    seen = client.get(f"/api/v1/issues/{issue['id']}").json["step_no"]
    body = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **said}
    answer = client.post(f"/api/v1/issues/{issue['id']}/steps", json=body)
    assert answer.status_code == 201, answer.json


def close(place: Any, issue: dict[str, Any]) -> None:
    step(place.desk, issue, "accept")
    step(place.desk, issue, "dispatch", team_id=str(place.team.id))
    step(place.cadre, issue, "sign")
    step(place.cadre, issue, "feed_back", words="内部：换了灯泡", answer="灯已换好")
    step(place.desk, issue, "pass_review")


def ask(place: Any, issue: dict[str, Any], code: str = CODE, **said: Any) -> Any:
    form = {"number": issue["number"].lower(), "code": code, **said}
    return place.client.post("/q?lang=zh", data=form)


def test_number_and_code_show_progress_and_nothing_of_others(place: Any) -> None:
    issue = report(place)
    row = db.session.get_one(Issue, uuid.UUID(issue["id"]))
    assert CODE not in (row.code_hash or CODE)
    first = ask(place, issue)
    assert first.status_code == 200
    assert "路灯不亮" in first.text
    bare = place.client.post("/q", data={"number": issue["number"], "code": CODE})
    assert "Set-Cookie" not in bare.headers
    close(place, issue)
    page = ask(place, issue).text
    assert "灯已换好" in page
    for hidden in ("王网格", "赵调度", "李四", "内部", "田坝1号"):
        assert hidden not in page


def test_wrong_codes_are_refused_alike_and_soon_not_tried_any_more(place: Any) -> None:
    issue = report(place)
    wrong = ask(place, issue, "000000")
    nobody = ask(place, {"number": "991231-ZZZZZ"}, "000000")
    assert (wrong.status_code, nobody.status_code) == (403, 403)
    text = wrong.text.replace(issue["number"].lower(), "").replace(issue["number"], "")
    assert text == nobody.text.replace("991231-zzzzz", "").replace("991231-ZZZZZ", "")
    for _turn in range(tries.PER_NUMBER - 1):
        assert ask(place, issue, "111111").status_code == 403
    assert ask(place, issue).status_code == 429  # the right one too, for a while
    assert ask(place, report(place)).status_code == 200  # and others are not kept waiting


def test_without_redis_nobody_may_try(place: Any, context: Flask) -> None:
    issue = report(place)
    config = context.extensions["gridserve"]
    context.extensions["gridserve"] = replace(config, redis_url="redis://127.0.0.1:1/0")
    try:
        assert ask(place, issue).status_code == 503
    finally:
        context.extensions["gridserve"] = config
    assert ask(place, issue).status_code == 200


def test_an_evaluation_counts_once_and_a_bad_one_opens_it_again(place: Any) -> None:
    issue = report(place)
    said = {"id": str(uuid.uuid4()), "rating": "not", "words": "晚上还是不亮"}
    assert ask(place, issue, **said).status_code == 409  # not closed yet
    close(place, issue)
    assert ask(place, issue, **said).status_code == 200
    assert ask(place, issue, **said).status_code == 200  # a double tap
    seen = place.desk.get(f"/api/v1/issues/{issue['id']}").json
    assert (seen["status"], seen["rating"]) == ("accepted", None)
    assert [(s["action"], s["actor"]) for s in seen["steps"][-2:]] == [
        ("evaluate", None), ("reopen", None),
    ]  # fmt: skip
    assert seen["steps"][-2]["data"] == {"rating": "not", "way": "code"}
    assert place.desk.get(f"/issues/{issue['id']}?lang=zh").status_code == 200
    assert projection.check() == []
    step(place.desk, issue, "dispatch", team_id=str(place.team.id))
    step(place.cadre, issue, "sign")
    step(place.cadre, issue, "feed_back", words="再修", answer="线路也换了")
    step(place.desk, issue, "pass_review")
    again = {**said, "id": str(uuid.uuid4())}
    assert ask(place, issue, **again).status_code == 200
    seen = place.desk.get(f"/api/v1/issues/{issue['id']}").json
    assert (seen["status"], seen["rating"]) == ("closed", "not")  # reviewed once, not for ever
    other = {**said, "id": str(uuid.uuid4()), "rating": "satisfied"}
    assert ask(place, issue, **other).status_code == 409
    assert db.session.query(Step).filter_by(action="evaluate").count() == 2


def test_one_of_us_does_not_evaluate_by_code(place: Any) -> None:
    issue = report(place)
    close(place, issue)
    seen = place.desk.get(f"/api/v1/issues/{issue['id']}").json["step_no"]
    body = {"id": str(uuid.uuid4()), "action": "evaluate", "seen": seen, "rating": "satisfied"}
    answer = place.desk.post(f"/api/v1/issues/{issue['id']}/steps", json={**body, "way": "code"})
    assert (answer.status_code, "/way" in answer.json["errors"]) == (422, True)


def test_a_merged_one_shows_how_the_other_goes(place: Any) -> None:
    first, second = report(place), report(place, "111222", "村口灯坏了")
    step(place.desk, second, "merge", into=first["id"])
    close(place, first)
    page = ask(place, second, "111222").text
    for shown in (first["number"], "灯已换好", "村口灯坏了"):
        assert shown in page
    assert "路灯不亮" not in page  # the other person's words
    assert 'name="rating"' not in page
