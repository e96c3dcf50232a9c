"""Filters of the desk and of the list of issues that somebody keeps under a name."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from flask_babel import gettext as _
from sqlalchemy import func, select

from gridserve.db import db
from gridserve.errors import Conflict, Invalid
from gridserve.people import User
from visits.issues.models import KeptFilter

MOST = 20
# What of an address is worth keeping: where one was in a list is not.
PARTS = (
    "queue", "open", "jurisdiction", "cell", "category", "light", "status", "overdue", "team",
    "holder", "tier", "in_cell", "q",
)  # fmt: skip


class TooManyFilters(Conflict):
    code = "filter.too_many"


def of(user: User, page: str) -> list[KeptFilter]:
    """The filters that `user` keeps for a page, by name."""
    rows = select(KeptFilter).where(KeptFilter.user_id == user.id, KeptFilter.page == page)
    return list(db.session.scalars(rows.order_by(KeptFilter.name)))


def keep(
    filter_id: uuid.UUID, page: str, name: str, asked: Mapping[str, str], *, by: User
) -> KeptFilter:
    """Keep filters once under a name; the same name takes the new ones.

    `asked` is what an address asks for. Raises Invalid without a name, TooManyFilters.
    """
    name = name.strip()
    if not name or len(name) > 24 or not name.isprintable():
        raise Invalid(errors={"/name": [_("Give a name of at most 24 characters.")]})
    kept = {part: asked[part][:60] for part in PARTS if asked.get(part)}
    same = select(KeptFilter).where(
        KeptFilter.user_id == by.id, KeptFilter.page == page, KeptFilter.name == name
    )
    found = db.session.scalar(same)
    if found is not None:
        found.asked = kept
        return found
    mine = select(func.count()).where(KeptFilter.user_id == by.id, KeptFilter.page == page)
    if (db.session.scalar(mine) or 0) >= MOST:
        raise TooManyFilters(_("At most %(n)s: delete one first.", n=MOST))
    row = KeptFilter(id=filter_id, user_id=by.id, page=page, name=name, asked=kept)
    db.session.add(row)
    db.session.flush()
    return row


def drop(filter_id: uuid.UUID, *, by: User) -> None:
    """Forget a filter of one's own; one that is not there is forgotten already."""
    row = db.session.get(KeptFilter, filter_id)
    if row is not None and row.user_id == by.id:
        db.session.delete(row)
        db.session.flush()
