"""The inbox: what a person was told, newest first, and how much of it is not read yet."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, raiseload

from gridserve.db import db
from gridserve.people import User
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues
from visits.telling.models import Notice
from visits.telling.permissions import own_notices

MOST_COUNTED = 100  # beyond this the top bar says 99+


def inbox(user: User, *, unread: bool | None = None) -> Select[Notice]:
    """The user's notices with what they are about."""
    issue = joinedload(Notice.issue)
    query = own_notices(user).options(
        issue.joinedload(Issue.category),
        issue.joinedload(Issue.village),
        joinedload(Notice.step),
        raiseload("*"),
    )
    if unread is not None:
        query = query.where(Notice.read_at.is_(None) if unread else Notice.read_at.is_not(None))
    return query


def unread(user: User) -> int:
    """How many notices are not read yet, counted up to MOST_COUNTED."""
    some = (
        own_notices(user)
        .with_only_columns(Notice.id)
        .where(Notice.read_at.is_(None))
        .limit(MOST_COUNTED)
    )
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def open_to(user: User, notices: Sequence[Notice]) -> set[uuid.UUID]:
    """Of the issues that these notices are about, those that the user may see today."""
    ids = {notice.issue_id for notice in notices if notice.issue_id is not None}
    query = visible_issues(user).with_only_columns(Issue.id).where(Issue.id.in_(ids))
    return set(db.session.scalars(query)) if ids else set()
