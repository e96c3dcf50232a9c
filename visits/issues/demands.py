"""What an action demands beyond the table, and what it writes into its step."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, or_, select

from grids.models import Assignment, Jurisdiction, Level, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.errors import Conflict, Invalid
from gridserve.people import User
from visits.issues.chain import CLOSED, HELD, Action, Rule, Status, Way
from visits.issues.facts import Facts
from visits.issues.models import Category, Issue
from visits.issues.permissions import beside_complaint, desk_issues
from visits.issues.reckoning import weight_of
from visits.labels import category_name

REOPEN_WITHIN = timedelta(days=30)
LONGEST_PAUSE = timedelta(days=366)
# What is written into a step's data as it was said.
TOLD = ("basis", "instead", "answer", "way", "rating", "signature")


class TooLate(Conflict):
    """The time for this action has passed."""

    code = "issue.too_late"


class NeedsTwo(Conflict):
    """Two different leaders close an issue together."""

    code = "issue.needs_two"


class AlreadyEvaluated(Conflict):
    """What the resident said of this closing is recorded."""

    code = "issue.already_evaluated"


class NotForCells(Invalid):
    """The category is not on the list of what may be given to the teams of cells."""

    code = "issue.not_for_cells"


@dataclass
class Effect:
    """What a step does to the issue beside its status."""

    team_id: uuid.UUID | None
    desk_code: str
    data: dict[str, str] = field(default_factory=dict)
    merged_into_id: uuid.UUID | None = None
    assisting: uuid.UUID | None = None


@dataclass(frozen=True)
class Asked:
    """An action that somebody wants to take on a locked issue, and what is known of it."""

    issue: Issue
    action: Action
    rule: Rule
    said: dict[str, Any]
    facts: Facts
    by: User | None  # None: the resident, who has shown the query code


def check_needs(rule: Rule, said: dict[str, Any]) -> None:
    """Raise Invalid where something that the rule needs was not said."""
    missing = [name for name in rule.needs if not said.get(name)]
    if missing:
        raise Invalid(
            _("This step needs more to be said."),
            errors={f"/{name}": [_("Required for this action.")] for name in missing},
        )


def effect_of(asked: Asked) -> Effect:
    """What the action does; raises Invalid or Conflict where it cannot be taken as it was said."""
    issue, rule, said = asked.issue, asked.rule, asked.said
    check_needs(rule, said)
    _check_signature(asked)
    keeps_team = rule.to in HELD or rule.to is Status.SUSPENDED
    effect = Effect(issue.team_id if keeps_team else None, issue.desk_code)
    effect.data = {name: str(said[name]) for name in TOLD if said.get(name)}
    if asked.action in DEMANDS:
        DEMANDS[asked.action](asked, effect)
    return effect


def _check_signature(asked: Asked) -> None:
    """A signature stands beneath an evaluation that was signed, and beneath nothing else."""
    signed = asked.action is Action.EVALUATE and asked.said.get("way") == Way.SIGNATURE
    given = bool(asked.said.get("signature"))
    if signed and not given:
        words = _("Let the resident sign, or take a picture of the signed sheet.")
        raise Invalid(errors={"/signature": [words]})
    if given and not signed:
        words = _("Only for an evaluation by way of signature.")
        raise Invalid(errors={"/signature": [words]})


def _to_team(asked: Asked, effect: Effect) -> None:
    effect.team_id = _team_for(asked).id


def _transfer(asked: Asked, effect: Effect) -> None:
    _to_team(asked, effect)
    if effect.team_id == asked.issue.team_id:
        raise Invalid(errors={"/team_id": [_("This team has it already.")]})


def _assist(asked: Asked, effect: Effect) -> None:
    team = _team_for(asked)
    if team.id == asked.issue.team_id:
        raise Invalid(errors={"/team_id": [_("This team has it already.")]})
    effect.assisting = team.id
    effect.data |= {"team": str(team.id), "team_name": team.name}


def _team_for(asked: Asked) -> Team:
    """The team that was named, where the issue's desk may dispatch to it; raises Invalid."""
    issue, team = asked.issue, asked.facts.teams.get(asked.said["team_id"])
    if team is None or not is_under(team, issue):
        raise Invalid(errors={"/team_id": [_("No such team under this desk.")]})
    if issue.about_staff and team.id in db.session.scalars(beside_complaint(issue)).all():
        words = _("The complaint is about this team or one of its people: choose another.")
        raise Invalid(errors={"/team_id": [words]})
    if not asked.facts.admits(issue, team):
        raise NotForCells(
            errors={
                "/team_id": [
                    _(
                        "“%(category)s” is not on the list of what cells may be given. Choose a "
                        "team without cells, such as a department; or have the list changed.",
                        category=category_name(db.session.get_one(Category, issue.category_code)),
                    )
                ]
            }
        )
    return team


def admits(issue: Issue) -> ColumnElement[bool]:
    """Whether what cells may be given lets a team have the issue; the twin of `Facts.admits`."""
    listed = select(Category.code).where(Category.code == issue.category_code, Category.to_cells)
    cells = select(Assignment.id).where(
        Assignment.team_id == Team.id, holds_on(Assignment, workdays.today())
    )
    return or_(listed.exists(), ~cells.exists())


def is_under(team: Team, issue: Issue) -> bool:
    """Whether the issue's desk may dispatch to the team."""
    return team.jurisdiction_code.startswith(issue.desk_code)


def _extend(asked: Asked, effect: Effect) -> None:
    issue, due = asked.issue, asked.said["due_at"]
    if weight_of(issue) > 1:
        raise TooLate(_("It is overdue: a limit is extended only before it has passed."))
    if due <= max(issue.due_at, now()) or due > now() + LONGEST_PAUSE:
        words = _("Give a time after the present due time, within a year.")
        raise Invalid(errors={"/due_at": [words]})
    years = book().missing_years(issue.village_code, [workdays.day_of(due).year])
    if years:
        words = _("The working calendar of %(year)s is missing: enter it first.", year=years[0])
        raise Invalid(errors={"/due_at": [words]})
    effect.data["due_at"] = due.isoformat()


def _until(asked: Asked, effect: Effect) -> None:
    until, today = asked.said["until"], workdays.today()
    if not today <= until <= today + LONGEST_PAUSE:
        raise Invalid(errors={"/until": [_("Give a day from today on, within a year.")]})
    effect.data["until"] = until.isoformat()


def _escalate(asked: Asked, effect: Effect) -> None:
    issue, to = asked.issue, asked.said["to_desk"]
    above = issue.desk_code.startswith(to) and Level.COUNTY <= len(to) < len(issue.desk_code)
    _move_desk(asked, effect, right=above)


def _hand_down(asked: Asked, effect: Effect) -> None:
    issue, to = asked.issue, asked.said["to_desk"]
    _move_desk(
        asked, effect, right=issue.village_code.startswith(to) and len(to) > len(issue.desk_code)
    )


def _move_desk(asked: Asked, effect: Effect, *, right: bool) -> None:
    to = asked.said["to_desk"]
    if not right or db.session.get(Jurisdiction, to) is None:
        words = _("Give a jurisdiction on the way from the county to the issue's village.")
        raise Invalid(errors={"/to_desk": [words]})
    effect.desk_code = to
    effect.data |= {"from_desk": asked.issue.desk_code, "to_desk": to}


def _merge(asked: Asked, effect: Effect) -> None:
    assert asked.by is not None
    mine = desk_issues(asked.by, complaints=asked.issue.about_staff)
    into = db.session.scalar(mine.where(Issue.id == asked.said["into"], Issue.closed_at.is_(None)))
    if into is None or into.id == asked.issue.id:
        raise Invalid(errors={"/into": [_("Name another open issue of your desk.")]})
    effect.merged_into_id = into.id
    effect.data |= {"into": str(into.id), "number": into.number}


def _force_close(asked: Asked, effect: Effect) -> None:
    assert asked.by is not None
    steps = asked.facts.chains[asked.issue.id]
    since = [step for step in steps if step.status_before in CLOSED]
    first = since[-1].seq if since else 0
    proposed = [
        step
        for step in steps
        if step.action is Action.PROPOSE_CLOSE and step.seq > first and step.actor_id != asked.by.id
    ]
    if not proposed:
        raise NeedsTwo(_("Another leader proposes the closing first, with reason and basis."))
    effect.data |= proposed[-1].data | {"proposed_by": str(proposed[-1].actor_id)}


def _reopen(asked: Asked, effect: Effect) -> None:
    closed = asked.issue.closed_at
    if closed is not None and now() - closed > REOPEN_WITHIN:
        raise TooLate(
            _(
                "It was closed more than %(days)s days ago: report it anew.",
                days=REOPEN_WITHIN.days,
            )
        )


def _evaluate(asked: Asked, effect: Effect) -> None:
    if asked.by is not None and asked.said.get("way") is Way.CODE:
        words = _("By code the resident evaluates, nobody else: say how you asked.")
        raise Invalid(errors={"/way": [words]})
    if asked.issue.rating is not None:
        raise AlreadyEvaluated(
            _("The resident's evaluation is recorded already; it is asked once after each closing.")
        )


DEMANDS: dict[Action, Callable[[Asked, Effect], None]] = {
    Action.DISPATCH: _to_team,
    Action.TRANSFER: _transfer,
    Action.ASSIST: _assist,
    Action.EXTEND: _extend,
    Action.SUSPEND: _until,
    Action.URGE: _until,
    Action.ESCALATE: _escalate,
    Action.HAND_DOWN: _hand_down,
    Action.MERGE: _merge,
    Action.FORCE_CLOSE: _force_close,
    Action.REOPEN: _reopen,
    Action.EVALUATE: _evaluate,
}
