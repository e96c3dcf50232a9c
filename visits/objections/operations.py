"""Objecting to a quarter's figures of the own team, and answering. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from grids.models import Level, Team
from grids.permissions import teams_of
from gridserve import events, workdays
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, may
from gridserve.worktime import Unit
from visits.issues.clock import Limit, reckon
from visits.objections.models import Objection
from visits.telling import operations as telling
from visits.telling.causes import Kind, Part
from visits.telling.recipients import Offices, Told


class TooLate(Conflict):
    """The days in which a team may object are over, or have not begun."""

    code = "objection.closed"


def quarter_name(first: date) -> str:
    """A quarter as it is written in titles and addresses: 2026-Q1."""
    return f"{first.year}-Q{(first.month + 2) // 3}"


def quarter_end(quarter: date) -> date:
    """The last day of the quarter that begins with `quarter`."""
    return (quarter + timedelta(days=100)).replace(day=1) - timedelta(days=1)


def window(code: str, quarter: date) -> tuple[datetime, datetime]:
    """From when to when a team of the jurisdiction may object: so many working days after it."""
    begins = workdays.end_of(quarter_end(quarter))
    days = current_app.extensions["gridserve"].appeal_days
    found = reckon(
        book().of(code), Limit(days, Unit.WORKING_DAY), begins - timedelta(microseconds=1)
    )
    return begins, found.due_at


def objections(quarter: date, teams: Collection[uuid.UUID], as_of: datetime) -> Sequence[Objection]:
    """What these teams said of the quarter by `as_of`, in the order in which they said it."""
    return db.session.scalars(
        select(Objection)
        .where(Objection.quarter == quarter, Objection.team_id.in_(teams), Objection.at <= as_of)
        .options(
            joinedload(Objection.by), joinedload(Objection.team), joinedload(Objection.answered_by)
        )
        .order_by(Objection.at, Objection.id)
    ).all()


def own_teams(user: User) -> set[uuid.UUID]:
    """The teams in which the user serves today."""
    return set(db.session.scalars(teams_of(user, workdays.today())))


def object_to(
    objection_id: uuid.UUID, team_id: uuid.UUID, quarter: date, words: str, *, by: User
) -> Objection:
    """Say what is wrong with the own team's figures; the same again changes nothing.

    The leaders of the township, who answer it, are told, or those above it where there is no other
    than who objects. Raises Forbidden for another team, TooLate outside the days for it, Invalid
    without words.
    """
    known = db.session.get(Objection, objection_id)
    if known is not None:
        if (known.by_id, known.team_id, known.quarter, known.words) != (
            by.id, team_id, quarter, words,
        ):  # fmt: skip
            raise Conflict(_("This id is already used for something else; make a new one."))
        return known
    if team_id not in own_teams(by):
        raise Forbidden(_("Only who serves in the team may object for it."))
    if not words:
        raise Invalid(errors={"/words": [_("Say what is wrong.")]})
    team = db.session.get_one(Team, team_id)
    begins, ends = window(team.jurisdiction_code, quarter)
    if not begins <= now() < ends:
        raise TooLate(_("The days in which a team may object to this quarter are over."))
    row = Objection(id=objection_id, team_id=team_id, quarter=quarter, words=words, by_id=by.id)
    db.session.add(row)
    _note("objection.made", row, team, by)
    township = _township_of(team)  # also of a village's team: a leader there sees no comparison
    _tell(Kind.OBJECTION, row, team, Offices([township], but=by.id).leaders(township))
    return row


def answer(objection_id: uuid.UUID, words: str, *, upheld: bool, by: User) -> None:
    """Answer an objection, once; who made it is told. Nobody answers the own one.

    Raises NotFound, Forbidden, Invalid, Conflict.
    """
    row = db.session.get(Objection, objection_id, with_for_update=True)
    team = db.session.get(Team, row.team_id) if row else None
    if row is None or team is None or not may(by, Permission.ISSUE_URGE, team.jurisdiction_code):
        raise NotFound(_("No such objection in your scope."))
    if row.by_id == by.id:
        raise Forbidden(_("Somebody else has to answer what you object to."))
    if not words:
        raise Invalid(errors={"/words": [_("Say why.")]})
    if row.answer is not None:
        if (row.answer, row.upheld) == (words, upheld):
            return
        raise Conflict(_("This objection is answered already."))
    row.answer, row.upheld, row.answered_by_id, row.answered_at = words, upheld, by.id, now()
    _note("objection.answered", row, team, by)
    people = {Told(row.by_id, Part.ASKER, team.jurisdiction_code)}
    _tell(Kind.OBJECTION_ANSWERED, row, team, people, answer=words, upheld=upheld)


def _township_of(team: Team) -> str:
    return team.jurisdiction_code[: Level.TOWNSHIP]


def _note(action: str, row: Objection, team: Team, by: User) -> None:
    data = {"team": str(row.team_id), "quarter": row.quarter.isoformat()}
    events.record(action, row.id, by=by.id, jurisdiction=team.jurisdiction_code, data=data)


def _tell(kind: Kind, row: Objection, team: Team, people: set[Told], **values: Any) -> None:
    quarter = quarter_name(row.quarter)
    about = {
        "title": f"{team.name} · {quarter}", "quarter": quarter, "township": _township_of(team),
    }  # fmt: skip
    telling.write_about(kind, f"{kind}:{row.id}", row.id, people, values=about | values)
