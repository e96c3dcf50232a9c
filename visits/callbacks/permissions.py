"""Who may confirm which visits. The pairs say the same of one row and of a query."""

from __future__ import annotations

from sqlalchemy import Select, select

from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes, within
from visits.callbacks.models import Callback
from visits.models import Household, Visit


def may_call(user: User, callback: Callback, village_code: str) -> bool:
    """Whether `user` may see it and call, the visit being none of the own; the household lies in
    the village."""
    mine = covers(scopes(user, Permission.VISIT_REVIEW), village_code)
    return mine and callback.visit.visitor_id != user.id


def visible_callbacks(user: User) -> Select[Callback]:
    """The calls to households of the user's jurisdictions, those on own visits left out."""
    return (
        select(Callback)
        .join(Visit, Visit.id == Callback.visit_id)
        .join(Household, Household.id == Visit.household_id)
        .where(
            within(Household.village_code, scopes(user, Permission.VISIT_REVIEW)),
            Visit.visitor_id != user.id,
        )
    )
