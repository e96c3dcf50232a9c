"""Who is told of what, once each, in the inbox; ageing is told by a sweep that may be killed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import current_app
from rq import Queue
from sqlalchemy import func, select, text

from grids.models import Duty
from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.jobs import QUEUE, connect
from gridserve.permissions import Role
from gridserve.worktime import Unit
from tests.factories import COUNTY, TOWNSHIP, Make
from visits.issues.models import Issue
from visits.telling import firsthand, operations, sweeping
from visits.telling.models import Alarm, Notice


@pytest.fixture
def place(make: Make) -> Any:
    """A cell with a team of two and their leader, a desk, leaders of township and county."""
    cell = make.cell()
    people = {
        name: make.user(role, code, name=name)
        for name, role, code in (
            ("网格员", Role.CADRE, TOWNSHIP), ("网格长", Role.CADRE, TOWNSHIP),
            ("调度", Role.DISPATCHER, TOWNSHIP), ("县调度", Role.DISPATCHER, COUNTY),
            ("镇长", Role.LEADER, TOWNSHIP), ("县长", Role.LEADER, COUNTY),
        )
    }  # fmt: skip
    team = make.team([cell], [people["网格员"]])
    make.member(team, people["网格长"], Duty.LEADER)
    return SimpleNamespace(make=make, cell=cell, team=team, home=make.household(cell), **{
        "cadre": people["网格员"], "lead": people["网格长"], "desk": people["调度"],
        "county_desk": people["县调度"], "leader": people["镇长"], "upper": people["县长"],
    })  # fmt: skip


def told(issue: Issue | None = None) -> set[tuple[str, str]]:
    """(who, kind) of the notices so far; raises where somebody was told twice."""
    query = select(Notice).where(Notice.issue_id == issue.id) if issue else select(Notice)
    rows = [(n.user.name, str(n.kind)) for n in db.session.scalars(query.options(_with_user()))]
    assert len(rows) == len(set(rows)), rows
    return set(rows)


def _with_user() -> Any:
    from sqlalchemy.orm import joinedload

    return joinedload(Notice.user)


def on_the_road(place: Any, *actions: str, at: datetime | None = None) -> Issue:
    issue = place.make.issue(place.home, place.cadre, at)
    for action in ("accept", "dispatch", *actions):
        by = place.cadre if action == "sign" else place.desk
        said = {"team_id": place.team.id} if action == "dispatch" else {}
        place.make.step(issue, action, by, **said)
    return issue


def test_each_step_tells_those_whom_it_concerns_and_never_who_took_it(place: Any) -> None:
    make = place.make
    issue = on_the_road(place, "sign")
    assert told() == {("网格员", "dispatched")}
    until = workdays.today() + timedelta(days=2)
    make.step(issue, "urge", place.leader, words="抓紧", until=until)
    urged = {("网格员", "urged"), ("网格长", "urged"), ("调度", "urged")}
    assert told() == {("网格员", "dispatched")} | urged
    make.step(issue, "return", place.cadre, words="不属本组")
    assert ("调度", "returned") in told()
    make.step(issue, "escalate", place.desk, words="需县里", to_desk=COUNTY)
    assert ("县调度", "escalated") in told()
    make.step(issue, "hand_down", place.county_desk, to_desk=TOWNSHIP)
    assert ("调度", "handed_down") in told()


def test_both_reporters_hear_of_a_merge_and_the_desk_of_dissatisfaction(place: Any) -> None:
    make, neighbour = place.make, place.make.user(Role.CADRE, TOWNSHIP, name="邻居")
    make.member(place.team, neighbour)
    first, second = make.issue(place.home, place.cadre), make.issue(place.home, neighbour)
    make.step(second, "merge", place.desk, into=first.id)
    assert told() == {("网格员", "merged"), ("邻居", "merged")}
    issue = on_the_road(place, "sign")
    make.step(issue, "feed_back", place.cadre, words="已修")
    make.step(issue, "pass_review", place.desk)
    make.step(issue, "evaluate", place.lead, rating="not", way="call_back")
    assert ("调度", "dissatisfied") in told(issue)


def test_a_deputy_is_told_while_standing_in_and_the_person_too(place: Any) -> None:
    b = place.make.user(Role.CADRE, TOWNSHIP, name="B岗")
    place.make.deputy(place.team, place.cadre, b)
    on_the_road(place)
    assert told() == {("网格员", "dispatched")}
    place.make.absent(place.cadre, workdays.today())
    second = on_the_road(place)
    assert told(second) == {("网格员", "dispatched"), ("B岗", "dispatched")}


def _due(issue: Issue, weight: float) -> None:
    """Make the issue as old as `weight` says, as its marks have it (hours around the clock)."""
    hours = (1 - weight) * issue.limit.amount
    moment = now() + timedelta(hours=hours)
    mark = book().of(issue.village_code).mark(Unit.URGENT_HOUR, moment)
    db.session.execute(
        text("UPDATE issue SET due_mark = :mark, due_at = :at WHERE id = :id"),
        {"mark": mark, "at": moment, "id": issue.id},
    )
    db.session.commit()
    db.session.refresh(issue)


def test_ageing_is_told_stage_by_stage_once_each(place: Any) -> None:
    issue = on_the_road(place, "sign")
    before = told()
    assert sweeping.sweep() == 0
    _due(issue, 0.85)
    assert (sweeping.sweep(), sweeping.sweep()) == (1, 0)
    assert told() - before == {("网格员", "amber")}
    _due(issue, 1.01)
    assert (sweeping.sweep(), sweeping.sweep()) == (1, 0)
    assert told() - before == {("网格员", "amber"), ("网格长", "red"), ("调度", "red")}
    calendar = book().of(issue.village_code)
    mark = calendar.mark(Unit.WORKING_DAY, now())
    for days, more in (
        (1.01, {("镇长", "red_1")}),
        (5.01, {("县长", "red_5"), ("县调度", "red_5")}),
    ):
        known = told()
        late = calendar.moment(Unit.WORKING_DAY, mark - days)
        db.session.execute(text("UPDATE issue SET due_at = :at"), {"at": late})
        assert (sweeping.sweep(), sweeping.sweep()) == (1, 0)
        assert told() - known == more
    assert db.session.get_one(Alarm, issue.id).stage == 4


def test_a_sweep_ends_after_its_time_and_has_the_rest_told_by_another(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = [place.make.issue(place.home, place.cadre) for _ in range(3)]
    for issue in issues:
        _due(issue, 1.1)
    monkeypatch.setattr(sweeping, "BATCH", 2)
    monkeypatch.setattr(sweeping, "RUN", 0)
    waiting = Queue(QUEUE, connection=connect(current_app.extensions["gridserve"]))
    waiting.empty()
    assert sweeping.sweep() == 2
    asked = {job.args[0] for job in waiting.jobs}
    assert "visits.telling.sweeping.sweep" in asked
    assert (sweeping.sweep(), sweeping.sweep()) == (1, 0)
    for issue in issues:
        assert told(issue) == {("调度", "red")}


def test_a_desk_that_holds_an_issue_is_told_in_time_and_reopening_begins_anew(place: Any) -> None:
    issue = place.make.issue(place.home, place.cadre)
    _due(issue, 0.9)
    sweeping.sweep()
    assert told() == {("调度", "amber")}
    place.make.step(issue, "decline", place.desk, words="不属")
    place.make.step(issue, "reopen", place.desk, words="重开")
    _due(issue, 0.9)
    assert sweeping.sweep() == 1
    assert db.session.scalar(select(func.count()).select_from(Notice)) == 2


def test_a_sweep_that_is_killed_half_way_tells_the_rest_afterwards(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = [place.make.issue(place.home, place.cadre) for _ in range(5)]
    for issue in issues:
        _due(issue, 1.1)
    monkeypatch.setattr(sweeping, "BATCH", 2)
    real, calls = sweeping._tell, []

    def dies(*args: Any) -> None:
        real(*args)
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "_tell", dies)
    with pytest.raises(KeyboardInterrupt):
        sweeping.sweep()
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Alarm)) == 2
    monkeypatch.setattr(sweeping, "_tell", real)
    assert sweeping.sweep() == 3
    for issue in issues:
        assert told(issue) == {("调度", "red")}


def test_an_answer_is_due_on_its_day_unless_somebody_has_answered(place: Any) -> None:
    make, today = place.make, workdays.today()
    silent, answered = on_the_road(place, "sign"), on_the_road(place, "sign")
    for issue in (silent, answered):
        make.step(issue, "urge", place.leader, words="今日答复", until=today)
    make.step(answered, "comment", place.cadre, words="下午到场")
    assert (sweeping.answers(), sweeping.answers()) == (1, 0)
    due = {("网格员", "answer_due"), ("网格长", "answer_due"), ("镇长", "answer_due")}
    assert {pair for pair in told(silent) if pair[1] == "answer_due"} == due
    assert not {pair for pair in told(answered) if pair[1] == "answer_due"}


def test_the_inbox_over_the_api(place: Any, as_user: Any) -> None:
    issue = on_the_road(place)
    cadre, stranger = as_user(place.cadre), as_user(place.lead)
    page = cadre.get("/api/v1/notices?unread=true", headers={"Accept-Language": "zh"}).json
    assert (page["unread"], len(page["items"])) == (1, 1)
    notice = page["items"][0]
    assert (notice["kind"], notice["issue"]["number"]) == ("dispatched", issue.number)
    assert notice["title"] == "新事件待办"
    ids = {"ids": [notice["id"]]}
    assert stranger.post("/api/v1/notices/read", json=ids).json == {"marked": 0, "unread": 0}
    assert cadre.post("/api/v1/notices/read", json=ids).json == {"marked": 1, "unread": 0}
    assert cadre.post("/api/v1/notices/read", json={}).json["marked"] == 0
    assert cadre.get("/api/v1/notices").json["items"][0]["read_at"]


def test_a_notice_of_an_issue_that_is_out_of_reach_has_no_words_of_it(
    place: Any, as_user: Any
) -> None:
    issue = on_the_road(place)
    until = workdays.today()
    place.make.step(issue, "urge", place.leader, words="独居老人李某", until=until)
    page = as_user(place.cadre).get("/inbox", headers={"Accept": "text/html"})
    assert "独居老人李某" in page.text
    other = place.make.user(Role.CADRE, TOWNSHIP, name="外人")
    operations.write("urged", "test", issue, {_told(other)}, values={"until": until.isoformat()})
    db.session.commit()
    page = as_user(other).get("/inbox", headers={"Accept": "text/html"})
    assert issue.number in page.text
    assert "独居老人李某" not in page.text


def _told(user: Any) -> Any:
    from visits.telling.causes import Part
    from visits.telling.recipients import Told

    return Told(user.id, Part.HOLDER, TOWNSHIP)


def test_old_notices_of_closed_issues_are_forgotten(place: Any) -> None:
    closed, still_open = on_the_road(place), on_the_road(place)
    place.make.step(closed, "comment", place.desk, words="x")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    db.session.execute(text("UPDATE notice SET created_at = :t"), {"t": long_ago})
    db.session.execute(
        text("UPDATE issue SET status = 'closed', team_id = NULL, handler_id = NULL,"
             " closed_at = :t WHERE id = :id"),
        {"t": long_ago, "id": closed.id},
    )  # fmt: skip
    db.session.commit()
    assert sweeping.forget() == 1
    assert told() == told(still_open) != set()


def test_whoever_took_it_first_hears_until_a_desk_has_accepted_it(place: Any) -> None:
    accept = place.make.category().accept_limit  # four working hours
    calendar, moment = book().of(place.home.village_code), now()

    def reported(spent: float) -> Issue:
        mark = calendar.mark(Unit.WORKING_HOUR, moment) - spent
        at = calendar.moment(Unit.WORKING_HOUR, mark) - timedelta(seconds=1)
        return place.make.issue(place.home, place.cadre, at)

    early, near, over = (reported(accept.amount * share) for share in (0.7, 0.85, 1.1))
    known = reported(accept.amount * 1.1)
    place.make.step(known, "accept", place.desk)
    assert [issue.first_id for issue in (near, over)] == [place.cadre.id] * 2
    assert known.first_id is None
    assert firsthand.sweep() == 2
    assert told() == {("网格员", "accept_near"), ("网格员", "accept_over")}
    assert {n.issue_id for n in db.session.scalars(select(Notice))} == {near.id, over.id}
    assert firsthand.sweep() == 0
    # moved between desks it is not accepted; once it is, it never comes back to the first one
    place.make.step(early, "escalate", place.desk, words="需县里", to_desk=COUNTY)
    assert early.first_id == place.cadre.id
    place.make.step(early, "accept", place.county_desk)
    place.make.step(early, "hand_down", place.county_desk, to_desk=TOWNSHIP)
    assert (early.status, early.first_id) == ("reported", None)


def test_the_pages_say_who_is_first_responsible_and_until_when(place: Any, as_user: Any) -> None:
    issue = place.make.issue(place.home, place.cadre)
    cadre, page = as_user(place.cadre), {"Accept": "text/html"}
    shown = cadre.get(f"/issues/{issue.id}", headers=page).text
    assert "首问责任人" in shown
    assert "负责交接，直至调度台受理（应于" in shown
    assert cadre.get("/api/v1/workset").json["issues"][0]["first"] is True
    assert cadre.get(f"/api/v1/issues/{issue.id}").json["first_responsible"]["name"] == "网格员"
    place.make.step(issue, "accept", place.desk)
    shown = cadre.get(f"/issues/{issue.id}", headers=page).text
    assert "首问责任人" not in shown
    assert "首问责任至" in shown
    assert "first" not in cadre.get("/api/v1/workset").json["issues"][0]
    assert cadre.get(f"/api/v1/issues/{issue.id}").json["first_responsible"] is None
