"""Open issues that need a word from a leader, beside those that are merely old."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, func, select

from visits.issues.chain import Action
from visits.issues.models import Issue, Step
from visits.issues.reckoning import is_overdue

TWICE = 2  # that often returned to the desk: the teams do not agree whose it is


class Trouble(enum.StrEnum):
    """What is wrong with an open issue."""

    RETURNED = "returned"
    AGAIN = "again"
    NOBODY = "nobody"


WORDS = {
    Trouble.RETURNED: _l("Returned twice or more"),
    Trouble.AGAIN: _l("Closed, and open again"),
    Trouble.NOBODY: _l("Overdue, and nobody has it"),
}


def in_trouble(kind: Trouble) -> ColumnElement[bool]:
    """Whether an issue is open and in this trouble."""
    if kind is Trouble.NOBODY:
        return and_(is_overdue(), Issue.team_id.is_(None))
    gone = returned_twice() if kind is Trouble.RETURNED else _stepped(Action.REOPEN)
    return and_(Issue.closed_at.is_(None), Issue.id.in_(gone))


def returned_twice(by: datetime | None = None) -> Select[uuid.UUID]:
    """The ids of issues that had been returned twice or more, up to now or `by` a moment."""
    steps = _stepped(Action.RETURN)
    if by is not None:
        steps = steps.where(Step.happened_at <= by)
    return steps.group_by(Step.issue_id).having(func.count() >= TWICE)


def _stepped(action: Action) -> Select[uuid.UUID]:
    return select(Step.issue_id).where(Step.action == action)


def counts(where: Iterable[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    """How many issues, of those where all this holds, are in each trouble."""
    columns = [func.count().filter(in_trouble(kind)).label(kind.value) for kind in Trouble]
    return select(*columns).select_from(Issue).where(Issue.closed_at.is_(None), *where)
