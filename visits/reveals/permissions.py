"""Who may have something shown, and who looks at what was shown."""

from __future__ import annotations

from sqlalchemy import Select, select

from gridserve.people import User
from gridserve.permissions import Permission, may, scopes, within
from visits.issues.models import Issue
from visits.issues.permissions import sees_resident
from visits.models import Household
from visits.permissions import sees_names
from visits.reveals.models import Reveal


def may_reveal(user: User, subject: Household | Issue) -> bool:
    """Whether `user`, who sees the household or issue, but masked, may have it shown.

    Who complained about one of us stays masked to all but that complaint's desk, and who wished to
    be anonymous has left nothing to show.
    """
    if not may(user, Permission.REVEAL, subject.village_code):
        return False
    if isinstance(subject, Household):
        return not sees_names(user, subject)
    told = subject.resident_name or subject.resident_phone
    return bool(told) and not subject.about_staff and not sees_resident(user, subject)


def reviewed_reveals(user: User) -> Select[Reveal]:
    """What was shown in the jurisdictions over which `user` looks after that."""
    prefixes = scopes(user, Permission.REVEAL_REVIEW)
    return select(Reveal).where(within(Reveal.village_code, prefixes))
