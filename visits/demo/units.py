"""The units 部门、站所 of the townships and of the county, for what is not given to cells."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import numpy as np
from sqlalchemy import select

from grids.models import Membership, Team
from gridserve.db import db
from visits.demo.accounts import Account
from visits.demo.bulk import make_id
from visits.demo.offices import DUTIES, Office, of
from visits.demo.teams import Crew
from visits.issues.models import Category, Remit


def form(
    accounts: Sequence[Account], names: dict[str, str], since: date, rng: np.random.Generator
) -> dict[tuple[str, str], Crew]:
    """Make the units from the accounts that belong to one; the crew of each township for each
    category that cells are not given, by township and category.
    """
    people: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        if account.unit:
            people.setdefault((account.scope, account.unit), []).append(account)
    categories = db.session.scalars(select(Category)).all()
    parent = {category.code: category.parent_code for category in categories}
    apart = [category.code for category in categories if not category.to_cells]
    found: dict[tuple[str, str], Crew] = {}
    nearest: dict[tuple[str, str], int] = {}
    for (place, name), members in people.items():
        crew = Crew(make_id(rng), tuple(members), DUTIES[: len(members)])
        office = next(each for each in of(place) if each.name == name)
        _store(crew, names[place] + name, place, office, since)
        for code in apart:
            depth = next(
                (n for n, c in enumerate(_line(code, parent)) if c in office.categories), None
            )
            if depth is not None and depth < nearest.get((place, code), 99):
                nearest[place, code], found[place, code] = depth, crew
    return found


def _line(code: str | None, parent: dict[str, str | None]) -> list[str]:
    """A category and all above it."""
    line = []
    while code is not None:
        line.append(code)
        code = parent[code]
    return line


def _store(crew: Crew, name: str, place: str, office: Office, since: date) -> None:
    db.session.add(Team(id=crew.id, name=name, jurisdiction_code=place))
    db.session.flush()
    db.session.add_all(
        Membership(
            id=uuid.uuid5(crew.id, duty), team_id=crew.id, user_id=member.id, duty=duty,
            from_date=since,
        )
        for member, duty in zip(crew.members, crew.duties, strict=True)
    )  # fmt: skip
    db.session.add_all(Remit(team_id=crew.id, category_code=code) for code in office.categories)
    db.session.flush()
