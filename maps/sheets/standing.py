"""Issues as the chain told of them at a moment: from the steps that had come in by then.

The issue's own row says how it stands now. A register that is made again has to say the same as the
first time, so it reads the steps, which never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from visits.issues.chain import CLOSED, Action
from visits.issues.models import Issue, Step


@dataclass(frozen=True)
class Standing:
    """Laterals on Issue, each of at most one row; `last` says whether the issue was known yet."""

    last: Any  # status_after, due_at, team_after_id of the last step
    ended: Any  # happened_at, team_before_id, action of the step that closed it last
    answer: Any  # words, data of the last settling or feeding back
    rating: Any  # data of the last evaluation

    def joined(self, query: Select[Any]) -> Select[Any]:
        """The query on issues with these beside each; issues not known yet fall away."""
        query = query.join(self.last, self.last.c.seq.is_not(None))
        for optional in (self.ended, self.answer, self.rating):
            query = query.join(optional, optional.c.seq.is_not(None), isouter=True)
        return query


def standing(moment: datetime) -> Standing:
    """How issues stood at `moment`, as far as it had been received."""

    def latest(name: str, *where: Any) -> Any:
        columns = (
            Step.seq, Step.action, Step.status_after, Step.happened_at, Step.due_at, Step.words,
            Step.data, Step.team_before_id, Step.team_after_id,
        )  # fmt: skip
        steps = select(*columns).where(
            Step.issue_id == Issue.id, Step.received_at <= moment, *where
        )
        return steps.order_by(Step.seq.desc()).limit(1).lateral(name)

    closes = (
        Step.status_after.in_(CLOSED),
        or_(Step.status_before.is_(None), Step.status_before.not_in(CLOSED)),
    )
    return Standing(
        last=latest("last"),
        ended=latest("ended", *closes),
        answer=latest("answer", Step.action.in_((Action.SETTLE, Action.FEED_BACK))),
        rating=latest("rating", Step.action == Action.EVALUATE),
    )
