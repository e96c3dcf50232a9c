"""Who may see and keep which part of the ground. A cadre's part is the cells of the own teams."""

from __future__ import annotations

import uuid
from datetime import date

from sqlalchemy import ColumnElement, Date, Select, and_, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from grids.models import Assignment, Cell, Change, Jurisdiction, Membership, Team
from gridserve import workdays
from gridserve.people import User
from gridserve.permissions import Permission, Role, scopes, within

# These roles see all of their jurisdiction; a cadre sees the cells of the own teams.
WIDE_ROLES = tuple(role for role in Role if role is not Role.CADRE)


def holds_on(
    model: type[Assignment] | type[Membership] | type[Cell], day: date
) -> ColumnElement[bool]:
    """Whether a row with from and to dates holds on `day`."""
    then = literal(day, Date)
    return and_(model.from_date <= then, or_(model.to_date.is_(None), model.to_date > then))


def teams_of(user: User, day: date) -> Select[uuid.UUID]:
    """The ids of the teams in which `user` serves on `day`."""
    return select(Membership.team_id).where(
        Membership.user_id == user.id, holds_on(Membership, day)
    )


def cells_of(user: User, day: date) -> Select[uuid.UUID]:
    """The ids of the cells for which the teams of `user` answer on `day`."""
    return select(Assignment.cell_id).where(
        Assignment.team_id.in_(teams_of(user, day)), holds_on(Assignment, day)
    )


def responsible_team(user: User, cell_id: uuid.UUID, day: date) -> Select[uuid.UUID]:
    """The team through which `user` answered for the cell on `day`, if there was one."""
    return (
        select(Assignment.team_id)
        .where(
            Assignment.cell_id == cell_id,
            Assignment.team_id.in_(teams_of(user, day)),
            holds_on(Assignment, day),
        )
        .order_by(Assignment.lead.desc(), Assignment.from_date)
        .limit(1)
    )


def in_scope(
    user: User,
    permission: Permission,
    code: InstrumentedAttribute[str],
    cell_id: InstrumentedAttribute[uuid.UUID] | InstrumentedAttribute[uuid.UUID | None],
) -> ColumnElement[bool]:
    """The one criterion for rows that lie somewhere: by code prefix, or by a cadre's own cells.

    `code` is the row's village code and `cell_id` its cell.
    """
    wide = within(code, scopes(user, permission, among=WIDE_ROLES))
    if not scopes(user, permission, among=(Role.CADRE,)):
        return wide
    return or_(wide, cell_id.in_(cells_of(user, workdays.today())))


def visible_jurisdictions(user: User) -> Select[Jurisdiction]:
    """All jurisdictions from the user's own down, and those above as the path to them."""
    prefixes = scopes(user, Permission.GROUND_READ)
    above = {prefix[:n] for prefix in prefixes for n in (2, 4, 6, 9) if n < len(prefix)}
    return select(Jurisdiction).where(
        or_(within(Jurisdiction.code, prefixes), Jurisdiction.code.in_(above))
    )


def visible_cells(user: User) -> Select[Cell]:
    """The cells of the user's jurisdictions (for a cadre too: neighbours are no secret)."""
    return select(Cell).where(within(Cell.village_code, scopes(user, Permission.GROUND_READ)))


def visible_changes(user: User) -> Select[Change]:
    """The changes of cells in the user's jurisdictions."""
    return select(Change).where(within(Change.village_code, scopes(user, Permission.GROUND_READ)))


def visible_teams(user: User) -> Select[Team]:
    """The teams of the user's jurisdictions."""
    return select(Team).where(within(Team.jurisdiction_code, scopes(user, Permission.GROUND_READ)))


def is_member(user: User, team_id: uuid.UUID, day: date) -> ColumnElement[bool]:
    """Whether `user` serves in the team on `day`, as a criterion to select."""
    return teams_of(user, day).where(Membership.team_id == team_id).exists()
