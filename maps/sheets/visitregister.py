"""The register of visits 走访台账. A visit stands there with the cell and team of its day."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import aliased

from grids.models import Cell, Jurisdiction, Team
from gridserve.db import streamed
from gridserve.people import User
from maps.places import under
from maps.sheets.registers import Column, Span, at
from visits.issues.words import where
from visits.labels import label
from visits.masking import masked_name
from visits.models import Household, Visit
from visits.permissions import names_seen, visible_households

FORMULA = "visit-register-1"
COLUMNS = (
    Column("n", _l("No."), 7, screen=False, paper=3),
    Column("started", _l("Time"), 17, paper=8),
    Column("where", _l("Village and cell"), 24, paper=11),
    Column("household", _l("Household number"), 14, screen=False, paper=8),
    Column("name", _l("Household"), 12, paper=6),
    Column("address", _l("Address"), 26, paper=12),
    Column("purpose", _l("Purpose"), 11, screen=False, paper=6),
    Column("outcome", _l("Outcome"), 11, paper=6),
    Column("visitor", _l("Visited by"), 14, paper=7),
    Column("for", _l("For"), 12, screen=False, paper=6),
    Column("team", _l("Team"), 20, screen=False, paper=9),
    Column("notes", _l("What was noted"), 50, paper=22),
)
KEYS = (Visit.started_at, Visit.id)


def ids(user: User, span: Span) -> Select[Any]:
    """Select the ids of the visits of the register, oldest first when paged by KEYS."""
    return select(Visit.id).where(*_inside(user, span))


def _inside(user: User, span: Span) -> list[ColumnElement[bool]]:
    first, until = span.moments
    homes = visible_households(user).with_only_columns(Household.id)
    homes = homes.where(under(Household.village_code, span.place.code))
    return [
        Visit.household_id.in_(homes),
        Visit.started_at >= first,
        Visit.started_at < until,
        Visit.received_at <= span.as_of,
    ]


def rows(
    user: User, span: Span, only: Sequence[uuid.UUID] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows in the order of time, read as a stream; `only` these ids."""
    visitor, absent = aliased(User), aliased(User)
    query = (
        select(
            Visit.id, Visit.started_at, Visit.purpose, Visit.outcome, Visit.notes,
            visitor.name.label("visitor"), absent.name.label("absent"), Team.name.label("team"),
            Cell.name.label("cell"), Jurisdiction.name.label("village"),
            Household.id.label("home"), Household.number, Household.head_name, Household.address,
            Household.village_code, Household.cell_id,
        )
        .join(Household, Household.id == Visit.household_id)
        .join(Jurisdiction, Jurisdiction.code == Household.village_code)
        .join(visitor, visitor.id == Visit.visitor_id)
        .join(absent, absent.id == Visit.for_id, isouter=True)
        .join(Team, Team.id == Visit.team_id, isouter=True)
        .join(Cell, Cell.id == Visit.cell_id, isouter=True)
        .where(*(_inside(user, span) if only is None else (Visit.id.in_(only),)))
        .order_by(*KEYS)
    )  # fmt: skip
    seen = names_seen(user)
    for n, row in enumerate(streamed(query), 1):
        yield {
            "id": row.home,
            "n": n,
            "started": at(row.started_at),
            "where": where(row.village, row.cell),
            "household": row.number,
            "name": row.head_name if seen(row) else masked_name(row.head_name),
            "address": row.address,
            "purpose": label(row.purpose),
            "outcome": label(row.outcome),
            "visitor": row.visitor,
            "for": row.absent or "",
            "team": row.team or "",
            "notes": row.notes,
        }
