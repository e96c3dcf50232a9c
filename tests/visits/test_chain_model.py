"""Random people take random legal and illegal actions on many chains; a second model, written
apart from the code under test, says what each of them should be answered."""

from __future__ import annotations

import itertools
import os
import random
import uuid
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP
from visits.issues import operations, projection, reckoning
from visits.issues.chain import BY_ITSELF, CLOSED, HANDLING_ACTIONS, HELD, TRANSITIONS, Action, Who
from visits.issues.models import Issue, Step

# TEST_CHAINS=20 walks twenty times as many.
TIMES = int(os.environ.get("TEST_CHAINS", "1"))
WALKS, LONG = 10 * TIMES, 50
ELSEWHERE = "530626102"
ACTIONS = [a for (_s, a), r in TRANSITIONS.items() if r.who not in BY_ITSELF]
DESKS = {"desk": TOWNSHIP, "second desk": TOWNSHIP, "county": COUNTY, "other desk": ELSEWHERE}
LEADERS = {"leader": TOWNSHIP, "county leader": COUNTY, "other leader": ELSEWHERE}


class World:
    """People and teams, made once."""

    def __init__(self, make: Any) -> None:
        self.make = make
        make.jurisdictions(ELSEWHERE)
        cell = make.cell()
        self.people = {n: make.user(Role.DISPATCHER, code) for n, code in DESKS.items()}
        self.people |= {n: make.user(Role.LEADER, code) for n, code in LEADERS.items()}
        for name in ("a1", "a2", "b1", "b2"):
            self.people[name] = make.user(Role.CADRE, TOWNSHIP)
        self.members = {"A": {"a1", "a2"}, "B": {"b1", "b2"}}
        self.teams = {
            "A": make.team([cell], [self.people["a1"], self.people["a2"]]).id,
            "B": make.team([], [self.people["b1"], self.people["b2"]], code=TOWNSHIP).id,
            "C": make.team([], code=ELSEWHERE).id,
        }
        self.household = make.household(cell)
        make.category()
        self.ids = {team: name for name, team in self.teams.items()}
        self.steps = self.refused = 0


class Chains(RuleBasedStateMachine):
    """Some issues at once, walked by everybody."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        make, people = self.world.make, self.world.people
        reporters = ("a1", "desk", "a2")
        self.issues = [make.issue(self.world.household, people[who]).id for who in reporters]
        self.last: dict[uuid.UUID, tuple[str, dict[str, Any]]] = {}
        self.touched = self.issues[0]

    def _sees(self, who: str, issue: Issue) -> bool:
        helped = set(db.session.scalars(
            select(Step.data["team"].astext).where(
                Step.issue_id == issue.id, Step.action == Action.ASSIST)
        ))  # fmt: skip
        mine = {
            str(self.world.teams[t]) for t, people in self.world.members.items() if who in people
        }
        return (
            who in ("desk", "second desk", "county", "leader", "county leader", "a1", "a2")
            or issue.reported_by_id == self.world.people[who].id
            or str(issue.team_id) in mine or bool(helped & mine)
        )  # fmt: skip

    def _may(self, who: str, issue: Issue, action: Action, steps: list[Step]) -> bool:
        """Whether the post allows it, written from the words of docs/chain.md."""
        rule_ = TRANSITIONS[issue.status, action]
        asked = rule_.who
        if action is Action.REQUEST_MATERIAL and any(s.action is action for s in steps):
            asked = Who.LEADER
        desk = issue.desk_code.startswith(DESKS.get(who, "none"))
        holder = who in self.world.members.get(self.world.ids.get(issue.team_id, ""), ())
        user = self.world.people[who].id
        handled = any(s.actor_id == user and s.action in HANDLING_ACTIONS for s in steps)
        if rule_.not_handler and handled:
            return False
        return {
            Who.DESK: desk,
            Who.HOLDER: holder,
            Who.LEAD: desk,  # nobody here leads a team
            Who.LEADER: issue.village_code.startswith(LEADERS.get(who, "none")),
            Who.CALLER: who not in LEADERS,
            Who.ANYONE: True,
        }[asked]

    @rule(
        place=st.integers(0, 2), who=st.sampled_from([*DESKS, *LEADERS, "a1", "a2", "b1", "b2"]),
        action=st.sampled_from(ACTIONS), seed=st.integers(0, 2**16),
        onward=st.booleans(), stale=st.integers(0, 9), empty=st.integers(0, 9),
    )  # fmt: skip
    def act(
        self, place: int, who: str, action: Action, seed: int, onward: bool, stale: int, empty: int
    ) -> None:
        chance = random.Random(seed)
        issue = db.session.get_one(Issue, self.issues[place], populate_existing=True)
        self.touched = issue.id
        steps = _steps(issue)
        if onward:  # towards what is possible, by somebody who may
            able = [
                (a, w) for (s, a), r in TRANSITIONS.items()
                if s is issue.status and r.who not in BY_ITSELF
                and r.held in (None, bool(issue.team_id))
                for w in self.world.people if self._sees(w, issue) and self._may(w, issue, a, steps)
            ]  # fmt: skip
            action, who = chance.choice(able)
        said = self._said(issue, action, chance)
        said["seen"] = issue.step_no - (stale == 0)
        if empty == 0:
            said |= {"words": "", "answer": None, "team_id": None}
        before = (issue.status, issue.step_no, issue.team_id, issue.desk_code)
        rule_ = TRANSITIONS.get((issue.status, action))
        fits = rule_ is not None and rule_.held in (None, issue.team_id is not None)
        try:
            with db.session.begin_nested():
                step = operations.take_step(issue.id, said, by=self.world.people[who])
        except (Conflict, Forbidden, Invalid, NotFound) as problem:
            code = problem.code
            self.world.refused += 1
            db.session.refresh(issue)
            assert (issue.status, issue.step_no, issue.team_id, issue.desk_code) == before
            if not self._sees(who, issue):
                assert code == "issue.not_found"
            elif stale == 0:
                assert code == "issue.stale_step"
            elif not fits:
                assert code == "issue.not_possible"
            else:
                allowed = self._may(who, issue, action, steps)
                assert (code == "issue.not_yours") == (not allowed), code
            return
        self.world.steps += 1
        assert self._sees(who, issue)
        assert stale != 0
        assert fits
        assert self._may(who, self._as_it_was(issue, before), action, steps)
        assert all(said.get(name) for name in rule_.needs)
        self.last[issue.id] = (who, said)
        assert step.seq == before[1] + 1

    def _as_it_was(self, issue: Issue, before: Any) -> Issue:
        return Issue(status=before[0], team_id=before[2], desk_code=before[3],
                     village_code=issue.village_code)  # fmt: skip

    def _said(self, issue: Issue, action: Action, chance: random.Random) -> dict[str, Any]:
        other = chance.choice([i for i in self.issues if i != issue.id])
        near = [COUNTY, TOWNSHIP, issue.village_code, ELSEWHERE]
        said = {
            "id": uuid.UUID(int=chance.getrandbits(128) ^ uuid.uuid4().int), "action": action,
            "words": "话", "answer": "已告知", "basis": "依据", "instead": "别处",
            "rating": chance.choice(["satisfied", "fairly", "not"]), "way": "call_back",
        }  # fmt: skip
        if action in (Action.DISPATCH, Action.TRANSFER, Action.ASSIST):
            said["team_id"] = self.world.teams[chance.choice("AABBC")]
        if action is Action.MERGE:
            said["into"] = other
        if action in (Action.ESCALATE, Action.HAND_DOWN):
            said["to_desk"] = chance.choice(near)
        if action is Action.EXTEND:
            said["due_at"] = now() + timedelta(days=chance.choice([0, 6, 9]))
        if action in (Action.SUSPEND, Action.URGE):
            said["until"] = workdays.today() + timedelta(days=chance.choice([-1, 2, 20]))
        return said

    @rule(place=st.integers(0, 2))
    def send_again(self, place: int) -> None:
        """The last step sent again is the same step, whatever happened since."""
        known = self.last.get(self.issues[place])
        if known is None:
            return
        who, said = known
        count = len(_steps(db.session.get_one(Issue, self.issues[place])))
        step = operations.take_step(self.issues[place], said, by=self.world.people[who])
        assert step.id == said["id"]
        assert len(_steps(db.session.get_one(Issue, self.issues[place]))) == count

    @invariant()
    def the_row_is_what_its_steps_make_it(self) -> None:
        issue = db.session.get_one(Issue, self.touched, populate_existing=True)
        steps = _steps(issue)
        assert not projection.differs(issue, steps, reckoning.terms_of(issue))
        assert [step.seq for step in steps] == list(range(1, len(steps) + 1))
        handlers = {s.actor_id for s in steps if s.action in HANDLING_ACTIONS}
        for before, step in itertools.pairwise(steps):
            rule_ = TRANSITIONS[before.status_after, step.action]
            assert (step.status_before, step.status_after) == (before.status_after, rule_.to)
            assert step.happened_at >= before.happened_at
            if rule_.not_handler:
                taken = {s.actor_id for s in steps[: step.seq - 1] if s.action in HANDLING_ACTIONS}
                assert step.actor_id not in taken
        last = steps[-1]
        assert (issue.status in HELD) <= (issue.team_id is not None)
        assert (issue.status in CLOSED) == (issue.closed_at is not None)
        if issue.status is last.status_after is Action.MERGE:
            assert issue.merged_into_id is not None
        if issue.status.value == "closed":
            assert any(s.data.get("answer") for s in steps)
            assert handlers or any(s.action is Action.FORCE_CLOSE for s in steps)


def _steps(issue: Issue) -> list[Step]:
    return projection.steps_of([issue])[issue.id]


def test_random_people_on_random_chains(make: Any) -> None:
    Chains.world = world = World(make)
    run_state_machine_as_test(
        Chains,
        settings=settings(
            max_examples=WALKS, stateful_step_count=LONG, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        ),
    )  # fmt: skip
    assert world.steps > 40 * TIMES
    assert world.refused > 40 * TIMES
    assert projection.check() == []
