"""A form in which several issues are chosen: what it asks for, and what became of each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from flask import request
from flask_babel import gettext as _
from sqlalchemy import select

from grids.models import Team
from gridserve.auth import current_user
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import loaded
from gridserve.permissions import Permission, scopes, within
from visits.issues import together
from visits.issues.chain import Action
from visits.issues.deskschemas import StepsIn
from visits.issues.words import DONE
from visits.labels import label

TEAMS_SHOWN = 500


def take() -> tuple[list[together.Outcome], Problem | None]:
    """What became of the issues that the form chose; a problem where nothing could be begun."""
    try:
        return together.take(chosen(), by=current_user), None
    except Problem as problem:
        return [], problem


def chosen() -> dict[str, Any]:
    """The step and the issues of a form (StepsIn): pick is "id:seen", team-ID the team suggested
    for it, team one for all, op an id of this form. Raises Invalid."""
    form = request.form
    try:
        op = uuid.UUID(form.get("op", ""))
    except ValueError as error:
        raise Invalid(errors={"/op": [_("Not a UUID.")]}) from error
    items = []
    for pick in form.getlist("pick"):
        issue_id, _colon, seen = pick.partition(":")
        item = {
            "id": str(uuid.uuid5(op, issue_id + form.get("action", ""))),
            "issue_id": issue_id,
            "seen": int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 8 else 0,
        }
        team = _team_of(issue_id)
        items.append(item | ({"team_id": team} if team else {}))
    if not items:
        raise Invalid(_("Choose at least one issue first."))
    said = {name: form[name] for name in ("words", "until") if form.get(name)}
    return loaded(StepsIn(), {"action": form.get("action", ""), "items": items, **said})


def _team_of(issue_id: uuid.UUID | str) -> str | None:
    """The team that the form gives an issue to: one for all, or the one suggested for it."""
    return request.form.get("team") or request.form.get(f"team-{issue_id}")


def told(outcomes: Iterable[together.Outcome]) -> list[tuple[together.Outcome, str]]:
    """Each outcome with what it is in words."""
    return [(each, _words(each)) for each in outcomes]


def _words(outcome: together.Outcome) -> str:
    problem, issue = outcome.problem, outcome.issue
    if problem is None:
        return str(DONE[Action(request.form["action"])])
    errors = problem.errors or {}
    said = [str(problem.title), str(problem.detail or "")]
    said += [text for texts in errors.values() for text in texts]
    if "/team_id" in errors and not _team_of(outcome.issue_id):
        said = [_("No team was chosen, and none below this desk is suggested: escalate it?")]
    if issue is not None:
        said.append(_("It is now: %(status)s.", status=label(issue.status)))
    return " ".join(each for each in said if each)


def teams(permission: Permission) -> list[Team]:
    """The teams in the jurisdictions over which the one asking has `permission`."""
    rows = select(Team).where(
        within(Team.jurisdiction_code, scopes(current_user, permission)), Team.to_date.is_(None)
    )
    return list(
        db.session.scalars(rows.order_by(Team.jurisdiction_code, Team.name).limit(TEAMS_SHOWN))
    )
