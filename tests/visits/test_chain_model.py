"""Random people take random legal and illegal actions on many chains, by the operations and over
HTTP; a second model (chainoracle.py) foretells the answer to each, and the state after it."""

from __future__ import annotations

import itertools
import os
import random
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import select

from grids.models import Duty
from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.errors import Problem
from gridserve.permissions import Role
from tests.factories import COUNTY, LONG_AGO, TOWNSHIP, Make
from tests.visits import chainoracle as oracle
from tests.visits.chainoracle import ELSEWHERE, HIDDEN, Chain
from visits.intake import tries
from visits.issues import catalogue, operations, projection, reckoning
from visits.issues.chain import BY_ITSELF, HANDLING_ACTIONS, TRANSITIONS, Action, Rating, Way
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues
from visits.telling.models import Notice

# So many times as many walks; a walk is five chains.
TIMES = int(os.environ.get("TEST_CHAINS", "1"))
LONG = 100  # attempts of a walk
WALKS, WALKS_OVER_HTTP = 8 * TIMES, 4 * TIMES
ACTIONS = list(dict.fromkeys(a for (_s, a), r in TRANSITIONS.items() if r.who not in BY_ITSELF))
ONWARD = 0.7  # of the attempts are by somebody who may
# What ends a chain, or leaves it where it stands, relative to what brings it on.
RARELY = {
    Action.MERGE: 0.04, Action.DECLINE: 0.1, Action.FORCE_CLOSE: 0.1, Action.COMMENT: 0.1,
    Action.URGE: 0.1, Action.PROPOSE_CLOSE: 0.1, Action.EXTEND: 0.2, Action.RETURN: 0.2,
    Action.TRANSFER: 0.2, Action.SUSPEND: 0.2, Action.ASSIST: 0.3, Action.REQUEST_MATERIAL: 0.2,
    Action.ESCALATE: 0.2, Action.HAND_DOWN: 0.2,
}  # fmt: skip
EVERYBODY = (*oracle.STAFF, *oracle.READS_NO_ISSUES)
CODE = "482913"


class World:
    """People, teams and categories, made once."""

    def __init__(self, make: Make, context: Any) -> None:
        self.make, self.context = make, context
        make.jurisdictions(ELSEWHERE)
        cell = make.cell()
        self.people = {n: make.user(Role.DISPATCHER, code) for n, code in oracle.DESKS.items()}
        self.people |= {n: make.user(Role.LEADER, code) for n, code in oracle.LEADERS.items()}
        for name in oracle.CADRES:
            self.people[name] = make.user(Role.CADRE, ELSEWHERE if name == "c1" else TOWNSHIP)
        self.people["admin"] = make.user(Role.ADMINISTRATOR, COUNTY)
        self.people["auditor"] = make.user(Role.AUDITOR, COUNTY)
        self.names = {user.id: name for name, user in self.people.items()}
        teams = {
            name: make.team([cell] if name == "A" else [], code=code)
            for name, code in oracle.PLACE.items()
        }
        for team, name, duty in (
            ("A", "a1", Duty.LEADER), ("A", "a2", Duty.FULL_TIME), ("B", "b1", Duty.LEADER),
            ("B", "b2", Duty.PART_TIME), ("E", "e1", Duty.FULL_TIME), ("C", "c1", Duty.FULL_TIME),
        ):  # fmt: skip
            make.member(teams[team], self.people[name], duty)
        make.deputy(teams["B"], self.people["b1"], self.people["deputy"])
        for name in ("b1", "e1"):
            make.absent(self.people[name], LONG_AGO)
        self.teams = {name: team.id for name, team in teams.items()}
        self.team_names = {team_id: name for name, team_id in self.teams.items()}
        self.household = make.household(cell)
        for code in ("facility.road", "welfare.age", "conduct"):
            make.category(code)
        catalogue.save("welfare.age", {"to_cells": False}, seen=1, by=None)
        catalogue.save("conduct", {"about_staff": True}, seen=1, by=None)
        db.session.commit()
        self.answers: Counter[str] = Counter()
        self.taken: Counter[Action] = Counter()

    def report(self, who: str, category: str, **besides: Any) -> Chain:
        said = {
            "id": uuid.uuid4(), "category": category, "words": "路灯不亮", "channel": "hotline",
            "household_id": self.household.id, "query_code": CODE, **besides,
        }  # fmt: skip
        issue = operations.report(said, by=self.people[who])
        db.session.commit()
        return Chain(
            issue.id, who, to_cells=category != "welfare.age", about_staff=category == "conduct"
        )


class Walk(RuleBasedStateMachine):
    """Some issues at once, walked by everybody, each attempt compared with the second model."""

    world: World

    @initialize()
    def begin(self) -> None:
        about = self.world.people[oracle.COMPLAINED_ABOUT].id
        self.chains = [
            self.world.report("a1", "facility.road"),
            self.world.report("desk", "facility.road"),
            self.world.report("a2", "welfare.age"),
            self.world.report("second desk", "conduct", about=about),
            self.world.report("b2", "conduct", about=about),
        ]
        self.last: dict[uuid.UUID, tuple[str, dict[str, Any]]] = {}
        self.turn = 0

    @rule(place=st.integers(0, 4), seed=st.integers(0, 2**32))
    def something_happens(self, place: int, seed: int) -> None:
        """One rule for all, or Hypothesis leaves some of them out of a whole walk."""
        chain = self.chains[place]
        self.turn += 1  # Hypothesis likes to draw the same small seeds
        chance = random.Random(f"{seed} {self.turn}")
        weights = self.happenings()
        happens = chance.choices(list(weights), list(weights.values()))[0]
        happens(chain, chance)

    def happenings(self) -> dict[Callable[[Chain, random.Random], None], float]:
        """What can happen, and how often relative to the others."""
        return {self.act: 0.85, self.evaluate_by_code: 0.1, self.send_again: 0.05}

    def act(self, chain: Chain, chance: random.Random) -> None:
        """Somebody tries something: mostly what leads on, else anything at all."""
        who, action = chance.choice(EVERYBODY), chance.choice(ACTIONS)
        if chance.random() < ONWARD:
            able: dict[Action, list[str]] = {}
            for each in oracle.STAFF:
                for possible in oracle.shown(each, chain) if oracle.sees(each, chain) else ():
                    able.setdefault(possible, []).append(each)
            actions = sorted(able)
            action = chance.choices(actions, [RARELY.get(each, 1.0) for each in actions])[0]
            who = chance.choice(able[action])
        said = self._said(chain, action, chance)
        if chance.random() < 0.05:
            said["seen"] += -1 if chain.step_no > 1 else 1
        if chance.random() < 0.1:
            for name in ("words", "answer", "team_id"):
                said.pop(name, None)
        foretold = oracle.refusal(who, chain, said, self.chains)
        if who in oracle.READS_NO_ISSUES:
            foretold = self.refused_at_the_door
        code = self.send(who, chain, {k: v for k, v in said.items() if k not in ("days", "team")})
        assert code == foretold, (who, action, chain)
        self.world.answers[str(code)] += 1
        if code is None:
            expected_for = oracle.for_whom(who, chain, action)
            oracle.take(who, chain, said)
            self.last[chain.id] = (who, said)
            self.world.taken[action] += 1
            self._check(chain, expected_for)
        else:
            self._stands(chain)

    def evaluate_by_code(self, chain: Chain, chance: random.Random) -> None:
        """The resident says how it was, with the query code."""
        foretold = "issue.already_evaluated" if chain.rating else None
        if chain.status.value != "closed":
            foretold = "issue.not_possible"
        said = {"id": uuid.uuid4(), "rating": chance.choice(list(Rating)), "words": "说一句"}
        code = self.send_by_code(chain, said)
        assert code == foretold, chain
        self.world.answers[str(code)] += 1
        if code is None:
            oracle.take(None, chain, {**said, "action": Action.EVALUATE})
            self.world.taken[Action.EVALUATE] += 1
            self._check(chain, None)

    def send_again(self, chain: Chain, _chance: random.Random) -> None:
        """The last step sent again is the same step, whatever happened since."""
        who, said = self.last.get(chain.id, ("", {}))
        if not who:
            return
        body = {k: v for k, v in said.items() if k not in ("days", "team")}
        assert self.send(who, chain, body) is None
        self._stands(chain)

    # ------------------------------------------------------------------ the way to the real one

    refused_at_the_door = "issue.not_found"  # the operation itself finds nothing for them

    def send(self, who: str, chain: Chain, said: dict[str, Any]) -> str | None:
        """Try a step; the code of the refusal, or None."""
        try:
            with db.session.begin_nested():
                operations.take_step(chain.id, said, by=self.world.people[who])
        except Problem as problem:
            return self._coded(problem)
        return None

    @staticmethod
    def _coded(problem: Problem) -> str:
        assert 400 <= problem.status < 500
        return problem.code

    def send_by_code(self, chain: Chain, said: dict[str, Any]) -> str | None:
        """Let the resident evaluate, who has shown the query code."""
        issue = db.session.get_one(Issue, chain.id, populate_existing=True)
        try:
            with db.session.begin_nested():
                operations.evaluate(issue, said)
        except Problem as problem:
            return self._coded(problem)
        return None

    def _said(self, chain: Chain, action: Action, chance: random.Random) -> dict[str, Any]:
        issue = db.session.get_one(Issue, chain.id, populate_existing=True)
        said = {
            "id": uuid.UUID(int=chance.getrandbits(64) << 64 | uuid.uuid4().int >> 64),
            "action": action, "seen": chain.step_no, "words": "话", "answer": "已告知",
            "basis": "依据", "instead": "别处", "rating": chance.choice(list(Rating)),
            "way": chance.choice([Way.CALL_BACK] * 8 + [Way.SIGNATURE, Way.CODE]),
            "days": chance.choice([-1, 0, 2, 20]),
        }  # fmt: skip
        if action in (Action.DISPATCH, Action.TRANSFER, Action.ASSIST):
            said["team"] = chance.choice("AAABBBEC")
            said["team_id"] = self.world.teams[said["team"]]
        if action is Action.MERGE:
            said["into"] = chance.choice(self.chains).id
        if action in (Action.ESCALATE, Action.HAND_DOWN):
            near = [COUNTY, TOWNSHIP, issue.village_code, ELSEWHERE]
            said["to_desk"] = chance.choice(near)
        if action is Action.EXTEND:
            due = issue.due_at + timedelta(hours=1)
            if book().missing_years(issue.village_code, [workdays.day_of(due).year]):
                said["days"] = 0
            said["due_at"] = due if said["days"] else now()
        if action in (Action.SUSPEND, Action.URGE):
            said["until"] = workdays.today() + timedelta(days=said["days"])
        return said

    # --------------------------------------------------------------------------- what must hold

    def _stands(self, chain: Chain) -> Issue:
        """The row is as the second model has it."""
        issue = db.session.get_one(Issue, chain.id, populate_existing=True)
        assert (issue.status, issue.step_no, issue.desk_code, issue.merged_into_id) == (
            chain.status, chain.step_no, chain.desk, chain.into,
        )  # fmt: skip
        assert self.world.team_names.get(issue.team_id) == chain.team
        assert self.world.names.get(issue.handler_id) == chain.charge
        assert self.world.names.get(issue.first_id) == chain.first
        assert issue.rating == chain.rating
        assert (issue.closed_at is None) == chain.is_open
        return issue

    def _check(self, chain: Chain, acted_for: str | None) -> None:
        """What holds after every step, whoever took it."""
        issue = self._stands(chain)
        steps = projection.steps_of([issue])[issue.id]
        assert not projection.differs(issue, steps, reckoning.terms_of(issue))
        assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
        taken = steps[-1] if "because" not in steps[-1].data else steps[-2]
        assert self.world.names.get(taken.for_id) == acted_for
        handlers: set[Any] = set()
        for before, step in itertools.pairwise(steps):
            rule_ = TRANSITIONS[before.status_after, step.action]
            assert (step.status_before, step.status_after) == (before.status_after, rule_.to)
            assert step.happened_at >= before.happened_at
            if rule_.not_handler:
                assert step.actor_id not in handlers
            if step.action in HANDLING_ACTIONS:
                handlers |= {step.actor_id, step.for_id} - {None}
        if issue.status.value == "closed":
            assert any(step.data.get("answer") for step in steps)
            assert any(step.action in HANDLING_ACTIONS for step in steps) or any(
                step.action is Action.FORCE_CLOSE for step in steps
            )
        if chain.about_staff:
            hidden = visible_issues(self.world.people[HIDDEN[0]])
            assert db.session.scalar(hidden.where(Issue.id == issue.id)) is None
            hidden = visible_issues(self.world.people[HIDDEN[1]])
            assert db.session.scalar(hidden.where(Issue.id == issue.id)) is None


class WalkOverHttp(Walk):
    """The same through the real routes: every refusal is a 4xx with its code, and the buttons are
    what the second model allows."""

    clients: dict[str, FlaskClient]
    nobody: FlaskClient
    refused_at_the_door = oracle.FORBIDDEN

    def happenings(self) -> dict[Callable[[Chain, random.Random], None], float]:
        besides = {self.look: 0.15, self.garble: 0.1, self.try_a_wrong_code: 0.05}
        return super().happenings() | besides

    def send(self, who: str, chain: Chain, said: dict[str, Any]) -> str | None:
        body = {k: v.isoformat() if hasattr(v, "isoformat") else str(v) for k, v in said.items()}
        path = f"/api/v1/issues/{chain.id}/steps"
        answer = self.clients[who].post(path, json=body | {"seen": said["seen"]})
        return self._code(answer)

    @staticmethod
    def _code(answer: Any) -> str | None:
        if answer.status_code == 201:
            return None
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.mimetype == "application/problem+json"
        assert answer.json["status"] == answer.status_code
        assert answer.json["title"]
        return str(answer.json["code"])

    def send_by_code(self, chain: Chain, said: dict[str, Any]) -> str | None:
        answer = self._asked(chain, CODE, **{k: str(v) for k, v in said.items()})
        assert answer.status_code in (200, 409), answer.text
        if answer.status_code == 200:
            return None
        recorded = "evaluation is recorded already" in answer.text
        return "issue.already_evaluated" if recorded else "issue.not_possible"

    def _asked(self, chain: Chain, code: str, **form: str) -> Any:
        """The resident's page, from an address of its own: few tries are allowed from one."""
        number = db.session.scalar(select(Issue.number).where(Issue.id == chain.id))
        address = ".".join(str(part) for part in uuid.uuid4().bytes[:4])
        return self.nobody.post(
            "/q?lang=en", data={"number": number, "code": code, **form},
            environ_overrides={"REMOTE_ADDR": address},
        )  # fmt: skip

    def try_a_wrong_code(self, chain: Chain, _chance: random.Random) -> None:
        """Who does not know the code is told nothing, and nothing changes."""
        answer = self._asked(chain, "000000", id=str(uuid.uuid4()), rating="satisfied")
        assert answer.status_code in (403, 429)  # the latter after a few tries
        assert "路灯不亮" not in answer.text
        tries.forgive(str(db.session.scalar(select(Issue.number).where(Issue.id == chain.id))))
        self._stands(chain)

    def look(self, chain: Chain, chance: random.Random) -> None:
        """Who may see an issue sees it, with just the buttons that are theirs; others nothing."""
        who = chance.choice(EVERYBODY)
        page = self.clients[who].get(f"/issues/{chain.id}", headers={"Accept": "text/html"})
        answer = self.clients[who].get(f"/api/v1/issues/{chain.id}")
        if who in oracle.READS_NO_ISSUES:
            assert (page.status_code, answer.status_code) == (403, 403)
        elif not oracle.sees(who, chain):
            assert (page.status_code, answer.status_code) == (404, 404)
            assert answer.json["code"] == "issue.not_found"
        else:
            assert (page.status_code, answer.status_code) == (200, 200)
            allowed = oracle.shown(who, chain)
            assert set(answer.json["actions"]) == allowed
            for action in ACTIONS:
                button = f'name="action" value="{action}"'
                assert (button in page.text) == (action in allowed), (who, action)

    def garble(self, chain: Chain, chance: random.Random) -> None:
        """What cannot be read is refused, by whomever it is sent, and changes nothing."""
        who = chance.choice(EVERYBODY)
        path = f"/api/v1/issues/{chain.id}/steps"
        good = {"id": str(uuid.uuid4()), "action": "comment", "seen": chain.step_no, "words": "话"}
        bodies: dict[str, Any] = {
            "nothing": {}, "action": good | {"action": "report"}, "seen": good | {"seen": "two"},
            "id": good | {"id": "\x00"}, "field": good | {"status": "closed"}, "list": [good],
            "text": good | {"words": "\x00"}, "blank": good | {"words": "  "}, "stranger": good,
        }  # fmt: skip
        bad = chance.choice(list(bodies))
        client = self.nobody if bad == "stranger" else self.clients[who]
        code = self._code(client.post(path, json=bodies[bad]))
        if bad == "stranger":
            assert code == "auth.required"
        elif bad == "blank" and who in oracle.STAFF and not oracle.sees(who, chain):
            assert code == "issue.not_found"
        else:
            assert code in ("request.invalid", "request.bad", oracle.FORBIDDEN)
        self._stands(chain)


def _walk(machine: type[Walk], walks: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=walks, stateful_step_count=LONG, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        ),
    )  # fmt: skip
    world = machine.world
    # By chance a walk leaves some out; test_posts.py takes each from wherever it is possible.
    assert len(world.taken) > len(ACTIONS) / 3, world.taken
    assert len(world.answers) > 4, world.answers
    assert projection.check() == []
    complaints = select(Issue.id).where(Issue.about_staff)
    told = set(db.session.scalars(select(Notice.user_id).where(Notice.issue_id.in_(complaints))))
    assert not told & {world.people[name].id for name in HIDDEN}


def test_random_people_on_random_chains(make: Make, context: Any) -> None:
    Walk.world = World(make, context)
    _walk(Walk, WALKS)


def test_random_people_over_http(make: Make, context: Any, as_user: Any) -> None:
    WalkOverHttp.world = world = World(make, context)
    WalkOverHttp.clients = {name: as_user(user) for name, user in world.people.items()}
    WalkOverHttp.nobody = context.test_client()
    _walk(WalkOverHttp, WALKS_OVER_HTTP)
