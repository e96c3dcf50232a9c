"""Announcements over the API."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from flask_babel import gettext as _

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import NotFound
from gridserve.http import API, Blueprint, PageIn, paged, transaction
from gridserve.people import User
from gridserve.permissions import Permission, covers
from visits.announcements import operations, queries, reach, results
from visits.announcements.models import Announcement, Asked
from visits.announcements.permissions import shown_within
from visits.announcements.schemas import (
    AnnouncementIn,
    AnnouncementOut,
    AnnouncementPage,
    AnnouncementsIn,
    AnswersOut,
    AskedOut,
    AskedPage,
    AtIn,
    ReachedIn,
    ReachOut,
    ReplyIn,
    ToldPage,
)
from visits.models import Household

bp = Blueprint(
    "announcements_api", __name__, url_prefix=API,
    description="Notices and questionnaires, and what came back",
)  # fmt: skip


@bp.get("/announcements")
@requires(Permission.ANNOUNCE)
@bp.arguments(AnnouncementsIn, location="query")
@bp.response(200, AnnouncementPage)
def list_announcements(args: dict[str, Any]) -> dict[str, Any]:
    """The announcements of the caller's jurisdictions and for places in them, newest first."""
    keys = (Announcement.published_at, Announcement.id)
    return paged(queries.announcements(current_user, args), keys, args, descending=True)


@bp.post("/announcements")
@requires(Permission.ANNOUNCE)
@transaction
@bp.arguments(AnnouncementIn)
@bp.response(201, AnnouncementOut)
def publish(data: dict[str, Any]) -> Announcement:
    """Publish a notice or a questionnaire. Sending it again changes nothing."""
    made = operations.publish(data, by=current_user)
    db.session.flush()
    return queries.announcement(current_user, made.id)


@bp.get("/announcements/<uuid:announcement_id>")
@requires(Permission.ANNOUNCE)
@bp.response(200, AnnouncementOut)
def get_announcement(announcement_id: uuid.UUID) -> Announcement:
    """One announcement."""
    return queries.announcement(current_user, announcement_id)


@bp.post("/announcements/<uuid:announcement_id>/withdraw")
@requires(Permission.ANNOUNCE)
@transaction
@bp.response(200, AnnouncementOut)
def withdraw(announcement_id: uuid.UUID) -> Announcement:
    """Take an announcement of the own jurisdiction back. Again changes nothing."""
    operations.withdraw(announcement_id, by=current_user)
    db.session.flush()
    return queries.announcement(current_user, announcement_id)


@bp.get("/announcements/<uuid:announcement_id>/reach")
@requires(Permission.ANNOUNCE)
@bp.arguments(AtIn, location="query")
@bp.response(200, ReachOut)
def get_reach(args: dict[str, Any], announcement_id: uuid.UUID) -> dict[str, Any]:
    """How many households of each township, village or cell were told of a notice."""
    announcement = queries.announcement(current_user, announcement_id)
    whole, *parts = reach.reach(announcement, place_in(current_user, announcement, args.get("at")))
    return {"whole": whole, "parts": parts}


@bp.get("/announcements/<uuid:announcement_id>/households")
@requires(Permission.ANNOUNCE)
@bp.arguments(ReachedIn, location="query")
@bp.response(200, ToldPage)
def list_told(args: dict[str, Any], announcement_id: uuid.UUID) -> dict[str, Any]:
    """The active households that were told of a notice, or were not yet."""
    announcement = queries.announcement(current_user, announcement_id)
    at = place_in(current_user, announcement, args.get("at"))
    query = reach.households(announcement, at, told=args["told"])
    return paged(query, (Household.village_code, Household.number), args)


@bp.get("/announcements/<uuid:announcement_id>/questions")
@requires(Permission.ANNOUNCE)
@bp.arguments(PageIn, location="query")
@bp.response(200, AskedPage)
def list_asked(args: dict[str, Any], announcement_id: uuid.UUID) -> dict[str, Any]:
    """What households asked back, the latest first."""
    announcement = queries.announcement(current_user, announcement_id)
    query = queries.asked(current_user, announcement)
    return paged(query, (Asked.received_at, Asked.id), args, descending=True)


@bp.post("/announcements/questions/<uuid:asked_id>/answer")
@requires(Permission.ANNOUNCE)
@transaction
@bp.arguments(ReplyIn)
@bp.response(200, AskedOut)
def answer(data: dict[str, Any], asked_id: uuid.UUID) -> Asked:
    """Answer what a household asked back; the visitor and the team's leader are told."""
    asked = operations.answer(asked_id, data["words"], by=current_user)
    announcement = queries.announcement(current_user, asked.announcement_id)
    query = queries.asked(current_user, announcement).where(Asked.id == asked_id)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()


@bp.get("/announcements/<uuid:announcement_id>/results")
@requires(Permission.ANNOUNCE)
@bp.arguments(AtIn, location="query")
@bp.response(200, AnswersOut)
def get_results(args: dict[str, Any], announcement_id: uuid.UUID) -> dict[str, Any]:
    """The answers to each question of a questionnaire; of a household's the latest counts."""
    announcement = queries.announcement(current_user, announcement_id)
    at = place_in(current_user, announcement, args.get("at"))
    counted = results.overall(announcement, at)
    nothing = results.Counted()
    whole, *_parts = reach.reach(announcement, at)
    return {
        "households": whole.households,
        "questions": [
            {
                "question": question.id,
                "is_few": counted.get(question.id, nothing).is_few,
                **asdict(counted.get(question.id, nothing)),
            }
            for question in announcement.questions
        ],
    }


def place_in(user: User, announcement: Announcement, at: str | None) -> str:
    """The place that is asked for, or the widest one of which `user` sees whom it reached."""
    allowed = shown_within(user, announcement)
    code = at or min(allowed, key=lambda each: (len(each), each), default="")
    if not code or not covers(allowed, code):
        raise NotFound(_("This place lies outside of what you may see of the announcement."))
    return code
