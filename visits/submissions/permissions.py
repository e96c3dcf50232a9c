"""Who may see and see to what was refused: for one row, and as the query that agrees."""

from __future__ import annotations

from sqlalchemy import Select, and_, func, or_, select

from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from visits.submissions.models import Submission


def visible_submissions(user: User) -> Select[Submission]:
    """One's own, and those of the jurisdictions whose desk one is; complaints about staff only
    for leaders, and never for the person."""
    place, person = Submission.jurisdiction_code, Submission.about_id
    desk = and_(~Submission.about_staff, within(place, scopes(user, Permission.ISSUE_DESK)))
    heads = and_(
        Submission.about_staff,
        within(place, scopes(user, Permission.ISSUE_COMPLAINTS)),
        person.is_distinct_from(user.id),
    )
    return select(Submission).where(or_(Submission.account_id == user.id, desk, heads))


def waiting(user: User) -> int:
    """How many of these nobody has seen to, up to a hundred."""
    some = visible_submissions(user).where(Submission.resolution.is_(None)).limit(100)
    rows = some.with_only_columns(Submission.id).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0
