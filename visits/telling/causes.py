"""Who is told of what: data and small rules. Pure: imports neither Flask nor SQLAlchemy."""

from __future__ import annotations

import enum
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from visits.issues.chain import Action


class Part(enum.StrEnum):
    """As what somebody is told."""

    HOLDER = "holder"  # the person in charge, and who stands in while that one is away
    LEAD = "lead"  # the leader of the team that holds the issue
    HELPER = "helper"  # who leads a team that was asked to help
    DESK = "desk"
    LEADER = "leader"  # of the place
    UPPER = "upper"  # desk and leaders of the next jurisdiction above that has any
    REPORTER = "reporter"
    ASKER = "asker"  # the leader who urged, or who objected
    PUBLISHER = "publisher"  # of an announcement
    VISITOR = "visitor"
    ADMINISTRATOR = "administrator"


class Kind(enum.StrEnum):
    """What a notice says; its words are in words.py."""

    DISPATCHED = "dispatched"
    TRANSFERRED = "transferred"
    HANDED_OVER = "handed_over"
    REWORK = "rework"
    HELP = "help"
    RETURNED = "returned"
    DISSATISFIED = "dissatisfied"
    ESCALATED = "escalated"
    HANDED_DOWN = "handed_down"
    MERGED = "merged"
    URGED = "urged"
    ANSWER_DUE = "answer_due"
    ACCEPT_NEAR = "accept_near"  # the time for accepting is nearly over
    ACCEPT_OVER = "accept_over"
    AMBER = "amber"
    RED = "red"
    RED_1 = "red_1"  # one working day over
    RED_5 = "red_5"
    # Of these the subject is no issue but an announcement, a hint, what was shown or an objection.
    ASKED_BACK = "asked_back"
    ANSWERED = "answered"
    HINT = "hint"
    REVEALS = "reveals"
    OBJECTION = "objection"  # of a team to how its quarter was compared
    OBJECTION_ANSWERED = "objection_answered"


class State(enum.StrEnum):
    """How far the sending of a notice through a gateway is."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"  # given up, until somebody says to try again
    DROPPED = "dropped"  # the gateway was switched off before it was sent


# What is told after which step, and to whom. An evaluation is told only where it says "not".
TOLD: dict[Action, tuple[Kind, tuple[Part, ...]]] = {
    Action.DISPATCH: (Kind.DISPATCHED, (Part.HOLDER,)),
    Action.TRANSFER: (Kind.TRANSFERRED, (Part.HOLDER,)),
    Action.HAND_OVER: (Kind.HANDED_OVER, (Part.HOLDER,)),
    Action.FAIL_REVIEW: (Kind.REWORK, (Part.HOLDER,)),
    Action.ASSIST: (Kind.HELP, (Part.HELPER,)),
    Action.RETURN: (Kind.RETURNED, (Part.DESK,)),
    Action.EVALUATE: (Kind.DISSATISFIED, (Part.DESK,)),
    Action.ESCALATE: (Kind.ESCALATED, (Part.DESK,)),
    Action.HAND_DOWN: (Kind.HANDED_DOWN, (Part.DESK,)),
    Action.MERGE: (Kind.MERGED, (Part.REPORTER,)),
    Action.URGE: (Kind.URGED, (Part.HOLDER, Part.LEAD, Part.DESK)),
}
# The stages of an ageing issue, in their order, and who hears of each.
AMBER, RED, RED_1, RED_5 = 1, 2, 3, 4
STAGES: dict[int, tuple[Part, ...]] = {
    AMBER: (Part.HOLDER,),
    RED: (Part.LEAD, Part.DESK),
    RED_1: (Part.LEADER,),
    RED_5: (Part.UPPER,),
}
WORKING_DAYS_OVER = {RED_1: 1, RED_5: 5}
# A group's gateway (a chat of the desk or of the leaders) hears what these are told.
GROUP_PARTS = (Part.DESK, Part.LEADER, Part.UPPER)

ATTEMPTS = 30  # with the pauses below: about a day
LONGEST_PAUSE = timedelta(hours=1)
LONGEST_REST = timedelta(minutes=15)


def pause_after(attempts: int) -> timedelta:
    """How long a message rests after so many failures in a row: 1, 2, 4 … minutes, at most 60."""
    return min(timedelta(minutes=1) * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)


def rest_after(failures: int) -> timedelta:
    """How long a whole gateway rests: soon enough to find out that it is back."""
    return min(pause_after(failures), LONGEST_REST)


def is_quiet(moment: datetime, start: time | None, end: time | None, zone: ZoneInfo) -> bool:
    """Whether `moment` lies in the quiet hours, which may reach over midnight."""
    if start is None or end is None or start == end:
        return False
    at = moment.astimezone(zone).time()
    if start < end:
        return start <= at < end
    return at >= start or at < end
