"""The desk's queues: which issues wait for what, how many there are, and a page of one of them."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select
from sqlalchemy.orm import raiseload, selectinload

from grids.models import Cell
from gridserve import workdays
from gridserve.db import db, now
from gridserve.http import paged
from gridserve.people import User
from gridserve.permissions import Permission, scopes
from visits.issues import charge, queries
from visits.issues.chain import Status
from visits.issues.models import Category, Issue, Step
from visits.issues.permissions import desk_issues
from visits.issues.place import stands
from visits.issues.reckoning import is_overdue, weight_at
from visits.issues.search import matching
from visits.issues.suggestions import Suggestion, suggestions
from visits.models import Household

PAGE = 50
COUNTED = 1000  # shown as 999+


class Queue(enum.StrEnum):
    """What issues wait for; each shows the soonest due first."""

    TO_ACCEPT = "to_accept"
    TO_DISPATCH = "to_dispatch"
    OVERDUE = "overdue"
    TO_REVIEW = "to_review"
    SUSPENDED = "suspended"
    ESCALATED = "escalated"
    IN_HAND = "in_hand"


_STATUSES = {
    Queue.TO_ACCEPT: (Status.REPORTED,),
    Queue.TO_DISPATCH: (Status.ACCEPTED,),
    Queue.TO_REVIEW: (Status.REVIEWING,),
    Queue.SUSPENDED: (Status.SUSPENDED,),
    Queue.IN_HAND: (Status.DISPATCHED, Status.HANDLING),
}


def in_queue(queue: Queue, user: User) -> ColumnElement[bool]:
    """Whether an open issue of the desk is in a queue."""
    if queue is Queue.OVERDUE:
        return is_overdue()
    if queue is Queue.ESCALATED:
        return _escalated_to(user)
    statuses = _STATUSES[queue]
    # One status is an equality, by which the index gives the rows in the order of due times.
    return Issue.status == statuses[0] if len(statuses) == 1 else Issue.status.in_(statuses)


def _escalated_to(user: User) -> ColumnElement[bool]:
    """Whether somebody below gave the issue up to a desk of `user`, where it still waits."""
    desks = [code for code in scopes(user, Permission.ISSUE_DESK) if code]
    given = select(Step.issue_id).where(
        Step.action == literal_column("'escalate'"),  # spelt out: the index holds only these
        Step.desk_code.in_(desks),
    )
    waits = Issue.status.in_((Status.REPORTED, Status.ACCEPTED))
    return and_(Issue.desk_code.in_(desks), waits, Issue.id.in_(given))


def counts(user: User) -> dict[Queue, int]:
    """How many issues are in each queue of `user`, COUNTED at most, in one query.

    Beyond that nobody reads the number, and a county's desk would wait for all of its issues.
    """
    mine = desk_issues(user).where(Issue.closed_at.is_(None)).with_only_columns(Issue.id)
    columns = []
    for queue in Queue:
        some = mine.where(in_queue(queue, user)).limit(COUNTED).subquery()
        columns.append(select(func.count()).select_from(some).scalar_subquery().label(queue.value))
    row = db.session.execute(select(*columns)).one()
    return {queue: getattr(row, queue.value) for queue in Queue}


@dataclass(frozen=True)
class Row:
    """An issue on the desk, with what somebody needs to decide: where, and to whom."""

    issue: Issue
    cell: str | None
    at: tuple[float, float] | None  # lon, lat in EPSG:4326
    suggestion: Suggestion | None
    charge: charge.Charge | None


def page(user: User, asked: dict[str, Any]) -> dict[str, Any]:
    """A page of a queue (asked["queue"]), or of what is found by asked["q"], as {items, next}.

    The items are Rows. A fixed number of queries, however many rows.
    """
    query = narrowed(desk_issues(user), asked).options(
        # Not joined: that would be done for all that a search finds, before fifty are taken.
        selectinload(Issue.team), selectinload(Issue.category), selectinload(Issue.village),
        raiseload("*"),
    )  # fmt: skip
    if asked.get("q"):
        query = query.where(matching(user, asked["q"]))
        found = paged(query, (Issue.reported_at, Issue.id), asked, descending=True)
    else:
        query = query.where(Issue.closed_at.is_(None), in_queue(Queue(asked["queue"]), user))
        found = paged(query, (Issue.due_at, Issue.id), asked)
    return {"items": rows(found["items"]), "next": found["next"]}


def narrowed(query: Select[Issue], asked: dict[str, Any]) -> Select[Issue]:
    """Only the issues of a jurisdiction, category and light, where they are asked for."""
    if asked.get("jurisdiction"):
        query = query.where(Issue.village_code.startswith(asked["jurisdiction"]))
    if asked.get("category"):
        query = query.where(queries.in_category(asked["category"]))
    if asked.get("light"):
        query = query.where(queries.has_light(asked["light"], weight_at(now())))
    return query


def rows(issues: Sequence[Issue]) -> list[Row]:
    """Issues with their places, the suggested teams, and who is in charge today."""
    places = _places([issue.id for issue in issues])
    waiting = [i for i in issues if i.status in (Status.REPORTED, Status.ACCEPTED)]
    teams = suggestions(waiting)
    charges = charge.in_charge(
        [i for i in issues if i.closed_at is None and i.team_id], workdays.today()
    )
    return [
        Row(issue, *places[issue.id], teams.get(issue.id), charges.get(issue.id))
        for issue in issues
    ]


def _places(
    ids: Sequence[uuid.UUID],
) -> dict[uuid.UUID, tuple[str | None, tuple[float, float] | None]]:
    if not ids:
        return {}
    where = stands()
    found = db.session.execute(
        select(Issue.id, Cell.name, func.ST_X(where), func.ST_Y(where))
        .join(Category, Category.code == Issue.category_code)
        .join(Cell, Cell.id == Issue.cell_id, isouter=True)
        .join(Household, Household.id == Issue.household_id, isouter=True)
        .where(Issue.id.in_(ids))
    )
    return {
        issue_id: (cell, None if lon is None else (round(lon, 5), round(lat, 5)))
        for issue_id, cell, lon, lat in found
    }
