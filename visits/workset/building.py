"""The workset 工作包: all that a cadre's phone needs to work without signal.

Others add what is theirs here: a function `for_workset(user, day)` of their own package, called in
`build`. The number of queries does not grow with households or issues.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from grids.permissions import is_absent
from gridserve.db import db
from gridserve.people import User
from visits.announcements import workset as announced
from visits.hints import queries as hints
from visits.staffing import people
from visits.submissions import phone
from visits.workset import cases, ground, offered


def build(user: User, day: date) -> dict[str, Any]:
    """The workset of `user` on `day`; it changes only when what it shows has changed.

    What lies outside the user's scope today is not in it: the phone drops what it had before.
    """
    cells = ground.cells(user, day)
    codes = {cell.pop("_id"): cell["code"] for cell in cells}
    issues, issues_left_out = cases.issues(user, day)
    troubled = {i.household_id for i in issues if i.household_id and i.closed_at is None}
    households, households_left_out = ground.households(codes, day, troubled=troubled)
    described = cases.described(user, issues)
    told = announced.for_workset(user, day)
    for home in households:
        home |= told.of(home["id"])
    return {
        "me": _me(user, day),
        "today": day.isoformat(),
        "cells": cells,
        "households": households,
        "issues": described,
        "chain": cases.chain(),
        "categories": offered.categories({issue.category_code for issue in issues}),
        "questionnaire": told.questionnaire,
        "notices": told.notices,
        **offered.phrases(user, day),
        "teams": cases.teams(described, day),
        "refused": phone.for_workset(user, day),
        "hints": hints.for_workset(user, day),
        "left_out": [
            *(["households"] if households_left_out else []),
            *(["issues"] if issues_left_out else []),
        ],
    }


def _me(user: User, day: date) -> dict[str, Any]:
    stands_in = [
        {"name": one.a.name, "team": one.team.name}
        for one in people.standings(user.id, day)
        if one.acts and one.b.id == user.id
    ]
    away = bool(db.session.scalar(select(is_absent(user.id, day))))
    return {"id": str(user.id), "name": user.name, "away": away, "stands_in": stands_in}
