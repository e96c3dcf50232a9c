"""The monthly public sheet 一月一公开 of a township: counts only, small groups kept back.

There is one for each township and none above it: a sheet of the county would publish, or hide, the
same totals once more, and two sheets together could show what each keeps back.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import short_name
from gridserve import workdays
from gridserve.db import db
from maps import aging, coverage, places
from maps.places import Place, under
from maps.sheets.standing import standing
from maps.sheets.suppression import SMALL, Line, kept_back
from visits.issues.chain import Status
from visits.issues.models import Category, Issue
from visits.labels import category_name

FORMULA = f"public-1 · {coverage.FORMULA}"
PROTECTED = "*"  # all sensitive categories together


@dataclass(frozen=True)
class Row:
    """A kind of issue or a village: figures by name, None where one is kept back."""

    name: str
    figures: dict[str, int | None]


@dataclass(frozen=True)
class PublicSheet:
    """What is published of a month."""

    kinds: list[Row]
    villages: list[Row]
    total: Row

    @property
    def anything_kept_back(self) -> bool:
        rows = (*self.kinds, *self.villages, self.total)
        return any(value is None for row in rows for value in row.figures.values())


ISSUES = ("reported", "closed")
HOMES = ("households", "met")
TIMELY = ("due", "in_time")


def sheet(place: Place, first: date, last: date, as_of: datetime) -> PublicSheet:
    """The public sheet of a township from `first` to `last`, as recorded by `as_of`."""
    kinds, names = _kinds(), {a.code: a.name for a in places.names(place, "village", last)}
    start, until = workdays.span(first, last)
    values: Counter[str] = Counter()
    groups: set[str] = set()
    for column, counted in _counted(place, start, until, as_of).items():
        for village, category, n in counted:
            group = kinds[category]
            groups.add(group)
            values[f"{column}/kind/{group}"] += n
            values[f"{column}/village/{village}"] += n
            values[f"{column}/all"] += n
    found = coverage.coverage(place, "village", first, last)
    for part in found.rows:
        _homes(values, f"village/{part.area.code}", part.met, part.households)
    _homes(values, "elsewhere", found.met - sum(r.met for r in found.rows), found.elsewhere)
    _homes(values, "all", found.met, found.households)
    answered = aging.answered(place, start, until)
    values["due/all"], values["in_time/all"] = answered.due, answered.in_time
    values["late/all"] = answered.due - answered.in_time
    order = sorted(groups - {PROTECTED}) + [PROTECTED] * (PROTECTED in groups)
    hidden = kept_back(values, _lines(order, list(names)))

    def row(name: str, key: str, *columns: str) -> Row:
        return Row(name, {c: None if f"{c}/{key}" in hidden else values[f"{c}/{key}"]
                          for c in columns})  # fmt: skip

    labels = {c.code: category_name(c) for c in aging.categories().values()}
    labels[PROTECTED] = _("Matters that are not published one by one")
    return PublicSheet(
        [row(labels[group], f"kind/{group}", *ISSUES) for group in order],
        [row(short_name(name), f"village/{code}", *ISSUES, *HOMES) for code, name in names.items()],
        row(short_name(place.name), "all", *ISSUES, *HOMES, *TIMELY),
    )


def _homes(values: Counter[str], key: str, met: int, households: int) -> None:
    values[f"met/{key}"] = met
    values[f"unmet/{key}"] = households - met
    values[f"households/{key}"] = households


def _lines(groups: list[str], villages: list[str]) -> list[Line]:
    """Which published figures are sums of which, also of those that a reader works out."""
    lines = [Line("due/all", ["in_time/all", "late/all"])]
    for column in ISSUES:
        lines.append(Line(f"{column}/all", [f"{column}/kind/{g}" for g in groups]))
        lines.append(Line(f"{column}/all", [f"{column}/village/{v}" for v in villages]))
    keys = [*(f"village/{v}" for v in villages), "elsewhere"]
    for column in ("met", "unmet", "households"):
        lines.append(Line(f"{column}/all", [f"{column}/{key}" for key in keys]))
    for key in (*keys, "all"):
        lines.append(Line(f"households/{key}", [f"met/{key}", f"unmet/{key}"]))
    return lines


def _kinds() -> dict[str, str]:
    """For each category the one at the top of it, or PROTECTED where it or one above is so."""
    rows = {row.code: row for row in db.session.scalars(select(Category))}

    def top(row: Category) -> str:
        above = rows.get(row.parent_code) if row.parent_code else None
        if row.sensitive:
            return PROTECTED
        return top(above) if above is not None else row.code

    return {code: top(row) for code, row in rows.items()}


def _counted(
    place: Place, start: datetime, until: datetime, as_of: datetime
) -> dict[str, list[Any]]:
    """(village, category, how many) of the issues reported, and of those closed with a result."""
    was = standing(as_of)
    base = (
        was.joined(select(Issue.id).select_from(Issue))
        .where(under(Issue.village_code, place.code), ~Issue.about_staff)
        .with_only_columns(Issue.village_code, Issue.category_code, func.count())
        .group_by(Issue.village_code, Issue.category_code)
    )
    reported = base.where(Issue.reported_at >= start, Issue.reported_at < until)
    closed = base.where(
        was.last.c.status_after == Status.CLOSED,
        was.ended.c.happened_at >= start,
        was.ended.c.happened_at < until,
    )
    return {
        "reported": list(db.session.execute(reported)),
        "closed": list(db.session.execute(closed)),
    }


def headings() -> dict[str, str]:
    """The columns of the sheet in their order."""
    return {
        "reported": _("Issues reported"),
        "closed": _("Issues closed"),
        "due": _("Should have been closed"),
        "in_time": _("Closed in time"),
        "households": _("Households"),
        "met": _("Households met"),
    }


def words(found: PublicSheet) -> list[str]:
    """What a reader of the sheet should know."""
    kept = _("A dash stands for a figure that is not published, so that no group of fewer than "
             "%(n)s shows, not by a difference either.", n=SMALL)  # fmt: skip
    return [
        _("Counts only: no names, addresses or single cases."),
        *([kept] if found.anything_kept_back else []),
    ]


def cell(row: Row, figure: str) -> int | str:
    """A figure in a table: nothing where there is none of the kind, a dash where it is kept back"""
    if figure not in row.figures:
        return ""
    value = row.figures[figure]
    return "–" if value is None else value


def shown(row: Row, figure: str) -> str:
    """The same on a page."""
    value = cell(row, figure)
    return f"{value:,}" if isinstance(value, int) else value
