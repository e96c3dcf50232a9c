"""Who may see and keep which part of the ground. A cadre's part is the cells of the own teams."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Select,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, aliased

from grids.models import Assignment, Cell, Change, Jurisdiction, Membership, Team
from grids.standins import Absence, Deputy
from gridserve import workdays
from gridserve.db import Asked, db
from gridserve.people import Post, User
from gridserve.permissions import Permission, Role, covers, scopes, within

# These roles see all of their jurisdiction; a cadre sees the cells of the own teams.
WIDE_ROLES = tuple(role for role in Role if role is not Role.CADRE)


def holds_on(
    model: type[Assignment | Membership | Cell | Deputy | Absence | Post],
    day: date | ColumnElement[date],
) -> ColumnElement[bool]:
    """Whether a row with from and to dates holds on `day`."""
    then = day if isinstance(day, ColumnElement) else literal(day, Date)
    return and_(model.from_date <= then, or_(model.to_date.is_(None), model.to_date > then))


@cache
def _away() -> type[Absence]:
    """Absences under a name of their own: the caller's query may ask for absences too.

    Made once, since making an alias takes longer than all else of building a query.
    """
    return aliased(Absence)


def is_absent(user_id: Any, day: date) -> ColumnElement[bool]:
    """Whether the person (an id, or a column of ids) is away on `day`."""
    away = _away()
    return exists().where(away.user_id == user_id, holds_on(away, day))


def stood_in(user: User, day: date) -> Select[uuid.UUID]:
    """The ids of the memberships in which `user` stands in on `day`: A is away and B is not."""
    return select(Deputy.membership_id).where(
        Deputy.user_id == user.id,
        holds_on(Deputy, day),
        is_absent(Deputy.for_id, day),
        ~is_absent(Deputy.user_id, day),
    )


def serves(user: User, day: date) -> ColumnElement[bool]:
    """Whether a membership is the user's own on `day`, or one in which the user stands in."""
    mine = select(Membership.id).where(Membership.user_id == user.id)
    both = mine.union_all(stood_in(user, day)).subquery()
    return and_(Membership.id.in_(select(both)), holds_on(Membership, day))


def teams_of(user: User, day: date) -> Select[uuid.UUID]:
    """The ids of the teams in which `user` serves on `day`, for others too."""
    return select(Membership.team_id).where(serves(user, day))


def cells_of(user: User, day: date) -> Select[uuid.UUID]:
    """The ids of the cells for which the teams of `user` answer on `day`."""
    return select(Assignment.cell_id).where(
        Assignment.team_id.in_(teams_of(user, day)), holds_on(Assignment, day)
    )


def answers(
    user: User, day: date, among: ColumnElement[bool]
) -> Select[uuid.UUID, uuid.UUID, uuid.UUID | None]:
    """The cells for which `user` answered on `day`, among those assignments: each with the team
    through which, and for whom: None as oneself.

    An own membership goes before one in which the user stood in.
    """
    own = Membership.user_id == user.id
    return (
        select(
            Assignment.cell_id,
            Assignment.team_id,
            case((own, None), else_=Membership.user_id).label("for_id"),
        )
        .ext(distinct_on(Assignment.cell_id))
        .join(Membership, Membership.team_id == Assignment.team_id)
        .where(among, holds_on(Assignment, day), serves(user, day))
        .order_by(
            Assignment.cell_id,
            own.desc(),
            Assignment.lead.desc(),
            Assignment.from_date,
            Membership.id,
        )
    )


class _Anybody:
    """Stands for the user in a query that is worked out before one is known."""

    id = bindparam("user", type_=Uuid())


ANYBODY: Any = _Anybody()
ANY_DAY: Any = bindparam("day", type_=Date())
_ANSWERS = Asked(
    lambda: answers(
        ANYBODY, ANY_DAY, Assignment.cell_id == any_(bindparam("cells", type_=ARRAY(Uuid)))
    )
)
_CELLS = Asked(lambda: cells_of(ANYBODY, ANY_DAY).distinct())


def answered(
    user: User, cells: Collection[uuid.UUID], day: date
) -> dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID | None]]:
    """What `answers` finds among `cells`, by cell: the team and for whom."""
    rows = _ANSWERS(user=user.id, cells=list(cells), day=day)
    return {row.cell_id: (row.team_id, row.for_id) for row in rows}


def own_cells(user: User, day: date) -> set[uuid.UUID]:
    """What `cells_of` finds."""
    return {cell for (cell,) in _CELLS(user=user.id, day=day)}


def reach(user: User, permission: Permission, day: date | None = None) -> list[str]:
    """Code prefixes within which `user` has `permission` today: by the posts, and where a cadre
    stands in for somebody on `day` (today) in the villages of those cells and teams."""
    held = scopes(user, permission)
    if not scopes(user, permission, among=(Role.CADRE,)):
        return held
    day = day or workdays.today()
    teams = select(Membership.team_id).where(
        Membership.id.in_(stood_in(user, day)), holds_on(Membership, day)
    )
    villages = (
        select(Cell.village_code)
        .join(Assignment, Assignment.cell_id == Cell.id)
        .where(Assignment.team_id.in_(teams), holds_on(Assignment, day))
        .union(select(Team.jurisdiction_code).where(Team.id.in_(teams)))
    )
    return held + [code for code in db.session.scalars(villages) if not covers(held, code)]


def in_scope(
    user: User,
    permission: Permission,
    code: InstrumentedAttribute[str],
    cell_id: InstrumentedAttribute[uuid.UUID] | InstrumentedAttribute[uuid.UUID | None],
) -> ColumnElement[bool]:
    """The one criterion for rows that lie somewhere: by code prefix, or by a cadre's own cells.

    `code` is the row's village code and `cell_id` its cell.
    """
    posts = scopes(user, permission, among=WIDE_ROLES)
    wide = within(code, posts)
    if not scopes(user, permission, among=(Role.CADRE,)):
        return wide
    own = cell_id.in_(cells_of(user, workdays.today()))
    # Alone, PostgreSQL goes from the cells to their rows; beside an OR it would read all rows.
    return or_(wide, own) if posts else own


def sees_place(user: User, code: str) -> bool:
    """Whether `user` may know of the jurisdiction or cell `code`: the own ones from there down, and
    those above as the path to them. The twin of `visible_jurisdictions`."""
    prefixes = reach(user, Permission.GROUND_READ)
    return covers(prefixes, code) or any(prefix.startswith(code) for prefix in prefixes)


def visible_jurisdictions(user: User) -> Select[Jurisdiction]:
    """All jurisdictions from the user's own down, and those above as the path to them."""
    prefixes = reach(user, Permission.GROUND_READ)
    above = {prefix[:n] for prefix in prefixes for n in (2, 4, 6, 9) if n < len(prefix)}
    return select(Jurisdiction).where(
        or_(within(Jurisdiction.code, prefixes), Jurisdiction.code.in_(above))
    )


def visible_cells(user: User) -> Select[Cell]:
    """The cells of the user's jurisdictions (for a cadre too: neighbours are no secret)."""
    return select(Cell).where(within(Cell.village_code, reach(user, Permission.GROUND_READ)))


def visible_changes(user: User) -> Select[Change]:
    """The changes of cells in the user's jurisdictions."""
    return select(Change).where(within(Change.village_code, reach(user, Permission.GROUND_READ)))


def visible_teams(user: User) -> Select[Team]:
    """The teams of the user's jurisdictions."""
    return select(Team).where(within(Team.jurisdiction_code, reach(user, Permission.GROUND_READ)))
