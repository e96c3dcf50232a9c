"""What a phone works with: the notices and the questionnaire of its cells, and whom they reached.

A question is asked of a household once: what it has answered, and what is not asked in its place,
is `known`.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, raiseload, selectinload

from grids.models import Cell
from grids.permissions import cells_of
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import covers
from visits.announcements.models import Announcement, Answer, Asked, Kind, Place, Question, Told
from visits.models import Household

MOST_NOTICES = 50
MOST_QUESTIONS = 30  # as many answers as a visit takes
MOST_ANSWERS = 10  # of a notice


@dataclass
class ForWorkset:
    """The parts of a workset; `told` and `known` are places in its lists by household."""

    notices: list[dict[str, Any]] = field(default_factory=list)
    questionnaire: dict[str, Any] | None = None
    told: dict[uuid.UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    known: dict[uuid.UUID, list[int]] = field(default_factory=lambda: defaultdict(list))

    def of(self, household: str) -> dict[str, list[int]]:
        """What the workset says of a household besides; nothing where both are empty."""
        home = uuid.UUID(household)
        lists = {"told": self.told.get(home), "known": self.known.get(home)}
        return {name: places for name, places in lists.items() if places}


def for_workset(user: User, day: date) -> ForWorkset:
    """The notices and questions of the cells for which the user's teams answer on `day`.

    Several questionnaires are asked as one, the one that ends first before the others.
    """
    found = ForWorkset()
    mine = select(cells_of(user, day).subquery().c.cell_id)
    villages = set(
        db.session.scalars(select(Cell.village_code).where(Cell.id.in_(mine)).distinct())
    )
    current = _current(villages, day)
    notices = [each for each in current if each.kind is Kind.NOTICE]
    notices.sort(key=lambda each: (each.published_at, each.id), reverse=True)
    _notices(found, notices[:MOST_NOTICES], villages, mine)
    asking = [each for each in current if each.kind is Kind.QUESTIONNAIRE]
    asking.sort(key=lambda each: (each.until_date, each.published_at, each.id))
    if asking:
        _questionnaire(found, asking, mine)
    return found


def _current(villages: set[str], day: date) -> Sequence[Announcement]:
    """What is to be told and asked on `day` somewhere in these villages."""
    if not villages:
        return []
    above = {code[:length] for code in villages for length in (2, 4, 6, 9, 12)}
    here = select(Place.announcement_id).where(Place.code.in_(above))
    return db.session.scalars(
        select(Announcement)
        .where(
            Announcement.withdrawn_at.is_(None), Announcement.until_date >= day,
            Announcement.from_date <= day, Announcement.id.in_(here),
        )
        .options(
            joinedload(Announcement.publisher), selectinload(Announcement.places),
            selectinload(Announcement.questions), raiseload("*"),
        )
    ).all()  # fmt: skip


def _notices(
    found: ForWorkset, notices: Sequence[Announcement], villages: set[str], mine: Any
) -> None:
    places = {notice.id: n for n, notice in enumerate(notices)}
    answers = _answers(list(places), mine)
    for notice in notices:
        here = sorted(code for code in villages if covers(notice.codes, code))
        told: dict[str, Any] = {
            "id": str(notice.id),
            "title": notice.title,
            "words": notice.words,
            "published_at": notice.published_at.astimezone(workdays.zone()).isoformat(
                "T", "minutes"
            ),
            "until": notice.until_date.isoformat(),
            "by": notice.publisher.name,
        }
        if len(here) < len(villages):
            told["villages"] = here  # left out: for all of the cells
        if notice.id in answers:
            told["answers"] = answers[notice.id]
        found.notices.append(told)
    rows = (
        select(Told.household_id, Told.announcement_id)
        .join(Household, Household.id == Told.household_id)
        .where(Told.announcement_id.in_(places), Household.cell_id.in_(mine))
    )
    for household, notice_id in db.session.execute(rows) if places else ():
        found.told[household].append(places[notice_id])
    for told_of in found.told.values():
        told_of.sort()


def _answers(ids: list[uuid.UUID], mine: Any) -> dict[uuid.UUID, list[dict[str, str]]]:
    """The publishers' answers to what households of these cells asked back, the latest first."""
    rows = (
        select(Asked.announcement_id, Asked.words, Asked.answer)
        .join(Household, Household.id == Asked.household_id)
        .where(
            Asked.announcement_id.in_(ids), Asked.answered_at.is_not(None),
            Household.cell_id.in_(mine),
        )
        .order_by(Asked.answered_at.desc(), Asked.id)
        .limit(MOST_NOTICES * MOST_ANSWERS)
    )  # fmt: skip
    found: dict[uuid.UUID, list[dict[str, str]]] = defaultdict(list)
    for notice_id, question, answer in db.session.execute(rows) if ids else ():
        if len(found[notice_id]) < MOST_ANSWERS:
            found[notice_id].append({"question": question, "answer": answer})
    return found


def _questionnaire(found: ForWorkset, asking: Sequence[Announcement], mine: Any) -> None:
    questions = [(q, each) for each in asking for q in each.questions][:MOST_QUESTIONS]
    places = {question.id: n for n, (question, _each) in enumerate(questions)}
    found.questionnaire = {
        "id": str(asking[0].id),
        "title": "、".join(each.title for each in asking),
        "until": asking[0].until_date.isoformat(),
        "questions": [_question(question) for question, _each in questions],
    }
    rows = db.session.execute(
        select(Answer.household_id, func.array_agg(Answer.question_id))
        .join(Household, Household.id == Answer.household_id)
        .where(Answer.question_id.in_(places), Household.cell_id.in_(mine))
        .group_by(Answer.household_id)
    )
    answered: dict[uuid.UUID, Sequence[uuid.UUID]] = {row[0]: row[1] for row in rows}
    homes = select(Household.id, Household.village_code).where(Household.cell_id.in_(mine))
    for household, village in db.session.execute(homes):
        not_here = {q.id for q, each in questions if not covers(each.codes, village)}
        if settled := {*answered.get(household, ()), *not_here}:
            found.known[household] = sorted(places[each] for each in settled)


def _question(question: Question) -> dict[str, Any]:
    said = {"id": str(question.id), "text": question.text, "kind": question.asks.value}
    return said | ({"options": question.options} if question.options else {})
