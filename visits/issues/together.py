"""One step for several issues at once, each with a result of its own. Nothing here commits."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from gridserve.db import db
from gridserve.errors import Problem
from gridserve.people import User
from visits.issues import operations
from visits.issues.chain import Action, Status
from visits.issues.facts import Facts, lock
from visits.issues.models import Issue
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
    items = said["items"]
    ids = list(dict.fromkeys(item["issue_id"] for item in items))
    facts = Facts(
        lock(ids, by),
        step_ids={step_id for item in items for step_id in (item["id"], _accepting(item["id"]))},
        team_ids={item["team_id"] for item in items if item.get("team_id")},
    )
    if said["action"] is Action.DISPATCH:
        _ = facts.teams  # locked out here: a refusal takes back what was locked since its savepoint
    done = {item["issue_id"]: _take(facts, item, said, by) for item in items}
    operations.follow(facts, by=by)
    query = visible_issues(by).where(Issue.id.in_(ids))
    seen = db.session.scalars(query.execution_options(populate_existing=True))
    issues = {issue.id: issue for issue in seen}
    return [Outcome(each, issues.get(each), done[each]) for each in ids]


def _take(facts: Facts, item: dict[str, Any], said: dict[str, Any], by: User) -> Problem | None:
    issue_id, step = item["issue_id"], {"id": item["id"], "seen": item["seen"]}
    try:
        with operations.once():  # a refusal takes back both steps of this issue only
            if said["action"] is Action.DISPATCH:
                step["seen"] += _accepted(facts, issue_id, step, by)
                step["team_id"] = item.get("team_id")
            besides = {name: said[name] for name in ("words", "until") if said.get(name)}
            whole = step | besides | {"action": said["action"]}
            operations.advance(facts, issue_id, whole, by=by)
    except Problem as problem:
        facts.forget()
        return problem
    return None


def _accepted(facts: Facts, issue_id: uuid.UUID, step: dict[str, Any], by: User) -> int:
    """Accept an issue that is only reported; gives how many steps were taken for it, 0 or 1."""
    accepting, issue = _accepting(step["id"]), facts.issues.get(issue_id)
    is_reported = issue is not None and issue.status is Status.REPORTED
    if not is_reported and accepting not in facts.known:
        return 0
    said = {"id": accepting, "action": Action.ACCEPT, "seen": step["seen"]}
    operations.advance(facts, issue_id, said, by=by)
    return 1


def _accepting(step_id: uuid.UUID) -> uuid.UUID:
    """The id of the acceptance that goes with a dispatch."""
    return uuid.uuid5(step_id, Action.ACCEPT)
