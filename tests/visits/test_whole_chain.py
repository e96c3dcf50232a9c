"""Every action of the chain beyond the main road, over the API."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, Make
from visits.issues import reckoning
from visits.issues.models import Issue
from visits.models import Household


@dataclass
class Case:
    """People around one issue, each a client, and the issue."""

    make: Make
    issue: Issue
    desk: Any
    cadre: Any
    leader: Any
    second: Any
    county: Any
    team: Any
    other_team: Any
    stranger: Any

    def step(self, who: str, action: str, **said: Any) -> Any:
        seen = self.desk.get(f"/api/v1/issues/{self.issue.id}")
        if seen.status_code != 200:  # it is another desk's now
            seen = self.county.get(f"/api/v1/issues/{self.issue.id}")
        body = {"id": str(uuid.uuid4()), "action": action, "seen": seen.json["step_no"], **said}
        return getattr(self, who).post(f"/api/v1/issues/{self.issue.id}/steps", json=body)

    def now(self) -> Any:
        return self.leader.get(f"/api/v1/issues/{self.issue.id}").json

    def dispatched(self, *, signed: bool = True) -> Case:
        steps = [("desk", "accept", {}), ("desk", "dispatch", {"team_id": str(self.team.id)})]
        if signed:
            steps.append(("cadre", "sign", {}))
        for who, action, said in steps:
            assert self.step(who, action, **said).status_code == 201
        return self


@pytest.fixture
def case(make: Make, as_user: Any) -> Case:
    cell = make.cell()
    household = make.household(cell)
    cadre = make.user(Role.CADRE, TOWNSHIP)
    team = make.team([cell], [cadre])
    elsewhere = make.user(Role.CADRE, TOWNSHIP)
    other = make.team([], [elsewhere])
    issue = make.issue(household, cadre)
    return Case(
        make, issue,
        desk=as_user(make.user(Role.DISPATCHER, TOWNSHIP)), cadre=as_user(cadre),
        leader=as_user(make.user(Role.LEADER, TOWNSHIP)),
        second=as_user(make.user(Role.LEADER, COUNTY)),
        county=as_user(make.user(Role.DISPATCHER, COUNTY)),
        team=team, other_team=other, stranger=as_user(elsewhere),
    )  # fmt: skip


def _home(case: Case) -> Any:
    """The household of the case."""
    return db.session.get_one(Household, case.issue.household_id)


def day(days: int) -> str:
    return (workdays.today() + timedelta(days=days)).isoformat()


def test_material_is_asked_for_once_and_the_clock_stands_still(case: Case) -> None:
    case.step("desk", "accept")
    assert case.step("desk", "request_material", words="身份证\n户口本").status_code == 201
    seen = case.now()
    assert (seen["status"], seen["team"]) == ("suspended", None)
    assert [line["why"] for line in seen["due_because"]][-2:] == ["stopped", "due"]
    assert case.step("desk", "resume").json["code"] == "issue.not_possible"
    assert case.step("desk", "supply").status_code == 201
    assert case.now()["status"] == "accepted"
    again = case.step("desk", "request_material", words="还缺一份")
    assert (again.status_code, again.json["code"]) == (403, "issue.not_yours")
    assert case.step("leader", "request_material", words="还缺一份").status_code == 201


def test_a_suspension_ends_by_itself_at_the_day_that_was_said(case: Case) -> None:
    case.dispatched()
    assert "/until" in case.step("desk", "suspend", words="汛期").json["errors"]
    answer = case.step("desk", "suspend", words="汛期", until=day(10))
    assert answer.status_code == 201
    seen = case.now()
    assert (seen["status"], seen["team"]["id"]) == ("suspended", str(case.team.id))
    issue = db.session.get_one(Issue, case.issue.id)
    stands = db.session.scalar(_weight(now() + timedelta(days=9)))
    later = db.session.scalar(_weight(now() + timedelta(days=12)))
    assert stands == pytest.approx(reckoning.weight_of(issue), abs=1e-3)
    assert later > stands + 0.2  # it ran again for more than a day of five
    assert case.step("desk", "resume").status_code == 201
    assert case.now()["status"] == "handling"


def _weight(moment: Any) -> Any:
    return select(reckoning.weight_at(moment)).select_from(Issue)


def test_a_limit_is_extended_only_before_it_has_passed(case: Case) -> None:
    case.dispatched()
    due = now() + timedelta(days=8)
    assert case.step("desk", "extend", words="备料", due_at=now().isoformat()).status_code == 422
    answer = case.step("desk", "extend", words="备料", due_at=due.isoformat())
    assert answer.status_code == 201, answer.json
    seen = case.now()
    assert seen["due_at"][:16] == due.isoformat()[:16]
    assert "extended" in [line["why"] for line in seen["due_because"]]
    late = case.make.issue(_home(case), case.make.user(Role.DISPATCHER, TOWNSHIP),
                           at=now() - timedelta(days=30))  # fmt: skip
    case.issue = late
    case.dispatched(signed=False)
    refused = case.step("desk", "extend", words="备料", due_at=due.isoformat())
    assert (refused.status_code, refused.json["code"]) == (409, "issue.too_late")


def test_the_page_says_until_when_the_present_stage_should_be_over(case: Case) -> None:
    page = case.desk.get(f"/issues/{case.issue.id}", headers={"Accept": "text/html"})
    assert "本环节截至" in page.text


def test_between_levels_and_back(case: Case) -> None:
    case.step("desk", "accept")
    assert case.step("desk", "escalate", words="x", to_desk="5306").status_code == 422
    assert case.step("cadre", "escalate", words="x", to_desk=COUNTY).status_code == 403
    assert case.step("desk", "escalate", words="需县里协调", to_desk=COUNTY).status_code == 201
    assert (case.now()["desk"], case.now()["status"]) == (COUNTY, "reported")
    assert case.step("desk", "accept").json["code"] == "issue.not_yours"
    assert case.step("county", "hand_down", to_desk="530626102").status_code == 422
    assert case.step("county", "hand_down", to_desk=TOWNSHIP).status_code == 201
    assert case.step("desk", "accept").status_code == 201


def test_transfer_and_help(case: Case) -> None:
    case.dispatched()
    assert case.stranger.get(f"/api/v1/issues/{case.issue.id}").status_code == 404
    same = case.step("cadre", "assist", team_id=str(case.team.id))
    assert same.status_code == 422
    assert case.step("cadre", "assist", team_id=str(case.other_team.id)).status_code == 201
    seen = case.stranger.get(f"/api/v1/issues/{case.issue.id}")
    assert seen.status_code == 200
    assert seen.json["actions"] == ["comment"]
    assert case.step("stranger", "comment", words="已联系电力").status_code == 201
    answer = case.step("desk", "transfer", team_id=str(case.other_team.id), words="属供电所")
    assert answer.status_code == 201
    assert (case.now()["status"], case.now()["team"]["id"]) == (
        "dispatched", str(case.other_team.id),
    )  # fmt: skip
    assert case.step("stranger", "sign").status_code == 201


def test_duplicates_are_merged_into_one_that_goes_on(case: Case) -> None:
    reporter = case.make.user(Role.DISPATCHER, TOWNSHIP)
    other = case.make.issue(_home(case), reporter)
    assert case.step("desk", "merge", into=str(case.issue.id)).status_code == 422
    assert case.step("desk", "merge", into=str(uuid.uuid4())).status_code == 422
    assert case.step("desk", "merge", into=str(other.id)).status_code == 201
    seen = case.now()
    assert (seen["status"], seen["merged_into"]) == ("merged", str(other.id))
    assert seen["actions"] == ["comment"]
    assert case.step("desk", "comment", words="两起是同一件事").status_code == 201
    assert case.now()["merged_into"] == str(other.id)
    case.issue, merged = other, case.issue
    assert case.step("desk", "merge", into=str(merged.id)).status_code == 422  # not open any more


def test_two_leaders_close_by_force_and_one_does_not(case: Case) -> None:
    case.dispatched()
    said = {"words": "当事人已迁走", "basis": "条例第三条", "answer": "已书面告知"}
    assert case.step("desk", "propose_close", **said).status_code == 403
    assert case.step("leader", "force_close").json["code"] == "issue.needs_two"
    assert case.step("leader", "propose_close", **said).status_code == 201
    assert case.step("leader", "force_close").json["code"] == "issue.needs_two"
    assert case.step("second", "force_close").status_code == 201
    seen = case.now()
    assert seen["status"] == "closed"
    assert seen["steps"][-1]["data"]["answer"] == "已书面告知"


def test_a_resident_who_is_not_satisfied_is_heard_once_more(case: Case) -> None:
    def close() -> None:
        case.dispatched()
        said = {"words": "好了", "answer": "已告知"}
        assert case.step("cadre", "feed_back", **said).status_code == 201
        assert case.step("desk", "pass_review").status_code == 201

    close()
    assert case.step("desk", "evaluate", rating="not", words="还是漏").status_code == 201
    seen = case.now()
    assert (seen["status"], seen["rating"]) == ("accepted", None)
    assert [step["action"] for step in seen["steps"][-2:]] == ["evaluate", "reopen"]
    case.step("desk", "dispatch", team_id=str(case.team.id))
    case.step("cadre", "sign")
    case.step("cadre", "feed_back", words="好了", answer="已告知")
    case.step("desk", "pass_review")
    assert case.step("desk", "evaluate", rating="not").status_code == 201
    assert (case.now()["status"], case.now()["rating"]) == ("closed", "not")


def test_settled_on_the_spot_is_closed_with_an_answer(case: Case, as_user: Any) -> None:
    household = case.issue.household_id
    said = {
        "id": str(uuid.uuid4()), "category": "facility.road", "words": "井盖松动",
        "household_id": str(household), "settled": {"result": "已压实", "answer": "当面告知"},
    }  # fmt: skip
    answer = case.cadre.post("/api/v1/issues", json=said)
    assert answer.status_code == 201, answer.json
    assert answer.json["status"] == "closed"
    assert answer.json["steps"][0]["action"] == "settle_on_spot"
    refused = case.desk.post("/api/v1/issues", json=said | {"id": str(uuid.uuid4())})
    assert (refused.status_code, refused.json["code"]) == (403, "issue.not_yours")
    case.issue = db.session.get_one(Issue, uuid.UUID(answer.json["id"]))
    assert case.step("cadre", "evaluate", rating="satisfied").status_code == 403
