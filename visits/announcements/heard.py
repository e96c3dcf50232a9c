"""What a visit brings of announcements: households told, questions that came back, answers.

What fits is stored, and what does not is said and harms nothing else of the visit. A notice or
questionnaire that was withdrawn or is over still takes what visits bring: it was told and asked.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import User
from gridserve.permissions import covers
from visits.announcements.models import Announcement, Answer, Asked, Asks, Kind, Place, Question
from visits.announcements.models import Told as ToldRow
from visits.models import Household, Outcome, Visit
from visits.telling import operations as telling
from visits.telling.causes import Kind as NoticeKind
from visits.telling.causes import Part
from visits.telling.recipients import Told

Pairs = Sequence[tuple[Visit, dict[str, Any]]]  # visits with what was sent (VisitIn)
LARGEST = Decimal(10) ** 12
YES_NO = ("yes", "no")


@dataclass
class Heard:
    """What of some visits fits, as rows, and by visit the words on what does not."""

    told: dict[tuple[uuid.UUID, uuid.UUID], dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[tuple[uuid.UUID, uuid.UUID], dict[str, Any]] = field(default_factory=dict)
    not_fitting: dict[uuid.UUID, list[str]] = field(default_factory=lambda: defaultdict(list))


def store(pairs: Pairs, by: User) -> None:
    """Store what these new visits bring, in a number of queries that does not grow."""
    heard = _read(pairs)
    if heard.told:
        rows = [heard.told[key] for key in sorted(heard.told)]  # two outboxes never cross
        db.session.execute(insert(ToldRow).on_conflict_do_nothing(), rows)
    if heard.asked:
        db.session.execute(insert(Asked).on_conflict_do_nothing(), heard.asked)
        _tell_publishers({row["announcement_id"] for row in heard.asked})
    if heard.answers:
        db.session.execute(insert(Answer), list(heard.answers.values()))


def not_fitting(pairs: Pairs) -> dict[uuid.UUID, list[str]]:
    """By visit, in plain words, what it brought that could not be stored; for repeats as well."""
    return dict(_read(pairs).not_fitting)


def _read(pairs: Pairs) -> Heard:
    heard = Heard()
    with_more = [(v, said) for v, said in pairs if said.get("told") or said.get("answers")]
    if not with_more:
        return heard
    homes = {visit.household_id for visit, _said in with_more}
    villages: dict[uuid.UUID, str] = {
        row.id: row.village_code
        for row in db.session.execute(
            select(Household.id, Household.village_code).where(Household.id.in_(homes))
        )
    }
    notices = _notices({t["notice"] for _v, said in with_more for t in said.get("told") or ()})
    questions = _questions({a["question"] for _v, s in with_more for a in s.get("answers") or ()})
    for visit, said in with_more:
        village = villages[visit.household_id]
        for each in said.get("told") or ():
            _told(heard, visit, each, notices.get(each["notice"]), village)
        for each in said.get("answers") or ():
            _answered(heard, visit, each, questions.get(each["question"]), village)
    return heard


def _places(of: Any, ids: set[uuid.UUID]) -> dict[Any, tuple[list[str], Any]]:
    """By id of the rows that `of` selects: the codes of their places, and a row."""
    found: dict[Any, tuple[list[str], Any]] = {}
    for row in db.session.execute(of) if ids else ():
        found.setdefault(row.id, ([], row))[0].append(row.code)
    return found


def _notices(ids: set[uuid.UUID]) -> dict[Any, tuple[list[str], Any]]:
    query = (
        select(Announcement.id, Announcement.title, Place.code)
        .join(Place, Place.announcement_id == Announcement.id)
        .where(Announcement.id.in_(ids), Announcement.kind == Kind.NOTICE)
    )
    return _places(query, ids)


def _questions(ids: set[uuid.UUID]) -> dict[Any, tuple[list[str], Any]]:
    query = (
        select(Question.id, Question.text, Question.asks, Question.options, Place.code)
        .join(Place, Place.announcement_id == Question.announcement_id)
        .where(Question.id.in_(ids))
    )
    return _places(query, ids)


def _told(
    heard: Heard, visit: Visit, said: dict[str, Any], notice: Any, village: str
) -> None:  # fmt: skip
    if notice is None:
        heard.not_fitting[visit.id].append(
            _("A notice that you ticked as told is not known here; the visit is stored without it.")
        )
        return
    codes, row = notice
    words = ""
    if not covers(codes, village):
        words = _("“%(title)s” is not for this household; the visit is stored without it.")
    elif visit.outcome is not Outcome.MET:
        words = _("“%(title)s” counts as told only where somebody was met; the visit is stored.")
    if words:
        heard.not_fitting[visit.id].append(words % {"title": row.title})
        return
    key = (row.id, visit.household_id)
    heard.told.setdefault(
        key,
        {
            "announcement_id": row.id, "household_id": visit.household_id, "visit_id": visit.id,
            "at": visit.started_at,
        },
    )  # fmt: skip
    if said.get("question"):
        heard.asked.append(
            {
                "id": uuid.uuid5(visit.id, str(row.id)), "announcement_id": row.id,
                "visit_id": visit.id, "household_id": visit.household_id,
                "words": said["question"], "received_at": now(), "answer": "",
            }
        )  # fmt: skip


def _answered(
    heard: Heard, visit: Visit, said: dict[str, Any], question: Any, village: str
) -> None:  # fmt: skip
    given = said["value"][:40]
    if question is None or not covers(question[0], village):
        heard.not_fitting[visit.id].append(
            _("The answer “%(value)s” is to a question that is not asked of this household; "
              "the visit is stored without it.", value=given)
        )  # fmt: skip
        return
    row = question[1]
    value = fitting(row.asks, row.options, said["value"])
    if value is None:
        heard.not_fitting[visit.id].append(
            _("The answer “%(value)s” does not fit the question “%(text)s”; the visit is stored "
              "without it.", value=given, text=row.text)
        )  # fmt: skip
        return
    heard.answers[visit.id, row.id] = {
        "visit_id": visit.id, "question_id": row.id, "household_id": visit.household_id,
        "at": visit.started_at, "value": value,
    }  # fmt: skip


def fitting(asks: Asks, options: list[str], value: str) -> str | None:
    """The answer as it is kept; None where it does not fit what is asked for."""
    if asks is Asks.NUMBER:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return None
        if not number.is_finite() or abs(number) > LARGEST:
            return None
        return f"{round(number, 3).normalize():f}"
    allowed = {Asks.YES_NO: YES_NO, Asks.CHOICE: tuple(options)}.get(asks)
    return (value if value in allowed else None) if allowed else value or None


def _tell_publishers(ids: set[uuid.UUID]) -> None:
    """Each publisher hears once a day that questions came back to an announcement."""
    day = workdays.today().isoformat()
    for row in db.session.scalars(select(Announcement).where(Announcement.id.in_(ids))):
        people = {Told(row.publisher_id, Part.PUBLISHER, row.at_code)}
        telling.write_about(
            NoticeKind.ASKED_BACK, f"asked:{row.id}:{day}", row.id, people,
            values={"title": row.title},
        )  # fmt: skip
