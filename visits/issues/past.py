"""Which issues were open at a moment, who held them and how old they were, from their chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from visits.issues.chain import OPEN
from visits.issues.models import Issue, Step
from visits.issues.reckoning import weight_at


@dataclass(frozen=True)
class Standing:
    """The issues that were open at a moment, and as columns what held then."""

    query: Select[Any]
    weight: ColumnElement[float]  # age ÷ limit
    team: ColumnElement[Any]  # who held it: the team's id, or null where the desk did
    desk: ColumnElement[Any]


def standing(moment: datetime, *, live: bool) -> Standing:
    """What was open at `moment`; `live` says that it is the present.

    The present state stands in the issue's row; a past one is that of the last step by then.
    """
    if live:
        query, columns = select(Issue).where(Issue.closed_at.is_(None)), Issue.__table__.c
        return Standing(query, weight_at(moment), columns.team_id, columns.desk_code)
    last = (
        select(
            Step.status_after, Step.due_mark, Step.stopped_mark, Step.resumes_mark,
            Step.team_after_id, Step.desk_code,
        )
        .where(Step.issue_id == Issue.id, Step.happened_at <= moment)
        .order_by(Step.seq.desc())
        .limit(1)
        .lateral("last")
    )  # fmt: skip
    query = (
        select(Issue)
        .join(last, last.c.status_after.in_(OPEN))
        .where(
            Issue.reported_at <= moment,
            # whatever was closed by then and never since was closed then
            or_(Issue.closed_at.is_(None), Issue.closed_at > moment),
        )
    )
    weight = weight_at(moment, last.c.due_mark, last.c.stopped_mark, last.c.resumes_mark)
    return Standing(query, weight, last.c.team_after_id, last.c.desk_code)
