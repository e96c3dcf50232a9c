"""Chains of invented issues, step by step by the same table, clock and projection as real ones."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
from psycopg.types.json import Jsonb

from grids.models import Level
from gridserve.calendars import Book
from gridserve.sealed import SealedPhone
from visits.demo.accounts import Account
from visits.demo.bulk import copy_rows, make_id
from visits.issues import projection, reckoning
from visits.issues.chain import HANDLING_ACTIONS, HELD, TRANSITIONS, Action, Rating, Status
from visits.issues.models import Issue, Step, Terms

PHONE = SealedPhone("issue.resident_phone")
TYPING = timedelta(seconds=3)  # from an action to its arrival
ISSUE_COLUMNS = (
    "id", "number", "category_code", "category_version", "channel", "words", "resident_name",
    "resident_phone", "reported_by_id", "visit_id", "household_id", "village_code", "cell_id",
    "address", "point", "point_source", "status", "step_no", "desk_code", "team_id",
    "limit_amount", "limit_unit",
    "reported_at", "calendar_code", "due_mark", "stopped_mark", "resumes_mark", "due_at",
    "missing_year", "stage_due_at", "closed_at", "merged_into_id", "rating", "handler_id",
    "first_id",
)  # fmt: skip
STEP_COLUMNS = (
    "id", "issue_id", "seq", "action", "actor_id", "status_before", "status_after", "desk_code",
    "team_before_id", "team_after_id", "happened_at", "received_at", "due_at", "due_mark",
    "stopped_mark", "resumes_mark", "words", "data", "said", "handler_id",
)  # fmt: skip


class Chain:
    """An issue and its steps so far. Steps that the table does not know raise ValueError."""

    def __init__(
        self, issue: Issue, reporter: Account, rng: np.random.Generator, terms: Terms,
        calendars: Book,
    ) -> None:  # fmt: skip
        self.issue = issue
        self._terms, self._calendars = terms, calendars
        self.steps: list[Step] = []
        self._rng = rng
        desk = issue.village_code[: Level.TOWNSHIP]
        self._append(
            Action.REPORT, reporter, issue.reported_at, id=issue.id, status_before=None,
            status_after=Status.REPORTED, desk_code=desk, words=issue.words, data={},
            team_before_id=None, team_after_id=None, handler_id=None,
        )  # fmt: skip

    @property
    def status(self) -> Status:
        """The status after the last step."""
        return self.issue.status

    def take(
        self,
        action: Action,
        actor: Account,
        at: datetime,
        *,
        words: str = "",
        team_id: uuid.UUID | None = None,
        rating: Rating | None = None,
        handler: uuid.UUID | None = None,
        told: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Add the next step; raises ValueError where the real operation would refuse it."""
        issue = self.issue
        rule = TRANSITIONS.get((issue.status, action))
        said: dict[str, Any] = {"words": words, "team_id": team_id, "rating": rating, **told}
        if rule is None or at < self.steps[-1].happened_at:
            raise ValueError(f"{action} at {at} after {issue.status}")
        if [name for name in rule.needs if not said[name]]:
            raise ValueError(f"{action} needs {rule.needs}")
        handlers = {s.actor_id for s in self.steps if s.action in HANDLING_ACTIONS}
        if rule.not_handler and actor.id in handlers:
            raise ValueError(f"{action} by a handler")
        kept = rule.to in HELD or rule.to is Status.SUSPENDED
        held = issue.team_id if kept else None
        if not kept:
            handler = None
        elif action is Action.SIGN:
            handler = actor.id
        else:
            handler = handler or issue.handler_id
        self._append(
            action, actor, at, id=make_id(self._rng), status_before=issue.status,
            status_after=rule.to, desk_code=issue.desk_code, words=words,
            data={**told} | ({"rating": str(rating)} if rating else {}),
            team_before_id=issue.team_id, handler_id=handler,
            team_after_id=team_id if "team_id" in rule.needs else held,
        )  # fmt: skip

    def _append(self, action: Action, actor: Account, at: datetime, **columns: Any) -> None:
        step = Step(
            issue_id=self.issue.id, seq=len(self.steps) + 1, action=action, actor_id=actor.id,
            happened_at=at, received_at=at + TYPING,
            # Nobody sent it, so no repeat of a sent step can be equal to it.
            said=hashlib.sha256(columns["id"].bytes).hexdigest(), **columns,
        )  # fmt: skip
        self.steps.append(step)
        reckoning.write(self.issue, self.steps, self._terms, self._calendars)
        projection.apply(self.issue, step)


def store(chains: Sequence[Chain]) -> None:
    """Append the issues and their steps to the database."""
    copy_rows("issue", ISSUE_COLUMNS, _rows((c.issue for c in chains), ISSUE_COLUMNS))
    copy_rows("step", STEP_COLUMNS, _rows((s for c in chains for s in c.steps), STEP_COLUMNS))


def _rows(items: Iterable[Issue | Step], columns: Sequence[str]) -> Iterable[list[Any]]:
    for item in items:
        values = (_value(item, name) for name in columns)
        yield [Jsonb(value) if isinstance(value, dict) else value for value in values]


def _value(item: Issue | Step, name: str) -> Any:
    if name == "resident_phone" and isinstance(item, Issue):
        return item.resident_phone and PHONE.seal(item.resident_phone)
    if name.startswith("limit_"):
        return getattr(item.limit, name.removeprefix("limit_"))  # type: ignore[union-attr]
    return getattr(item, name)
