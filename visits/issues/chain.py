"""The handling chain 办理链 as data: which action leads from which status to which, by whom.

This table is the only one: operations, pages, documents and the diagram all read it. Pure: it
imports neither Flask nor SQLAlchemy.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Channel(enum.StrEnum):
    """How an issue reached us."""

    VISIT = "visit"
    WINDOW = "window"
    HOTLINE = "hotline"
    RESIDENT = "resident"
    INSPECTION = "inspection"
    SUPERIOR = "superior"


class Promise(enum.StrEnum):
    """What a category promises: at once 即办, within a limit 承诺限时办, not here 告知不能办."""

    AT_ONCE = "at_once"
    WITHIN_LIMIT = "within_limit"
    NOT_HERE = "not_here"


class Rating(enum.StrEnum):
    SATISFIED = "satisfied"
    FAIRLY = "fairly"
    NOT = "not"


class Status(enum.StrEnum):
    REPORTED = "reported"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    REVIEWING = "reviewing"
    CLOSED = "closed"
    DECLINED = "declined"


CLOSED = frozenset({Status.CLOSED, Status.DECLINED})
OPEN = frozenset(Status) - CLOSED
# A team holds the issue in these; otherwise the desk does.
HELD = frozenset({Status.DISPATCHED, Status.HANDLING, Status.REVIEWING})


class Action(enum.StrEnum):
    REPORT = "report"
    ACCEPT = "accept"
    DECLINE = "decline"
    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    FEED_BACK = "feed_back"
    PASS_REVIEW = "pass_review"  # noqa: S105 - a step, not a secret
    FAIL_REVIEW = "fail_review"
    REOPEN = "reopen"
    EVALUATE = "evaluate"
    REASSIGN = "reassign"
    HAND_OVER = "hand_over"


class Who(enum.StrEnum):
    """Who may take an action."""

    DESK = "desk"  # a dispatcher whose scope covers the desk that has the issue
    HOLDER = "holder"  # a member, today, of the team that holds it
    CALLER = "caller"  # whoever asked the resident: the desk, or a cadre who can see the issue
    GROUND = "ground"  # nobody by hand: follows when cells are split, merged, redrawn or retired
    ROSTER = "roster"  # nobody by hand: follows when somebody leaves a team


@dataclass(frozen=True)
class Rule:
    """Where an action leads, who may take it, and what must be said with it.

    `needs` names fields of the step: words, team_id, rating.
    """

    to: Status
    who: Who
    needs: tuple[str, ...] = ()
    not_handler: bool = False  # nobody who signed or fed back this issue


_S, _A = Status, Action
_DECLINE = Rule(_S.DECLINED, Who.DESK, ("words",))
_RETURN = Rule(_S.ACCEPTED, Who.HOLDER, ("words",))
_REOPEN = Rule(_S.ACCEPTED, Who.DESK, ("words",))

TRANSITIONS: dict[tuple[Status, Action], Rule] = {
    (_S.REPORTED, _A.ACCEPT): Rule(_S.ACCEPTED, Who.DESK),
    (_S.REPORTED, _A.DECLINE): _DECLINE,
    (_S.ACCEPTED, _A.DISPATCH): Rule(_S.DISPATCHED, Who.DESK, ("team_id",)),
    (_S.ACCEPTED, _A.DECLINE): _DECLINE,
    (_S.DISPATCHED, _A.SIGN): Rule(_S.HANDLING, Who.HOLDER),
    (_S.DISPATCHED, _A.RETURN): _RETURN,
    (_S.HANDLING, _A.FEED_BACK): Rule(_S.REVIEWING, Who.HOLDER, ("words",)),
    (_S.HANDLING, _A.RETURN): _RETURN,
    (_S.REVIEWING, _A.PASS_REVIEW): Rule(_S.CLOSED, Who.DESK, not_handler=True),
    (_S.REVIEWING, _A.FAIL_REVIEW): Rule(_S.HANDLING, Who.DESK, ("words",), not_handler=True),
    (_S.CLOSED, _A.EVALUATE): Rule(_S.CLOSED, Who.CALLER, ("rating",), not_handler=True),
    (_S.CLOSED, _A.REOPEN): _REOPEN,
    (_S.DECLINED, _A.REOPEN): _REOPEN,
    # Wherever it stands, an open issue goes along when its cell is changed.
    **{(status, _A.REASSIGN): Rule(status, Who.GROUND) for status in Status if status in OPEN},
    **{(status, _A.HAND_OVER): Rule(status, Who.ROSTER) for status in Status if status in HELD},
}

# Those who take these actions are the handlers of an issue.
HANDLING_ACTIONS = frozenset({_A.SIGN, _A.FEED_BACK})


def rules_from(status: Status) -> dict[Action, Rule]:
    """The actions that the table knows from `status`, in its order."""
    return {action: rule for (before, action), rule in TRANSITIONS.items() if before == status}


def diagram() -> str:
    """The table as a Mermaid state diagram, as shown in docs/chain.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {_S.REPORTED}: {_A.REPORT}"]
    lines += [
        f"    {before} --> {rule.to}: {action} ({rule.who})"
        for (before, action), rule in TRANSITIONS.items()
    ]
    lines += [f"    {status} --> [*]" for status in sorted(CLOSED)]
    return "\n".join(lines) + "\n"
