"""The desk: its queues, the suggested team, several issues at once, search and kept filters."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask_babel import force_locale
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.permissions import Role
from tests.factories import COUNTY, PASSWORD, TOWNSHIP, VILLAGE
from tests.statements import statements
from visits.issues import catalogue, queues, timeline
from visits.issues.models import Issue, KeptFilter, Step
from visits.issues.queues import Queue
from visits.issues.words import timing
from visits.staffing import remits
from visits.telling.models import Notice

OTHER = "530626102201"


@pytest.fixture
def desk(make: Any, as_user: Any) -> SimpleNamespace:
    """A village with a team, its township's desk, the county's, and a leader."""
    cell = make.cell()
    cadre = make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [cadre], code=VILLAGE)
    clerk = make.user(Role.DISPATCHER, TOWNSHIP, login="clerk")
    found = SimpleNamespace(
        make=make, cell=cell, cadre=cadre, team=team, clerk=clerk, home=make.household(cell),
        county=make.user(Role.DISPATCHER, COUNTY), leader=make.user(Role.LEADER, COUNTY),
        client=as_user(clerk),
    )  # fmt: skip
    found.issue = lambda **kwargs: make.issue(found.home, cadre, **kwargs)
    return found


@pytest.fixture
def browser(desk: Any, context: Any) -> Any:
    """The clerk's browser, with the token of its pages."""
    client = context.test_client()
    page = client.get("/login?lang=en").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    client.post(
        "/login", data={"csrf_token": token, "login": "clerk", "password": PASSWORD}
    )  # fmt: skip
    page = client.get("/desk").get_data(as_text=True)
    client.token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    return client


def steps(client: Any, action: str, *issues: Issue, **said: Any) -> list[dict[str, Any]]:
    """Take a step on several issues as the API does, and give the results."""
    team = said.pop("team", None)
    items = [
        {"id": str(uuid.uuid4()), "issue_id": str(issue.id), "seen": issue.step_no}
        | ({"team_id": str(team.id)} if team else {})
        for issue in issues
    ]
    answer = client.post("/api/v1/issues/steps", json={"action": action, "items": items, **said})
    assert answer.status_code == 200, answer.text
    return answer.json["results"]


def test_each_issue_is_in_its_queues_and_counted_once_a_queue(desk):
    make, clerk, cadre = desk.make, desk.clerk, desk.cadre
    made = {name: desk.issue() for name in ("to_accept", "to_dispatch", "in_hand", "to_review")}
    made["suspended"], made["escalated"] = desk.issue(), desk.issue()
    made["overdue"] = desk.issue(at=now() - timedelta(days=30))
    for name in ("to_dispatch", "in_hand", "to_review", "suspended"):
        make.step(made[name], "accept", clerk)
    for name in ("in_hand", "to_review"):
        make.step(made[name], "dispatch", clerk, team_id=desk.team.id)
    make.step(made["to_review"], "sign", cadre)
    make.step(made["to_review"], "feed_back", cadre, words="修好了")
    make.step(made["suspended"], "request_material", clerk, words="身份证")
    make.step(made["escalated"], "escalate", clerk, words="要县里定", to_desk=COUNTY)

    found = queues.counts(clerk)
    assert found == {
        Queue.TO_ACCEPT: 2, Queue.TO_DISPATCH: 1, Queue.OVERDUE: 1, Queue.TO_REVIEW: 1,
        Queue.SUSPENDED: 1, Queue.ESCALATED: 0, Queue.IN_HAND: 1,
    }  # fmt: skip
    assert queues.counts(desk.county)[Queue.ESCALATED] == 1
    for queue in Queue:
        user = desk.county if queue is Queue.ESCALATED else clerk
        page = queues.page(user, {"queue": queue, "limit": 50})
        assert made[queue.value].id in {row.issue.id for row in page["items"]}
        assert len(page["items"]) == queues.counts(user)[queue]
    # suspended when it was over its limit already: overdue still, though it is due much later
    late = made["overdue"]
    make.step(late, "accept", clerk)
    make.step(late, "dispatch", clerk, team_id=desk.team.id)
    make.step(late, "sign", cadre)
    until = workdays.today() + timedelta(days=200)
    make.step(late, "suspend", clerk, words="等材料", until=until)
    assert late.due_at > now()
    assert queues.counts(clerk)[Queue.OVERDUE] == 1


def test_the_suggested_team_comes_from_the_cell_and_from_who_closed_its_kind(desk):
    make, clerk = desk.make, desk.clerk
    issue = desk.issue()
    row = queues.rows([issue])[0]
    assert row.suggestion.team.id == desk.team.id
    assert "第1网格" in row.suggestion.words
    # a place without a team: whoever closed such issues in the village within a year
    done = desk.issue()
    for action, by, said in (
        ("accept", clerk, {}), ("dispatch", clerk, {"team_id": desk.team.id}),
        ("sign", desk.cadre, {}), ("feed_back", desk.cadre, {"words": "修好了"}),
        ("pass_review", clerk, {}),
    ):  # fmt: skip
        make.step(done, action, by, **said)
    bare = make.issue(make.household(make.cell(2)), clerk)
    suggestion = queues.rows([bare])[0].suggestion
    assert (suggestion.team.id, suggestion.cell, suggestion.closed) == (desk.team.id, None, 1)
    other = make.issue(make.household(make.cell(3)), clerk, category="other.kind")
    assert queues.rows([other])[0].suggestion is None


def test_a_unit_is_suggested_for_what_it_answers_for(desk):
    make, clerk = desk.make, desk.clerk
    family = make.category("welfare")
    for code, to_cells in (("welfare.age", False), ("welfare.elderly", True)):
        make.category(code)
        said = {"parent_code": family.code, "to_cells": to_cells}
        catalogue.save(code, said, seen=1, by=None)
    office = make.team([], [make.user(Role.CADRE, TOWNSHIP)], code=TOWNSHIP)
    county = make.team([], [make.user(Role.CADRE, COUNTY)], code=COUNTY)
    make.team([], code=OTHER[:9])
    age, elderly = (desk.issue(category=code) for code in ("welfare.age", "welfare.elderly"))

    def found(*issues):
        return [row.suggestion and row.suggestion.team.id for row in queues.rows(issues)]

    assert found(age, elderly) == [None, desk.team.id]
    admin = make.user(Role.ADMINISTRATOR, COUNTY)
    for team in (office, county):
        remits.answer_for(team, ["welfare"], by=admin)
    db.session.commit()
    assert found(age, elderly) == [office.id, desk.team.id]  # the cell's team first, if it may
    assert queues.rows([age])[0].suggestion.remit == "道路 · 中城镇"
    remits.answer_for(office, ["welfare", "welfare.elderly"], by=admin)
    assert found(elderly) == [office.id]  # but for what a unit answers for by its very name
    shown = desk.client.get(f"/api/v1/issues/{age.id}").json
    assert shown["suggested"] is None  # not accepted yet: nothing to dispatch
    make.step(age, "accept", clerk)
    shown = desk.client.get(f"/api/v1/issues/{age.id}").json
    assert shown["suggested"]["id"] == str(office.id)
    assert office.name in desk.client.get("/desk?queue=to_dispatch").text
    make.step(age, "escalate", clerk, words="县里定", to_desk=COUNTY)
    assert found(age) == [office.id]  # solved in the township, so the nearest one
    catalogue.save("welfare.age", {"tier": "county"}, seen=2, by=None)
    assert found(age) == [county.id]
    remits.answer_for(county, [], by=admin)
    assert found(age) == [office.id]


def test_what_the_countys_unit_answers_for_is_escalated(desk, browser):
    make = desk.make
    make.category("welfare.age")
    catalogue.save("welfare.age", {"to_cells": False}, seen=1, by=None)
    county = make.team([], [make.user(Role.CADRE, COUNTY)], code=COUNTY)
    admin = make.user(Role.ADMINISTRATOR, COUNTY)
    remits.answer_for(county, ["welfare.age"], by=admin)
    issue = desk.issue(category="welfare.age")
    assert queues.rows([issue])[0].suggestion.above.code == COUNTY
    page = browser.get("/desk?lang=en").text
    assert "belongs to 绥江县, escalate it there" in page
    assert f"team-{issue.id}" not in page  # nothing to dispatch to
    form = {"csrf_token": browser.token, "op": str(uuid.uuid4()), "action": "dispatch",
            "pick": f"{issue.id}:1"}  # fmt: skip
    assert "none below this desk is suggested" in browser.post("/desk?lang=en", data=form).text
    shown = browser.get(f"/issues/{issue.id}?lang=en").text
    chosen = f'<option value="{COUNTY}" selected>'
    assert shown.index('value="escalate"') < shown.index(chosen) < shown.index('value="accept"')
    assert f"{county.name} answers for it" in shown
    make.step(issue, "accept", desk.clerk)
    suggested = desk.client.get(f"/api/v1/issues/{issue.id}").json["suggested"]
    assert (suggested["id"], suggested["escalate_to"]) == (str(county.id), COUNTY)
    # below it a team does: that one, unless the category is solved in the county
    office = make.team([], [make.user(Role.CADRE, TOWNSHIP)], code=TOWNSHIP)
    remits.answer_for(office, ["welfare.age"], by=admin)
    suggestion = queues.rows([issue])[0].suggestion
    assert (suggestion.team.id, suggestion.above) == (office.id, None)
    catalogue.save("welfare.age", {"tier": "county"}, seen=2, by=None)
    db.session.expire_all()
    assert queues.rows([issue])[0].suggestion.team.id == county.id


def test_several_at_once_each_with_a_result_of_its_own(desk):
    first, second, third = (desk.issue() for _ in range(3))
    seen = SimpleNamespace(id=second.id, step_no=1)
    desk.make.step(second, "accept", desk.clerk)  # another clerk was faster
    got = steps(desk.client, "dispatch", first, seen, third, team=desk.team)
    assert [each["problem"] and each["problem"]["code"] for each in got] == [
        None, "issue.stale_step", None,
    ]  # fmt: skip
    assert [each["status"] for each in got] == ["dispatched", "accepted", "dispatched"]
    assert [each["step_no"] for each in got] == [3, 2, 3]


def test_several_at_once_sent_twice_is_taken_once(desk):
    issue = desk.issue()
    item = {"id": str(uuid.uuid4()), "issue_id": str(issue.id), "seen": 1,
            "team_id": str(desk.team.id)}  # fmt: skip
    said = {"action": "dispatch", "items": [item]}
    answers = [desk.client.post("/api/v1/issues/steps", json=said) for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert answers[0].json["results"][0]["problem"] is None
    chain = select(Step.action).where(Step.issue_id == issue.id).order_by(Step.seq)
    assert list(db.session.scalars(chain)) == ["report", "accept", "dispatch"]


def test_a_dispatch_that_fails_takes_its_acceptance_back(desk):
    issue = desk.issue()
    elsewhere = desk.make.team([], code=OTHER)
    got = steps(desk.client, "dispatch", issue, team=elsewhere)[0]
    assert (got["problem"]["code"], got["status"], got["step_no"]) == (
        "request.invalid", "reported", 1,
    )  # fmt: skip


@pytest.mark.parametrize("said", [
    {"action": "feed_back",
     "items": [{"id": str(uuid.uuid4()), "issue_id": str(uuid.uuid4()), "seen": 1}]},
    {"action": "accept", "items": []},
    {"action": "accept", "items": [{}]},
])  # fmt: skip
def test_what_is_not_for_several_is_refused(desk, said):
    assert desk.client.post("/api/v1/issues/steps", json=said).status_code == 422


def test_leaders_urge_several_and_others_do_not(desk, as_user):
    issues = [desk.issue(), desk.issue()]
    said = {"words": "何时修好？", "until": workdays.today().isoformat()}
    got = steps(as_user(desk.leader), "urge", *issues, **said)
    assert [each["problem"] for each in got] == [None, None]
    refused = steps(desk.client, "urge", issues[0], **said)[0]
    assert refused["problem"]["code"] == "issue.stale_step"
    unknown = steps(desk.client, "urge", SimpleNamespace(id=uuid.uuid4(), step_no=1), **said)[0]
    assert (unknown["problem"]["code"], unknown["status"]) == ("issue.not_found", None)


def test_the_form_does_the_same_without_a_script(desk, browser):
    issue, other = desk.issue(), desk.issue()
    desk.make.step(other, "accept", desk.clerk)
    form = {
        "csrf_token": browser.token, "op": str(uuid.uuid4()), "action": "dispatch", "team": "",
        "pick": [f"{issue.id}:1", f"{other.id}:1"],
        f"team-{issue.id}": str(desk.team.id), f"team-{other.id}": str(desk.team.id),
    }  # fmt: skip
    page = browser.post("/desk?queue=to_accept", data=form).get_data(as_text=True)
    assert "Somebody was faster" in page
    assert other.number in page
    db.session.refresh(issue)
    assert issue.status == "dispatched"
    empty = browser.post("/desk/live", data={**form, "pick": []}).get_data(as_text=True)
    assert "Choose at least one issue first." in empty
    assert "<html" not in empty


def test_the_live_part_is_sent_only_when_it_changed(desk, browser):
    desk.issue()
    first = browser.get("/desk/live?queue=to_accept")
    tag = {"If-None-Match": first.headers["ETag"]}
    assert browser.get("/desk/live?queue=to_accept", headers=tag).status_code == 304
    desk.issue()
    assert browser.get("/desk/live?queue=to_accept", headers=tag).status_code == 200


def test_issues_are_found_by_what_somebody_has_at_hand(desk, as_user):
    issue = desk.issue()
    issue.words, issue.address = "田坝小学门口Road灯坏了", "中城镇和平路12号"
    issue.resident_phone = "138-7012 3456"
    db.session.commit()

    def found(user: Any, words: str) -> int:
        rows = as_user(user).get("/api/v1/issues", query_string={"q": words}).json["items"]
        return len(rows)

    for words in (issue.number, issue.number.lower(), issue.number[7:], "小学门口", "road灯",
                  "和平路12", "小学 和平", "灯坏", "3456", "13870123456"):  # fmt: skip
        assert found(desk.clerk, words) == 1, words
    for words in ("小学路", "灯", "%%", "1387", "9999", "小学 银行", "260101-22222", "\\"):
        assert found(desk.clerk, words) == 0, words
    # who does not see the phone cannot find by it
    assert found(desk.leader, "3456") == 0
    assert found(desk.leader, "小学门口") == 1
    assert found(desk.cadre, "3456") == 1  # the own report


def test_filters_are_kept_for_oneself(desk, browser, as_user):
    form = {"csrf_token": browser.token, "id": str(uuid.uuid4()), "page": "desk", "name": "水的事",
            "queue": "overdue", "category": "facility.road", "cursor": "x",
            "back": "/desk"}  # fmt: skip
    assert browser.post("/desk/filters", data=form).status_code == 302
    again = {**form, "id": str(uuid.uuid4()), "queue": "in_hand"}
    browser.post("/desk/filters", data=again)
    row = db.session.scalars(select(KeptFilter)).one()
    assert row.asked == {"queue": "in_hand", "category": "facility.road"}
    page = browser.get("/desk").get_data(as_text=True)
    assert "水的事" in page
    assert "queue=in_hand" in page
    assert "水的事" not in as_user(desk.county).get("/desk").get_data(as_text=True)
    assert browser.post("/desk/filters", data={**form, "name": " "}).status_code == 422
    browser.post(f"/desk/filters/{row.id}/delete", data={"csrf_token": browser.token})
    assert db.session.scalars(select(KeptFilter)).all() == []


def test_an_issue_more_at_once_costs_four_statements(desk):
    def dispatched(many: int) -> int:
        made = [desk.issue() for _ in range(many)]
        issues = [SimpleNamespace(id=issue.id, step_no=issue.step_no) for issue in made]

        with statements() as sent:
            got = steps(desk.client, "dispatch", *issues, team=team)
        assert {each["status"] for each in got} == {"dispatched"}
        return len(sent)

    team = SimpleNamespace(id=desk.team.id)

    few, many = dispatched(2), dispatched(12)
    # a savepoint and its end, the issue's row, both of its steps
    assert many - few == 4 * 10
    assert few <= 30


def test_what_is_dispatched_at_once_is_shared_among_equals(desk):
    other = desk.make.user(Role.CADRE, VILLAGE)
    desk.make.member(desk.team, other)
    issues = [desk.issue() for _ in range(4)]
    steps(desk.client, "dispatch", *issues, team=desk.team)
    held = select(Issue.handler_id).where(Issue.team_id == desk.team.id)
    assert sorted(db.session.scalars(held)) == sorted([desk.cadre.id, other.id] * 2)


def test_who_fails_at_once_leaves_no_trace_and_the_others_are_told(desk):
    first, second, third = (desk.issue() for _ in range(3))
    desk.make.step(second, "comment", desk.clerk, words="看过了")
    seen = SimpleNamespace(id=second.id, step_no=1)
    got = steps(desk.client, "dispatch", first, seen, third, team=desk.team)
    problems = [each["problem"] and each["problem"]["code"] for each in got]
    assert problems == [None, "issue.stale_step", None]
    told = select(Notice.issue_id).where(Notice.user_id == desk.cadre.id)
    assert set(db.session.scalars(told)) == {first.id, third.id}
    trail = select(Event.subject_id).where(Event.action == "issue.accept")
    assert set(db.session.scalars(trail)) == {first.id, third.id}


def test_beyond_the_thousandth_issues_are_not_counted(desk, browser, monkeypatch):
    monkeypatch.setattr(queues, "COUNTED", 2)
    desk.issue()
    page = browser.get("/desk").get_data(as_text=True)
    assert '<span class="tabs-count">1</span>' in page
    for _ in range(2):
        desk.issue()
    assert queues.counts(desk.clerk)[Queue.TO_ACCEPT] == 2
    assert '<span class="tabs-count">1+</span>' in browser.get("/desk").get_data(as_text=True)


def test_queries_do_not_grow_with_the_rows(desk, as_user):
    def queries(client: Any, path: str) -> int:
        client.get(path)
        with statements() as sent:
            assert client.get(path).status_code == 200
        return len(sent)

    leader = as_user(desk.leader)
    desk.issue()
    pages = [(desk.client, "/desk?queue=to_accept"), (desk.client, "/desk/live"),
             (desk.client, "/desk?q=路灯"), (leader, "/issues")]  # fmt: skip
    few = [queries(client, path) for client, path in pages]
    for _ in range(12):
        desk.issue()
    assert [queries(client, path) for client, path in pages] == few
    assert max(few) <= 25


def test_the_page_says_who_had_it_how_long_and_what_was_asked(desk, browser):
    make, issue = desk.make, desk.issue(at=now() - timedelta(days=9))
    make.step(issue, "accept", desk.clerk, happened_at=now() - timedelta(days=8))
    make.step(issue, "dispatch", desk.clerk, team_id=desk.team.id,
              happened_at=now() - timedelta(days=7))  # fmt: skip
    make.step(issue, "urge", desk.leader, words="何时修好？", until=workdays.today())
    page = browser.get(f"/issues/{issue.id}").get_data(as_text=True)
    assert "何时修好？" in page
    assert 'class="answer-form"' in page
    assert re.findall(r'class="held-name">([^<]+)', page) == ["Desk of 中城镇", desk.team.name]
    make.step(issue, "comment", desk.clerk, words="明天修")
    page = browser.get(f"/issues/{issue.id}").get_data(as_text=True)
    assert "明天修" in page
    assert 'class="answer-form"' not in page


def test_stays_join_while_the_holder_stays_and_leave_out_what_was_closed(desk):
    from gridserve.calendars import book

    issue = desk.issue(at=now() - timedelta(days=20))
    days = iter(range(19, 0, -1))

    def step(action: str, by: Any, **said: Any) -> None:
        desk.make.step(issue, action, by, happened_at=now() - timedelta(days=next(days)), **said)

    step("accept", desk.clerk)
    step("dispatch", desk.clerk, team_id=desk.team.id)
    step("sign", desk.cadre)
    step("feed_back", desk.cadre, words="修好了")
    step("pass_review", desk.clerk)
    step("reopen", desk.clerk, words="又坏了")
    chain = db.session.scalars(
        select(Step).where(Step.issue_id == issue.id).order_by(Step.seq)
    ).all()
    calendar = book().of(VILLAGE)
    found = timeline.stays(chain, calendar, now())
    assert [(stay.holder, stay.open) for stay in found] == [
        ("desk", False), ("team", False), ("desk", True),
    ]  # fmt: skip
    assert found[1].start == chain[2].happened_at
    assert found[1].end == chain[5].happened_at
    whole = timeline.worked(calendar, chain[0].happened_at, chain[5].happened_at)
    assert found[0].worked.hours + found[1].worked.hours == pytest.approx(whole.hours)


def test_a_limit_that_is_just_used_up_has_not_zero_days_left(make):
    cadre = make.user(Role.CADRE, VILLAGE)
    issue = make.issue(make.household(make.cell()), cadre)
    with force_locale("en"):
        assert timing(issue)["words"] == "120 hours left"
        issue.stopped_mark = issue.due_mark  # the clock stands where the limit ends
        assert timing(issue) == {"light": "amber", "words": "Due: nothing is left", "note": ""}
