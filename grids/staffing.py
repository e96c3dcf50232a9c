"""What is done to teams and those who serve in them. History stays: rows get a last day, new ones
begin. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, literal, or_, select
from sqlalchemy.exc import IntegrityError

from grids.models import Duty, Jurisdiction, Level, Membership, Team
from grids.permissions import holds_on, visible_teams
from grids.queries import NoSuchTeam
from grids.queries import jurisdiction as find_jurisdiction
from grids.standins import Deputy
from gridserve import events, workdays
from gridserve.db import EXCLUSION_VIOLATION, UNIQUE_VIOLATION, db, sqlstate
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import Post, User
from gridserve.permissions import Permission, Role, may

EARLIEST = timedelta(days=31)  # decided at a meeting, typed later
LATEST = timedelta(days=366)


class IdTaken(Conflict):
    code = "request.id_taken"


class TeamEnded(Conflict):
    code = "team.ended"


class ServesAlready(Conflict):
    """Nobody serves twice in a team at a time."""

    code = "member.serves_already"


class MemberEnded(Conflict):
    code = "member.ended"


class NoSuchMember(NotFound):
    code = "member.not_found"


class NoSuchDeputy(NotFound):
    code = "deputy.not_found"


class HasDeputy(Conflict):
    """One deputy at a time."""

    code = "deputy.has_one"


def check_day(day: date, pointer: str) -> None:
    """Refuse a day on which nothing can begin or end: long past or far ahead."""
    today = workdays.today()
    if not today - EARLIEST <= day <= today + LATEST:
        words = _(
            "Give a day from %(first)s to %(last)s: what was decided is typed within %(n)s days.",
            first=(today - EARLIEST).isoformat(),
            last=(today + LATEST).isoformat(),
            n=EARLIEST.days,
        )
        raise Invalid(errors={pointer: [words]})


def check_period(said: dict[str, Any]) -> tuple[date, date | None]:
    """The days `from_date` (today) and `to_date` of what was said, checked."""
    first, last = said.get("from_date") or workdays.today(), said.get("to_date")
    check_day(first, "/from_date")
    if last is not None:
        check_day(last, "/to_date")
        if last <= first:
            raise Invalid(errors={"/to_date": [_("Must lie after the first day.")]})
    return first, last


@contextmanager
def stored_once(overlap: Conflict) -> Iterator[None]:
    """Store what is added inside; `overlap` is raised where something holds at the same time."""
    try:
        with db.session.begin_nested():
            yield
            db.session.flush()
    except IntegrityError as error:
        if sqlstate(error) == EXCLUSION_VIOLATION:
            raise overlap from error
        if sqlstate(error) == UNIQUE_VIOLATION:
            raise IdTaken(_("This id is already used; make a new one.")) from error
        raise


def starts_otherwise(known: Any, said: dict[str, Any]) -> bool:
    """Whether what is stored under an id begins on another day than is said now."""
    first = said.get("from_date")
    return first is not None and known.from_date != first


def writable(code: str, by: User) -> None:
    """Refuse who does not keep the ground at `code`."""
    if not may(by, Permission.GROUND_WRITE, code):
        raise Forbidden(_("This lies outside your jurisdiction."))


def locked_team(team_id: uuid.UUID, by: User, *, ended: bool = False) -> Team:
    """The team, kept by `by` and locked: nobody else changes it until this is over.

    Issues are not dispatched to it meanwhile. Raises NoSuchTeam, Forbidden, and TeamEnded unless
    `ended`.
    """
    rows = visible_teams(by).where(Team.id == team_id).with_for_update(key_share=True)
    team = db.session.scalar(rows.execution_options(populate_existing=True))
    if team is None:
        raise NoSuchTeam(_("No such team in your scope."))
    writable(team.jurisdiction_code, by)
    if team.to_date is not None and not ended:
        raise TeamEnded(_("Team %(name)s has ended. Make a new one.", name=team.name))
    return team


def candidates(code: str, day: date) -> Select[User]:
    """Who may serve in a team of the jurisdiction `code`, or as a deputy: those who can sign in
    and hold a cadre's post in its township on `day`."""
    township = code[: Level.TOWNSHIP]
    held = Post.jurisdiction_code
    there: ColumnElement[bool] = or_(
        held.is_(None), held.startswith(township), literal(township).startswith(held)
    )
    post = select(Post.id).where(
        Post.user_id == User.id, Post.role == Role.CADRE, holds_on(Post, day), there
    )
    return select(User).where(User.active, post.exists())


def _candidate(user_id: uuid.UUID, team: Team, day: date) -> User:
    found = db.session.scalar(candidates(team.jurisdiction_code, day).where(User.id == user_id))
    if found is None:
        words = _("Nobody who can sign in and has a cadre's post in this township on that day.")
        raise Invalid(errors={"/user": [words]})
    return found


def create_team(said: dict[str, Any], *, by: User) -> Team:
    """Make a team: id, name, jurisdiction. A repeat gives the same team."""
    code = find_jurisdiction(by, said["jurisdiction"]).code
    writable(code, by)
    # One at a time: the repeat of a request that is under way waits and finds its team.
    db.session.get(Jurisdiction, code, with_for_update={"key_share": True})
    known = db.session.get(Team, said["id"], populate_existing=True)
    if known is not None:
        if (known.jurisdiction_code, known.name) != (code, said["name"]):
            raise IdTaken(_("This id is already used for another team; make a new one."))
        return known
    team = Team(id=said["id"], name=said["name"], jurisdiction_code=code)
    with stored_once(IdTaken()):
        db.session.add(team)
    events.record("team.created", team.id, by=by.id, jurisdiction=code, data={"name": team.name})
    return team


def rename_team(team: Team, name: str, *, by: User) -> None:
    """Call a locked team otherwise."""
    if name == team.name:
        return
    data = {"from": team.name, "to": name}
    team.name = name
    events.record("team.renamed", team.id, by=by.id, jurisdiction=team.jurisdiction_code, data=data)


def member(team: Team, membership_id: uuid.UUID) -> Membership:
    """One membership of a locked team, read anew."""
    found = db.session.scalar(
        select(Membership)
        .where(Membership.id == membership_id, Membership.team_id == team.id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NoSuchMember(_("No such member in this team."))
    return found


def add_member(team: Team, said: dict[str, Any], *, by: User) -> Membership:
    """Let a person serve in a locked team: id, user, duty, from_date (today), to_date.

    Raises Invalid for somebody without a post in the township, ServesAlready, IdTaken.
    """
    known = db.session.get(Membership, said["id"], populate_existing=True)
    if known is not None:
        other = (known.team_id, known.user_id, known.duty) != (team.id, said["user"], said["duty"])
        if other or starts_otherwise(known, said):
            raise IdTaken(_("This id is already used for another member; make a new one."))
        return known
    first, last = check_period(said)
    user = _candidate(said["user"], team, max(first, workdays.today()))
    row = Membership(
        id=said["id"], team_id=team.id, user_id=user.id, duty=said["duty"], from_date=first,
        to_date=last, replaces_id=said.get("replaces"),
    )  # fmt: skip
    taken = ServesAlready(_("%(name)s serves in this team already.", name=user.name))
    with stored_once(taken):
        db.session.add(row)
    _told("member.added", row, team, by, duty=str(row.duty), from_date=first.isoformat())
    return row


def end_member(team: Team, row: Membership, on: date, *, by: User) -> None:
    """Let somebody leave a locked team: `on` is the first day no longer served.

    The deputies of this membership leave with it. Raises MemberEnded for who has left before.
    """
    check_day(on, "/on")
    if row.to_date == on:
        return
    if row.to_date is not None and row.to_date <= workdays.today():
        day = row.to_date.isoformat()
        raise MemberEnded(_("This membership ended on %(day)s already.", day=day))
    if on < row.from_date:
        raise Invalid(errors={"/on": [_("Lies before the first day.")]})
    row.to_date = on
    for deputy in db.session.scalars(
        select(Deputy).where(
            Deputy.membership_id == row.id, or_(Deputy.to_date.is_(None), Deputy.to_date > on)
        )
    ):
        deputy.to_date = max(on, deputy.from_date)
    db.session.flush()
    _told("member.ended", row, team, by, on=on.isoformat())


def change_duty(team: Team, row: Membership, duty: Duty, on: date, *, by: User) -> Membership:
    """Give somebody another duty from `on`: the old membership ends, a new one begins.

    The id of the new one follows from what was asked, so a repeat makes no third one.
    """
    new_id = uuid.uuid5(row.id, f"{duty} {on}")
    known = db.session.get(Membership, new_id)
    if known is not None:
        return known
    if row.duty is duty:
        return row
    until, deputies = row.to_date, _deputies_from(row, on)
    end_member(team, row, on, by=by)
    said = {"id": new_id, "user": row.user_id, "duty": duty, "from_date": on, "to_date": until}
    new = add_member(team, said, by=by)
    for user_id, first, last in deputies:
        db.session.add(
            Deputy(
                id=uuid.uuid5(new_id, f"{user_id} {first}"), membership_id=new.id,
                for_id=new.user_id, user_id=user_id, from_date=max(first, on), to_date=last,
            )
        )  # fmt: skip
    db.session.flush()
    return new


def _deputies_from(row: Membership, on: date) -> list[tuple[uuid.UUID, date, date | None]]:
    rows = select(Deputy.user_id, Deputy.from_date, Deputy.to_date).where(
        Deputy.membership_id == row.id, or_(Deputy.to_date.is_(None), Deputy.to_date > on)
    )
    return [tuple(found) for found in db.session.execute(rows)]  # type: ignore[misc]


def replace_member(team: Team, row: Membership, said: dict[str, Any], *, by: User) -> Membership:
    """Put another person into somebody's place: id, user, on (today). The duty stays.

    Who serves in the team otherwise already gives that up from the day on.
    """
    known = db.session.get(Membership, said["id"], populate_existing=True)
    if known is not None:
        other = (known.replaces_id, known.user_id) != (row.id, said["user"])
        if other or starts_otherwise(known, {"from_date": said.get("on")}):
            raise IdTaken(_("This id is already used for another member; make a new one."))
        return known
    on, until = said.get("on") or workdays.today(), row.to_date
    if said["user"] == row.user_id:
        raise Invalid(errors={"/user": [_("This is the person who is to be replaced.")]})
    if until is not None and until <= on:
        raise MemberEnded(_("This membership ended on %(day)s already.", day=until.isoformat()))
    end_member(team, row, on, by=by)
    other = db.session.scalar(
        select(Membership).where(
            Membership.team_id == team.id,
            Membership.user_id == said["user"],
            holds_on(Membership, on),
        )
    )
    if other is not None:
        end_member(team, other, on, by=by)
    new = {"id": said["id"], "user": said["user"], "duty": row.duty, "from_date": on}
    return add_member(team, {**new, "to_date": until, "replaces": row.id}, by=by)


def add_deputy(team: Team, row: Membership, said: dict[str, Any], *, by: User) -> Deputy:
    """Name who stands in (B岗) while a member is away: id, user, from_date, to_date.

    Raises Invalid for who has no cadre's post in the township, HasDeputy, IdTaken.
    """
    known = db.session.get(Deputy, said["id"], populate_existing=True)
    if known is not None:
        other = (known.membership_id, known.user_id) != (row.id, said["user"])
        first = said.get("from_date")
        if other or (first is not None and known.from_date != max(first, row.from_date)):
            raise IdTaken(_("This id is already used for another deputy; make a new one."))
        return known
    first, last = check_period(said)
    if row.to_date is not None and row.to_date <= max(first, workdays.today()):
        day = row.to_date.isoformat()
        raise MemberEnded(_("This membership ended on %(day)s already.", day=day))
    user = _candidate(said["user"], team, max(first, workdays.today()))
    if user.id == row.user_id:
        raise Invalid(errors={"/user": [_("Nobody stands in for oneself.")]})
    first = max(first, row.from_date)
    until = min((day for day in (last, row.to_date) if day is not None), default=None)
    if until is not None and until <= first:
        raise Invalid(errors={"/to_date": [_("Must lie after the first day.")]})
    deputy = Deputy(
        id=said["id"], membership_id=row.id, for_id=row.user_id, user_id=user.id,
        from_date=first, to_date=until,
    )  # fmt: skip
    taken = HasDeputy(_("There is a deputy for these days already: end that one first."))
    with stored_once(taken):
        db.session.add(deputy)
    _told("deputy.added", row, team, by, deputy=str(user.id), from_date=first.isoformat())
    return deputy


def end_deputy(team: Team, deputy_id: uuid.UUID, on: date, *, by: User) -> Deputy:
    """Let a deputy of a locked team stand in no longer from `on`."""
    found = db.session.execute(
        select(Deputy, Membership)
        .join(Membership, Membership.id == Deputy.membership_id)
        .where(Deputy.id == deputy_id, Membership.team_id == team.id)
    ).first()
    if found is None:
        raise NoSuchDeputy(_("No such deputy in this team."))
    deputy, row = found
    check_day(on, "/on")
    if deputy.to_date is None or deputy.to_date > on:
        deputy.to_date = max(on, deputy.from_date)
        _told("deputy.ended", row, team, by, deputy=str(deputy.user_id), on=on.isoformat())
    return deputy


def _told(action: str, row: Membership, team: Team, by: User, **data: Any) -> None:
    said = {"team": str(team.id), "name": team.name, **data}
    code = team.jurisdiction_code
    events.record(action, row.user_id, by=by.id, jurisdiction=code, data=said)
