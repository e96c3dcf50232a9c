"""A leader's start page: the few figures that say whether somebody must act today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import url_for

from grids.models import short_name
from gridserve import workdays
from gridserve.db import now
from gridserve.people import User
from maps import aging, asked, coverage
from maps.bands import percent, share_class
from maps.places import Place
from maps.words import LEVELS, category_name
from visits.counting import FORMULA
from visits.issues.clock import Light
from visits.issues.models import Category
from visits.issues.words import where
from visits.labels import amount, label

SHORT, LONG = 30, 90  # days of the two windows
PRESSING = 6


def figures(user: User, place: Place) -> dict[str, Any]:
    """What the page shows of `place`; the number of queries does not depend on its size."""
    today, moment = workdays.today(), now()
    cases = asked.cases(user)
    short, long = asked.window({"days": SHORT}), asked.window({"days": LONG})
    first = coverage.coverage(place, place.below, short.first, today)
    second = coverage.coverage(place, place.below, long.first, today)
    open_ = aging.aging(place, moment)
    oldest = aging.open_issues(user, place, moment, limit=PRESSING, only=Light.DEEP_RED)
    kinds = aging.categories()
    # due up to yesterday: today's may still be closed in time
    since, until = workdays.span(today - timedelta(days=SHORT), today - timedelta(days=1))
    answered = aging.answered(place, since, until)
    counts = {row.area.code: row for row in open_.rows}
    return {
        "short": {"days": SHORT, **_share(first),
                  "map": url_for("coverage.show", jurisdiction=place.code or None, days=SHORT),
                  "cases": cases.met(place.code, short, False)},
        "long": {"days": LONG, **_share(second),
                 "map": url_for("coverage.show", jurisdiction=place.code or None, days=LONG),
                 "cases": cases.met(place.code, long, False)},
        "open": {"count": open_.total, "href": cases.open(place.code)},
        "overdue": {"count": _overdue(open_.counts), "href": cases.open(place.code, overdue=1)},
        "deep_red_count": {"count": open_.counts[Light.DEEP_RED],
                     "href": cases.open(place.code, light=Light.DEEP_RED.value)},
        "answered": {
            "in_time": answered.in_time, "due": answered.due,
            "share": percent(answered.in_time, answered.due),
            "href": cases.filtered(
                place.code, declined=0, due_from=today - timedelta(days=SHORT),
                due_to=today - timedelta(days=1),
            ),
        },
        "aging_href": url_for("maps.aging", jurisdiction=place.code or None),
        "pressing": [case_line(issue, kinds) for issue in oldest],
        "parts_rows": [
            _part(row, counts.get(row.area.code), cases) for row in first.rows
            if row.households or (row.area.code in counts and counts[row.area.code].total)
        ],
        "level_name": LEVELS[place.below], "as_of": moment, "formulas": (FORMULA, aging.FORMULA),
    }  # fmt: skip


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


def _share(found: coverage.Coverage) -> dict[str, Any]:
    return {
        "met": found.met,
        "households": found.households,
        "share": percent(found.met, found.households),
    }


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
