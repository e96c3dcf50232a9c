"""The clock of an issue: when it is due, how old it is, and which light it shows.

Limits are counted here in calendar days of 24 hours. Working days and hours replace this
arithmetic without changing who calls it. Pure: it imports neither Flask nor SQLAlchemy.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta


class Light(enum.StrEnum):
    """How near an issue is to its limit."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    DEEP_RED = "deep_red"


AMBER_FROM, RED_OVER, DEEP_RED_OVER = 0.8, 1.0, 2.0  # shares of the limit


def due_at(reported_at: datetime, limit_days: int) -> datetime:
    """When an issue reported at `reported_at` should be closed."""
    return reported_at + timedelta(days=limit_days)


def due_after_reopening(due: datetime, closed_at: datetime, reopened_at: datetime) -> datetime:
    """The due time of a reopened issue: the time that it was closed does not count.

    The clock goes on where it stopped and does not begin anew: closing and reopening must not
    make an old trouble look young (docs/decisions/0006).
    """
    return due + (reopened_at - closed_at)


def weight(due: datetime, limit_days: int, at: datetime) -> float:
    """The age of an open issue as a share of its limit, pauses taken out: 0 new, 1 just due.

    age ÷ limit = (at − reported − pauses) ÷ limit, and due = reported + limit + pauses; hence
    the due time alone is enough.
    """
    limit = timedelta(days=limit_days)
    return max(0.0, 1 + (at - due) / limit)


def light(share: float) -> Light:
    """The light for an age of `share` of the limit: just due is still amber, later is red."""
    if share > DEEP_RED_OVER:
        return Light.DEEP_RED
    if share > RED_OVER:
        return Light.RED
    return Light.AMBER if share >= AMBER_FROM else Light.GREEN
