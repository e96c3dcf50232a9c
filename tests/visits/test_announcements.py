"""Notices and questionnaires: published where one may, told and asked at visits, answered."""

from __future__ import annotations

import csv
import io
import re
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, func, select

from grids.models import Duty
from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import COUNTY, PASSWORD, TOWNSHIP, VILLAGE
from visits.announcements import workset
from visits.announcements.heard import fitting
from visits.announcements.models import Announcement, Answer, Asked, Asks, Told
from visits.announcements.permissions import (
    keeps,
    kept_announcements,
    sees,
    visible_announcements,
)
from visits.extras import not_fitting
from visits.models import Visit
from visits.recording import record_visits
from visits.telling.models import Notice

OTHER_VILLAGE, OTHER_TOWNSHIP = "530626101202", "530626102"
ELSEWHERE = "530626102201"
API = "/api/v1/announcements"
PAGE = {"Accept": "text/html"}


@pytest.fixture
def place(make: Any, as_user: Any) -> SimpleNamespace:
    """Two cells of a village and one of another township, with their cadres and desks."""
    cells = make.cell(1), make.cell(2)
    away = make.cell(1, village=ELSEWHERE)
    make.jurisdictions(OTHER_VILLAGE)
    lead = make.user(Role.CADRE, VILLAGE, name="网格长")
    cadre = make.cadre([cells[0]])
    team = make.team([cells[1]], [cadre])
    make.member(team, lead, Duty.LEADER)
    desk = make.user(Role.DISPATCHER, TOWNSHIP, name="镇调度", login="clerk")
    county = make.user(Role.LEADER, COUNTY, name="县领导")
    return SimpleNamespace(
        make=make, cells=cells, away=away, lead=lead, cadre=cadre, desk=desk, county=county,
        homes=[make.household(cells[0]), make.household(cells[0]), make.household(cells[1])],
        far=make.household(away), as_desk=as_user(desk), as_county=as_user(county),
        as_cadre=as_user(cadre),
    )  # fmt: skip


def notice(**changes: Any) -> dict[str, Any]:
    today = workdays.today()
    return {
        "id": str(uuid.uuid4()), "kind": "notice", "title": "医保缴费", "words": "月底前缴费。",
        "places": [TOWNSHIP], "from": today.isoformat(),
        "until": (today + timedelta(days=10)).isoformat(), **changes,
    }  # fmt: skip


def questionnaire(**changes: Any) -> dict[str, Any]:
    questions = [
        {"text": "有老人独居吗", "kind": "yes_no"},
        {"text": "饮水", "kind": "choice", "options": ["自来水", "井水"]},
        {"text": "几口人", "kind": "number"},
        {"text": "还有什么", "kind": "text"},
    ]
    return notice(kind="questionnaire", title="冬季摸底", questions=questions) | changes


def published(client: Any, said: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(API, json=said)
    assert answer.status_code == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def visit(home: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": uuid.uuid4(), "household_id": home.id, "purpose": "regular", "outcome": "met",
        "started_at": now() - timedelta(hours=1), **more,
    }  # fmt: skip


def record(by: Any, *saids: dict[str, Any]) -> list[Visit]:
    done = record_visits(saids, by=by)
    db.session.commit()
    assert [one.problem for one in done] == [None] * len(saids)
    return [one.visit for one in done]  # type: ignore[misc]


def told_of(made: dict[str, Any], question: str | None = None) -> dict[str, Any]:
    return {"notice": uuid.UUID(made["id"])} | ({"question": question} if question else {})


def test_it_is_published_once_and_only_where_one_may(place: Any) -> None:
    said = notice(places=[VILLAGE, TOWNSHIP, OTHER_VILLAGE])
    made = published(place.as_desk, said)
    assert made["places"] == [TOWNSHIP]
    assert published(place.as_desk, said) == made
    again = place.as_desk.post(API, json=said | {"title": "别的"})
    assert (again.status_code, again.json["code"]) == (409, "request.id_taken")
    for places in ([OTHER_TOWNSHIP], [COUNTY], [TOWNSHIP, OTHER_TOWNSHIP]):
        assert place.as_desk.post(API, json=notice(places=places)).status_code == 403
    assert place.as_cadre.post(API, json=notice()).status_code == 403
    assert published(place.as_county, notice(places=[TOWNSHIP, OTHER_TOWNSHIP]))
    assert db.session.scalar(select(func.count()).select_from(Announcement)) == 2


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"until": "2020-01-01"}, "/until"),
        ({"words": " "}, "/words"),
        ({"places": []}, "/places"),
        ({"places": ["530626101999"]}, "/places"),
        ({"places": ["53062610"]}, "/places/0"),
        ({"questions": [{"text": "x", "kind": "text"}]}, "/questions"),
        ({"kind": "questionnaire"}, "/questions"),
        (
            {"kind": "questionnaire", "questions": [{"text": "x", "kind": "choice"}]},
            "/questions/0/options",
        ),
    ],
)
def test_what_cannot_be_published_is_said(place: Any, changes: Any, pointer: str) -> None:
    answer = place.as_county.post(API, json=notice(**changes))
    assert answer.status_code == 422
    assert pointer in answer.json["errors"]


def test_a_household_is_told_once_and_reach_opens_to_households(place: Any) -> None:
    made = published(place.as_desk, notice())
    record(place.cadre, visit(place.homes[0], told=[told_of(made)]))
    record(
        place.cadre,
        visit(place.homes[0], told=[told_of(made)]),
        visit(place.homes[2], told=[told_of(made), told_of(made)]),
    )
    assert db.session.scalar(select(func.count()).select_from(Told)) == 2
    address = f"{API}/{made['id']}"
    whole = place.as_desk.get(f"{address}/reach").json["whole"]
    assert (whole["told"], whole["households"]) == (2, 3)
    parts = place.as_desk.get(f"{address}/reach?at={VILLAGE}").json["parts"]
    cells = [(p["code"][-3:], p["told"], p["households"]) for p in parts]
    assert cells == [("001", 1, 2), ("002", 1, 1)]
    left = place.as_desk.get(f"{address}/households?at={VILLAGE}001").json["items"]
    assert [home["id"] for home in left] == [str(place.homes[1].id)]
    reached = place.as_desk.get(f"{address}/households?told=true").json["items"]
    assert {h["id"] for h in reached} == {str(place.homes[0].id), str(place.homes[2].id)}
    assert place.as_desk.get(f"{address}/reach?at={OTHER_TOWNSHIP}").status_code == 404


def test_a_question_goes_to_the_publisher_and_the_answer_to_who_visited(
    place: Any, as_user: Any
) -> None:
    made = published(place.as_county, notice(places=[COUNTY]))
    record(
        place.cadre,
        visit(place.homes[0], told=[told_of(made, "断保怎么办？")]),
        visit(place.homes[2], told=[told_of(made, "能代缴吗？")]),
    )
    inbox = place.as_county.get("/api/v1/notices").json["items"]
    assert [(n["kind"], n["issue"]) for n in inbox] == [("asked_back", None)]  # once a day
    assert inbox[0]["link"] == f"/announcements/{made['id']}#asked"
    asked = place.as_county.get(f"{API}/{made['id']}/questions").json["items"]
    second = next(each for each in asked if each["words"] == "能代缴吗？")
    assert second["household"].endswith("李*")
    address = f"{API}/questions/{second['id']}/answer"
    assert place.as_desk.post(address, json={"words": "可以"}).status_code == 404  # not the desk's
    for _again in range(2):
        said = place.as_county.post(address, json={"words": "可以，带身份证。"})
        assert (said.status_code, said.json["answer"]) == (200, "可以，带身份证。")
    other = place.as_county.post(address, json={"words": "不行"})
    assert (other.status_code, other.json["code"]) == (409, "announcement.answered")
    rows = db.session.scalars(select(Notice).where(Notice.kind == "answered")).all()
    assert {row.user_id for row in rows} == {place.cadre.id, place.lead.id}
    page = place.as_cadre.get("/inbox", headers=PAGE).text
    assert "能代缴吗？ – 可以，带身份证。" in page
    shown = workset.for_workset(place.cadre, workdays.today()).notices
    assert shown[0]["answers"] == [{"question": "能代缴吗？", "answer": "可以，带身份证。"}]


def test_what_does_not_fit_harms_nothing_else_and_is_said(place: Any) -> None:
    there = published(place.as_desk, notice(places=[VILLAGE], title="修路"))
    away = published(place.as_county, notice(places=[OTHER_TOWNSHIP], title="别镇的"))
    asks = published(place.as_desk, questionnaire())
    ids = [uuid.UUID(q["id"]) for q in asks["questions"]]
    place.as_desk.post(f"{API}/{there['id']}/withdraw")
    place.as_desk.post(f"{API}/{asks['id']}/withdraw")
    saids = [
        visit(
            place.homes[0],
            told=[told_of(there, "何时修？"), told_of(away), {"notice": uuid.uuid4()}],
            answers=[
                {"question": ids[0], "value": "maybe"}, {"question": ids[1], "value": "井水"},
                {"question": ids[2], "value": "4.50"}, {"question": uuid.uuid4(), "value": "x"},
            ],
        ),
        visit(place.homes[1], outcome="nobody_home", told=[told_of(there)]),
    ]  # fmt: skip
    visits = record(place.cadre, *saids)
    assert len(db.session.scalars(select(Told)).all()) == 1
    assert db.session.scalars(select(Asked.words)).all() == ["何时修？"]
    kept = {row.question_id: row.value for row in db.session.scalars(select(Answer))}
    assert kept == {ids[1]: "井水", ids[2]: "4.5"}
    again = record(place.cadre, *saids)  # a repeat is told the same
    for pairs in (zip(visits, saids, strict=True), zip(again, saids, strict=True)):
        words = not_fitting(list(pairs))
        assert len(words[visits[0].id]) == 4
        assert any("别镇的" in each for each in words[visits[0].id])
        assert any("maybe" in each for each in words[visits[0].id])
        assert ["修路" in each for each in words[visits[1].id]] == [True]
    assert len(db.session.scalars(select(Answer)).all()) == 2


@pytest.mark.parametrize(
    ("asks", "value", "kept"),
    [
        (Asks.YES_NO, "yes", "yes"), (Asks.YES_NO, "是", None), (Asks.CHOICE, "甲", "甲"),
        (Asks.CHOICE, "丙", None), (Asks.NUMBER, "07.10", "7.1"), (Asks.NUMBER, "-3", "-3"),
        (Asks.NUMBER, "1e3", "1000"), (Asks.NUMBER, "NaN", None), (Asks.NUMBER, "1e99", None),
        (Asks.NUMBER, "三", None), (Asks.TEXT, "=1+1", "=1+1"), (Asks.TEXT, "", None),
        (Asks.YES_NO, "", None), (Asks.NUMBER, "1e-999999", "0"), (Asks.NUMBER, "", None),
    ],
)  # fmt: skip
def test_an_answer_fits_what_is_asked_for(asks: Asks, value: str, kept: str | None) -> None:
    assert fitting(asks, ["甲", "乙"] if asks is Asks.CHOICE else [], value) == kept


def test_a_questionnaire_asks_what_is_not_known_and_counts_the_latest(place: Any) -> None:
    made = published(place.as_desk, questionnaire())
    ids = [uuid.UUID(q["id"]) for q in made["questions"]]
    other = published(place.as_county, questionnaire(title="全县", places=[COUNTY]))
    today = workdays.today()

    def known() -> dict[uuid.UUID, list[int]]:
        return dict(workset.for_workset(place.cadre, today).known)

    asked = workset.for_workset(place.cadre, today).questionnaire
    assert asked is not None
    assert asked["title"] == "冬季摸底、全县"
    assert [q["id"] for q in asked["questions"]] == [
        q["id"] for each in (made, other) for q in each["questions"]
    ]
    assert known() == {}
    early = now() - timedelta(hours=9)
    record(
        place.cadre,
        visit(place.homes[0], answers=[{"question": ids[0], "value": "yes"}]),
        # Came later, and happened before: the other one counts.
        visit(
            place.homes[0], started_at=early,
            answers=[{"question": ids[0], "value": "no"}, {"question": ids[2], "value": "5"}],
        ),
        visit(place.homes[2], answers=[{"question": ids[3], "value": "=HYPERLINK(1)"}]),
        visit(place.homes[1], answers=[{"question": ids[2], "value": "2"}]),
    )  # fmt: skip
    assert known() == {
        place.homes[0].id: [0, 2], place.homes[2].id: [3], place.homes[1].id: [2]
    }  # fmt: skip
    results = place.as_desk.get(f"{API}/{made['id']}/results").json
    assert results["households"] == 3
    first, second, third, _words = results["questions"]
    assert (first["counts"], first["answers"], first["few"]) == ({"yes": 1}, 1, True)
    assert second["answers"] == 0
    assert (third["answers"], third["median"], third["low"], third["high"]) == (2, 3.5, 2, 5)
    table = place.as_desk.get(f"/announcements/{made['id']}/answers.csv")
    rows = list(csv.reader(io.StringIO(table.get_data().decode("utf-8-sig"))))
    assert len(rows) == 5
    assert rows[4][0].startswith("导出：")
    assert rows[1][3:] == ["是", "", "5", ""]
    assert rows[3][-1] == "'=HYPERLINK(1)"
    page = place.as_desk.get(f"/announcements/{made['id']}?at={VILLAGE}", headers=PAGE).text
    assert "第1网格" in page
    assert "不足5" in page


def test_a_question_that_is_not_for_a_village_counts_as_known_there(place: Any) -> None:
    cell = place.make.cell(1, village=OTHER_VILLAGE)
    home = place.make.household(cell)
    both = place.make.user(Role.CADRE, TOWNSHIP)
    place.make.team([cell, place.cells[0]], [both], code=TOWNSHIP)
    told = published(place.as_desk, notice(places=[VILLAGE]))
    published(place.as_desk, questionnaire(places=[VILLAGE]))
    found = workset.for_workset(both, workdays.today())
    assert found.known == {home.id: [0, 1, 2, 3]}
    assert found.notices[0]["villages"] == [VILLAGE]
    record(both, visit(home, told=[told_of(told)]))
    assert db.session.scalars(select(Told)).all() == []


def test_the_workset_holds_what_is_current_and_nothing_of_elsewhere(place: Any) -> None:
    today = workdays.today()
    shown = published(place.as_county, notice(places=[COUNTY], title="在办"))
    published(place.as_county, notice(places=[OTHER_TOWNSHIP]))
    later = (today + timedelta(days=3)).isoformat()
    published(place.as_county, notice(places=[COUNTY], **{"from": later}))
    gone = published(place.as_county, notice(places=[COUNTY]))
    place.as_county.post(f"{API}/{gone['id']}/withdraw")
    record(place.cadre, visit(place.homes[2], told=[told_of(shown)]))
    found = workset.for_workset(place.cadre, today)
    assert [each["id"] for each in found.notices] == [shown["id"]]
    assert found.told == {place.homes[2].id: [0]}
    assert found.questionnaire is None
    stranger = place.make.user(Role.CADRE, VILLAGE)
    assert workset.for_workset(stranger, today).notices == []


def test_pairs_agree_and_reach_is_shown_within_the_own_scope(place: Any, as_user: Any) -> None:
    make = place.make
    for places in ([COUNTY], [OTHER_TOWNSHIP], [TOWNSHIP, OTHER_TOWNSHIP], [ELSEWHERE]):
        published(place.as_county, notice(places=places))
    published(place.as_desk, notice(places=[VILLAGE]))
    people = [
        place.desk, place.county, place.cadre, make.user(Role.LEADER, VILLAGE),
        make.user(Role.DISPATCHER, OTHER_TOWNSHIP), make.user(Role.DISPATCHER, OTHER_VILLAGE),
        make.user(Role.LEADER, None), make.user(Role.ADMINISTRATOR, COUNTY), make.user(),
    ]  # fmt: skip
    query = select(Announcement)
    total = 0
    for user in people:
        seen = set(db.session.scalars(visible_announcements(user)))
        kept = set(db.session.scalars(kept_announcements(user)))
        for each in db.session.scalars(query):
            db.session.refresh(each, ["places"])
            assert sees(user, each) == (each in seen)
            assert keeps(user, each) == (each in kept)
        total += len(seen)
        assert kept <= seen
    assert total == 4 + 5 + 0 + 4 + 3 + 3 + 5 + 0 + 0 - 2
    whole = place.as_desk.get(API).json["items"]
    of_county = next(each for each in whole if each["places"] == [COUNTY])
    assert place.as_desk.post(f"{API}/{of_county['id']}/withdraw").status_code == 404
    reached = place.as_desk.get(f"{API}/{of_county['id']}/reach").json["whole"]
    assert (reached["code"], reached["households"]) == (TOWNSHIP, 3)


def test_the_pages(place: Any, context: Any) -> None:
    browser = context.test_client()
    token = re.search(r'csrf_token" value="([^"]+)', browser.get("/login").text)[1]  # type: ignore[index]
    browser.post("/login", data={"csrf_token": token, "login": "clerk", "password": PASSWORD})
    page = browser.get("/announcements/new?kind=questionnaire").text
    token = re.search(r'csrf_token" value="([^"]+)', page)[1]  # type: ignore[index]
    form = {
        "csrf_token": token, "id": str(uuid.uuid4()), "kind": "questionnaire", "title": "摸底",
        "words": "", "from": workdays.today().isoformat(), "until": workdays.today().isoformat(),
        "places": [VILLAGE], "q_text": ["饮水", ""], "q_kind": ["choice", "yes_no"],
        "q_options": ["自来水", ""],
    }  # fmt: skip
    refused = browser.post("/announcements/new", data=form)
    assert refused.status_code == 422
    assert "饮水" in refused.text  # what was typed stays
    form["q_options"] = ["自来水\r\n井水", ""]
    done = browser.post("/announcements/new", data=form)
    assert done.status_code == 302
    assert "自来水" in browser.get(done.location).text
    assert "摸底" in browser.get("/announcements?kind=questionnaire").text
    made = published(place.as_desk, notice())
    record(place.cadre, visit(place.homes[0], told=[told_of(made, "怎么缴？")]))
    address = f"/announcements/{made['id']}"
    shown = browser.get(address).text
    assert "33 %" in shown
    assert "怎么缴？" in shown
    asked = db.session.scalars(select(Asked.id)).one()
    form = {"csrf_token": token, "asked": str(asked), "words": "微信缴"}
    assert browser.post(address, data=form).status_code == 302
    assert browser.post(address, data=form | {"words": "别的"}).status_code == 409
    assert "微信缴" in browser.get(address).text
    assert "未告知" in browser.get(f"{address}/households?told=false").text
    browser.post(address, data={"csrf_token": token, "do": "withdraw"})
    assert "已撤回" in browser.get(address).text


def test_queries_do_not_grow(place: Any) -> None:
    made = [published(place.as_desk, notice()) for _ in range(4)]
    asks = [published(place.as_desk, questionnaire()) for _ in range(3)]
    answers = [
        {"question": uuid.UUID(q["id"]), "value": "自来水"}
        for each in asks
        for q in each["questions"]
    ]
    homes = [place.make.household(place.cells[n % 2]) for n in range(12)]
    counts: list[int] = []

    def counted(run: Any) -> int:
        counts.append(0)
        connection = db.session.connection()
        note = lambda *_args: counts.__setitem__(-1, counts[-1] + 1)  # noqa: E731
        event.listen(connection, "after_cursor_execute", note)
        run()
        event.remove(connection, "after_cursor_execute", note)
        return counts[-1]

    said = lambda home: visit(  # noqa: E731
        home, told=[told_of(each, "？") for each in made], answers=answers
    )
    one, *others = [said(home) for home in homes[::2]]
    few = counted(lambda: record_visits([one], by=place.cadre))
    many = counted(lambda: record_visits(others, by=place.cadre))
    assert many <= few
    db.session.commit()
    today = workdays.today()
    assert counted(lambda: workset.for_workset(place.cadre, today)) <= 12
    assert counted(lambda: place.as_desk.get("/announcements", headers=PAGE)) <= 14
    assert counted(lambda: place.as_desk.get(f"/announcements/{made[0]['id']}")) <= 18


def test_a_phone_has_it_all_and_hears_what_did_not_fit(place: Any) -> None:
    made = published(place.as_desk, notice())
    asks = published(place.as_desk, questionnaire())
    first, second = (q["id"] for q in asks["questions"][:2])
    said = visit(
        place.homes[0],
        told=[{"notice": made["id"], "question": "何时？"}],
        answers=[{"question": first, "value": "yes"}, {"question": second, "value": "河水"}],
    )
    data = said | {
        "id": str(said["id"]), "household_id": str(place.homes[0].id),
        "started_at": said["started_at"].isoformat(),
    }  # fmt: skip
    for result in ("applied", "duplicate"):
        items = {"items": [{"kind": "visit", "data": data}]}
        (one,) = place.as_cadre.post("/api/v1/submissions", json=items).json["results"]
        assert one["result"] == result
        assert [each for each in one["say"] if "河水" in each] == one["say"] != []
    got = place.as_cadre.get("/api/v1/workset").json
    assert [each["title"] for each in got["notices"]] == ["医保缴费"]
    assert [q["kind"] for q in got["questionnaire"]["questions"]][:2] == ["yes_no", "choice"]
    homes = {home["id"]: home for home in got["households"]}
    assert (homes[data["household_id"]]["told"], homes[data["household_id"]]["known"]) == ([0], [0])
    assert "told" not in homes[str(place.homes[1].id)]
