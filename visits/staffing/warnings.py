"""What is missing in teams and cells: shown on the roster and to the administrator."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    String,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from grids.models import Assignment, Cell, Duty, Jurisdiction, Membership, Team, short_name
from grids.permissions import holds_on, is_absent, reach
from grids.standins import Deputy
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, within
from visits.issues.charge import can_act
from visits.issues.models import Remit
from visits.models import Household, HouseholdStatus

# What each kind of warning says.
WORDS: dict[str, Any] = {
    "cells_without_team": _l("Cells without a team"),
    "cells_without_leader": _l("Cells without a leader"),
    "leaders_away": _l("Cells whose leader is away, without a deputy who is there"),
    "too_many_households": _l("People with too many households"),
    "cannot_act": _l("Members who cannot sign in or whose post has ended"),
    "teams_without_cells": _l("Teams without cells and without categories"),
    "teams_without_members": _l("Teams without members"),
}
CASES = 8  # named of each kind; the count says how many there are


def warnings(user: User, code: str, day: date) -> list[dict[str, Any]]:
    """What is missing below `code` on `day`: [{kind, count, cases}], only kinds that occur.

    One query for each kind, however large the jurisdiction.
    """
    prefixes = reach(user, Permission.GROUND_READ)

    def here(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        return column.startswith(code) & within(column, prefixes)

    asked: tuple[tuple[str, Select[Any]], ...] = (
        ("cells_without_team", _cells(here, day).where(~_leads(day).exists())),
        ("cells_without_leader", _cells(here, day).where(
            _leads(day).exists(), ~_led(day).exists())),
        ("leaders_away", _cells(here, day).where(
            _led(day).exists(), ~_led(day).where(_is_there(Membership, day)).exists())),
        ("too_many_households", _burdened(here, day)),
        ("cannot_act", _people(here, day).where(~can_act(Membership.user_id, day))),
        ("teams_without_cells", _teams(here).where(
            ~_holds(day).exists(), ~_answers().exists())),
        ("teams_without_members", _teams(here).where(~_serves(day).exists())),
    )  # fmt: skip
    found = []
    for kind, query in asked:
        rows = db.session.execute(
            query.add_columns(func.count().over().label("n")).limit(CASES)
        ).all()
        if rows:
            found.append({"kind": kind, "count": rows[0].n, "cases": [_name(row) for row in rows]})
    return found


def _name(row: Any) -> str:
    place = short_name(row.place) if row.place else ""
    return " · ".join(part for part in (place, row.name, row.note) if part)


def _cells(here: Any, day: date) -> Select[Any]:
    return (
        select(Jurisdiction.name.label("place"), Cell.name.label("name"), _nothing())
        .join(Jurisdiction, Jurisdiction.code == Cell.village_code)
        .where(holds_on(Cell, day), here(Cell.village_code))
        .order_by(Cell.code)
    )


def _nothing() -> Any:
    return literal(None, String).label("note")


def _leads(day: date) -> Select[uuid.UUID]:
    return select(Assignment.id).where(
        Assignment.cell_id == Cell.id, holds_on(Assignment, day), Assignment.lead
    )


def _led(day: date) -> Select[uuid.UUID]:
    """Leaders of a cell's lead team."""
    return (
        select(Membership.id)
        .join(Assignment, Assignment.team_id == Membership.team_id)
        .where(
            Assignment.cell_id == Cell.id,
            holds_on(Assignment, day),
            Assignment.lead,
            Membership.duty == Duty.LEADER,
            holds_on(Membership, day),
        )
    )


def _is_there(model: type[Membership], day: date) -> ColumnElement[bool]:
    """Whether a member, or a deputy in the place, is there on `day`."""
    b = aliased(Deputy)
    deputy = exists().where(
        b.membership_id == model.id, holds_on(b, day), ~is_absent(b.user_id, day)
    )
    return or_(~is_absent(model.user_id, day), deputy)


def _teams(here: Any) -> Select[Any]:
    return (
        select(Jurisdiction.name.label("place"), Team.name.label("name"), _nothing())
        .join(Jurisdiction, Jurisdiction.code == Team.jurisdiction_code)
        .where(Team.to_date.is_(None), here(Team.jurisdiction_code))
        .order_by(Team.jurisdiction_code, Team.name)
    )


def _holds(day: date) -> Select[uuid.UUID]:
    return select(Assignment.id).where(Assignment.team_id == Team.id, holds_on(Assignment, day))


def _answers() -> Select[uuid.UUID]:
    """What a unit answers for instead of cells."""
    return select(Remit.team_id).where(Remit.team_id == Team.id)


def _serves(day: date) -> Select[uuid.UUID]:
    return select(Membership.id).where(Membership.team_id == Team.id, holds_on(Membership, day))


def _people(here: Any, day: date) -> Select[Any]:
    return (
        select(Team.name.label("place"), User.name.label("name"), _nothing())
        .join(Membership, Membership.team_id == Team.id)
        .join(User, User.id == Membership.user_id)
        .where(holds_on(Membership, day), here(Team.jurisdiction_code))
        .order_by(Team.jurisdiction_code, Team.name, User.name)
    )


def _burdened(here: Any, day: date) -> Any:
    """Full-time members with more households than they can know: each cell's active households
    shared by the full-time members of its lead team."""
    most = current_app.extensions["gridserve"].households_per_cadre
    homes = (
        select(Household.cell_id, func.count().label("homes"))
        .where(Household.status == HouseholdStatus.ACTIVE, here(Household.village_code))
        .group_by(Household.cell_id)
        .subquery()
    )
    full = (
        select(Membership.team_id, Membership.user_id,
               func.count().over(partition_by=Membership.team_id).label("share"))
        .where(Membership.duty == Duty.FULL_TIME, holds_on(Membership, day))
        .subquery()
    )  # fmt: skip
    total = func.sum(cast(homes.c.homes, Float) / full.c.share)
    return (
        select(func.min(Team.name).label("place"), User.name.label("name"),
               cast(func.round(total), String).label("note"))
        .select_from(homes)
        .join(Assignment, (Assignment.cell_id == homes.c.cell_id) & Assignment.lead
              & holds_on(Assignment, day))
        .join(full, full.c.team_id == Assignment.team_id)
        .join(Team, Team.id == Assignment.team_id)
        .join(User, User.id == full.c.user_id)
        .group_by(User.id, User.name)
        .having(total > most)
        .order_by(total.desc(), User.id)
    )  # fmt: skip
