"""Leaving a team without orphaning work: what somebody was in charge of goes to another one of the
team, by a step that says so. Nothing here commits."""

from __future__ import annotations

import logging
import uuid
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import aliased

from grids import holding, staffing
from grids.models import Duty, Membership, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Conflict
from gridserve.people import User
from visits.issues import charge
from visits.issues.models import Issue, Step
from visits.issues.operations import hand_over

log = logging.getLogger(__name__)

SWEPT = 500  # issues in one run of the sweep; the next one takes the rest


class HoldsWork(Conflict):
    """Somebody has to be there for the open issues that a team holds."""

    code = "team.holds_work"


def leave(team_id: uuid.UUID, membership_id: uuid.UUID, on: date, *, by: User) -> dict[str, Any]:
    """Let somebody leave a team from `on`; the issues in that person's charge go to the leader.

    Refused with HoldsWork where nobody would be left for open issues. Gives {membership, issues}.
    """
    team = staffing.locked_team(team_id, by)
    row = staffing.member(team, membership_id)
    staffing.end_member(team, row, on, by=by)
    _check_somebody_left(team, on)
    return {"membership": row, "issues": _pass_on(team, row, on, by=by)}


def change_duty(
    team_id: uuid.UUID, membership_id: uuid.UUID, duty: Duty, on: date, *, by: User
) -> Membership:
    """Give somebody another duty from `on`; what the person is in charge of stays."""
    team = staffing.locked_team(team_id, by)
    row = staffing.member(team, membership_id)
    return staffing.change_duty(team, row, duty, on, by=by)


def replace(
    team_id: uuid.UUID, membership_id: uuid.UUID, said: dict[str, Any], *, by: User
) -> dict[str, Any]:
    """Put another person into somebody's place and into charge of the open issues: id, user, on.

    Gives {old, membership, issues (how many moved), numbers (the first of them)}; a repeat the
    same. On a day to come the issues move on that day (see `sweep`).
    """
    team = staffing.locked_team(team_id, by)
    row = staffing.member(team, membership_id)
    new = staffing.replace_member(team, row, said, by=by)
    _pass_on(team, row, new.from_date, by=by, to=new)
    moved = db.session.scalars(
        select(Issue.number)
        .join(Step, Step.issue_id == Issue.id)
        .where(Step.data["membership"].astext == str(new.id))
        .where(Issue.team_id == team.id)
        .order_by(Issue.due_at, Issue.id)
    ).all()
    return {
        "old": _values(row), "membership": _values(new), "issues": len(moved),
        "numbers": list(moved[:20]),
    }  # fmt: skip


def preview_replace(
    team_id: uuid.UUID, membership_id: uuid.UUID, said: dict[str, Any], *, by: User
) -> dict[str, Any]:
    """What `replace` would do, found by doing it and taking it back; nothing is stored."""
    attempt = db.session.begin_nested()
    try:
        return replace(team_id, membership_id, said, by=by)
    finally:
        attempt.rollback()


def _values(row: Membership) -> dict[str, Any]:
    """A membership's columns as values, which stay when the row is taken back."""
    return {column.key: getattr(row, column.key) for column in inspect(Membership).columns}


def end_team(team_id: uuid.UUID, on: date, *, by: User) -> Team:
    """End a team that holds no open issues: its people leave it, its cells are somebody else's."""
    team = staffing.locked_team(team_id, by, ended=True)
    if team.to_date is not None:
        return team
    staffing.check_day(on, "/on")
    on = min(on, workdays.today())
    if count := _open_issues(team):
        raise HoldsWork(
            _(
                "Team %(name)s still holds %(n)s open issues: let them be returned or finished.",
                name=team.name,
                n=count,
            )
        )
    serving = select(Membership).where(
        Membership.team_id == team.id, Membership.to_date.is_(None) | (Membership.to_date > on)
    )
    for row in db.session.scalars(serving.order_by(Membership.id)).all():
        staffing.end_member(team, row, max(on, row.from_date), by=by)
    holding.end_team(team, on, by=by)
    return team


def _check_somebody_left(team: Team, on: date) -> None:
    if not (count := _open_issues(team)):
        return
    crew = charge.crews([team.id], max(on, workdays.today())).get(team.id, [])
    if not any(each.can_act for each in crew):
        raise HoldsWork(
            _(
                "Nobody would be left in team %(name)s for the %(n)s open issues that it holds: "
                "replace the person instead, or let the issues be returned first.",
                name=team.name,
                n=count,
            )
        )


def _open_issues(team: Team) -> int:
    held = select(func.count()).where(Issue.team_id == team.id, Issue.closed_at.is_(None))
    return db.session.scalar(held) or 0


def _pass_on(
    team: Team, row: Membership, on: date, *, by: User, to: Membership | None = None
) -> int:
    """Move what a person who has left was in charge of; how many issues."""
    if on > workdays.today():
        return 0
    issues = db.session.scalars(
        select(Issue)
        .where(Issue.team_id == team.id, Issue.handler_id == row.user_id, Issue.closed_at.is_(None))
        .order_by(Issue.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if not issues:
        return 0
    heir = to.user_id if to else _heir(team.id, row.user_id)
    seed = to.id if to else row.id
    for issue in issues:
        data = {"from_person": str(row.user_id), "why": "replaced" if to else "left"}
        if to:
            data["membership"] = str(to.id)
        said = {"id": uuid.uuid5(seed, f"{issue.id} {issue.step_no}"), "data": data}
        hand_over(issue, heir, said, by=by)
    return len(issues)


def _heir(team_id: uuid.UUID, gone: uuid.UUID) -> uuid.UUID | None:
    """Who takes over from somebody: the successor, else the leader, else the next by duty."""
    today = workdays.today()
    before = aliased(Membership)
    old = select(before.id).where(before.team_id == team_id, before.user_id == gone)
    successor = db.session.scalar(
        select(Membership.user_id)
        .where(
            Membership.replaces_id.in_(old),
            Membership.team_id == team_id,
            Membership.user_id != gone,
            holds_on(Membership, today),
            charge.can_act(Membership.user_id, today),
        )
        .order_by(Membership.from_date.desc())
        .limit(1)
    )
    if successor is not None:
        return successor
    next_one = charge.after(charge.crews([team_id], today).get(team_id, []), gone)
    return next_one.person.id if next_one else None


def sweep() -> int:
    """Move issues in the charge of people who no longer serve in the team or cannot act any more:
    a planned end has come, an account was disabled, a post ended. How many were moved."""
    today = workdays.today()
    serving = select(Membership.id).where(
        Membership.team_id == Issue.team_id,
        Membership.user_id == Issue.handler_id,
        holds_on(Membership, today),
        charge.can_act(Membership.user_id, today),
    )
    issues = db.session.scalars(
        select(Issue)
        .where(Issue.handler_id.is_not(None), Issue.closed_at.is_(None), ~serving.exists())
        .order_by(Issue.id)
        .limit(SWEPT)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for issue in issues:
        assert issue.team_id is not None
        gone = issue.handler_id
        assert gone is not None
        data = {"from_person": str(gone), "why": "account"}
        said = {"id": uuid.uuid5(issue.id, f"hand over {issue.step_no}"), "data": data}
        hand_over(issue, _heir(issue.team_id, gone), said, by=None)
    if issues:
        log.info("%s issues had lost who was in charge", len(issues))
    return len(issues)
