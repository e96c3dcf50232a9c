"""A leader's start page: the few figures that say whether somebody must act today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import ColumnElement, func, select

from grids.models import short_name
from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import User
from maps import aging, asked, coverage
from maps.bands import change, percent, points, share_class
from maps.coverage import Figures
from maps.measures import DUE, MET, Measure
from maps.places import Place, under
from maps.words import LEVELS, category_name
from visits.counting import DUE_FORMULA, FORMULA
from visits.figures import kept_days
from visits.issues import trouble
from visits.issues.clock import Light
from visits.issues.models import Category, Issue
from visits.issues.words import where
from visits.labels import amount, label

DAYS = 30  # of the windows
PRESSING = 6


def figures(user: User, place: Place) -> dict[str, Any]:
    """What the page shows of `place`; the number of queries does not depend on its size."""
    today, moment = workdays.today(), now()
    cases, window = asked.cases(user), asked.window({"days": DAYS})
    earlier = window.ending(kept_days()[1])  # the last month
    found, before = (
        coverage.coverage(place, place.below, each.first, each.last, due=True, drawn=each is window)
        for each in (window, earlier)
    )
    open_ = aging.aging(place, moment)
    oldest = aging.open_issues(user, place, moment, limit=PRESSING, only=Light.DEEP_RED)
    kinds = aging.categories()
    # due up to yesterday: today's may still be closed in time
    since, until = workdays.span(today - timedelta(days=DAYS), today - timedelta(days=1))
    answered = aging.answered(place, since, until)
    counts = {row.area.code: row for row in open_.rows}
    return {
        "days": DAYS, "earlier": earlier.last,
        "coverage": [
            {"measure": measure, **_share(measure, found, before),
             "map": url_for("coverage.show", jurisdiction=place.code or None, days=DAYS,
                            measure=None if measure is MET else measure.key)}
            for measure in (MET, DUE)
        ],
        "open": {"count": open_.total, "href": cases.open(place.code),
                 **_moved(place, workdays.start_of(window.first))},
        "overdue": {"count": _overdue(open_.counts), "href": cases.open(place.code, overdue=1)},
        "deep_red_count": {"count": open_.counts[Light.DEEP_RED],
                     "href": cases.open(place.code, light=Light.DEEP_RED.value)},
        "answered": {
            "in_time": answered.in_time, "due": answered.due,
            "share": percent(answered.in_time, answered.due),
            "href": cases.filtered(
                place.code, declined=0, due_from=today - timedelta(days=DAYS),
                due_to=today - timedelta(days=1),
            ),
        },
        "aging_href": url_for("maps.aging", jurisdiction=place.code or None),
        "troubles": _troubles(place, cases),
        "pressing": [case_line(issue, kinds) for issue in oldest],
        "parts_rows": [
            _part(row, counts.get(row.area.code), cases) for row in found.rows
            if row.households or (row.area.code in counts and counts[row.area.code].total)
        ],
        "level_name": LEVELS[place.below], "as_of": moment, "found": found,
        "formulas": (FORMULA, DUE_FORMULA, aging.FORMULA),
    }  # fmt: skip


def _here(place: Place) -> tuple[ColumnElement[bool], ...]:
    return (under(Issue.village_code, place.code), ~Issue.about_staff)


def _troubles(place: Place, cases: asked.Cases) -> list[dict[str, Any]]:
    """Beside what is long overdue: how many open issues are in each trouble."""
    row = db.session.execute(trouble.counts(_here(place))).one()
    return [
        {"label": trouble.WORDS[kind], "count": getattr(row, kind.value),
         "href": cases.open(place.code, trouble=kind.value)}
        for kind in trouble.Trouble if getattr(row, kind.value)
    ]  # fmt: skip


def _moved(place: Place, since: datetime) -> dict[str, int]:
    """How many issues came and how many were closed since then."""
    came, closed = (
        select(func.count()).where(*_here(place), moment >= since).scalar_subquery()
        for moment in (Issue.reported_at, Issue.closed_at)
    )
    row = db.session.execute(select(came.label("reported"), closed.label("closed"))).one()
    return {"reported": row.reported, "closed": row.closed}


def case_line(issue: aging.OpenIssue, kinds: Mapping[str, Category]) -> dict[str, Any]:
    """An open issue as a line of a table."""
    return {
        "number": issue.number, "title": issue.words, "age": amount(issue.age, issue.limit.unit),
        "limit": amount(issue.limit.amount, issue.limit.unit),
        "category": category_name(kinds.get(issue.category_code)),
        "light": {"key": issue.light.value, "label": label(issue.light)},
        "where": where(issue.village, issue.cell),
        "href": url_for("issues.show", issue_id=issue.id),
    }  # fmt: skip


def _share(measure: Measure, found: Figures, before: Figures) -> dict[str, Any]:
    pair, earlier = measure.pair(found), measure.pair(before)
    moved = change(pair, earlier)
    return {
        "part": pair[0], "whole": pair[1], "share": percent(*pair),
        "change": None if moved is None else points(moved),
    }  # fmt: skip


def _overdue(counts: dict[Light, int]) -> int:
    return counts[Light.RED] + counts[Light.DEEP_RED]


def _part(row: coverage.Row, issues: aging.Row | None, cases: asked.Cases) -> dict[str, Any]:
    code = row.area.code
    counts = issues.counts if issues else dict.fromkeys(Light, 0)
    deeper = len(code) < 15
    return {
        "name": short_name(row.area.name), "met": row.met, "households": row.households,
        "share": percent(row.met, row.households), "cls": share_class(row.met, row.households),
        "href": url_for("maps.home", jurisdiction=code) if deeper else None,
        "open": {"count": sum(counts.values()), "href": cases.open(code)},
        "overdue": {"count": _overdue(counts), "href": cases.open(code, overdue=1)},
        "deep_red": {"count": counts[Light.DEEP_RED],
                     "href": cases.open(code, light=Light.DEEP_RED.value)},
    }  # fmt: skip
