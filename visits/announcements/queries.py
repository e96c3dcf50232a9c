"""Lists of announcements and of what came back, within what the asker may see."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, raiseload, selectinload

from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import within
from visits.announcements.models import Announcement, Asked, Told
from visits.announcements.operations import AnnouncementUnknown
from visits.announcements.permissions import shown_within, visible_announcements
from visits.models import Household, Visit


def announcements(user: User, filters: dict[str, Any]) -> Select[Announcement]:
    """The announcements that `user` may see; `filters` may hold kind and current."""
    query = visible_announcements(user).options(
        joinedload(Announcement.publisher), selectinload(Announcement.places),
        selectinload(Announcement.questions), raiseload("*"),
    )  # fmt: skip
    if filters.get("kind"):
        query = query.where(Announcement.kind == filters["kind"])
    if filters.get("current") is not None:
        today = workdays.today()
        open_ = Announcement.withdrawn_at.is_(None) & (Announcement.until_date >= today)
        query = query.where(open_ if filters["current"] else ~open_)
    return query


def announcement(user: User, announcement_id: uuid.UUID) -> Announcement:
    """One that `user` may see; raises AnnouncementUnknown."""
    query = announcements(user, {}).where(Announcement.id == announcement_id)
    found = db.session.scalar(query)
    if found is None:
        raise AnnouncementUnknown(_("No such announcement in your jurisdiction."))
    return found


def counts(shown: Sequence[Announcement]) -> dict[uuid.UUID, dict[str, int]]:
    """For a page of the list: how many households were told, and how many questions wait."""
    ids = [each.id for each in shown]
    found: dict[uuid.UUID, dict[str, int]] = {each: {"told": 0, "open": 0} for each in ids}
    told = (
        select(Told.announcement_id, func.count())
        .where(Told.announcement_id.in_(ids))
        .group_by(Told.announcement_id)
    )
    waiting = (
        select(Asked.announcement_id, func.count())
        .where(Asked.announcement_id.in_(ids), Asked.answered_at.is_(None))
        .group_by(Asked.announcement_id)
    )
    for name, query in (("told", told), ("open", waiting)):
        for announcement_id, count in db.session.execute(query) if ids else ():
            found[announcement_id][name] = count
    return found


def asked(user: User, announcement: Announcement) -> Select[Asked]:
    """What came back to an announcement, of the places that `user` sees."""
    return (
        select(Asked)
        .join(Household, Household.id == Asked.household_id)
        .where(
            Asked.announcement_id == announcement.id,
            within(Household.village_code, shown_within(user, announcement)),
        )
        .options(
            joinedload(Asked.visit).joinedload(Visit.visitor),
            joinedload(Asked.household).joinedload(Household.cell),
            joinedload(Asked.answered_by),
            raiseload("*"),
        )
    )
