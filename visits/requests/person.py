"""All that is kept about the people of a household: to be handed out, or to go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, false, or_, select, update
from sqlalchemy.orm import joinedload

from gridserve import workdays
from gridserve.db import db
from gridserve.documents import xlsx
from gridserve.people import User
from gridserve.sealed import whole_mark
from gridserve.sealing import data_keys
from visits.issues.models import Issue
from visits.issues.permissions import visible_issues
from visits.labels import category_name, label, tag_label
from visits.masking import NOBODY
from visits.models import Tag, Visit
from visits.requests.models import ResidentRequest

MOST = 5_000  # visits, issues: more than a household ever has


def issues(request: ResidentRequest, by: User) -> Select[Issue]:
    """What the household reported, as far as `by` may see it: with its number, or at the household
    and by nobody else.

    What somebody else reported about it, or without a name, is not handed out: it would tell who.
    Complaints about staff are not among them either: their desk answers for these.
    """
    home = request.household
    own: ColumnElement[bool] = false()
    numbers = [number for number in (request.phone, home.phone) if number]
    if numbers:
        marks = [key.whole(number) for key in data_keys().values() for number in numbers]
        whole = whole_mark("issue.resident_phone").in_(marks)
        own = and_(Issue.resident_phone.is_not(None), whole)
    here = and_(
        Issue.household_id == home.id,
        ~Issue.anonymous,
        or_(own, Issue.resident_phone.is_(None)),
        or_(own, Issue.resident_name.is_(None), Issue.resident_name == home.head_name),
    )
    return visible_issues(by, complaints=False).where(or_(own, here)).limit(MOST)


def visits(request: ResidentRequest) -> Select[Visit]:
    """The visits to the household, the latest first."""
    mine = select(Visit).where(Visit.household_id == request.household_id)
    return mine.order_by(Visit.started_at.desc()).limit(MOST)


def file(request: ResidentRequest, by: User, mark: str) -> bytes:
    """A workbook of all of it."""
    home = request.household
    facts = [
        (_("Household number"), home.number), (_("Name"), home.head_name),
        (_("Telephone"), home.phone or ""), (_("Address"), home.address),
        (_("Villagers' group"), home.group_name or ""), (_("People"), str(home.size)),
        (_("Tags"), _(", ").join(str(tag_label(Tag(tag))) for tag in home.tags)),
        (_("Status"), str(label(home.status))), (_("Note"), home.note),
        (_("Does not want to be disturbed"), _("yes") if home.do_not_disturb else _("no")),
    ]  # fmt: skip
    went = db.session.scalars(visits(request).options(joinedload(Visit.visitor))).all()
    told = db.session.scalars(
        issues(request, by).options(joinedload(Issue.category)).order_by(Issue.reported_at.desc())
    ).all()
    sheets = [
        xlsx.Sheet(_("Household"), [(_("What"), 24), (_("Stored"), 60)], facts),
        xlsx.Sheet(
            _("Visits"),
            [(_("When"), 18), (_("Outcome"), 12), (_("Visitor"), 14), (_("Notes"), 70)],
            [(_at(v.started_at), str(label(v.outcome)), v.visitor.name, v.notes) for v in went],
        ),
        xlsx.Sheet(
            _("Issues"),
            [(_("Number"), 18), (_("When"), 18), (_("Category"), 18), (_("Status"), 12),
             (_("Name"), 12), (_("Telephone"), 16), (_("Words"), 60)],
            [(i.number, _at(i.reported_at), category_name(i.category), str(label(i.status)),
              i.resident_name or "", i.resident_phone or "", i.words) for i in told],
        ),
    ]  # fmt: skip
    return xlsx.workbook(sheets, request.decided_at or request.asked_at, mark=mark)


def let_go(request: ResidentRequest, by: User) -> dict[str, Any]:
    """Empty what the law lets go; gives what went and what stays, in counts and numbers.

    The household's row stays: its address is a place that is visited. Open issues keep whom to
    answer. Chains and the trail cannot be changed.
    """
    found = db.session.execute(
        issues(request, by).with_only_columns(Issue.id, Issue.number, Issue.closed_at)
    ).all()
    closed = [row.id for row in found if row.closed_at is not None]
    emptied = {"resident_name": None, "resident_phone": None, "code_hash": None}
    _update(Issue, closed, **emptied)
    ids = db.session.scalars(visits(request).with_only_columns(Visit.id)).all()
    _update(Visit, ids, notes="", point=None, point_source=None, accuracy_m=None)
    home = request.household
    home.head_name, home.phone, home.note, home.tags = NOBODY, None, "", []
    return {
        "visits": len(ids), "issues": len(closed),
        "stays": [row.number for row in found if row.closed_at is None][:20],
    }  # fmt: skip


def _update(model: type[Visit] | type[Issue], ids: Sequence[Any], **values: Any) -> None:
    db.session.execute(
        update(model).where(model.id.in_(ids)).values(**values),
        execution_options={"synchronize_session": "fetch"},
    )


def _at(moment: Any) -> str:
    return f"{moment.astimezone(workdays.zone()):%Y-%m-%d %H:%M}"
