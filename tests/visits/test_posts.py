"""Nobody acts beyond the post: every action, from every status in which it is possible, tried over
HTTP by everybody; the second model (chainoracle.py) says what each is answered."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from gridserve import workdays
from gridserve.db import db
from tests.factories import COUNTY, VILLAGE, Make
from tests.visits import chainoracle as oracle
from tests.visits.chainoracle import Chain
from tests.visits.test_chain_model import World
from visits.issues.chain import BEGINNINGS, BY_ITSELF, Action, Rating, Status, rules_from
from visits.issues.models import Issue

ROAD = (
    ("desk", Action.ACCEPT), ("second desk", Action.DISPATCH), ("deputy", Action.SIGN),
    ("b2", Action.FEED_BACK), ("desk", Action.PASS_REVIEW),
)  # fmt: skip
# How each status is reached; `held` tells the two ways to be suspended apart.
REACHED: dict[tuple[Status, bool], tuple[tuple[str, Action], ...]] = {
    (Status.REPORTED, False): (),
    (Status.ACCEPTED, False): ROAD[:1],
    (Status.DISPATCHED, True): ROAD[:2],
    (Status.HANDLING, True): ROAD[:3],
    (Status.SUSPENDED, True): (*ROAD[:3], ("desk", Action.SUSPEND)),
    (Status.SUSPENDED, False): (*ROAD[:1], ("desk", Action.REQUEST_MATERIAL)),
    (Status.REVIEWING, True): ROAD[:4],
    (Status.CLOSED, False): ROAD,
    (Status.DECLINED, False): (("desk", Action.DECLINE),),
    (Status.MERGED, False): (("desk", Action.MERGE),),
}
ROLES = (*oracle.STAFF, *oracle.READS_NO_ISSUES)


@pytest.fixture
def world(make: Make, context: Any, as_user: Any) -> Any:
    world = World(make, context)
    world.clients = {name: as_user(user) for name, user in world.people.items()}
    world.stranger = context.test_client()
    return world


def said(world: Any, chain: Chain, other: Chain, action: Action) -> dict[str, Any]:
    """A step with all that it needs, in the words of the API."""
    until = (workdays.today() + timedelta(days=2)).isoformat()
    body = {
        "id": str(uuid.uuid4()), "action": str(action), "seen": chain.step_no, "words": "话",
        "answer": "已告知", "basis": "依据", "instead": "别处", "rating": str(Rating.SATISFIED),
        "until": until, "into": str(other.id),
        "to_desk": COUNTY if action is Action.ESCALATE else VILLAGE,
        "team_id": str(world.teams["A" if action is Action.TRANSFER else "B"]),
    }  # fmt: skip
    if action is Action.ASSIST:
        body["team_id"] = str(world.teams["A"])
    if action is Action.EXTEND:
        due = db.session.get_one(Issue, chain.id, populate_existing=True).due_at
        body["due_at"] = (due + timedelta(hours=1)).isoformat()
    return body


def foretold(who: str, chain: Chain, other: Chain, action: Action) -> tuple[int, str | None]:
    """Status and code of the answer."""
    if who in oracle.READS_NO_ISSUES:
        return 403, oracle.FORBIDDEN
    if not oracle.sees(who, chain):
        return 404, "issue.not_found"
    if not oracle.may(who, chain, action):
        return 403, "issue.not_yours"
    if action is Action.FORCE_CLOSE:
        return 409, "issue.needs_two"
    if action is Action.MERGE and not oracle.is_desk(who, other):
        return 422, oracle.INVALID
    return 201, None


@pytest.mark.parametrize(("status", "held"), REACHED)
def test_nobody_acts_beyond_the_post(world: Any, status: Status, held: bool) -> None:
    other = world.report("desk", "facility.road")
    chain = world.report("b2", "facility.road")
    path = f"/api/v1/issues/{chain.id}/steps"
    for who, before in REACHED[status, held]:
        answer = world.clients[who].post(path, json=said(world, chain, other, before))
        assert answer.status_code == 201, (before, answer.json)
        oracle.take(who, chain, {"action": before, "team": "B", "into": other.id})
    assert chain.status is status
    for action, rule in rules_from(status, held=held).items():
        body = said(world, chain, other, action)
        assert world.stranger.post(path, json=body).status_code == 401
        for who in ROLES:
            db.session.execute(text("SAVEPOINT tried"))
            answer = world.clients[who].post(path, json=body)
            code = None if answer.status_code == 201 else answer.json["code"]
            db.session.execute(text("ROLLBACK TO SAVEPOINT tried"))
            expected = foretold(who, chain, other, action)
            if rule.who in BY_ITSELF and who not in oracle.READS_NO_ISSUES:
                expected = (422, oracle.INVALID)  # the API knows no such action
            assert (answer.status_code, code) == expected, (who, action, answer.json)


@pytest.mark.parametrize("action", BEGINNINGS)
def test_a_chain_begins_once(world: Any, action: Action) -> None:
    chain = world.report("desk", "facility.road")
    for who in ROLES:
        body = said(world, chain, chain, action)
        answer = world.clients[who].post(f"/api/v1/issues/{chain.id}/steps", json=body)
        expected = 403 if who in oracle.READS_NO_ISSUES else 422
        assert (answer.status_code, answer.json["status"]) == (expected, expected)
