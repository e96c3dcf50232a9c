"""Who had an issue how long, by name: for one issue stay by stay, for a list one bar each."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, literal, or_, select

from grids.models import Jurisdiction, Level, Team
from grids.permissions import sees_place, visible_teams
from gridserve.calendars import book
from gridserve.db import db, now
from gridserve.people import User
from visits.issues.models import Issue, Step
from visits.issues.permissions import visible_issues
from visits.issues.timeline import Holder, Stay, Worked, stays


@dataclass(frozen=True)
class Bar:
    """A holder with the working time for which it had an issue; `share` is percent of all of it."""

    holder: Holder
    name: str
    worked: Worked
    share: float
    open: bool


def holders(keys: Iterable[str]) -> dict[str, str]:
    """The names of holders by key: a team's id, or the code of a desk. Two queries; an unknown
    key is its own name."""
    found = dict.fromkeys(keys, "")
    codes = [key for key in found if len(key) <= Level.VILLAGE]
    ids = [uuid.UUID(key) for key in found if len(key) > Level.VILLAGE]
    for place in db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes))):
        found[place.code] = _("Desk of %(place)s", place=place.short_name)
    for team_id, name in db.session.execute(select(Team.id, Team.name).where(Team.id.in_(ids))):
        found[str(team_id)] = name
    return {key: name or key for key, name in found.items()}


def holder_asked(user: User, key: str) -> str:
    """The name of a holder whom an address names, where `user` may know of it; else the key."""
    if len(key) > Level.VILLAGE:
        team_id = uuid.UUID(key)
        known: ColumnElement[bool] = visible_teams(user).where(Team.id == team_id).exists()
        held = Issue.team_id == team_id
    else:
        known, held = literal(sees_place(user, key)), Issue.desk_code == key
    seen = select(or_(known, visible_issues(user).where(held).exists()))
    return holders([key])[key] if db.session.scalar(seen) else key


def stays_of(issue: Issue) -> list[tuple[str, Stay]]:
    """The holders of an issue with its steps, in order, each with its name."""
    found = stays(issue.steps, book().of(issue.village_code), now())
    names = _names(found)
    return [(names[(stay.holder, stay.key)], stay) for stay in found]


def bars(issues: Sequence[Issue]) -> dict[uuid.UUID, list[Bar]]:
    """The holders of each issue of a list, each once, in at most three queries."""
    chains: dict[uuid.UUID, list[Any]] = {issue.id: [] for issue in issues}
    rows = select(
        Step.issue_id, Step.happened_at, Step.status_after, Step.desk_code, Step.team_after_id
    ).where(Step.issue_id.in_(chains))
    for row in db.session.execute(rows.order_by(Step.issue_id, Step.seq)) if chains else ():
        chains[row.issue_id].append(row)
    calendars, moment = book(), now()
    found = {
        issue.id: stays(chains[issue.id], calendars.of(issue.village_code), moment)
        for issue in issues
    }
    names = _names([stay for each in found.values() for stay in each])
    return {issue_id: _summed(each, names) for issue_id, each in found.items()}


def _summed(found: Sequence[Stay], names: dict[Any, str]) -> list[Bar]:
    total: dict[Any, Worked] = {}
    for stay in found:
        key = (stay.holder, stay.key)
        total[key] = total.get(key, Worked()) + stay.worked
    whole = sum(each.hours for each in total.values())
    last = (found[-1].holder, found[-1].key) if found and found[-1].open else None
    return [
        Bar(key[0], names[key], each, 100 * each.hours / whole if whole else 100 / len(total),
            key == last)
        for key, each in total.items()
    ]  # fmt: skip


def _names(found: Iterable[Stay]) -> dict[tuple[Holder, Any], str]:
    """What holders are called."""
    keys = {(stay.holder, stay.key) for stay in found}
    teams = [key for holder, key in keys if holder is Holder.TEAM]
    desks = [key for holder, key in keys if holder is Holder.DESK]
    names: dict[tuple[Holder, Any], str] = {(Holder.REST, None): _("The clock stood still")}
    if teams:
        rows = db.session.execute(select(Team.id, Team.name).where(Team.id.in_(teams)))
        names |= {(Holder.TEAM, team_id): name for team_id, name in rows}
    if desks:
        places = db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(desks)))
        names |= {
            (Holder.DESK, place.code): _("Desk of %(place)s", place=place.short_name)
            for place in places
        }
    return names
