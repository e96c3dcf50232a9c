"""Whom a notice has reached: households told ÷ active households, place by place, and which."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Cell, Jurisdiction, Level
from gridserve.db import db
from gridserve.permissions import within
from visits.announcements.models import Announcement, Told
from visits.models import Household, HouseholdStatus


@dataclass(frozen=True)
class Reached:
    """How many active households of a place were told; `code` "" is the whole."""

    code: str
    name: str
    told: int
    households: int


def concerned(announcement: Announcement, at: str) -> ColumnElement[bool]:
    """Whether a household is active, lies in one of the places, and in `at` (6 to 15 digits)."""
    here: ColumnElement[bool] = Household.village_code.like(at[: Level.VILLAGE] + "%")
    if len(at) > Level.VILLAGE:
        here = Household.cell_id == select(Cell.id).where(Cell.code == at).scalar_subquery()
    active = Household.status == HouseholdStatus.ACTIVE
    return and_(active, here, within(Household.village_code, announcement.codes))


def was_told(announcement: Announcement) -> Any:
    """How a household is joined with its being told."""
    return and_(Told.announcement_id == announcement.id, Told.household_id == Household.id)


def key_below(at: str) -> Any:
    """By what the places directly below `at` are told apart: a code, or the id of a cell."""
    below = Level(len(at)).below
    return func.left(Household.village_code, below.value) if below else Household.cell_id


def reach(announcement: Announcement, at: str) -> list[Reached]:
    """The whole of `at` (a jurisdiction) first, then each place directly below it, by code."""
    key = key_below(at)
    rows = db.session.execute(
        select(key, func.count(), func.count(Told.household_id))
        .select_from(Household)
        .join(Told, was_told(announcement), isouter=True)
        .where(concerned(announcement, at))
        .group_by(key)
    ).all()
    names = names_of([row[0] for row in rows])
    parts = [Reached(*names.get(row[0], ("", "")), row[2], row[1]) for row in rows]
    parts.sort(key=lambda part: (not part.code, part.code))
    whole = Reached(at, "", sum(p.told for p in parts), sum(p.households for p in parts))
    return [whole, *parts]


def names_of(keys: Sequence[str | uuid.UUID | None]) -> dict[Any, tuple[str, str]]:
    """Code and name by what `key_below` gives; households that have no cell are named so."""
    cells = [key for key in keys if isinstance(key, uuid.UUID)]
    codes = [key for key in keys if isinstance(key, str)]
    found: dict[Any, tuple[str, str]] = {None: ("", _("Without a cell"))}
    if cells:
        for row in db.session.execute(
            select(Cell.id, Cell.code, Cell.name).where(Cell.id.in_(cells))
        ):
            found[row.id] = (row.code, row.name)
    if codes:
        for place in db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes))):
            found[place.code] = (place.code, place.short_name)
    return found


def cell_id(code: str) -> uuid.UUID | None:
    """The cell with this code."""
    return db.session.scalar(select(Cell.id).where(Cell.code == code))


def households(announcement: Announcement, at: str, *, told: bool) -> Select[Household]:
    """The active households of `at` that were told, or were not yet; page by village and number."""
    return (
        select(Household)
        .join(Told, was_told(announcement), isouter=True)
        .where(concerned(announcement, at))
        .where(Told.household_id.is_not(None) if told else Told.household_id.is_(None))
        .options(joinedload(Household.cell), raiseload("*"))
    )
