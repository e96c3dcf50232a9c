"""Who may publish what where, and see it. The pairs say the same of one row and of a query."""

from __future__ import annotations

from sqlalchemy import Select, func, literal, or_, select

from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes, within
from visits.announcements.models import Announcement, Place


def keeps(user: User, announcement: Announcement) -> bool:
    """Whether `user` may withdraw it, answer what was asked, and see all of its reach."""
    return covers(scopes(user, Permission.ANNOUNCE), announcement.at_code)


def kept_announcements(user: User) -> Select[Announcement]:
    """The announcements of the user's own jurisdictions."""
    mine = scopes(user, Permission.ANNOUNCE)
    return select(Announcement).where(within(Announcement.at_code, mine))


def sees(user: User, announcement: Announcement) -> bool:
    """Whether `user` may see it: as one of the own, or because it is for a place of the own."""
    mine = scopes(user, Permission.ANNOUNCE)
    return keeps(user, announcement) or any(
        code.startswith(prefix) or prefix.startswith(code)
        for code in announcement.codes
        for prefix in mine
    )


def visible_announcements(user: User) -> Select[Announcement]:
    """The announcements of the user's jurisdictions and those that are for a place in them."""
    mine = scopes(user, Permission.ANNOUNCE)
    above = (func.starts_with(literal(prefix), Place.code) for prefix in mine)
    here = select(Place.announcement_id).where(or_(within(Place.code, mine), *above))
    return select(Announcement).where(
        or_(within(Announcement.at_code, mine), Announcement.id.in_(here))
    )


def shown_within(user: User, announcement: Announcement) -> list[str]:
    """The code prefixes within which `user` sees whom it reached and what came back."""
    if keeps(user, announcement):
        return [announcement.at_code]
    return [
        code for code in scopes(user, Permission.ANNOUNCE) if code.startswith(announcement.at_code)
    ]
