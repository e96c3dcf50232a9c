"""The register of issues 问题台账: what came in during a period, and what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, exists, select
from sqlalchemy.orm import aliased

from grids.models import Cell, Jurisdiction, Team
from gridserve import workdays
from gridserve.db import streamed
from gridserve.people import User
from maps.aging import categories, cell_on
from maps.places import under
from maps.sheets.registers import Column, Span, at
from maps.sheets.standing import standing
from visits.issues.chain import CLOSED, Rating, Status
from visits.issues.models import Issue, Step
from visits.issues.permissions import resident_seen, visible_issues
from visits.issues.words import where
from visits.labels import category_name, label
from visits.masking import masked_name, masked_phone
from visits.models import Household

FORMULA = "issue-register-1"
COLUMNS = (
    Column("n", _l("No."), 7, screen=False, paper=3),
    Column("number", _l("Number"), 18, paper=11),
    Column("reported", _l("Reported on"), 17, paper=8),
    Column("channel", _l("Came by"), 11, screen=False, paper=5),
    Column("category", _l("Category"), 16, paper=7),
    Column("where", _l("Village and cell"), 24, paper=9),
    Column("address", _l("Address"), 24, screen=False, paper=9),
    Column("resident", _l("Raised by"), 12, screen=False, paper=5),
    Column("phone", _l("Telephone"), 15, screen=False, paper=8),
    Column("words", _l("What it is about"), 44, paper=17),
    Column("team", _l("Handled by"), 20, paper=8),
    Column("status", _l("Status"), 10, paper=5),
    Column("due", _l("Due by"), 17, paper=8),
    Column("closed", _l("Closed on"), 17, paper=8),
    Column("timely", _l("On time"), 9, paper=4),
    Column("result", _l("Result"), 40, screen=False, paper=15),
    Column("rating", _l("Evaluation"), 12, screen=False, paper=5),
)
KEYS = (Issue.reported_at, Issue.id)


def ids(user: User, span: Span) -> Select[Any]:
    """Select the ids of the issues of the register, oldest first when paged by KEYS.

    Complaints about staff are kept apart from it (decision 0021).
    """
    first, until = span.moments
    return (
        visible_issues(user, complaints=False)
        .with_only_columns(Issue.id)
        .where(
            Issue.reported_at >= first,
            Issue.reported_at < until,
            under(Issue.village_code, span.place.code),
        )
        .where(exists().where(Step.issue_id == Issue.id, Step.received_at <= span.as_of))
    )


def rows(
    user: User, span: Span, only: Sequence[uuid.UUID] | None = None
) -> Iterator[dict[str, Any]]:
    """The rows in the order in which they were reported, read as a stream; `only` these ids."""
    was = standing(span.as_of)
    doing, done = aliased(Team), aliased(Team)
    query = (
        was.joined(select(Issue.id).select_from(Issue))
        .join(Jurisdiction, Jurisdiction.code == Issue.village_code)
        .join(Cell, Cell.id == cell_on(workdays.day_of(span.as_of)), isouter=True)
        .join(Household, Household.id == Issue.household_id, isouter=True)
        .join(doing, doing.id == was.last.c.team_after_id, isouter=True)
        .join(done, done.id == was.ended.c.team_before_id, isouter=True)
        .with_only_columns(
            Issue.id, Issue.number, Issue.reported_at, Issue.channel, Issue.category_code,
            Issue.words, Issue.address, Issue.resident_name, Issue.resident_phone, Issue.anonymous,
            Household.head_name, Household.address.label("home"),
            Jurisdiction.name.label("village"), Cell.name.label("cell"),
            was.last.c.status_after.label("status"), was.last.c.due_at,
            doing.name.label("doing"), done.name.label("done"),
            was.ended.c.happened_at.label("ended_at"),
            was.answer.c.words.label("said"), was.answer.c.data.label("answer"),
            was.rating.c.data.label("rated"), resident_seen(user).label("seen"),
        )
        .order_by(*KEYS)
    )  # fmt: skip
    if only is None:
        query = query.where(Issue.id.in_(ids(user, span)))
    else:
        query = query.where(Issue.id.in_(only))
    kinds = categories()
    for n, row in enumerate(streamed(query), 1):
        yield _row(n, row, kinds.get(row.category_code))


def _row(n: int, row: Any, kind: Any) -> dict[str, Any]:
    closed = row.status in CLOSED
    private = kind is not None and kind.sensitive
    answer = row.answer or {}
    result = answer.get("result") or row.said or ""
    promised = row.status not in (Status.DECLINED, Status.MERGED)
    return {
        "id": row.id,
        "n": n,
        "number": row.number,
        "reported": at(row.reported_at),
        "channel": label(row.channel),
        "category": category_name(kind) if kind else row.category_code,
        "where": where(row.village, row.cell),
        "address": "" if private else row.address or row.home or "",
        "resident": _resident(row),
        "phone": (row.resident_phone if row.seen else masked_phone(row.resident_phone)) or "",
        "words": _("(protected: see the case)") if private else row.words,
        "team": (row.done if closed else row.doing) or "",
        "status": label(Status(row.status)),
        "due": at(row.due_at) if promised else "",
        "closed": at(row.ended_at) if closed else "",
        "timely": _timely(row, closed and promised),
        "result": "" if private else result,
        "rating": label(Rating(row.rated["rating"])) if closed and row.rated else "",
    }


def _resident(row: Any) -> str:
    if row.anonymous:
        return _("anonymous")
    if row.resident_name:
        return str(row.resident_name if row.seen else masked_name(row.resident_name))
    return masked_name(row.head_name) if row.head_name else ""


def _timely(row: Any, told: bool) -> str:
    if not told or row.ended_at is None:
        return ""
    return _("yes") if row.ended_at <= row.due_at else _("no")
