"""What is asked about people: who is away, where they serve, who stands in, what they have open."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from grids.absences import NoSuchPerson, people_in, visible_absences
from grids.models import Assignment, Cell, Membership, Team
from grids.permissions import holds_on, is_absent
from grids.queries import jurisdiction
from grids.standins import Absence, Deputy
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, may
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues


def absences(user: User, code: str | None, day: date) -> Select[Absence]:
    """Who is away on `day`, of the teams below `code` where it is given."""
    query = visible_absences(user, day).options(joinedload(Absence.user))
    if code:
        prefix = jurisdiction(user, code).code
        serving = (
            select(Membership.user_id)
            .join(Team, Team.id == Membership.team_id)
            .where(Team.jurisdiction_code.startswith(prefix), holds_on(Membership, day))
        )
        query = query.where(Absence.user_id.in_(serving))
    return query


def absence(absence_id: uuid.UUID) -> Absence:
    """One absence with its person."""
    query = select(Absence).where(Absence.id == absence_id).options(joinedload(Absence.user))
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


def with_kinds(user: User, rows: Sequence[Absence]) -> list[dict[str, Any]]:
    """Absences as answered: why only of oneself and of those whose teams `user` keeps."""
    kept = people_in(user, Permission.GROUND_WRITE).with_only_columns(User.id)
    ids = [row.user_id for row in rows]
    told = set(db.session.scalars(kept.where(User.id.in_(ids)))) if ids else set()
    return [
        {
            "id": row.id, "user": row.user, "from_date": row.from_date, "to_date": row.to_date,
            "kind": row.kind if row.user_id in told else None,
        }
        for row in rows
    ]  # fmt: skip


def person(user: User, user_id: uuid.UUID) -> User:
    """Somebody whom `user` knows of; NoSuchPerson outside the scope."""
    found = db.session.scalar(people_in(user, Permission.GROUND_READ).where(User.id == user_id))
    if found is None:
        raise NoSuchPerson(_("No such person in your scope."))
    return found


@dataclass(frozen=True)
class Standing:
    """B stands in for A in a team from a day to a day; `acts` where A is away today and B not."""

    deputy: Deputy
    team: Team
    b: User
    a: User
    acts: bool


def standings(user_id: uuid.UUID, day: date) -> list[Standing]:
    """Who stands in for a person and for whom the person stands in, on `day` or later."""
    a, b = aliased(User), aliased(User)
    away = is_absent(a.id, day) & ~is_absent(b.id, day)
    rows = (
        select(Deputy, Team, b, a, away.label("away"))
        .join(Membership, Membership.id == Deputy.membership_id)
        .join(Team, Team.id == Membership.team_id)
        .join(a, a.id == Deputy.for_id)
        .join(b, b.id == Deputy.user_id)
        .where(
            or_(Deputy.user_id == user_id, Deputy.for_id == user_id),
            or_(Deputy.to_date.is_(None), Deputy.to_date > day),
        )
        .order_by(Deputy.from_date, Team.name)
    )
    return [
        Standing(row[0], row[1], row[2], row[3], row.away and row[0].from_date <= day)
        for row in db.session.execute(rows)
    ]


def memberships(user_id: uuid.UUID) -> Sequence[Membership]:
    """Where a person serves and served, the latest first."""
    return db.session.scalars(
        select(Membership)
        .where(Membership.user_id == user_id)
        .options(joinedload(Membership.team))
        .order_by(Membership.from_date.desc(), Membership.id)
    ).all()


def cells_held(user_id: uuid.UUID, day: date) -> Sequence[Cell]:
    """The cells for which a person's own teams answer on `day`."""
    teams = select(Membership.team_id).where(
        Membership.user_id == user_id, holds_on(Membership, day)
    )
    held = select(Assignment.cell_id).where(
        Assignment.team_id.in_(teams), holds_on(Assignment, day)
    )
    return db.session.scalars(select(Cell).where(Cell.id.in_(held)).order_by(Cell.code)).all()


def open_issues(user: User, user_id: uuid.UUID) -> int | None:
    """How many open issues are in a person's charge, of those that `user` may see; None for who
    sees none."""
    if not may(user, Permission.ISSUE_READ):
        return None
    mine = visible_issues(user).where(Issue.handler_id == user_id, Issue.closed_at.is_(None))
    return db.session.scalar(select(func.count()).select_from(mine.subquery())) or 0


def absences_of(user_id: uuid.UUID, day: date) -> Sequence[Absence]:
    """A person's present and coming absences."""
    return db.session.scalars(
        select(Absence)
        .where(
            Absence.user_id == user_id,
            or_(Absence.to_date.is_(None), Absence.to_date > day),
        )
        .options(joinedload(Absence.user))
        .order_by(Absence.from_date)
    ).all()
