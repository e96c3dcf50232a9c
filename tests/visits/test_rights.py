"""What somebody may do with many issues at once is what the same person may do with each alone."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from grids.models import Duty
from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from tests.statements import statements
from visits.issues.chain import Status
from visits.issues.models import Issue
from visits.issues.permissions import actions, sees_resident
from visits.issues.rights import Rights

# How an issue comes to each status: the actions that a desk, a cadre and a leader take.
ROADS = {
    Status.REPORTED: (),
    Status.ACCEPTED: ("accept",),
    Status.DECLINED: ("accept", "decline"),
    Status.DISPATCHED: ("accept", "dispatch"),
    Status.HANDLING: ("accept", "dispatch", "sign"),
    Status.SUSPENDED: ("accept", "request_material"),
    Status.REVIEWING: ("accept", "dispatch", "sign", "feed_back"),
    Status.CLOSED: ("accept", "dispatch", "sign", "feed_back", "pass_review"),
}
CADRES = ("sign", "feed_back")


@pytest.fixture
def county(make):
    """People of every role, and issues in every status held by two teams, one of them deserted."""
    ground = make.cell(1), make.cell(2)
    homes = [make.household(cell) for cell in ground]
    lead, member, a, b, stranger, gone = (make.user(Role.CADRE, VILLAGE) for _ in range(6))
    # Who stands in where nobody else of the team is.
    first = make.team([ground[0]], [member, a])
    make.member(first, lead, Duty.LEADER)
    second = make.team([ground[1]], [gone])
    make.team([], [stranger])
    desk, other = make.user(Role.DISPATCHER, TOWNSHIP), make.user(Role.DISPATCHER, COUNTY)
    both = make.user(Role.DISPATCHER, TOWNSHIP)
    make.member(first, both)
    leader = make.user(Role.LEADER, COUNTY)
    for status, road in [*ROADS.items(), (None, ROADS[Status.HANDLING])]:
        for home, team, cadre in ((homes[0], first, member), (homes[1], second, gone)):
            issue = make.issue(home, by=cadre)
            for action in road:
                said = {"words": "说明"} | ({"team_id": team.id} if action == "dispatch" else {})
                make.step(issue, action, cadre if action in CADRES else desk, **said)
            if status is Status.SUSPENDED:  # asked for what was missing: and everything came
                again = make.issue(home, by=cadre)
                for action in ("accept", "request_material", "supply"):
                    make.step(again, action, desk, words="身份证")
            if status is None:
                make.step(issue, "suspend", desk, words="汛期",
                          until=workdays.today() + timedelta(days=9))  # fmt: skip
    rated = make.issue(homes[0], by=member)
    for action in ROADS[Status.CLOSED]:
        said = {"words": "说明"} | ({"team_id": first.id} if action == "dispatch" else {})
        make.step(rated, action, member if action in CADRES else desk, **said)
    make.step(rated, "evaluate", desk, rating="satisfied")
    yesterday = workdays.today() - timedelta(days=1)
    make.deputy(first, a, b)
    make.absent(a, yesterday)
    make.absent(gone, yesterday)
    return [lead, member, a, b, stranger, gone, desk, other, both, leader,
            make.user(Role.ADMINISTRATOR), make.user(Role.AUDITOR)]  # fmt: skip


def test_many_at_once_are_each_alone(county):
    issues = list(db.session.scalars(select(Issue)))
    assert {issue.status for issue in issues} == set(Status) - {Status.MERGED}
    random.Random(4).shuffle(issues)
    allowed = 0
    for user in county:
        together = Rights(user, issues)
        for issue in issues:
            alone = actions(user, issue)
            assert together.actions(issue) == alone, (user.posts[0].role, issue.status)
            assert together.sees_resident(issue) == sees_resident(user, issue)
            allowed += len(alone)
    assert allowed > 500


def test_the_queries_do_not_grow_with_the_issues(county, context):
    issues = list(db.session.scalars(select(Issue)))
    counts = []
    for user in county:
        for few in (issues[-3:], issues):
            with statements() as found:
                rights = Rights(user, few)
                for issue in few:
                    rights.actions(issue)
            counts.append(len(found))
    assert max(counts) <= 5
