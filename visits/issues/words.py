"""What pages say of an issue: its time limit in one phrase, its place, what a step has done."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import Cell, Jurisdiction, short_name
from grids.permissions import sees_place
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.worktime import Unit
from visits.issues import clock
from visits.issues.chain import Action, Status
from visits.issues.clock import Light, Line, Rest, Why
from visits.issues.models import Issue, Step
from visits.issues.reckoning import explained, weight_of
from visits.issues.timeline import Worked
from visits.labels import amount
from visits.masking import UNKEPT

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
    Action.REQUEST_MATERIAL: _l("Asked. The clock stands still until everything is there."),
    Action.SUPPLY: _l("The clock runs again. Next: dispatch it to a team."),
    Action.TRANSFER: _l("Transferred."),
    Action.ASSIST: _l("The team was asked to help."),
    Action.EXTEND: _l("The limit was extended."),
    Action.SUSPEND: _l("Suspended: the clock stands still."),
    Action.RESUME: _l("Resumed: the clock runs again."),
    Action.ESCALATE: _l("Escalated."),
    Action.HAND_DOWN: _l("Handed down."),
    Action.URGE: _l("Urged."),
    Action.MERGE: _l("Merged. The other issue goes on."),
    Action.PROPOSE_CLOSE: _l("Proposed. Another leader closes it, or does not."),
    Action.FORCE_CLOSE: _l("Closed by force."),
    Action.COMMENT: _l("Comment recorded."),
    Action.EVALUATE: _l("Evaluation recorded."),
}


def timing(issue: Issue) -> dict[str, str]:
    """How an issue stands to its time limit: {light, words, note}, each "" where there is none.

    A light is for open issues only; a closed one was in time or not; of a declined one nothing
    was promised.
    """
    if issue.status in (Status.DECLINED, Status.MERGED):
        return {"light": "", "words": "", "note": ""}
    weight = weight_of(issue)
    left = (1 - weight) * issue.limit.amount
    span = amount(abs(left), issue.limit.unit)
    if issue.closed_at is not None:
        words = _("Closed in time") if left >= 0 else _("Closed late")
        note = _("%(time)s early", time=span) if left >= 0 else _("%(time)s late", time=span)
        return {"light": "", "words": words, "note": note}
    light = clock.light(weight)
    if not round(left, 6):  # used up, and no working time has passed since
        return {"light": light.value, "words": _("Due: nothing is left"), "note": ""}
    words = {
        Light.GREEN: _("%(time)s left", time=span),
        Light.AMBER: _("Nearly due, %(time)s left", time=span),
        Light.RED: _("%(time)s overdue", time=span),
        Light.DEEP_RED: _("Long overdue, by %(time)s", time=span),
    }[light]
    return {"light": light.value, "words": words, "note": ""}


def span(worked: Worked) -> str:
    """Working time in days, or in hours where it is less than a day."""
    if worked.days < 1:
        return amount(worked.hours, Unit.WORKING_HOUR)
    return amount(worked.days, Unit.WORKING_DAY)


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


def place_asked(user: User, code: str | None) -> str | None:
    """The same of a place that an address names, where `user` may know of it."""
    return place_name(code) if code and sees_place(user, code) else code


def where(village: str, cell: str | None) -> str:
    """田坝村 · 第3网格: a village's official name shortened, and the cell where there is one."""
    return " · ".join(name for name in (short_name(village), cell) if name)


def because(issue: Issue) -> list[str]:
    """How the due time of an issue with its steps was reckoned, in sentences."""
    return [sentence(line, issue.limit.unit) for line in explained(issue, issue.steps)]


def sentence(line: Line, unit: Unit) -> str:
    """One line of an explanation."""
    at = format_datetime(line.first, "short") if isinstance(line.first, datetime) else ""
    first = format_date(line.first, "full")
    said = {
        Why.BEGUN: lambda: _(
            "Reported %(time)s; %(limit)s promised.", time=at, limit=amount(line.amount or 0, unit)
        ),
        Why.FIRST_DAY: lambda: _("%(day)s, the day of reporting, does not count.", day=first),
        Why.FREE: lambda: _free(line),
        Why.WORKED: lambda: _("%(day)s is worked (%(name)s).", day=first, name=line.name),
        Why.PAUSED: lambda: _paused(line, unit),
        Why.STOPPED: lambda: (
            _("Closed %(time)s.", time=at)
            if line.name == Rest.CLOSED
            else _("Suspended since %(time)s: the clock stands still.", time=at)
        ),
        Why.EXTENDED: lambda: _("On %(time)s extended to %(due)s.", time=at, due=_end(line.last)),
        Why.DUE: lambda: _("Due %(time)s.", time=_end(line.first)),
        Why.YEAR_MISSING: lambda: _(
            "Nobody has entered the working calendar of %(year)s yet: the due time lies there and "
            "cannot be told before.",
            year=line.name,
        ),
    }
    return said[line.why]()


def _free(line: Line) -> str:
    first, last = (format_date(day, "full") for day in (line.first, line.last))
    name = line.name or _("weekend")
    if first == last:
        return _("%(day)s is free (%(name)s).", day=first, name=name)
    return _("%(first)s to %(last)s are free (%(name)s).", first=first, last=last, name=name)


def _paused(line: Line, unit: Unit) -> str:
    first, last = (format_datetime(at, "short") for at in (line.first, line.last))
    given = amount(line.amount or 0, unit)
    if line.name == Rest.CLOSED:
        return _(
            "Closed from %(first)s to %(last)s: %(time)s do not count.",
            first=first, last=last, time=given,
        )  # fmt: skip
    return _(
        "Suspended from %(first)s to %(last)s: %(time)s do not count.",
        first=first, last=last, time=given,
    )  # fmt: skip


def _end(moment: date | None) -> str:
    """A due time; midnight as the end of the day before, as people read it."""
    assert isinstance(moment, datetime)
    local = moment.astimezone(workdays.zone())
    if (local.hour, local.minute) == (0, 0):
        return _("%(day)s, 24:00", day=format_date(local.date() - timedelta(days=1), "full"))
    return format_datetime(moment, "short")


def due_words(issue: Issue) -> str:
    """When an issue is due; where that cannot be told yet, why."""
    if issue.missing_year is not None:
        return _("Due in %(year)s, whose working calendar is missing", year=issue.missing_year)
    return _("Due %(time)s", time=_end(issue.due_at))


def stage_words(issue: Issue) -> str:
    """Until when the present stage should be over; nothing where it has no limit."""
    if issue.closed_at is not None or issue.stage_due_at is None:
        return ""
    return _("This stage until %(time)s", time=_end(issue.stage_due_at))


def first_words(issue: Issue) -> str:
    """Until when whoever is first responsible for an issue owns the hand-over."""
    if issue.stage_due_at is None:
        return _("owns the hand-over until the desk accepts it")
    until = _end(issue.stage_due_at)
    return _("owns the hand-over until the desk accepts it, by %(time)s", time=until)


def told(step: Step) -> list[str]:
    """What a step's data says, in sentences; nothing of words that are no longer kept."""
    said = {
        "result": lambda value: _("Result: %(words)s", words=value),
        "answer": lambda value: _("Answer to the resident: %(words)s", words=value),
        "basis": lambda value: _("By: %(words)s", words=value),
        "instead": lambda value: _("Instead: %(words)s", words=value),
        "team_name": lambda value: _("Helps: %(team)s", team=value),
        "until": lambda value: _("Until %(day)s", day=format_date(date.fromisoformat(value))),
        "due_at": lambda value: _("Due %(time)s", time=_end(datetime.fromisoformat(value))),
        "to_desk": lambda value: _("To %(place)s", place=place_name(value) or value),
        "number": lambda value: _("Into issue %(number)s", number=value),
    }
    return [
        sentence(step.data[key])
        for key, sentence in said.items()
        if step.data.get(key) not in (None, "", UNKEPT)
    ]
