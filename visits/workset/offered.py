"""What a phone offers to choose from: categories of issues, and phrases for notes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.intake.initials import initials
from visits.issues.models import Category
from visits.models import Outcome, Visit
from visits.workset.icons import icon_of
from visits.workset.values import filled

PHRASES = (
    _l("All is well at home."),
    _l("Works away from home; relatives look after the house."),
    _l("The elderly are in fair health."),
    _l("The children are at school as they should be."),
    _l("Told about medical insurance."),
    _l("Told about safety with fire, electricity and gas."),
    _l("Warned of fraud by telephone and online."),
    _l("Told where to go when heavy rain comes."),
    _l("Has questions on policy; answered on the spot."),
)
# For a visit that met nobody.
PHRASES_AWAY = (
    _l("Nobody home; asked the neighbours."),
    _l("Door locked; left a note."),
    _l("Agreed to come again."),
)
OFTEN, OWN, SHORTEST, LONGEST = timedelta(days=90), 8, 2, 30


def phrases(user: User, day: date) -> dict[str, list[str]]:
    """What one often writes after a visit, apart for visits that met nobody: first the person's own
    short notes that came again of late, the most used first, then the common ones."""
    times, met = func.count(), Visit.outcome == Outcome.MET
    rows = (
        select(Visit.notes, met)
        .where(
            Visit.visitor_id == user.id,
            Visit.started_at >= workdays.start_of(day - OFTEN),
            func.length(Visit.notes).between(SHORTEST, LONGEST),
        )
        .group_by(Visit.notes, met)
        .having(times > 1)
        .order_by(times.desc(), Visit.notes)
        .limit(2 * OWN)
    )
    own: dict[bool, list[str]] = {True: [], False: []}
    for notes, was_met in db.session.execute(rows):
        own[was_met].append(notes)
    return {
        "phrases": list(dict.fromkeys([*own[True][:OWN], *map(str, PHRASES)])),
        "phrases_away": list(dict.fromkeys([*own[False][:OWN], *map(str, PHRASES_AWAY)])),
    }


def categories(used: Collection[str]) -> list[dict[str, Any]]:
    """The categories in use, those above them, and those of the issues that are shown."""
    rows = list(db.session.scalars(select(Category).order_by(Category.code)))
    above = {row.code: row.parent_code for row in rows}
    names = {row.code: row.name for row in rows}
    return [
        filled(
            code=row.code,
            name=row.name,
            name_en=row.name_en,
            parent=row.parent_code,
            icon=icon_of(row.code, above),
            promise=row.promise.value,
            limit={"amount": row.limit.amount, "unit": row.limit.unit.value},
            materials=row.materials.splitlines(),
            to_cells=row.to_cells,
            sensitive=row.sensitive,
            about_staff=row.about_staff,
            off=not row.active,
            find=_found_by(row, names.get(row.parent_code or "", "")),
        )
        for row in rows
        if row.active or row.code in used
    ]


def _found_by(category: Category, parent: str) -> str:
    """What somebody may type to find it: the initials of its names, and the words themselves."""
    words = (initials(category.name), initials(parent), category.name_en.lower(), category.name)
    return " ".join(dict.fromkeys(word for word in words if word))
