"""One step for several issues at once, each with a result of its own. Nothing here commits."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from gridserve.db import db
from gridserve.errors import Problem
from gridserve.people import User
from visits.issues import operations
from visits.issues.chain import Action, Status
from visits.issues.models import Issue, Step
from visits.issues.permissions import visible_issues

# What several issues can be given in one go: the other steps need a look at each.
TOGETHER = (Action.ACCEPT, Action.DISPATCH, Action.URGE)
MOST = 50


@dataclass(frozen=True)
class Outcome:
    """What became of one issue; `problem` says why nothing did. `issue` is None where unknown."""

    issue_id: uuid.UUID
    issue: Issue | None
    problem: Problem | None


def take(said: dict[str, Any], *, by: User) -> list[Outcome]:
    """Take `said["action"]` on each of `said["items"]` (StepsIn), in the order they were named.

    An item is {id, issue_id, seen, team_id}; words and until hold for all. Dispatching accepts
    first what is only reported. Sent again, it changes nothing and gives the same.
    """
    done: dict[uuid.UUID, Problem | None] = {}
    # In one order, so that two clerks who chose the same issues never wait in a ring.
    for item in sorted(said["items"], key=lambda each: each["issue_id"].int):
        done[item["issue_id"]] = _take(item, said, by)
    db.session.flush()
    ids = [item["issue_id"] for item in said["items"]]
    query = visible_issues(by).where(Issue.id.in_(ids))
    seen = db.session.scalars(query.execution_options(populate_existing=True))
    issues = {issue.id: issue for issue in seen}
    return [Outcome(each, issues.get(each), done[each]) for each in dict.fromkeys(ids)]


def _take(item: dict[str, Any], said: dict[str, Any], by: User) -> Problem | None:
    issue_id, step = item["issue_id"], {"id": item["id"], "seen": item["seen"]}
    try:
        with db.session.begin_nested():  # a refusal takes back both steps of this issue only
            if said["action"] is Action.DISPATCH:
                step["seen"] += _accepted(issue_id, step, by)
                step["team_id"] = item.get("team_id")
            besides = {name: said[name] for name in ("words", "until") if said.get(name)}
            operations.take_step(issue_id, step | besides | {"action": said["action"]}, by=by)
    except Problem as problem:
        return problem
    return None


def _accepted(issue_id: uuid.UUID, step: dict[str, Any], by: User) -> int:
    """Accept an issue that is only reported; gives how many steps were taken for it, 0 or 1."""
    accepting = uuid.uuid5(step["id"], Action.ACCEPT)
    status = db.session.scalar(select(Issue.status).where(Issue.id == issue_id))
    if status is not Status.REPORTED and db.session.get(Step, accepting) is None:
        return 0
    said = {"id": accepting, "action": Action.ACCEPT, "seen": step["seen"]}
    operations.take_step(issue_id, said, by=by)
    return 1
