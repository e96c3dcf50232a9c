"""The issues that a cadre's phone carries, with what may be done to each, now and later."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Assignment, Team
from grids.permissions import cells_of, holds_on, teams_of
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits.issues import clock, queries
from visits.issues.chain import HELD, Action, Rule, Status, Who, rules_from
from visits.issues.charge import Charge
from visits.issues.choices import ONWARD
from visits.issues.models import Assistance, Issue, Step
from visits.issues.permissions import visible_issues
from visits.issues.reckoning import weight_of
from visits.issues.rights import Rights
from visits.masking import masked_name, masked_phone
from visits.photos import queries as photos
from visits.workset.values import filled, local, shortened

MOST_ISSUES, MOST_TEAMS = 500, 500
CLOSED_WITHIN = timedelta(days=30)  # a closed one can still be evaluated on the phone
WORDS, STEP_WORDS = 500, 200  # characters


def issues(user: User, day: date) -> tuple[list[Issue], bool]:
    """The issues of the own cells and teams, those reported by oneself and those helped with, open
    or lately closed, the soonest due first; and whether some had to be left out."""
    teams = teams_of(user, day)
    helped = select(Assistance.issue_id).where(Assistance.team_id.in_(teams))
    own = or_(
        Issue.cell_id.in_(cells_of(user, day)),
        Issue.team_id.in_(teams),
        Issue.reported_by_id == user.id,
        Issue.id.in_(helped),
    )
    lately = Issue.closed_at >= workdays.start_of(day - CLOSED_WITHIN)
    rows = db.session.scalars(
        # Who has a wider post besides sees more of them; that is work for the desk's pages.
        visible_issues(user)
        .where(own, or_(Issue.closed_at.is_(None), lately))
        .options(joinedload(Issue.team), joinedload(Issue.cell), raiseload("*"))
        .order_by(Issue.closed_at.is_not(None), Issue.due_at, Issue.id)
        .limit(MOST_ISSUES + 1)
    ).all()
    return list(rows[:MOST_ISSUES]), len(rows) > MOST_ISSUES


def described(user: User, rows: Sequence[Issue]) -> list[dict[str, Any]]:
    """The issues as a phone shows them."""
    rights, charges = Rights(user, rows), queries.charges(rows)
    ids = [issue.id for issue in rows]
    last, pictures = _last_steps(ids), photos.of_issues(ids)
    return [
        _issue(user, issue, rights, charges.get(issue.id), last.get(issue.id))
        | filled(photos=pictures.get(issue.id))
        for issue in rows
    ]


def _issue(
    user: User, issue: Issue, rights: Rights, charge: Charge | None, last: dict[str, Any] | None
) -> dict[str, Any]:
    held = rights.is_of_team(issue)
    return filled(
        id=str(issue.id),
        number=issue.number,
        category=issue.category_code,
        words=shortened(issue.words, WORDS),
        status=issue.status.value,
        step_no=issue.step_no,
        light=clock.light(weight_of(issue)).value if issue.closed_at is None else None,
        due_at=local(issue.due_at),
        stage_due_at=local(issue.stage_due_at),
        closed_at=local(issue.closed_at),
        household=issue.household_id and str(issue.household_id),
        cell=issue.cell.code if issue.cell else None,
        address=issue.address,
        desk=issue.desk_code,
        team={"id": str(issue.team.id), "name": issue.team.name} if issue.team else None,
        handler=charge.person.name if charge else None,
        mine=held or issue.reported_by_id == user.id,
        first=issue.first_id == user.id,
        held=held,
        resident=_resident(issue, seen=rights.sees_resident(issue)),
        rating=issue.rating and issue.rating.value,
        actions=told(rights.actions(issue)),
        last=last,
    )


def told(rules: dict[Action, Rule]) -> list[dict[str, Any]]:
    """Actions with what must be said and where they lead, those that bring an issue on first."""
    ordered = sorted(rules.items(), key=lambda item: item[0] not in ONWARD)
    return [
        filled(action=action.value, needs=list(rule.needs), to=rule.to.value)
        for action, rule in ordered
    ]


def chain() -> dict[str, list[dict[str, Any]]]:
    """By status, what those may do who hold an issue: a phone without signal takes two steps in a
    row, and what counts after the first one is not among the issue's actions yet."""
    return {
        status.value: told(
            {
                action: rule
                for action, rule in rules_from(status, held=True).items()
                if rule.who in (Who.HOLDER, Who.ANYONE)
            }
        )
        for status in Status
        if status in HELD
    }


def _resident(issue: Issue, *, seen: bool) -> dict[str, Any] | None:
    name, phone = issue.resident_name, issue.resident_phone
    if not seen:
        name, phone = name and masked_name(name), masked_phone(phone)
    return filled(name=name, phone=phone) or None


def _last_steps(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """The last step of each issue."""
    rows = (
        select(Step.issue_id, Step.action, Step.words, Step.happened_at, User.name)
        .join(Issue, (Issue.id == Step.issue_id) & (Issue.step_no == Step.seq))
        .join(User, User.id == Step.actor_id, isouter=True)
        .where(Issue.id.in_(ids))
    )
    return {
        issue: filled(
            action=action.value, words=shortened(words, STEP_WORDS), at=local(at), by=name
        )
        for issue, action, words, at, name in (db.session.execute(rows) if ids else ())
    }


def teams(described: Iterable[dict[str, Any]], day: date) -> list[dict[str, Any]]:
    """To whom one of these issues could go where an action needs a team, of the desks that have
    them. A team with cells takes only what is on the list of what cells may be given."""
    needing = (issue for issue in described if _needs_team(issue["actions"]))
    desks = sorted({issue["desk"] for issue in needing})
    if not desks:
        return []
    cells = select(Assignment.id).where(Assignment.team_id == Team.id, holds_on(Assignment, day))
    rows = (
        select(Team.id, Team.name, Team.jurisdiction_code, cells.exists().label("cells"))
        .where(Team.to_date.is_(None), or_(*(Team.jurisdiction_code.like(d + "%") for d in desks)))
        .order_by(Team.jurisdiction_code, Team.name, Team.id)
        .limit(MOST_TEAMS)
    )
    return [
        filled(id=str(row.id), name=row.name, at=row.jurisdiction_code, cells=row.cells)
        for row in db.session.execute(rows)
    ]


def _needs_team(actions: Iterable[dict[str, Any]]) -> bool:
    return any("team_id" in action.get("needs", ()) for action in actions)
