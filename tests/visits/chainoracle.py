"""What should become of an issue, reckoned in plain Python from the words of docs/chain.md.

A second model, apart from the code under test, with which the random walks compare it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.issues.chain import CLOSED, TRANSITIONS, Action, Status, Who

ELSEWHERE = "530626102"
DESKS = {"desk": TOWNSHIP, "second desk": TOWNSHIP, "county": COUNTY, "other desk": ELSEWHERE}
LEADERS = {"leader": TOWNSHIP, "county leader": COUNTY, "other leader": ELSEWHERE}
CADRES = ("a1", "a2", "b1", "b2", "deputy", "e1", "c1", "teamless")
STAFF = (*DESKS, *LEADERS, *CADRES)
READS_NO_ISSUES = ("admin", "auditor")
# A is the team of the cell, B and E are units of the township, C is another township's. b1 leads B
# and is away, and the deputy stands in; e1 is away and nobody does: nobody of E is there.
PLACE = {"A": VILLAGE, "B": TOWNSHIP, "E": TOWNSHIP, "C": ELSEWHERE}
SERVES = {
    "A": {"a1", "a2"}, "B": {"b1", "b2", "deputy"}, "E": {"e1"}, "C": {"c1"},
}  # fmt: skip
LEADS = {"A": {"a1"}, "B": {"b1", "deputy"}, "E": set[str](), "C": set[str]()}
CHARGE = {"A": "a2", "B": "b1", "C": "c1", "E": None}
DESERTED = {"E"}
STANDS_IN_FOR = {"deputy": "b1"}
COMPLAINED_ABOUT = "a2"
HIDDEN = ("a1", "a2")  # of a complaint: the person, and the people of the person and of the cell
HANDLING = (Action.SIGN, Action.FEED_BACK)
NEEDS = {
    Action.DECLINE: ("words", "basis", "instead"), Action.DISPATCH: ("team_id",),
    Action.REQUEST_MATERIAL: ("words",), Action.RETURN: ("words",),
    Action.TRANSFER: ("team_id", "words"), Action.ASSIST: ("team_id",),
    Action.FEED_BACK: ("words", "answer"), Action.EXTEND: ("words", "due_at"),
    Action.SUSPEND: ("words", "until"), Action.FAIL_REVIEW: ("words",),
    Action.EVALUATE: ("rating",), Action.REOPEN: ("words",), Action.ESCALATE: ("to_desk", "words"),
    Action.HAND_DOWN: ("to_desk",), Action.MERGE: ("into",), Action.URGE: ("words", "until"),
    Action.PROPOSE_CLOSE: ("words", "basis", "answer"), Action.COMMENT: ("words",),
}  # fmt: skip
INVALID, FORBIDDEN = "request.invalid", "auth.forbidden"


@dataclass
class Chain:
    """An issue as it should stand."""

    id: Any
    reporter: str
    to_cells: bool = True
    about_staff: bool = False
    status: Status = Status.REPORTED
    step_no: int = 1
    desk: str = TOWNSHIP
    team: str | None = None
    charge: str | None = None
    first: str | None = None
    into: Any = None
    rating: str | None = None
    helpers: set[str] = field(default_factory=set)
    handlers: set[str] = field(default_factory=set)
    proposed: list[str] = field(default_factory=list)
    material: bool = False
    heard_again: bool = False
    answered: bool = False

    def __post_init__(self) -> None:
        self.first = self.reporter

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED


def is_desk(who: str, chain: Chain) -> bool:
    """Of a complaint about staff the leaders are the desk."""
    return chain.desk.startswith((LEADERS if chain.about_staff else DESKS).get(who, "none"))


def sees(who: str, chain: Chain) -> bool:
    """Whether somebody may know of the issue at all."""
    works = any(who in SERVES[team] for team in {*chain.helpers, chain.team or ""} - {""})
    wide = VILLAGE.startswith((DESKS | LEADERS).get(who, "none"))
    if chain.about_staff:
        if who in HIDDEN:
            return False
        return who == chain.reporter or works or (who in LEADERS and is_desk(who, chain))
    return wide or works or who == chain.reporter or who in SERVES["A"]


def possible(chain: Chain, action: Action) -> bool:
    rule = TRANSITIONS.get((chain.status, action))
    return rule is not None and rule.held in (None, chain.team is not None)


def may(who: str, chain: Chain, action: Action) -> bool:
    """Whether the post allows a possible action to who sees the issue."""
    rule = TRANSITIONS[chain.status, action]
    asked = rule.who
    if action is Action.REQUEST_MATERIAL and chain.material:
        asked = Who.LEADER
    if rule.not_handler and who in chain.handlers:
        return False
    desk = is_desk(who, chain)
    return {
        Who.DESK: desk,
        Who.HOLDER: chain.team is not None
        and (who in SERVES[chain.team] or (desk and chain.team in DESERTED)),
        Who.LEAD: desk or (chain.team is not None and who in LEADS[chain.team]),
        Who.LEADER: VILLAGE.startswith(LEADERS.get(who, "none")),
        Who.CALLER: chain.about_staff or who not in LEADERS,
        Who.ANYONE: True,
        Who.GROUND: False,
        Who.ROSTER: False,
    }[asked]


def shown(who: str, chain: Chain) -> set[Action]:
    """The buttons of who sees the issue."""
    return {
        action
        for (status, action) in TRANSITIONS
        if status is chain.status
        and possible(chain, action)
        and may(who, chain, action)
        and not (action is Action.EVALUATE and chain.rating)
    }


def wrong(who: str, chain: Chain, said: dict[str, Any], chains: list[Chain]) -> str | None:
    """The code with which an allowed action is refused for what was said with it; None for none."""
    action = said["action"]
    if any(not said.get(name) for name in NEEDS.get(action, ())):
        return INVALID
    if said.get("way") == "signature" and action is Action.EVALUATE:  # without a picture of it
        return INVALID
    if action in (Action.DISPATCH, Action.TRANSFER, Action.ASSIST):
        team = said["team"]
        if not PLACE[team].startswith(chain.desk) or (chain.about_staff and team == "A"):
            return INVALID
        if team == "A" and not chain.to_cells:
            return "issue.not_for_cells"
        if action is not Action.DISPATCH and team == chain.team:
            return INVALID
    if action in (Action.ESCALATE, Action.HAND_DOWN):
        to = said["to_desk"]
        up = chain.desk.startswith(to) and len(COUNTY) <= len(to) < len(chain.desk)
        down = VILLAGE.startswith(to) and len(to) > len(chain.desk)
        return None if (up if action is Action.ESCALATE else down) else INVALID
    if action is Action.MERGE:
        into = next(each for each in chains if each.id == said["into"])
        alike = into.about_staff == chain.about_staff and into is not chain and into.is_open
        return None if alike and is_desk(who, into) and sees(who, into) else INVALID
    if action in (Action.SUSPEND, Action.URGE) and said["days"] < 0:
        return INVALID
    if action is Action.EXTEND and said["days"] == 0:
        return INVALID
    if action is Action.FORCE_CLOSE and not set(chain.proposed) - {who}:
        return "issue.needs_two"
    if action is Action.EVALUATE and said.get("way") == "code":
        return INVALID
    if action is Action.EVALUATE and chain.rating:
        return "issue.already_evaluated"
    return None


def refusal(who: str, chain: Chain, said: dict[str, Any], chains: list[Chain]) -> str | None:
    """The code with which the step is refused; None where it is taken."""
    if not sees(who, chain):
        return "issue.not_found"
    if said["seen"] != chain.step_no:
        return "issue.stale_step"
    if not possible(chain, said["action"]):
        return "issue.not_possible"
    if not may(who, chain, said["action"]):
        return "issue.not_yours"
    return wrong(who, chain, said, chains)


def for_whom(who: str | None, chain: Chain, action: Action) -> str | None:
    """For whom somebody stands in with a step."""
    holds = TRANSITIONS[chain.status, action].who is Who.HOLDER
    return STANDS_IN_FOR.get(who or "") if holds and chain.team == "B" else None


def take(who: str | None, chain: Chain, said: dict[str, Any]) -> None:
    """Bring the chain to where a step leads that is not refused; `who` is None for the resident."""
    action, before = said["action"], chain.status
    acts_for = for_whom(who, chain, action)
    if before in CLOSED:
        chain.proposed = []
    chain.status = TRANSITIONS[before, action].to
    chain.step_no += 1
    if action in HANDLING:
        chain.handlers |= {name for name in (who, acts_for) if name}
    if action is Action.SIGN:
        chain.charge = acts_for or who
    if action in (Action.DISPATCH, Action.TRANSFER):
        chain.team, chain.charge = said["team"], CHARGE[said["team"]]
    if action is Action.ASSIST:
        chain.helpers.add(said["team"])
    if action in (Action.ESCALATE, Action.HAND_DOWN):
        chain.desk = said["to_desk"]
    if action is Action.MERGE:
        chain.into = said["into"]
    if action is Action.REQUEST_MATERIAL:
        chain.material = True
    if action is Action.PROPOSE_CLOSE and who:
        chain.proposed.append(who)
    if chain.status is not Status.REPORTED:
        chain.first = None
    if action is Action.EVALUATE:
        chain.rating = str(said["rating"])
    if (
        chain.status in (Status.REPORTED, Status.ACCEPTED)
        or chain.status in CLOSED
        or (action is Action.REQUEST_MATERIAL)
    ):
        chain.team = chain.charge = None
    if chain.is_open:
        chain.rating = None
    if action is Action.EVALUATE and chain.rating == "not" and not chain.heard_again:
        chain.heard_again = True
        chain.status, chain.rating = Status.ACCEPTED, None
        chain.step_no += 1
        chain.proposed = []
