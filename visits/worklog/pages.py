"""The page of one's own work log: to read on a phone, and to print."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from grids.models import Team
from grids.permissions import teams_of
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid
from gridserve.http import loaded, page_args, transaction
from gridserve.permissions import Permission
from visits.issues.words import told, where
from visits.worklog import keeping
from visits.worklog.schemas import LogIn, WordsIn

bp = Blueprint("worklog", __name__, template_folder="../templates")


@bp.get("/m/log")
@requires(Permission.ACCOUNT)
def show() -> ResponseReturnValue:
    """One's own work log of a day, a week or a month; today's where nothing is said."""
    today = workdays.today()
    args = page_args(LogIn())
    last = args.get("to") or args.get("from") or today
    first = args.get("from") or last
    days = keeping.log(current_user, first, last)
    if first <= today <= last and not (days and days[-1].day == today):
        days.append(keeping.Day(today))  # there is always room for own words of today
    teams = select(Team.name).where(Team.id.in_(teams_of(current_user, today))).order_by(Team.name)
    return render_template(
        "worklog/log.html",
        days=days, first=first, last=last, today=today,
        spans=_spans(first, last, today), teams=db.session.scalars(teams).all(),
        where=where, told=told,
    )  # fmt: skip


@bp.post("/m/log/<day>")
@requires(Permission.ACCOUNT)
@transaction
def say(day: str) -> ResponseReturnValue:
    """Put down own words on a day, then show it again."""
    said = loaded(WordsIn(), {"words": request.form.get("words", "")})
    keeping.add_words(_day(day), said["words"], by=current_user)
    flash(_("Your words are in the log."))
    asked = page_args(LogIn())
    return redirect(_address(asked.get("from") or _day(day), asked.get("to") or _day(day)))


def _address(first: date, last: date) -> str:
    return url_for("worklog.show") + f"?from={first}&to={last}"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(errors={"/day": [_("There is no such day.")]}) from error


def _spans(first: date, last: date, today: date) -> list[dict[str, Any]]:
    """The days, week and months to choose from."""
    month = today.replace(day=1)
    before = month - timedelta(days=1)
    offered = (
        (_("Today"), today, today),
        (_("Yesterday"), today - timedelta(days=1), today - timedelta(days=1)),
        (_("This week"), today - timedelta(days=today.weekday()), today),
        (_("This month"), month, today),
        (_("Last month"), before.replace(day=1), before),
    )
    return [
        {
            "label": words,
            "href": _address(start, end),
            "active": (start, end) == (first, last),
        }
        for words, start, end in offered
    ]
