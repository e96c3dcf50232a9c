"""Absences: planned ones and sudden ones, said by the person or an administrator."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, or_, select

from grids.models import Membership, Team
from grids.permissions import holds_on
from grids.staffing import IdTaken, check_day, check_period, starts_otherwise, stored_once
from grids.standins import Absence
from gridserve import events, workdays
from gridserve.db import db
from gridserve.errors import Conflict, NotFound
from gridserve.people import Post, User
from gridserve.permissions import Permission, Role, scopes, within


class NoSuchPerson(NotFound):
    code = "person.not_found"


class NoSuchAbsence(NotFound):
    code = "absence.not_found"


class AwayAlready(Conflict):
    """One absence at a time."""

    code = "absence.overlaps"


def people_in(user: User, permission: Permission) -> Select[User]:
    """Those with a cadre's post or a place in a team where `user` has `permission`, and oneself.

    A post that has ended lets its holder still be looked up there, and no longer be decided on.
    """
    today, prefixes = workdays.today(), scopes(user, permission)
    posts = select(Post.user_id).where(
        Post.role == Role.CADRE, within(Post.jurisdiction_code, prefixes)
    )
    if permission is not Permission.GROUND_READ:
        posts = posts.where(or_(Post.to_date.is_(None), Post.to_date > today))
    serving = (
        select(Membership.user_id)
        .join(Team, Team.id == Membership.team_id)
        .where(within(Team.jurisdiction_code, prefixes), holds_on(Membership, today))
    )
    return select(User).where(or_(User.id == user.id, User.id.in_(posts), User.id.in_(serving)))


def say(said: dict[str, Any], *, by: User) -> Absence:
    """Record an absence: id, user (oneself), kind, from_date (today), to_date (open).

    `to_date` is the first day back. Raises NoSuchPerson, Invalid, AwayAlready, IdTaken.
    """
    user_id = said.get("user") or by.id
    # Locked: the repeat of a request that is under way waits and finds its absence.
    person = db.session.scalar(
        people_in(by, Permission.GROUND_WRITE)
        .where(User.id == user_id)
        .with_for_update(key_share=True)
    )
    if person is None:
        raise NoSuchPerson(
            _("No such person in your scope. Others are put down by administrators.")
        )
    known = db.session.get(Absence, said["id"], populate_existing=True)
    if known is not None:
        other = (known.user_id, known.kind) != (user_id, said["kind"])
        if other or starts_otherwise(known, said):
            raise IdTaken(_("This id is already used for another absence; make a new one."))
        return known
    first, last = check_period(said)
    row = Absence(
        id=said["id"], user_id=user_id, kind=said["kind"], from_date=first, to_date=last,
        said_by_id=by.id,
    )  # fmt: skip
    taken = AwayAlready(_("There is an absence on some of these days already: end that one first."))
    with stored_once(taken):
        db.session.add(row)
    _told("absence.said", row, by)
    return row


def end(absence_id: uuid.UUID, on: date, *, by: User) -> Absence:
    """End an absence: `on` is the first day back. One that had not begun never held."""
    people = people_in(by, Permission.GROUND_WRITE).with_only_columns(User.id)
    row = db.session.scalar(
        select(Absence)
        .where(Absence.id == absence_id, Absence.user_id.in_(people))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NoSuchAbsence(_("No such absence in your scope."))
    check_day(on, "/on")
    if row.to_date is None or row.to_date > on:
        row.to_date = max(on, row.from_date)
        db.session.flush()
        _told("absence.ended", row, by)
    return row


def visible_absences(user: User, day: date) -> Select[Absence]:
    """Who is away on `day` among those whom `user` knows of."""
    people = people_in(user, Permission.GROUND_READ).with_only_columns(User.id)
    return select(Absence).where(Absence.user_id.in_(people), holds_on(Absence, day))


def _told(action: str, row: Absence, by: User) -> None:
    # The trail says that somebody was away and not why: illness is nobody's business.
    data = {"from_date": row.from_date.isoformat()}
    if row.to_date is not None:
        data["to_date"] = row.to_date.isoformat()
    events.record(action, row.user_id, by=by.id, data=data)
