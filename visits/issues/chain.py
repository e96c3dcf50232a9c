"""The handling chain 办理链 as data: which action leads from which status to which, by whom.

This table is the only one: operations, pages, documents and the diagram all read it. Pure: it
imports neither Flask nor SQLAlchemy.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


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


class Tier(enum.StrEnum):
    """At which level issues of a category should be solved."""

    VILLAGE = "village"
    TOWNSHIP = "township"
    COUNTY = "county"


class Rating(enum.StrEnum):
    SATISFIED = "satisfied"
    FAIRLY = "fairly"
    NOT = "not"


class Way(enum.StrEnum):
    """How a resident was asked for an evaluation: by one-time code, signature or call-back 回访."""

    CODE = "code"
    SIGNATURE = "signature"
    CALL_BACK = "call_back"


class Status(enum.StrEnum):
    REPORTED = "reported"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    REVIEWING = "reviewing"
    CLOSED = "closed"
    DECLINED = "declined"
    MERGED = "merged"


CLOSED = frozenset({Status.CLOSED, Status.DECLINED, Status.MERGED})
OPEN = frozenset(Status) - CLOSED
# A team holds the issue in these; otherwise the desk does. Suspended, whoever held it before.
HELD = frozenset({Status.DISPATCHED, Status.HANDLING, Status.REVIEWING})


class Action(enum.StrEnum):
    REPORT = "report"
    SETTLE = "settle_on_spot"
    ACCEPT = "accept"
    DECLINE = "decline"
    REQUEST_MATERIAL = "request_material"
    SUPPLY = "supply"
    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    TRANSFER = "transfer"
    ASSIST = "assist"
    EXTEND = "extend"
    SUSPEND = "suspend"
    RESUME = "resume"
    FEED_BACK = "feed_back"
    PASS_REVIEW = "pass_review"  # noqa: S105 - a step, not a secret
    FAIL_REVIEW = "fail_review"
    ESCALATE = "escalate"
    HAND_DOWN = "hand_down"
    URGE = "urge"
    MERGE = "merge"
    REOPEN = "reopen"
    EVALUATE = "evaluate"
    PROPOSE_CLOSE = "propose_close"
    FORCE_CLOSE = "force_close"
    COMMENT = "comment"
    REASSIGN = "reassign"
    HAND_OVER = "hand_over"


class Who(enum.StrEnum):
    """Who may take an action."""

    DESK = "desk"  # a dispatcher whose scope covers the desk that has the issue
    HOLDER = "holder"  # a member, today, of the team that holds it
    LEAD = "lead"  # the leader of the team that holds it, or the desk
    CALLER = "caller"  # whoever asked the resident: the desk, or a cadre who can see the issue
    LEADER = "leader"  # a leader of the place, or of one above it
    ANYONE = "anyone"  # whoever may see the issue
    CADRE = "cadre"  # of a team that answers for the cell, when reporting
    GROUND = "ground"  # nobody by hand: follows when cells are split, merged, redrawn or retired
    ROSTER = "roster"  # nobody by hand: follows when somebody leaves a team


# Nobody takes these by hand.
BY_ITSELF = frozenset({Who.GROUND, Who.ROSTER})


@dataclass(frozen=True)
class Rule:
    """Where an action leads, who may take it, and what must be said with it.

    `needs` names fields of a step (visits/issues/schemas.py). `held` limits it to issues that a
    team holds, or that the desk holds; None is either.
    """

    to: Status
    who: Who
    needs: tuple[str, ...] = ()
    not_handler: bool = False  # nobody who signed, fed back or settled this issue
    held: bool | None = None


_S, _A = Status, Action
_DECLINE = Rule(_S.DECLINED, Who.DESK, ("words", "basis", "instead"))
_RETURN = Rule(_S.ACCEPTED, Who.HOLDER, ("words",))
_REOPEN = Rule(_S.ACCEPTED, Who.DESK, ("words",))
_TRANSFER = Rule(_S.DISPATCHED, Who.LEAD, ("team_id", "words"))
_ESCALATE = Rule(_S.REPORTED, Who.LEAD, ("to_desk", "words"))
_HAND_DOWN = Rule(_S.REPORTED, Who.DESK, ("to_desk",))


def _stays(action: Action, statuses: Iterable[Status], who: Who, *needs: str) -> dict[Any, Rule]:
    """The action leaves an issue in each of these statuses as it stands."""
    return {(status, action): Rule(status, who, needs) for status in Status if status in statuses}


TRANSITIONS: dict[tuple[Status, Action], Rule] = {
    (_S.REPORTED, _A.ACCEPT): Rule(_S.ACCEPTED, Who.DESK),
    (_S.REPORTED, _A.DECLINE): _DECLINE,
    (_S.REPORTED, _A.ESCALATE): _ESCALATE,
    (_S.REPORTED, _A.HAND_DOWN): _HAND_DOWN,
    (_S.ACCEPTED, _A.DISPATCH): Rule(_S.DISPATCHED, Who.DESK, ("team_id",)),
    (_S.ACCEPTED, _A.DECLINE): _DECLINE,
    (_S.ACCEPTED, _A.REQUEST_MATERIAL): Rule(_S.SUSPENDED, Who.DESK, ("words",)),
    (_S.ACCEPTED, _A.ESCALATE): _ESCALATE,
    (_S.ACCEPTED, _A.HAND_DOWN): _HAND_DOWN,
    (_S.DISPATCHED, _A.SIGN): Rule(_S.HANDLING, Who.HOLDER),
    (_S.DISPATCHED, _A.RETURN): _RETURN,
    (_S.DISPATCHED, _A.TRANSFER): _TRANSFER,
    (_S.HANDLING, _A.FEED_BACK): Rule(_S.REVIEWING, Who.HOLDER, ("words", "answer")),
    (_S.HANDLING, _A.RETURN): _RETURN,
    (_S.HANDLING, _A.TRANSFER): _TRANSFER,
    (_S.HANDLING, _A.SUSPEND): Rule(_S.SUSPENDED, Who.DESK, ("words", "until")),
    (_S.HANDLING, _A.ESCALATE): _ESCALATE,
    (_S.SUSPENDED, _A.RESUME): Rule(_S.HANDLING, Who.DESK, held=True),
    (_S.SUSPENDED, _A.SUPPLY): Rule(_S.ACCEPTED, Who.DESK, held=False),
    (_S.REVIEWING, _A.PASS_REVIEW): Rule(_S.CLOSED, Who.DESK, not_handler=True),
    (_S.REVIEWING, _A.FAIL_REVIEW): Rule(_S.HANDLING, Who.DESK, ("words",), not_handler=True),
    (_S.CLOSED, _A.EVALUATE): Rule(_S.CLOSED, Who.CALLER, ("rating",), not_handler=True),
    (_S.CLOSED, _A.REOPEN): _REOPEN,
    (_S.DECLINED, _A.REOPEN): _REOPEN,
    **_stays(_A.ASSIST, {_S.HANDLING}, Who.HOLDER, "team_id"),
    **_stays(_A.EXTEND, {_S.DISPATCHED, _S.HANDLING}, Who.DESK, "words", "due_at"),
    **{(status, _A.MERGE): Rule(_S.MERGED, Who.DESK, ("into",)) for status in _S if status in OPEN},
    **_stays(_A.URGE, OPEN, Who.LEADER, "words", "until"),
    # Two leaders close together: one proposes it, another one does it.
    **_stays(_A.PROPOSE_CLOSE, OPEN, Who.LEADER, "words", "basis", "answer"),
    **{(status, _A.FORCE_CLOSE): Rule(_S.CLOSED, Who.LEADER) for status in _S if status in OPEN},
    **_stays(_A.COMMENT, Status, Who.ANYONE, "words"),
    # Wherever it stands, an open issue goes along when its cell is changed.
    **_stays(_A.REASSIGN, OPEN, Who.GROUND),
    **_stays(_A.HAND_OVER, HELD | {_S.SUSPENDED}, Who.ROSTER),
}

# The first step of a chain: how it begins.
BEGINNINGS = {
    _A.REPORT: Rule(_S.REPORTED, Who.ANYONE, ("words",)),
    _A.SETTLE: Rule(_S.CLOSED, Who.CADRE, ("words", "result", "answer")),
}
# Those who take these actions are the handlers of an issue.
HANDLING_ACTIONS = frozenset({_A.SIGN, _A.FEED_BACK, _A.SETTLE})


def rules_from(status: Status, *, held: bool | None = None) -> dict[Action, Rule]:
    """The actions that the table knows from `status`, in its order.

    `held` leaves out those that are not for an issue that a team holds (or does not hold).
    """
    return {
        action: rule
        for (before, action), rule in TRANSITIONS.items()
        if before == status and (held is None or rule.held in (None, held))
    }


def _sources(action: Action) -> dict[Status, Rule]:
    return {status: rule for (status, each), rule in TRANSITIONS.items() if each is action}


def _is_everywhere(action: Action) -> bool:
    """Whether an action is possible nearly wherever an issue stands, or leaves it there."""
    sources = _sources(action)
    return len(sources) > 3 or all(rule.to is status for status, rule in sources.items())


def diagram() -> str:
    """The table as a Mermaid state diagram, as shown in docs/chain.md.

    Actions that are possible nearly everywhere are in the table beside it, `everywhere`.
    """
    lines = ["stateDiagram-v2"]
    lines += [
        f"    [*] --> {rule.to}: {action} ({rule.who})" for action, rule in BEGINNINGS.items()
    ]
    lines += [
        f"    {before} --> {rule.to}: {action} ({rule.who})"
        for (before, action), rule in TRANSITIONS.items()
        if not _is_everywhere(action)
    ]
    lines += [f"    {status} --> [*]" for status in sorted(CLOSED)]
    return "\n".join(lines) + "\n"


def everywhere() -> str:
    """The other actions as the table in docs/chain.md."""
    lines = ["| action | from | to | who | must say |", "|---|---|---|---|---|"]
    for action in Action:
        sources = _sources(action)
        if sources and _is_everywhere(action):
            where = "any" if len(sources) == len(Status) else ", ".join(sources)
            where = "any open" if set(sources) == OPEN else where
            rule = next(iter(sources.values()))
            stays = all(each.to is status for status, each in sources.items())
            to = "the same" if stays else str(rule.to)
            said = ", ".join(rule.needs) or "–"
            lines.append(f"| {action} | {where} | {to} | {rule.who} | {said} |")
    return "\n".join(lines) + "\n"
