"""Who sees and decides requests."""

from __future__ import annotations

from sqlalchemy import Select, select

from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes, within
from visits.requests.models import ResidentRequest


def visible_requests(user: User) -> Select[ResidentRequest]:
    """The requests of the user's jurisdictions."""
    prefixes = scopes(user, Permission.REQUESTS)
    return select(ResidentRequest).where(within(ResidentRequest.village_code, prefixes))


def may_decide(user: User, request: ResidentRequest) -> bool:
    """Whether `user` decides it: a leader of the place who did not take it down."""
    held = scopes(user, Permission.REQUESTS_DECIDE)
    return covers(held, request.village_code) and request.by_id != user.id
