"""The work brief for the monthly meeting: six figures, the worst cases, where they gather, and what
is asked of the leader. All figures are those of the maps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import short_name
from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import User
from maps import aging, coverage
from maps.bands import percent
from maps.places import Place, under
from visits.issues import trouble
from visits.issues.clock import Light
from visits.issues.models import Issue
from visits.issues.words import where
from visits.labels import amount, category_name, label

FORMULA = f"brief-1 · {coverage.FORMULA} · {aging.FORMULA}"
WINDOW = 180  # days of the coverage, up to the end of the month: in them every household is due
WORST, SPOTS = 6, 4
LOW = 60  # per cent of households met under which is asked why


@dataclass(frozen=True)
class Figure:
    """A figure with its parts, of this month and of the one before."""

    label: str
    value: str
    note: str
    before: str
    before_note: str


@dataclass(frozen=True)
class Month:
    """The figures of one month, up to `last`."""

    cover: coverage.Coverage
    reported: int
    closed: int
    answered: aging.Answered
    open: aging.Aging


def brief(user: User, place: Place, first: date, as_of: datetime) -> dict[str, Any]:
    """What stands on the page, for the month that begins with `first`."""
    last = min(_end(first), workdays.day_of(as_of))
    before_first = (first - timedelta(days=1)).replace(day=1)
    this = _month(place, first, last)
    before = _month(place, before_first, first - timedelta(days=1))
    moment, live = _moment(last, as_of)
    worst = aging.open_issues(user, place, moment, limit=WORST, live=live)
    kinds = aging.categories()
    spots = sorted(
        (row for row in this.open.rows if _late(row.counts)),
        key=lambda row: (-_late(row.counts), -row.counts[Light.DEEP_RED], row.area.code),
    )[:SPOTS]
    return {
        "place": short_name(place.name), "first": first, "last": last,
        "figures": _figures(this, before),
        "worst": [
            {"number": each.number, "title": each.words or category_name(kinds[each.category_code]),
             "where": where(each.village, each.cell), "light": label(each.light),
             "age": amount(each.age, each.limit.unit),
             "limit": amount(each.limit.amount, each.limit.unit)}
            for each in worst if each.light in (Light.RED, Light.DEEP_RED)
        ],
        "spots": [
            {"name": short_name(row.area.name), "late": _late(row.counts),
             "deep": row.counts[Light.DEEP_RED], "open": row.total}
            for row in spots
        ],
        "asks": _asks(place, this, moment, worst),
    }  # fmt: skip


def _month(place: Place, first: date, last: date) -> Month:
    start, until = workdays.span(first, last)
    here = (under(Issue.village_code, place.code), ~Issue.about_staff)
    reported, closed = db.session.execute(
        select(
            func.count().filter(Issue.reported_at >= start, Issue.reported_at < until),
            func.count().filter(Issue.closed_at >= start, Issue.closed_at < until),
        ).where(*here)
    ).one()
    moment, live = _moment(last, until)
    return Month(
        coverage.coverage(place, place.below, last - timedelta(days=WINDOW - 1), last),
        reported, closed, aging.answered(place, start, until),
        aging.aging(place, moment, live=live),
    )  # fmt: skip


def _moment(last: date, as_of: datetime) -> tuple[datetime, bool]:
    """The end of a day as the maps read it, and whether that is the present."""
    if last >= workdays.today():
        return now(), True
    return workdays.end_of(last), False


def _end(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _late(counts: dict[Light, int]) -> int:
    return counts[Light.RED] + counts[Light.DEEP_RED]


def _figures(this: Month, before: Month) -> list[Figure]:
    def share(met: int, of: int) -> tuple[str, str]:
        return percent(met, of), f"{met:,} / {of:,}"

    def count(n: int) -> tuple[str, str]:
        return f"{n:,}", ""

    def pair(name: str, of: Any) -> Figure:
        return Figure(name, *of(this), *of(before))

    return [
        pair(_("Households met in %(n)s days", n=WINDOW),
             lambda m: share(m.cover.met, m.cover.households)),
        pair(_("Issues reported"), lambda m: count(m.reported)),
        pair(_("Issues closed"), lambda m: count(m.closed)),
        pair(_("Closed in time, of those due"),
             lambda m: share(m.answered.in_time, m.answered.due)),
        pair(_("Open at the end"), lambda m: count(m.open.total)),
        pair(_("Overdue at the end"), lambda m: share(_late(m.open.counts), m.open.total)),
    ]  # fmt: skip


def _asks(place: Place, this: Month, moment: datetime, worst: list[aging.OpenIssue]) -> list[str]:
    """What is asked of the leader, in sentences; nothing where nothing is."""
    asks = []
    deep = this.open.counts[Light.DEEP_RED]
    if deep:
        asks.append(_("Urge %(n)s issues that are over twice their limit.", n=deep))
    returned = trouble.returned_twice(by=moment)
    open_here = (Issue.closed_at.is_(None), under(Issue.village_code, place.code),
                 ~Issue.about_staff)  # fmt: skip
    twice = db.session.scalar(select(func.count()).where(*open_here, Issue.id.in_(returned)))
    if twice:
        asks.append(_("Decide who handles %(n)s issues that were returned twice.", n=twice))
    uncovered = [
        row for row in this.cover.rows if row.households and row.met * 100 < row.households * LOW
    ]
    if uncovered:
        names = "、".join(short_name(row.area.name) for row in uncovered[:4])
        asks.append(
            _("Ask %(n)s places why fewer than %(share)s of households were met: %(names)s.",
              n=len(uncovered), names=names, share=f"{LOW} %")
        )  # fmt: skip
    return asks
