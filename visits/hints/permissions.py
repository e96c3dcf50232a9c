"""Who may see and judge which hints. The pairs say the same of one row and of a query."""

from __future__ import annotations

from sqlalchemy import Select, select

from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes, within
from visits.hints.models import Hint
from visits.models import Visit


def reviews(user: User, hint: Hint) -> bool:
    """Whether `user` may see it and ask or settle, leaving own visits aside."""
    return covers(scopes(user, Permission.VISIT_REVIEW), hint.village_code)


def reviewed_hints(user: User) -> Select[Hint]:
    """The hints on visits in the user's jurisdictions."""
    return select(Hint).where(within(Hint.village_code, scopes(user, Permission.VISIT_REVIEW)))


def own_hints(user: User) -> Select[Hint]:
    """The hints on the user's own visits: nobody else of the team sees them."""
    mine = select(Visit.id).where(Visit.id == Hint.visit_id, Visit.visitor_id == user.id)
    return select(Hint).where(mine.exists())
