"""What a resident sees of the own issue with number and query code, and the evaluation."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Team
from gridserve.db import db
from gridserve.errors import Forbidden
from visits.intake import tries
from visits.issues import codes, operations
from visits.issues.chain import Action, Status
from visits.issues.models import Issue, Step

FARTHEST_MERGE = 10


class WrongCode(Forbidden):
    """No issue with this number and code; it does not say which of the two is wrong."""

    code = "issue.wrong_code"
    title: Any = _l("Number and code do not fit")


@dataclass(frozen=True)
class Progress:
    """An issue in the resident's words: what was asked, where it stands, what was answered.

    `goes_on` is the number of the issue into which it was merged; state, steps and answer are then
    of that one. `steps` are (when, what).
    """

    issue: Issue
    goes_on: str | None
    state: str
    steps: list[tuple[datetime, str]]
    answers: list[str]
    missing: str
    may_evaluate: bool


def look_up(number: str, code: str, *, address: str, lock: bool = False) -> Issue:
    """The issue of this number and code.

    Raises WrongCode, TooMany, and Unavailable where tries cannot be counted.
    """
    number = unicodedata.normalize("NFKC", number).strip().upper()
    code = "".join(unicodedata.normalize("NFKC", code).split())  # it is shown as 482 913
    tries.count(number, address)
    query = select(Issue).where(Issue.number == number.replace("\x00", ""))
    query = query.options(joinedload(Issue.village), joinedload(Issue.category), raiseload("*"))
    if lock:
        query = query.with_for_update(of=Issue).execution_options(populate_existing=True)
    issue = db.session.scalar(query)
    right = codes.fits(
        issue.id if issue else uuid.UUID(int=0), issue.code_hash if issue else None, code
    )
    if issue is None or not right:
        raise WrongCode(_("No issue has this number and this code. Look at both once more."))
    tries.forgive(number)
    return issue


def evaluate(number: str, code: str, said: dict[str, Any], *, address: str) -> Issue:
    """Take down what the resident says of a closed issue; `said` is id, rating and words."""
    issue = look_up(number, code, address=address, lock=True)
    operations.evaluate(issue, said)
    return issue


def progress(issue: Issue) -> Progress:
    """How an issue stands, or the one into which it was merged."""
    now_on = _end_of_merges(issue)
    steps = db.session.scalars(
        select(Step)
        .where(Step.issue_id == now_on.id)
        .options(joinedload(Step.team_after), raiseload("*"))
        .order_by(Step.seq)
    ).all()
    merged = now_on.id != issue.id
    told = [(step.happened_at, what) for step in steps if (what := _what(step))]
    if merged:
        told = [each for each in told if each[0] > issue.reported_at]
        told.insert(0, (issue.reported_at, _("You told us.")))
    return Progress(
        issue,
        now_on.number if merged else None,
        _state(now_on),
        told,
        _answers(steps) if now_on.closed_at else [],
        _missing(now_on, steps) if not merged else "",
        not merged and issue.status is Status.CLOSED and issue.rating is None,
    )


def _end_of_merges(issue: Issue) -> Issue:
    for _turn in range(FARTHEST_MERGE):
        if issue.merged_into_id is None:
            break
        issue = db.session.get_one(Issue, issue.merged_into_id)
    return issue


def _state(issue: Issue) -> str:
    held_by = db.session.get(Team, issue.team_id) if issue.team_id else None
    team = held_by.name if held_by and not issue.about_staff else _("the team")
    return {
        Status.REPORTED: lambda: _("It is with us and will be looked at."),
        Status.ACCEPTED: lambda: _("We have taken it on and are choosing who does it."),
        Status.DISPATCHED: lambda: _("It was given to %(team)s.", team=team),
        Status.HANDLING: lambda: _("%(team)s is at work on it.", team=team),
        Status.SUSPENDED: lambda: _("It rests for now."),
        Status.REVIEWING: lambda: _("It was done; we are checking the result."),
        Status.CLOSED: lambda: _("It is done."),
        Status.DECLINED: lambda: _("We cannot do this here."),
        Status.MERGED: lambda: _("It goes on together with another one."),
    }[issue.status]()


_WHAT = {
    Action.REPORT: _l("You told us."),
    Action.SETTLE: _l("It was settled at once."),
    Action.ACCEPT: _l("We took it on."),
    Action.DECLINE: _l("We could not take it on."),
    Action.REQUEST_MATERIAL: _l("We asked for what is missing."),
    Action.SUPPLY: _l("Everything was there."),
    Action.DISPATCH: _l("A team was asked to do it."),
    Action.TRANSFER: _l("Another team was asked to do it."),
    Action.SIGN: _l("The team began."),
    Action.SUSPEND: _l("It was put to rest for a while."),
    Action.RESUME: _l("Work went on."),
    Action.FEED_BACK: _l("The team said that it is done."),
    Action.FAIL_REVIEW: _l("We sent it back to be done better."),
    Action.ESCALATE: _l("It was passed on to a higher office."),
    Action.HAND_DOWN: _l("It was passed on to a nearer office."),
    Action.PASS_REVIEW: _l("We checked it: done."),
    Action.FORCE_CLOSE: _l("It was closed."),
    Action.EVALUATE: _l("You told us how it was."),
    Action.REOPEN: _l("It was opened again."),
}


def _what(step: Step) -> str:
    return str(_WHAT.get(step.action, ""))


def _answers(steps: Sequence[Step]) -> list[str]:
    """What the resident is told by the last step that tells something."""
    for step in reversed(steps):
        if step.action is Action.DECLINE:
            instead = _("Instead: %(words)s", words=step.data.get("instead", ""))
            return [step.words, _("By: %(words)s", words=step.data.get("basis", "")), instead]
        if step.data.get("answer"):
            return [str(step.data["answer"])]
    return []


def _missing(issue: Issue, steps: Sequence[Step]) -> str:
    """The list of what is missing, while the issue waits for it."""
    last = [step for step in steps if step.status_before != step.status_after]
    waits = issue.status is Status.SUSPENDED and last[-1].action is Action.REQUEST_MATERIAL
    return last[-1].words if waits else ""
