"""A chain as people read it: how long each step waited, and who had the issue how long.

Pure: it imports neither Flask nor SQLAlchemy. Steps are rows with happened_at, status_after,
desk_code, team_after_id and action, in their order.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from gridserve.worktime import Calendar, Unit
from visits.issues.chain import CLOSED, Action, Status


class Holder(enum.StrEnum):
    """Who has an issue: a desk, a team; or nobody, because its clock stands still."""

    DESK = "desk"
    TEAM = "team"
    REST = "rest"


@dataclass(frozen=True)
class Worked:
    """Working time between two moments, in hours and in days."""

    hours: float = 0.0
    days: float = 0.0

    def __add__(self, other: Worked) -> Worked:
        return Worked(self.hours + other.hours, self.days + other.days)


@dataclass(frozen=True)
class Stay:
    """A time for which one holder had the issue: `key` is the desk's code or the team's id.

    `open` is still going on.
    """

    holder: Holder
    key: str | uuid.UUID | None
    start: datetime
    end: datetime
    worked: Worked
    open: bool = False


def worked(calendar: Calendar, start: datetime, end: datetime) -> Worked:
    """Working time between two moments; days that nobody has said do not count."""
    hours, days = (
        max(0.0, calendar.mark_or_end(unit, end) - calendar.mark_or_end(unit, start))
        for unit in (Unit.WORKING_HOUR, Unit.WORKING_DAY)
    )
    return Worked(hours, days)


def stays(steps: Sequence[Any], calendar: Calendar, now: datetime) -> list[Stay]:
    """Who had the issue from when to when, without the times when it was closed."""
    found: list[Stay] = []
    ends = [*(step.happened_at for step in steps[1:]), max(now, steps[-1].happened_at)]
    for step, end in zip(steps, ends, strict=True):
        if step.status_after in CLOSED:
            continue
        holder, key = _holder(step)
        start, last = step.happened_at, found[-1] if found else None
        if last and (last.holder, last.key) == (holder, key) and last.end == start:
            start = found.pop().start
        going = step is steps[-1]
        found.append(Stay(holder, key, start, end, worked(calendar, start, end), going))
    return found


def _holder(step: Any) -> tuple[Holder, str | uuid.UUID | None]:
    if step.status_after is Status.SUSPENDED:
        return Holder.REST, None
    if step.team_after_id is not None:
        return Holder.TEAM, step.team_after_id
    return Holder.DESK, step.desk_code


def waits(steps: Sequence[Any], calendar: Calendar) -> dict[uuid.UUID, Worked]:
    """Working time that passed before each step since the one before it, by the step's id."""
    return {b.id: worked(calendar, a.happened_at, b.happened_at) for a, b in pairwise(steps)}


def taken_over(steps: Sequence[Any]) -> Any | None:
    """The step with which a desk took the issue over from whoever was first responsible 首问责任;
    None while it has not, or where it was settled at once."""
    if steps[0].status_after is not Status.REPORTED:
        return None
    return next((step for step in steps if step.status_after is not Status.REPORTED), None)


@dataclass(frozen=True)
class Question:
    """What a leader wants to hear: the urging step, and the step that answered it."""

    step: Any
    answer: Any | None


def questions(steps: Sequence[Any]) -> list[Question]:
    """The urgings of a chain, each with the first words that somebody else said after it."""
    found = []
    for place, step in enumerate(steps):
        if step.action is Action.URGE:
            later = (
                each for each in steps[place + 1 :]
                if each.words and each.actor_id not in (None, step.actor_id)
                and each.action is not Action.URGE
            )  # fmt: skip
            found.append(Question(step, next(later, None)))
    return found
