"""Who may see which households and visits. The pairs say the same of one row and of a query."""

from __future__ import annotations

from collections.abc import Callable

from flask import g
from sqlalchemy import Select, or_, select

from grids.models import Assignment
from grids.permissions import WIDE_ROLES, cells_of, in_scope
from gridserve import workdays
from gridserve.auth import current_user
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, Role, covers, scopes
from visits.models import Household, Visit


def visible_households(user: User) -> Select[Household]:
    """The households of the user's jurisdictions; for a cadre those of the own cells, today."""
    criterion = in_scope(user, Permission.HOUSEHOLD_READ, Household.village_code, Household.cell_id)
    return select(Household).where(criterion)


def visible_visits(user: User) -> Select[Visit]:
    """The user's own visits, and those in households that the user may see."""
    there = in_scope(user, Permission.HOUSEHOLD_READ, Household.village_code, Household.cell_id)
    home = Household.id == Visit.household_id  # a join: PostgreSQL would list them all for an IN
    return select(Visit).join(Household, home).where(or_(Visit.visitor_id == user.id, there))


def own_visits(user: User) -> Select[Visit]:
    """The same for somebody who sees no whole jurisdiction, found by indexes: they are few."""
    mine = select(Visit.id).where(Visit.visitor_id == user.id)
    homes = visible_households(user).with_only_columns(Household.id)
    there = select(Visit.id).where(Visit.household_id.in_(homes))
    return select(Visit).where(Visit.id.in_(mine.union(there)))


def sees_names(user: User, household: Household) -> bool:
    """Whether names and phones are shown in full, of a household that `user` may see: only to the
    cadres who visit there, also for somebody else."""
    code = household.village_code
    posts = scopes(user, Permission.HOUSEHOLD_READ, among=(Role.CADRE,))
    if covers(posts, code) or not posts:
        return bool(posts)
    # Seen, but not by any post that sees it all: then as one of the own teams' cells.
    if not covers(scopes(user, Permission.HOUSEHOLD_READ, among=WIDE_ROLES), code):
        return True
    mine = cells_of(user, workdays.today()).where(Assignment.cell_id == household.cell_id)
    return bool(db.session.scalar(select(mine.exists())))


def names_seen(user: User) -> Callable[[Household], bool]:
    """The same of any households, also such as the user sees no more, with one query for all."""
    posts = scopes(user, Permission.HOUSEHOLD_READ, among=(Role.CADRE,))
    mine = set(db.session.scalars(cells_of(user, workdays.today()))) if posts else set()
    return lambda household: covers(posts, household.village_code) or household.cell_id in mine


def asker_knows(household: Household) -> bool:
    """`names_seen` of the person asking, worked out once a request."""
    if "names_seen" not in g:
        g.names_seen = names_seen(current_user)
    return bool(g.names_seen(household))
