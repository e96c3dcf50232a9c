"""The backlog of the last weeks equals a slow replay of each chain in plain Python, written from
the words of docs/chain.md: random histories with suspensions, extensions, reopenings, merges,
closings, cells that changed and steps that came late; kept or not."""

from __future__ import annotations

import random
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html import unescape

import pytest
from sqlalchemy import delete, func, select, update

from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.permissions import Role
from gridserve.worktime import Unit
from maps import aging
from maps.narrowing import ALL, Narrowing
from maps.places import Place
from maps.weeks import backlog
from tests.factories import COUNTY, STEP, TOWNSHIP, VILLAGE, WEST
from tests.statements import statements
from visits.issues import backlog as keeping
from visits.issues import catalogue, projection, reckoning
from visits.issues.chain import HELD, TRANSITIONS, Action, Channel, Promise, Status, Tier, Who
from visits.issues.clock import Light, Limit
from visits.issues.models import BacklogWeek, Category, Issue, IssueStay
from visits.issues.models import Step as Link

PAGE = {"Accept": "text/html"}
CELLS = 3
KINDS = {
    "a.hours": (Limit(9, Unit.WORKING_HOUR), Tier.VILLAGE),
    "a.days": (Limit(5, Unit.WORKING_DAY), Tier.TOWNSHIP),
    "b.calendar": (Limit(11, Unit.CALENDAR_DAY), Tier.COUNTY),
    "b.urgent": (Limit(70, Unit.URGENT_HOUR), Tier.TOWNSHIP),
}
CLOSED = {"closed", "declined", "merged"}
GAPS = (0, 0.2, 3, 9, 26, 50, 170, 340, 700)  # hours between steps


@dataclass
class Case:
    """An issue with its steps, and the cell that it was in before the day `left`."""

    issue: Issue
    steps: list[Link]
    cell: int | None
    before: int | None
    left: date


class Ground:
    """Where the histories happen."""

    def __init__(self, make):
        self.cells = [make.cell(n + 1) for n in range(CELLS)]
        self.user = make.user(Role.DISPATCHER, COUNTY)
        self.teams = [make.team([self.cells[0]], code=TOWNSHIP).id for _ in range(2)]
        make.category("facility.road")
        for code, (limit, tier) in KINDS.items():
            hours = Limit(4, Unit.WORKING_HOUR)
            said = {
                "name": code, "name_en": code, "promise": Promise.WITHIN_LIMIT, "limit": limit,
                "accept_limit": hours, "handle_limit": hours, "review_limit": hours,
                "tier": tier, "to_cells": True, "sensitive": code == "b.urgent",
            }  # fmt: skip
            catalogue.save(code, said, seen=0, by=None)
        db.session.flush()

    def history(self, chance: random.Random, others: list[Case]) -> Case:
        """A random walk over the chain, stored as operations store it."""
        present = now()
        moment = present - timedelta(hours=chance.uniform(0, 215 * 24))
        kind = db.session.get_one(Category, chance.choice(list(KINDS)))
        cell, before = chance.choice([None, 0, 1, 2]), chance.choice([None, None, 0, 1, 2])
        made = uuid.UUID(int=chance.getrandbits(128), version=4)
        issue = Issue(
            id=made, number=made.hex[:20], category_code=kind.code, category_version=kind.version,
            channel=Channel.WINDOW, words="x", reported_by_id=self.user.id, village_code=VILLAGE,
            cell_id=None if cell is None else self.cells[cell].id, limit=kind.limit,
            reported_at=moment, about_staff=chance.random() < 0.05,
        )  # fmt: skip
        case = Case(issue, [], cell, before if cell is not None else None,
                    workdays.today() - timedelta(days=chance.randint(0, 200)))  # fmt: skip
        self.step(case, Action.REPORT, None, Status.REPORTED, moment)
        while chance.random() < 0.88:
            moment += timedelta(hours=chance.choice(GAPS) * chance.random())
            if moment > present:
                break
            self.random_step(case, chance, moment, others)
        if case.before is not None:
            db.session.add(IssueStay(
                issue_id=made, change_id=uuid.uuid4(), to_date=case.left,
                cell_id=self.cells[case.before].id, next_id=issue.cell_id,
            ))  # fmt: skip
        db.session.flush()
        return case

    def random_step(self, case, chance, moment, others) -> None:
        issue = case.issue
        status, held = issue.status, issue.team_id is not None
        known = [
            (action, rule) for (before, action), rule in TRANSITIONS.items()
            if before is status and rule.held in (None, held)
            and rule.who not in (Who.GROUND, Who.ROSTER)
            and (action is not Action.MERGE or others)
            and (action is not Action.EXTEND or moment > issue.reported_at + timedelta(days=2))
        ]  # fmt: skip
        action, rule = chance.choice(known)
        data = {}
        if action is Action.SUSPEND:
            until = workdays.day_of(moment) + timedelta(days=chance.randint(0, 30))
            data["until"] = until.isoformat()
        if action is Action.EXTEND:
            due = max(issue.due_at, moment) + timedelta(hours=chance.randint(1, 300))
            data["due_at"] = due.isoformat()
        if action is Action.EVALUATE:
            data["rating"] = "fairly"
        if action is Action.MERGE:
            data["into"] = str(chance.choice(others).issue.id)
        self.step(case, action, status, rule.to, moment, data, chance.choice(self.teams))

    def step(self, case, action, before, after, moment, data=None, team=None, late=False) -> None:
        issue = case.issue
        if after is Status.SUSPENDED:
            team = issue.team_id
        elif after not in HELD:
            team = None
        step = Link(
            id=uuid.uuid4(), issue_id=issue.id, seq=len(case.steps) + 1, action=action,
            actor_id=self.user.id, status_before=before, status_after=after, desk_code=TOWNSHIP,
            team_before_id=issue.team_id, team_after_id=team, handler_id=None, happened_at=moment,
            received_at=now() if late else moment, words="x", data=data or {}, said="x",
        )  # fmt: skip
        kind = db.session.get_one(Category, issue.category_code)
        reckoning.write(issue, [*case.steps, step], kind)
        projection.apply(issue, step)
        db.session.add(issue)
        db.session.flush()
        db.session.add(step)
        case.steps.append(step)


def counted(cal, unit: Unit, start: datetime, end: datetime) -> float:
    """What passed on the clock of `unit` from start to end, day by day."""
    if unit is Unit.URGENT_HOUR:
        return (end - start) / timedelta(hours=1)
    passed, day = 0.0, workdays.day_of(start)
    while day <= workdays.day_of(end):
        if unit is Unit.CALENDAR_DAY:
            spans, whole = [workdays.span(day, day)], timedelta(days=1)
        else:
            hours = ((time(8, 30), time(12)), (time(14), time(17, 30)))
            spans = [
                tuple(datetime.combine(day, at, tzinfo=workdays.zone()) for at in span)
                for span in hours
            ]  # fmt: skip
            whole = timedelta(hours=1 if unit is Unit.WORKING_HOUR else 7)
            if day.year not in cal.years or not cal.is_worked(day):
                spans = []
        for first, last in spans:
            passed += max(timedelta(), min(last, end) - max(first, start)) / whole
        day += timedelta(days=1)
    return passed


def replayed(case: Case, moment: datetime) -> tuple[str, float] | None:
    """Who held an issue at `moment` and its age ÷ limit; None where it was not open."""
    known = [step for step in case.steps if step.happened_at <= moment]
    if not known or known[-1].status_after in CLOSED:
        return None
    unit, amount = case.issue.limit.unit, case.issue.limit.amount
    cal = book().of(VILLAGE)
    begins = case.issue.reported_at
    if unit in (Unit.WORKING_DAY, Unit.CALENDAR_DAY):
        begins = workdays.end_of(workdays.day_of(begins))
    left, until = float(amount), None
    for n, step in enumerate(known):
        end = known[n + 1].happened_at if n + 1 < len(known) else moment
        if step.action == "extend":
            left = counted(cal, unit, step.happened_at, datetime.fromisoformat(step.data["due_at"]))
        if step.action == "suspend":
            until = workdays.end_of(date.fromisoformat(step.data["until"]))
        elif step.status_after != "suspended" or step.action == "request_material":
            until = None
        runs = step.happened_at
        if step.status_after in CLOSED:
            continue
        if step.status_after == "suspended":
            if until is None or until >= end:
                continue
            runs = max(until, runs)
        runs = max(runs, begins)
        if end > runs:
            left -= counted(cal, unit, runs, end)
    last = known[-1]
    return str(last.team_after_id or last.desk_code), max(0.0, 1 - left / amount)


def slow(cases: list[Case], narrowing: Narrowing):
    """Of each week: open, overdue, long overdue, in no cell; and the heat of each cell."""
    days = [*keeping.week_ends(workdays.today()), workdays.today()]
    weeks, heats = [], []
    for day in days:
        live = day == days[-1]
        figures, heat = [0, 0, 0, 0], defaultdict(float)
        for case in cases:
            kind = case.issue.category_code
            if case.issue.about_staff or narrowing.category not in (None, kind):
                continue
            if narrowing.tier not in (None, KINDS[kind][1]):
                continue
            found = replayed(case, now() if live else workdays.end_of(day))
            if found is None or narrowing.holder not in (None, found[0]):
                continue
            cell = case.before if case.before is not None and day < case.left else case.cell
            age = found[1]
            for n, counts in enumerate((True, age > 1 + 1e-7, age > 2 + 1e-7, cell is None)):
                figures[n] += counts
            if cell is not None:
                heat[cell] += min(age, 3)
        weeks.append((day, *figures))
        heats.append(dict(heat))
    return weeks, heats


def agree(cases: list[Case], narrowing: Narrowing = ALL) -> None:
    found = backlog(Place(VILLAGE, "x"), narrowing=narrowing)
    weeks, heats = slow(cases, narrowing)
    assert [(w.day, w.count, w.overdue, w.long_overdue, w.bare) for w in found.weeks] == weeks
    drawn = [{} for _ in weeks]
    for spot in found.spots:
        for n, heat in enumerate(spot.heat):
            if heat:
                drawn[n][int((spot.lon - WEST) / STEP)] = heat
    for shown, truly in zip(drawn, heats, strict=True):
        assert shown == pytest.approx({c: h for c, h in truly.items() if h}, abs=1e-3)


@pytest.mark.parametrize("seed", range(2))
def test_every_week_equals_a_slow_replay(make, seed, monkeypatch):
    ground, chance, cases = Ground(make), random.Random(seed), []
    for _ in range(40):
        cases.append(ground.history(chance, cases))
    db.session.commit()
    days = keeping.week_ends(workdays.today())
    agree(cases)  # nothing is kept yet
    assert keeping.keep_weeks() == len(days)
    assert keeping.kept(days) == set(days)
    agree(cases)
    for narrowing in (
        Narrowing(category="a.days"), Narrowing(tier=Tier.TOWNSHIP),
        Narrowing(holder=str(ground.teams[0])), Narrowing(holder=TOWNSHIP),
    ):  # fmt: skip
        agree(cases, narrowing)
    # a phone that had no signal sends a step of three weeks ago
    old = now() - timedelta(weeks=3)
    asleep = [c for c in cases if c.issue.closed_at is None and c.steps[-1].happened_at < old]
    ground.step(
        asleep[0], Action.FORCE_CLOSE, asleep[0].issue.status, Status.CLOSED, old, late=True
    )
    db.session.commit()
    late = {day for day in days if workdays.end_of(day) >= old}
    assert keeping.kept(days) == set(days) - late
    agree(cases)
    assert keeping.keep_weeks() == len(late)
    assert keeping.kept(days) == set(days) - late  # another like it may be on its way
    monkeypatch.setattr(keeping, "MARGIN", timedelta(0))
    assert keeping.keep_weeks() == len(late)
    assert keeping.kept(days) == set(days)
    agree(cases)
    assert keeping.keep_weeks() == 0


def test_a_past_week_is_the_map_of_its_last_day(make):
    ground, chance, cases = Ground(make), random.Random(7), []
    for _ in range(40):
        cases.append(ground.history(chance, cases))
    db.session.commit()
    keeping.keep_weeks()
    place = Place(COUNTY, "x")
    for week in backlog(place).weeks:
        live = week.day == workdays.today()
        moment = now() if live else workdays.end_of(week.day)
        counts = aging.aging(place, moment, live=live).counts
        assert week.count == sum(counts.values())
        assert week.overdue == counts[Light.RED] + counts[Light.DEEP_RED]


def test_weeks_that_a_clock_ahead_has_kept_are_counted_anew(make):
    assert keeping.keep_weeks() == keeping.WEEKS
    assert keeping.keep_weeks() == 0
    tomorrow = now() + timedelta(days=1)
    db.session.execute(update(BacklogWeek).values(received_until=tomorrow))
    assert keeping.keep_weeks() == keeping.WEEKS
    assert max(db.session.scalars(select(BacklogWeek.received_until))) < now()


def test_weeks_that_nobody_shows_are_forgotten(make, monkeypatch):
    assert keeping.keep_weeks() == keeping.WEEKS
    ahead = workdays.today() + timedelta(weeks=2)
    monkeypatch.setattr(workdays, "today", lambda: ahead)
    assert keeping.keep_weeks() == 2
    rows = select(func.count(), func.min(BacklogWeek.day)).select_from(BacklogWeek)
    assert db.session.execute(rows).one() == (keeping.WEEKS, keeping.week_ends(ahead)[0])


def test_the_page_asks_few_queries_and_opens_its_figures(make, as_user):
    ground, chance, cases = Ground(make), random.Random(3), []
    leader = as_user(make.user(Role.LEADER))

    def asked() -> int:
        with statements() as sent:
            assert leader.get("/maps/aging/weeks", headers=PAGE).status_code == 200
        return len(sent)

    for _ in range(5):
        cases.append(ground.history(chance, cases))
    db.session.commit()
    keeping.keep_weeks()
    few = asked()
    for _ in range(30):
        cases.append(ground.history(chance, cases))
    db.session.commit()
    db.session.execute(delete(BacklogWeek))
    keeping.keep_weeks()
    assert asked() == few <= 20
    page = leader.get("/maps/aging/weeks?category=a.days", headers=PAGE).text
    row = re.search(r'<tr data-week="26">.*?</tr>', page, re.S)[0]
    for href, number in re.findall(r'<td class="number"><a href="([^"]+)">(\d+)</a>', row):
        assert "category=a.days" in href
        listed = leader.get("/api/v1" + unescape(href) + "&limit=100")
        assert len(listed.json["items"]) == int(number) > 0
    earlier = re.search(r'<tr data-week="25">.*?</tr>', page, re.S)[0]
    sunday = keeping.week_ends(workdays.today())[-1]
    assert f"as_of={sunday}" in earlier
    assert (
        leader.get(unescape(re.search(r'href="([^"]+)"', earlier)[1]), headers=PAGE).status_code
        == 200
    )


def test_the_page_is_for_those_who_read_figures_of_the_place(make, as_user):
    make.cell()
    cadre = as_user(make.cadre([], code=VILLAGE))
    assert cadre.get("/maps/aging/weeks", headers=PAGE).status_code == 200
    assert cadre.get(f"/maps/aging/weeks?jurisdiction={COUNTY}", headers=PAGE).status_code == 404
    assert as_user(make.user(Role.AUDITOR)).get("/maps/aging/weeks").status_code == 403
    leader = as_user(make.user(Role.LEADER))
    for wrong in ("holder=x", "tier=x", "as_of=2026-01-01", "jurisdiction=x"):
        assert leader.get(f"/maps/aging/weeks?{wrong}", headers=PAGE).status_code == 422
