"""What pages say of an issue: its time limit in one phrase, its place, what a step has done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import Cell, Jurisdiction, short_name
from gridserve.db import db, now
from visits.issues import clock
from visits.issues.chain import Action, Status
from visits.issues.clock import Light
from visits.issues.models import Issue

ZERO = timedelta()
# What is said after a step that somebody took on a page.
DONE: dict[Action, Any] = {
    Action.ACCEPT: _l("Accepted. Next: dispatch it to a team."),
    Action.DECLINE: _l("Declined."),
    Action.DISPATCH: _l("Dispatched to the team."),
    Action.SIGN: _l("Signed for. Next: feed back the result."),
    Action.RETURN: _l("Returned to the desk."),
    Action.FEED_BACK: _l("Result fed back. Next: the desk reviews it."),
    Action.PASS_REVIEW: _l("Review passed: the issue is closed."),
    Action.FAIL_REVIEW: _l("Sent back to the team for rework."),
    Action.REOPEN: _l("Reopened. Next: dispatch it to a team."),
    Action.EVALUATE: _l("Evaluation recorded."),
}


def timing(issue: Issue) -> dict[str, str]:
    """How an issue stands to its time limit: {light, words, note}, each "" where there is none.

    A light is for open issues only; a closed one was in time or not; of a declined one nothing
    was promised.
    """
    if issue.status == Status.DECLINED:
        return {"light": "", "words": "", "note": ""}
    left = issue.due_at - (issue.closed_at or now())
    span = format_timedelta(abs(left), threshold=1.2)
    if issue.closed_at is not None:
        words = _("Closed in time") if left >= ZERO else _("Closed late")
        note = _("%(time)s early", time=span) if left >= ZERO else _("%(time)s late", time=span)
        return {"light": "", "words": words, "note": note}
    light = clock.light(clock.weight(issue.due_at, issue.limit_days, now()))
    words = {
        Light.GREEN: _("%(time)s left", time=span),
        Light.AMBER: _("Nearly due, %(time)s left", time=span),
        Light.RED: _("%(time)s overdue", time=span),
        Light.DEEP_RED: _("Long overdue, by %(time)s", time=span),
    }[light]
    return {"light": light.value, "words": words, "note": ""}


def place_name(code: str | None) -> str | None:
    """The short name of a jurisdiction, or of a cell with its village before it."""
    if not code:
        return None
    found = db.session.get(Jurisdiction, code[:12])
    names = [found.short_name] if found else []
    if len(code) == 15:
        cell = db.session.query(Cell.name).where(Cell.code == code).scalar()
        names += [cell] if cell else []
    return " · ".join(names) or None


def where(village: str, cell: str | None) -> str:
    """田坝村 · 第3网格: a village's official name shortened, and the cell where there is one."""
    return " · ".join(name for name in (short_name(village), cell) if name)
