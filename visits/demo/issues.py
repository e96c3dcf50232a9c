"""Invented issues of a year: most closed, some open at every age, two villages without water."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np
from sqlalchemy import select

from grids.models import Level
from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import db
from gridserve.permissions import Role
from gridserve.worktime import Unit
from visits.demo import words
from visits.demo.accounts import Account
from visits.demo.bulk import make_id
from visits.demo.chain import Chain
from visits.demo.teams import Crew
from visits.issues.chain import Action, Channel, Promise, Rating, Status
from visits.issues.clock import Limit
from visits.issues.models import Category, Issue
from visits.issues.operations import number_of

Of = TypeVar("Of")

OPEN_SHARE = 0.15
HOT_SHARE = 0.22  # of the open issues: the water trouble
HOT_CATEGORIES = ("water.outage", "water.quality")
# Age ÷ limit of open issues: from, to, share. All four lights, the long overdue ones fewest.
AGES = ((0.03, 0.78, 0.46), (0.81, 0.97, 0.17), (1.03, 1.95, 0.24), (2.05, 5.0, 0.13))
# Where open issues stand.
STANDING = {
    Status.REPORTED: 0.14, Status.ACCEPTED: 0.12, Status.DISPATCHED: 0.2, Status.HANDLING: 0.31,
    Status.SUSPENDED: 0.05, Status.REVIEWING: 0.18,
}  # fmt: skip
CHANNELS = {
    Channel.VISIT: 0.56, Channel.HOTLINE: 0.16, Channel.INSPECTION: 0.12, Channel.WINDOW: 0.1,
    Channel.RESIDENT: 0.04, Channel.SUPERIOR: 0.02,
}  # fmt: skip
RATINGS = {Rating.SATISFIED: 0.78, Rating.FAIRLY: 0.16, Rating.NOT: 0.06}
# How long each step takes, relative to the others of its chain.
PACE = {
    Action.ACCEPT: 1.0, Action.DISPATCH: 1.0, Action.SIGN: 2.0, Action.FEED_BACK: 10.0,
    Action.PASS_REVIEW: 2.0, Action.FAIL_REVIEW: 2.0, Action.RETURN: 2.0, Action.DECLINE: 2.0,
    Action.REOPEN: 4.0, Action.SUSPEND: 2.0, Action.MERGE: 2.0,
}  # fmt: skip
_A = Action
ROAD = (_A.ACCEPT, _A.DISPATCH, _A.SIGN, _A.FEED_BACK, _A.PASS_REVIEW)
# How far along the road an issue is in each status.
REACHED = {
    Status.REPORTED: 0, Status.ACCEPTED: 1, Status.DISPATCHED: 2, Status.HANDLING: 3,
    Status.SUSPENDED: 3, Status.REVIEWING: 4,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A household at which an issue can be; with `visit_id` also the visit that told of it."""

    household_id: str
    village: str
    cell_id: str
    crew: Crew
    address: str
    head: str
    phone: str
    point: str
    visit_id: str | None = None
    visitor: Account | None = None
    at: datetime | None = None


@dataclass
class Ground:
    """What issues can happen to: samples of households and of visits, and the desks."""

    places: list[Place] = field(default_factory=list)
    seen: list[Place] = field(default_factory=list)
    desks: dict[str, list[Account]] = field(default_factory=dict)
    # Who is given what cells are not, by township and category.
    units: dict[tuple[str, str], Crew] = field(default_factory=dict)

    def hot(self) -> list[Place]:
        """Places of the two villages with the water trouble: each the largest of its township."""
        count: dict[str, int] = {}
        for place in self.places:
            count[place.village] = count.get(place.village, 0) + 1
        largest: dict[str, str] = {}
        for village in sorted(count, key=lambda code: (-count[code], code)):
            largest.setdefault(village[: Level.TOWNSHIP], village)
        chosen = set(list(largest.values())[:2])
        return [place for place in self.places if place.village in chosen]


class Inventor:
    """Makes up one chain after another; everything ends before `end`."""

    def __init__(self, ground: Ground, end: datetime, rng: np.random.Generator) -> None:
        self.ground, self.end, self.rng = ground, end, rng
        self.hot = ground.hot()
        self.seen = sorted(ground.seen, key=lambda place: (place.at, place.visit_id))
        self.seen_at = np.array([p.at.timestamp() for p in self.seen if p.at is not None])
        rows = db.session.scalars(select(Category).order_by(Category.code))
        self.categories = {row.code: row for row in rows}
        self.entries = [code for code in words.ISSUES if code in self.categories]
        self.calendars = book()
        weights = np.array([words.FREQUENT.get(code, 1.0) for code in self.entries])
        self.shares = weights / weights.sum()
        self.numbers: set[str] = set()
        self.opened: list[Issue] = []  # those that stay open: others are merged into them

    def chains(self, count: int) -> Iterator[Chain]:
        """`count` chains, the open ones first."""
        still_open = round(count * OPEN_SHARE)
        standing = self._portions(STANDING, still_open)
        ages = self._portions({(low, high): share for low, high, share in AGES}, still_open)
        self.rng.shuffle(ages)
        for number in range(count):
            if number < still_open:
                yield self._open(standing[number], *ages[number])
            else:
                yield self._ended(number)

    def _portions(self, shares: dict[Of, float], count: int) -> list[Of]:
        """`count` of what has `shares`, each at least once where there is room."""
        first = list(shares)[:count]
        rest = self.rng.choice(len(shares), count - len(first), p=list(shares.values()))
        return first + [list(shares)[i] for i in rest.tolist()]

    def _pick(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]

    def _begin(self, category: str, reported: datetime, places: list[Place]) -> Chain:
        """A chain with its first step; an issue told on a visit begins with one near that time."""
        channel = list(CHANNELS)[int(self.rng.choice(len(CHANNELS), p=list(CHANNELS.values())))]
        place = places[int(self.rng.integers(len(places)))]
        if channel is Channel.VISIT:
            told = self._told_near(reported) if places is self.ground.places else None
            if told is None or told.at is None:
                channel = Channel.HOTLINE
            else:
                place, reported = told, told.at
        desk = self._desk(place)
        reporter = desk
        if place.visitor is not None:
            reporter = place.visitor
        elif channel is Channel.INSPECTION:
            reporter = self._handler(place)
        told_by_resident = channel is not Channel.INSPECTION
        issue_id = make_id(self.rng)
        while number_of(issue_id, reported) in self.numbers:
            issue_id = make_id(self.rng)
        self.numbers.add(number_of(issue_id, reported))
        issue = Issue(
            id=issue_id, number=number_of(issue_id, reported), category_code=category,
            category_version=self.categories[category].version, channel=channel,
            words=self._pick(words.ISSUES[category]),
            resident_name=place.head if told_by_resident else None,
            resident_phone=place.phone if told_by_resident else None, reported_by_id=reporter.id,
            visit_id=place.visit_id, household_id=place.household_id, village_code=place.village,
            cell_id=place.cell_id, address=place.address, point=place.point,
            point_source="wgs84", limit=self.categories[category].limit,
            reported_at=reported,
        )  # fmt: skip
        chain = Chain(issue, reporter, self.rng, self.categories[category], self.calendars)
        unit = self.ground.units.get((place.village[: Level.TOWNSHIP], category))
        self.place, self.desk = replace(place, crew=unit) if unit else place, desk
        return chain

    def _told_near(self, moment: datetime) -> Place | None:
        """A visit within half a day of `moment` at which somebody was met."""
        if not len(self.seen_at):
            return None
        near = int(np.argmin(np.abs(self.seen_at - moment.timestamp())))
        return self.seen[near] if abs(self.seen_at[near] - moment.timestamp()) < 43_200 else None

    def _desk(self, place: Place) -> Account:
        desk = self.ground.desks[place.village[: Level.TOWNSHIP]]
        return desk[int(self.rng.integers(len(desk)))]

    def _handler(self, place: Place) -> Account:
        handlers = place.crew.handlers
        return handlers[int(self.rng.integers(len(handlers)))]

    def _open(self, status: Status, low: float, high: float) -> Chain:
        """An issue that stands in `status` at the end, at an age of `low` to `high` limits."""
        hot = bool(self.rng.random() < HOT_SHARE)
        category = self._pick(HOT_CATEGORIES) if hot else self._category(Promise.WITHIN_LIMIT)
        age = float(self.rng.uniform(low, high)) * _days(self.categories[category].limit)
        places = self.hot if hot else self.ground.places
        reported = self._at_work(self.end - timedelta(days=min(age, 350.0)))
        chain = self._begin(category, reported, places)
        road = list(ROAD[: REACHED[status]])
        chance = self.rng.random()
        if len(road) >= 3 and chance < 0.12:
            road[3:3] = [_A.RETURN, _A.DISPATCH, _A.SIGN]
        elif status is Status.HANDLING and chance < 0.25:
            road += [_A.FEED_BACK, _A.FAIL_REVIEW]
        elif status is Status.ACCEPTED and chance < 0.3:
            road = [*ROAD, _A.REOPEN]
        if status is Status.SUSPENDED:
            road.append(_A.SUSPEND)
        room = (self.end - chain.issue.reported_at) * float(self.rng.uniform(0.3, 0.95))
        self._walk(chain, road, room)
        self.opened.append(chain.issue)
        return chain

    def _category(self, *promises: Promise) -> str:
        while True:
            code = self.entries[int(self.rng.choice(len(self.entries), p=self.shares))]
            if not promises or self.categories[code].promise in promises:
                return code

    def _ended(self, number: int) -> Chain:
        """An issue that is closed or declined before the end, most of them in time."""
        category = self._category()
        not_here = self.categories[category].promise is Promise.NOT_HERE
        limit = _days(self.categories[category].limit)
        took = timedelta(days=limit * float(np.clip(self.rng.lognormal(-0.75, 0.55), 0.05, 4.0)))
        latest = max(364.0 - took.days, 1.0)
        ago = took + timedelta(days=float(self.rng.uniform(0.3, latest)))
        chain = self._begin(category, self._at_work(self.end - ago), self.ground.places)
        chance = self.rng.random()
        road = list(ROAD)
        if number % 53 == 0 and self.opened:
            road = [_A.MERGE]
        elif not_here or number % 40 == 0:
            road = [_A.DECLINE] if chance < 0.5 else [_A.ACCEPT, _A.DECLINE]
        elif chance < 0.06:
            road[3:3] = [_A.RETURN, _A.DISPATCH, _A.SIGN]
        elif chance < 0.14:
            road[4:4] = [_A.FAIL_REVIEW, _A.FEED_BACK]
        elif chance < 0.17:
            road += [_A.REOPEN, _A.DISPATCH, _A.SIGN, _A.FEED_BACK, _A.PASS_REVIEW]
        self._walk(chain, road, took)
        if chain.status is Status.CLOSED and self.rng.random() < 0.7:
            self._evaluate(chain)
        return chain

    def _walk(self, chain: Chain, road: Sequence[Action], room: timedelta) -> None:
        """Take the steps of `road` within `room` after the report, in office hours."""
        reported = chain.issue.reported_at
        room = min(room, (self.end - reported) * 0.98)
        parts = np.array([PACE[action] for action in road]) * self.rng.exponential(1.0, len(road))
        along = np.cumsum(parts) / parts.sum() if len(road) else parts
        handler = self._handler(self.place)
        for action, share in zip(road, along.tolist(), strict=True):
            at = max(self._at_work(reported + room * share), chain.steps[-1].happened_at)
            if action is _A.DISPATCH:
                handler = self._handler(self.place)
                chain.take(
                    action,
                    self.desk,
                    at,
                    team_id=self.place.crew.id,
                    handler=self.place.crew.in_charge.id,
                )
            elif action in (_A.SIGN, _A.FEED_BACK, _A.RETURN):
                said = {_A.FEED_BACK: words.RESULTS, _A.RETURN: words.RETURNED}.get(action, ("",))
                told = {"answer": words.ANSWER} if action is _A.FEED_BACK else {}
                chain.take(action, handler, at, words=self._pick(said), told=told)
            else:
                said = {
                    _A.DECLINE: words.DECLINED, _A.FAIL_REVIEW: words.REWORK,
                    _A.REOPEN: words.REOPENED, _A.SUSPEND: words.SUSPENDED,
                }.get(action, ("",))  # fmt: skip
                told = self._told(action, at)
                chain.take(action, self.desk, at, words=self._pick(said), told=told)

    def _told(self, action: Action, at: datetime) -> dict[str, str]:
        """What a desk's action needs besides words."""
        if action is _A.DECLINE:
            return {"basis": words.BASIS, "instead": words.INSTEAD}
        if action is _A.SUSPEND:
            return {"until": (workdays.day_of(at) + timedelta(days=60)).isoformat()}
        if action is _A.MERGE:
            into = self.opened[int(self.rng.integers(len(self.opened)))]
            return {"into": str(into.id), "number": into.number}
        return {}

    def _evaluate(self, chain: Chain) -> None:
        closed = chain.steps[-1].happened_at
        wait = (self.end - closed) * min(1.0, float(self.rng.exponential(0.02)))
        at = max(self._at_work(closed + wait), closed)
        rating = list(RATINGS)[int(self.rng.choice(len(RATINGS), p=list(RATINGS.values())))]
        chain.take(Action.EVALUATE, self.desk, at, rating=rating)

    def _at_work(self, moment: datetime) -> datetime:
        """The same day with the time of day pressed into office hours; keeps the order of times."""
        day = workdays.day_of(moment)
        start, end = workdays.span(day, day)
        share = (moment - start) / (end - start)
        return start + timedelta(hours=8.5 + 9.0 * share)


def _days(limit: Limit) -> float:
    """About how many days a limit lasts, weekends included."""
    days_each = {
        Unit.URGENT_HOUR: 1 / 24, Unit.WORKING_HOUR: 1 / 5, Unit.WORKING_DAY: 7 / 5,
        Unit.CALENDAR_DAY: 1.0,
    }  # fmt: skip
    return limit.amount * days_each[limit.unit]


def desks(accounts: Sequence[Account]) -> dict[str, list[Account]]:
    """The dispatchers of each township."""
    found: dict[str, list[Account]] = {}
    for account in accounts:
        if account.role is Role.DISPATCHER:
            found.setdefault(account.scope, []).append(account)
    return found
