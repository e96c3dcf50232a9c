"""Showing a name and phone that lie masked before somebody: for a purpose, written down, limited.

What is unusual is told to the person's administrator; nobody is judged by it. Nothing commits.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.permissions import cells_of
from gridserve import events, workdays
from gridserve.config import Config
from gridserve.db import SKEW, db, now
from gridserve.errors import Forbidden, TooMany
from gridserve.people import User
from gridserve.permissions import Permission, scopes
from visits.issues.models import Issue
from visits.models import Household
from visits.operations import IdTaken
from visits.reveals.models import Reveal, Unusual
from visits.reveals.permissions import may_reveal
from visits.telling import operations as telling
from visits.telling.causes import Kind
from visits.telling.recipients import Offices

SHOWN = timedelta(minutes=15)
HOUR, MANY = timedelta(hours=1), 10  # so many within it are many
DAY_BEGINS, DAY_ENDS = 6, 22  # hours; what lies outside is night


class NotToShow(Forbidden):
    """It is seen in full already, or is not to be seen by this person at all."""

    code = "reveal.not_here"


class LimitReached(TooMany):
    """The person's number of the day is used up; the administrator was told."""

    code = "reveal.limit"


def reveal(subject: Household | Issue, said: dict[str, Any], *, by: User) -> Reveal:
    """Have the name and phone of a household, or of who reported an issue, shown to `by`.

    `said` is id, purpose and words. `by` sees the subject. Sending it again changes nothing.
    Raises NotToShow, LimitReached.
    """
    # One after the other for each person: none slips past the limit beside another.
    db.session.execute(select(User.id).where(User.id == by.id).with_for_update(key_share=True))
    known = db.session.get(Reveal, said["id"])
    if known is not None:
        if (known.user_id, known.household_id or known.issue_id) != (by.id, subject.id):
            raise IdTaken(_("This id is already used for something else; make a new one."))
        return known
    if not may_reveal(by, subject):
        raise NotToShow(_("There is nothing here that could be shown to you."))
    moment = now()
    before = _counted(by, workdays.start_of(workdays.day_of(moment)))
    limit = _limit()
    if before >= limit:
        raise LimitReached(
            _("%(n)s numbers were shown to you today; that is the most. Ask whoever visits there.",
              n=before)
        )  # fmt: skip
    row = Reveal(
        **said, user_id=by.id, village_code=subject.village_code, at=moment,
        **({"household_id": subject.id} if isinstance(subject, Household)
           else {"issue_id": subject.id}),
    )  # fmt: skip
    row.unusual = _unusual(row, subject, by, before + 1, limit)
    db.session.add(row)
    db.session.flush()
    events.record(
        "phone.revealed", subject.id, by=by.id, jurisdiction=subject.village_code,
        data={"purpose": row.purpose.value, "why": row.words, "unusual": row.unusual},
    )  # fmt: skip
    _tell(row, by)
    return row


def shown(user: User, subject: Household | Issue) -> Reveal | None:
    """The reveal by which `user` sees a subject in full at this moment."""
    column = Reveal.household_id if isinstance(subject, Household) else Reveal.issue_id
    # Not what is dated later: a clock that was ahead would leave it shown until it is that late.
    lately = Reveal.at.between(now() - SHOWN, now() + SKEW)
    return db.session.scalar(
        select(Reveal)
        .where(Reveal.user_id == user.id, lately, column == subject.id)
        .order_by(Reveal.at.desc())
        .limit(1)
    )


def left(user: User) -> int:
    """How many may still be shown to `user` today."""
    return max(_limit() - _counted(user, workdays.start_of(workdays.today())), 0)


def _limit() -> int:
    config: Config = current_app.extensions["gridserve"]
    return config.reveals_a_day


def _counted(user: User, since: datetime) -> int:
    mine = select(func.count()).where(Reveal.user_id == user.id, Reveal.at >= since)
    return db.session.scalar(mine) or 0


def _unusual(
    row: Reveal, subject: Household | Issue, by: User, count: int, limit: int
) -> list[str]:
    """What about it is unusual, `count` being how many it makes today."""
    found = [Unusual.LIMIT] if count >= limit else []
    if _counted(by, row.at - HOUR) + 1 >= MANY:
        found.append(Unusual.MANY)
    if not DAY_BEGINS <= row.at.astimezone(workdays.zone()).hour < DAY_ENDS:
        found.append(Unusual.NIGHT)
    own = set(db.session.scalars(cells_of(by, workdays.today())))
    if own and subject.cell_id not in own:
        found.append(Unusual.ELSEWHERE)
    return [each.value for each in found]


def _tell(row: Reveal, by: User) -> None:
    """Tell the administrators of the person's post, once a day for each kind of thing."""
    held = [c for c in scopes(by, Permission.REVEAL) if row.village_code.startswith(c)]
    at = max(held, key=len)
    people = Offices([at], but=by.id).administrators(at)
    for why in row.unusual:
        cause = f"reveal:{why}:{by.id}:{workdays.day_of(row.at)}"
        telling.write_about(
            Kind.REVEALS, cause, row.id, people, values={"title": by.name, "unusual": why}
        )
