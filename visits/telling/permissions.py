"""Who may keep which gateways and see which notices: criteria for queries."""

from __future__ import annotations

from sqlalchemy import Select, select

from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from visits.telling.models import Gateway, Notice


def own_notices(user: User) -> Select[Notice]:
    """What the user was told; nobody reads what others were told."""
    return select(Notice).where(Notice.user_id == user.id)


def kept_gateways(user: User) -> Select[Gateway]:
    """The gateways of the jurisdictions that the user administers."""
    places = within(Gateway.jurisdiction_code, scopes(user, Permission.GATEWAY))
    return select(Gateway).where(places)
