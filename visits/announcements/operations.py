"""Publishing, withdrawing, and answering what households asked back. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from grids.models import Jurisdiction, Level
from gridserve import events, workdays
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes
from visits.announcements.models import Announcement, Asked, Asks, Kind, Place, Question
from visits.announcements.permissions import kept_announcements
from visits.operations import IdTaken, digest
from visits.telling import operations as telling
from visits.telling.causes import Kind as NoticeKind
from visits.telling.causes import Part
from visits.telling.recipients import Crews, Told

LONGEST = timedelta(days=366)
LENGTHS = sorted(Level, reverse=True)


class AnnouncementUnknown(NotFound):
    code = "announcement.not_found"


class AskedUnknown(NotFound):
    code = "announcement.question_not_found"


class AlreadyAnswered(Conflict):
    """Somebody answered it with other words."""

    code = "announcement.answered"


def publish(said: dict[str, Any], *, by: User) -> Announcement:
    """Publish a notice or a questionnaire, once, however often `said` (AnnouncementIn) is sent.

    Raises Forbidden for places outside `by`'s jurisdictions, Invalid, IdTaken.
    """
    known = _same(said["id"], digest(said))
    if known is not None:
        return known
    codes = _outermost(said["places"])
    at_code = _published_at(codes, by)
    _check(said, codes)
    announcement = Announcement(
        id=said["id"], kind=said["kind"], at_code=at_code, title=said["title"],
        words=said["words"], from_date=said["from_date"], until_date=said["until_date"],
        publisher_id=by.id, said=digest(said),
        places=[Place(code=code) for code in codes],
        questions=[
            Question(
                id=each.get("id") or uuid.uuid5(said["id"], str(n)), position=n,
                text=each["text"], asks=each["asks"], options=each["options"],
            )
            for n, each in enumerate(said["questions"])
        ],
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(announcement)
            db.session.flush()
    except IntegrityError as error:
        known = _same(said["id"], digest(said))
        if known is None:
            raise IdTaken(_("The id of a question is already used; make a new one.")) from error
        return known
    events.record(
        "announcement.published", announcement.id, by=by.id, jurisdiction=at_code,
        data={"kind": announcement.kind, "title": announcement.title, "places": codes},
    )  # fmt: skip
    return announcement


def _same(announcement_id: uuid.UUID, fingerprint: str) -> Announcement | None:
    known = db.session.get(Announcement, announcement_id)
    if known is not None and known.said != fingerprint:
        raise IdTaken(_("This id is already used for another announcement; make a new one."))
    return known


def _outermost(codes: Sequence[str]) -> list[str]:
    """The places without those that lie in another one of them."""
    found: list[str] = []
    for code in sorted(set(codes)):
        if not covers(found, code):
            found.append(code)
    return found


def _published_at(codes: list[str], by: User) -> str:
    """The jurisdiction in whose name `by` publishes: the smallest of the own ones that holds all
    the places; for who has the whole installation the one that they have in common."""
    mine = scopes(by, Permission.ANNOUNCE)
    if not all(covers(mine, code) for code in codes):
        raise Forbidden(_("Some of these places lie outside your jurisdiction."))
    holding = [prefix for prefix in mine if all(code.startswith(prefix) for code in codes)]
    own = max(holding, key=len, default="")
    if len(own) < Level.COUNTY:
        alike = (n for n in LENGTHS if n <= len(codes[0]) and len({c[:n] for c in codes}) == 1)
        own = codes[0][: next(alike, 0)]
    if len(own) < Level.COUNTY or not covers(mine, own):
        raise Invalid(errors={"/places": [_("All of them must lie in one of your jurisdictions.")]})
    return own


def _check(said: dict[str, Any], codes: list[str]) -> None:
    errors: dict[str, list[str]] = {}
    there = set(db.session.scalars(select(Jurisdiction.code).where(Jurisdiction.code.in_(codes))))
    if missing := [code for code in codes if code not in there]:
        errors["/places"] = [_("No such jurisdiction: %(codes)s", codes=", ".join(missing))]
    first, last = said["from_date"], said["until_date"]
    if last < first:
        errors["/until"] = [_("Lies before the first day.")]
    elif last < workdays.today():
        errors["/until"] = [_("Lies in the past.")]
    elif last - first > LONGEST:
        errors["/until"] = [_("Lies more than a year after the first day.")]
    asks = said["kind"] is Kind.QUESTIONNAIRE
    if asks and not said["questions"]:
        errors["/questions"] = [_("A questionnaire needs a question at least.")]
    if not asks and said["questions"]:
        errors["/questions"] = [_("A notice has no questions.")]
    if not asks and not said["words"]:
        errors["/words"] = [_("Say what is to be told.")]
    for n, each in enumerate(said["questions"]):
        options = each["options"]
        if each["asks"] is Asks.CHOICE and len(set(options)) < 2:
            errors[f"/questions/{n}/options"] = [_("A choice needs two different options.")]
        elif each["asks"] is not Asks.CHOICE and options:
            errors[f"/questions/{n}/options"] = [_("Only a choice has options.")]
        elif len(set(options)) < len(options):
            errors[f"/questions/{n}/options"] = [_("An option stands there twice.")]
    if errors:
        raise Invalid(_("Some values cannot be used."), errors=errors)


def withdraw(announcement_id: uuid.UUID, *, by: User) -> Announcement:
    """Take an announcement back: phones drop it with the next workset. Again changes nothing."""
    query = kept_announcements(by).where(Announcement.id == announcement_id)
    announcement = db.session.scalar(query.with_for_update(of=Announcement))
    if announcement is None:
        raise AnnouncementUnknown(_("No such announcement of your jurisdiction."))
    if announcement.withdrawn_at is None:
        announcement.withdrawn_at, announcement.withdrawn_by_id = now(), by.id
        events.record(
            "announcement.withdrawn", announcement.id, by=by.id,
            jurisdiction=announcement.at_code, data={"title": announcement.title},
        )  # fmt: skip
    return announcement


def answer(asked_id: uuid.UUID, words: str, *, by: User) -> Asked:
    """Answer what a household asked back: the visitor and the team's leader are told, and it
    stands with the notice on their phones. The same words again change nothing."""
    mine = kept_announcements(by).with_only_columns(Announcement.id)
    asked = db.session.scalar(
        select(Asked)
        .where(Asked.id == asked_id, Asked.announcement_id.in_(mine))
        .options(joinedload(Asked.announcement), joinedload(Asked.visit))
        .with_for_update(of=Asked)
    )
    if asked is None:
        raise AskedUnknown(_("No such question to an announcement of your jurisdiction."))
    if asked.answered_at is not None:
        if asked.answer != words:
            raise AlreadyAnswered(_("It has been answered: %(words)s", words=asked.answer))
        return asked
    asked.answer, asked.answered_by_id, asked.answered_at = words, by.id, now()
    visit, code = asked.visit, asked.announcement.at_code
    people = {Told(visit.visitor_id, Part.VISITOR, code)}
    if visit.team_id is not None:
        people |= Crews([visit.team_id]).leads(visit.team_id, code)
    telling.write_about(
        NoticeKind.ANSWERED, f"answered:{asked.id}", asked.announcement_id, people,
        values={"title": asked.announcement.title, "asked": asked.words, "answer": words},
    )  # fmt: skip
    events.record("announcement.answered", asked.id, by=by.id, jurisdiction=code)
    db.session.flush()
    return asked
