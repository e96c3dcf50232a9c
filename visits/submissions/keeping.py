"""Keeping what was refused, once each, with the answer that it got. Nothing here commits."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, NotFound, Problem
from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes
from gridserve.sealing import keyed
from visits.issues.models import Category, Issue
from visits.models import Household
from visits.submissions.models import Kind, Resolution, Result, Submission
from visits.submissions.reading import Item, uuid_of

LONGEST_KEPT = 20_000  # characters of a payload
MOST_KEPT = 500  # open ones of one account: more than a phone's whole outbox
KNOWN = text("""
    SELECT id FROM submission WHERE account_id = :account AND item_id = ANY(CAST(:ids AS uuid[]))
""")
POSTS = (Permission.VISIT_RECORD, Permission.ISSUE_REPORT, Permission.ISSUE_READ)


class TooManyRefused(Conflict):
    """So much of this account was refused that no more is kept; it stays on the phone."""

    code = "submission.too_many_refused"


def result_of(problem: Problem) -> Result:
    """Which of the five results a problem is."""
    if isinstance(problem, Forbidden | NotFound):
        return Result.FORBIDDEN
    return Result.CONFLICT if isinstance(problem, Conflict) else Result.INVALID


def told(problem: Problem) -> dict[str, Any]:
    """What an item's answer says of its problem."""
    said = {"title": str(problem.title), "detail": str(problem.detail or "")}
    return {**said, "errors": problem.errors or {}, **problem.extra}


def payload(sent: Any) -> tuple[str, tuple[str, ...]]:
    """An item as text that the database can hold, and its digest under each key."""
    try:
        text = json.dumps(sent, ensure_ascii=False, sort_keys=True)
    except RecursionError:
        text = json.dumps("(nested too deeply)")
    data = text.encode("utf-8", "replace")
    return data.decode(), keyed(hashlib.sha256(data).hexdigest())


def answer_from_kept(items: Sequence[Item], by: User) -> None:
    """Answer those items that were refused before, from what was kept; of other contents under
    the same id the rows are put into `replaces`, to be closed when these are stored."""
    ids = {item.id for item in items if item.id is not None}
    if not ids:
        return
    found = db.session.scalars(KNOWN, {"account": by.id, "ids": list(ids)}).all()
    if not found:
        return
    kept: dict[uuid.UUID | None, list[Submission]] = {}
    query = select(Submission).where(Submission.id.in_(found)).order_by(Submission.received_at)
    for row in db.session.scalars(query):
        kept.setdefault(row.item_id, []).append(row)
    for item in items:
        for row in kept.get(item.id, ()):
            if row.digest in payload(item.sent)[1]:
                answer_from(item, row)
                break
        else:
            item.replaces = kept.get(item.id, [])


def answer_from(item: Item, row: Submission) -> None:
    """Give an item the answer of the kept row that it repeats."""
    item.kept = row
    if row.resolution is Resolution.APPLIED:
        item.result = Result.DUPLICATE
        item.say = [_("It had been refused; it was corrected and is stored.")]
        return
    item.result = row.result
    if row.resolution is Resolution.DROPPED:
        item.say = [_("The desk looked at it and dropped it: %(words)s", words=row.words)]


def keep(items: Sequence[Item], *, by: User, device: str, skew: float | None) -> None:
    """Keep the refused ones among `items` that are not kept yet; each gets its row and result."""
    refused = [item for item in items if item.problem and not item.kept and not item.retry]
    if not refused:
        return
    open_ = select(func.count()).where(
        Submission.account_id == by.id, Submission.resolution.is_(None)
    )
    room = MOST_KEPT - (db.session.scalar(open_) or 0)
    found = {payload(item.sent)[1][0]: item for item in refused}
    rows = [_row(item, digest, by, device, skew) for digest, item in sorted(found.items())]
    if room > 0:
        new = insert(Submission).on_conflict_do_nothing(index_elements=["account_id", "digest"])
        db.session.execute(new, rows[:room])
    kept = select(Submission).where(Submission.account_id == by.id, Submission.digest.in_(found))
    stored = {row.digest: row for row in db.session.scalars(kept)}
    for item in refused:
        row = stored.get(payload(item.sent)[1][0])
        if row is not None:
            answer_from(item, row)
        else:
            words = _("Very much was refused already: see to that first. This stays on the phone.")
            item.retry, item.problem = True, TooManyRefused(words)


def _row(item: Item, digest: str, by: User, device: str, skew: float | None) -> dict[str, Any]:
    problem, text = item.problem, payload(item.sent)[0]
    assert problem is not None
    return {
        "id": uuid.uuid4(),
        "account_id": by.id,
        "device": device,
        "received_at": now(),
        "skew_s": skew,
        "kind": item.kind,
        "item_id": item.id,
        "needs_id": item.issue_id or uuid_of(item.data.get("visit_id")),
        "payload": text[:LONGEST_KEPT],
        "length": len(text),
        "digest": digest,
        "result": result_of(problem),
        "code": problem.code,
        "answer": told(problem),
        "words": "",
        **_whose(item, by),
    }


def _whose(item: Item, by: User) -> dict[str, Any]:
    """Who sees to a refused item: the desk of the place that it is about, where the sender has a
    post, else the desk of the sender's own; a complaint about staff is for leaders only."""
    data, place, complaint = item.data, None, False
    if item.kind is Kind.STEP and item.issue_id is not None:
        wanted = select(Issue.village_code, Issue.about_staff).where(Issue.id == item.issue_id)
        place, complaint = db.session.execute(wanted).first() or (None, False)
    elif (household_id := uuid_of(data.get("household_id"))) is not None:
        wanted_home = select(Household.village_code).where(Household.id == household_id)
        place = db.session.scalar(wanted_home)
    elif isinstance(said := data.get("cell") or data.get("village"), str) and said[:12].isdigit():
        place = said[:12]
    if item.kind is Kind.ISSUE:
        named = select(Category.about_staff).where(Category.code == str(data.get("category"))[:40])
        complaint = bool(data.get("about") or db.session.scalar(named))
    posts = [code for permission in POSTS for code in scopes(by, permission)]
    if place is None or not covers(posts, place):
        place = max(posts, key=len, default=None)
    about = uuid_of(data.get("about"))
    return {"jurisdiction_code": place or None, "about_staff": complaint, "about_id": about}
