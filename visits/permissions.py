"""Who may see which households and visits. The pairs say the same of one row and of a query."""

from __future__ import annotations

from sqlalchemy import Select, select

from grids.permissions import in_scope
from gridserve.people import User
from gridserve.permissions import Permission, Role, covers, scopes, within
from visits.models import Household, Visit


def visible_households(user: User) -> Select[Household]:
    """The households of the user's jurisdictions; for a cadre those of the own cells, today."""
    criterion = in_scope(user, Permission.HOUSEHOLD_READ, Household.village_code, Household.cell_id)
    return select(Household).where(criterion)


def visitable_households(user: User) -> Select[Household]:
    """The households in which a visit by `user` is accepted.

    Wider than what a cadre sees: a visit made before cells or teams changed must not be lost, so
    every household of the post's jurisdiction will do. The visit says whether it was in scope.
    """
    return select(Household).where(
        within(Household.village_code, scopes(user, Permission.VISIT_RECORD))
    )


def visible_visits(user: User) -> Select[Visit]:
    """The user's own visits, and those in households that the user may see."""
    households = visible_households(user).with_only_columns(Household.id)
    return select(Visit).where((Visit.visitor_id == user.id) | Visit.household_id.in_(households))


def sees_names(user: User, household: Household) -> bool:
    """Whether names and phones are shown in full: only to the cadres who visit there."""
    codes = scopes(user, Permission.HOUSEHOLD_READ, among=(Role.CADRE,))
    return covers(codes, household.village_code)
