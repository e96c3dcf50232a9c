"""What a questionnaire found: answers counted per question, place by place, and as a table.

Of several answers of a household to a question the latest counts.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Numeric, cast, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from grids.models import Cell, Jurisdiction
from gridserve.db import db, streamed
from gridserve.tables.columns import Column
from gridserve.tables.values import text
from visits.announcements.models import Announcement, Answer, Asks, Question
from visits.announcements.reach import concerned, key_below, names_of
from visits.masking import UNKEPT
from visits.models import Household

FEW = 5  # answers; below this a share says little, and single households could be told
TEXTS_SHOWN = 20


@dataclass
class Counted:
    """The answers to a question in a place."""

    answers: int = 0
    counts: dict[str, int] = field(default_factory=dict)  # by answer, of yes_no and choice
    low: float | None = None  # these four of numbers
    mean: float | None = None
    median: float | None = None
    high: float | None = None

    @property
    def is_few(self) -> bool:
        """Whether so few answered that the place is only to be read with care."""
        return 0 < self.answers < FEW


@dataclass
class PlaceCounted:
    """A place below the one that is looked at, with the answers to one question."""

    code: str
    name: str
    counted: Counted


def _latest(announcement: Announcement, at: str) -> Any:
    """The latest answer of each household of `at` to each question, as a subquery."""
    ids = [question.id for question in announcement.questions]
    return (
        select(Answer.question_id, Answer.household_id, Answer.value, Answer.at,
               key_below(at).label("place"))
        .join(Household, Household.id == Answer.household_id)
        .where(Answer.question_id.in_(ids), concerned(announcement, at))
        .ext(distinct_on(Answer.question_id, Answer.household_id))
        .order_by(Answer.question_id, Answer.household_id, Answer.at.desc(), Answer.visit_id)
        .subquery()
    )  # fmt: skip


def overall(announcement: Announcement, at: str) -> dict[uuid.UUID, Counted]:
    """The answers to each question in the whole of `at` (a jurisdiction)."""
    latest = _latest(announcement, at)
    found: dict[uuid.UUID, Counted] = defaultdict(Counted)
    counted = (
        select(latest.c.question_id, latest.c.value, func.count())
        .join(Question, Question.id == latest.c.question_id)
        .where(Question.asks.in_((Asks.YES_NO, Asks.CHOICE)))
        .group_by(latest.c.question_id, latest.c.value)
    )
    for question_id, value, count in db.session.execute(counted):
        found[question_id].counts[value] = count
        found[question_id].answers += count
    plain = (
        select(latest.c.question_id, func.count())
        .join(Question, Question.id == latest.c.question_id)
        .where(Question.asks == Asks.TEXT)
        .group_by(latest.c.question_id)
    )
    for question_id, count in db.session.execute(plain):
        found[question_id].answers = count
    numbers = [q.id for q in announcement.questions if q.asks is Asks.NUMBER]
    if numbers:
        number = cast(latest.c.value, Numeric)
        measured = (
            select(latest.c.question_id, *_measures(number))
            .where(latest.c.question_id.in_(numbers))
            .group_by(latest.c.question_id)
        )
        for question_id, *values in db.session.execute(measured):
            found[question_id] = _measured(values)
    return dict(found)


def by_place(announcement: Announcement, at: str, question: Question) -> list[PlaceCounted]:
    """The answers to one question in each place directly below `at`, by code."""
    latest = _latest(announcement, at)
    mine = latest.c.question_id == question.id
    found: dict[Any, Counted] = defaultdict(Counted)
    if question.asks is Asks.NUMBER:
        number = cast(latest.c.value, Numeric)
        query = select(latest.c.place, *_measures(number)).where(mine).group_by(latest.c.place)
        for place, *values in db.session.execute(query):
            found[place] = _measured(values)
    else:
        query = select(latest.c.place, latest.c.value, func.count()).where(mine)
        if question.asks is Asks.TEXT:  # each answer is another one: only how many there are
            query = select(latest.c.place, literal(""), func.count()).where(mine)
            query = query.group_by(latest.c.place)
        else:
            query = query.group_by(latest.c.place, latest.c.value)
        for place, answer, count in db.session.execute(query):
            found[place].answers += count
            if answer:
                found[place].counts[answer] = count
    names = names_of(list(found))
    rows = [PlaceCounted(*names.get(key, ("", "")), counted) for key, counted in found.items()]
    return sorted(rows, key=lambda row: (not row.code, row.code))


def _measures(number: Any) -> list[Any]:
    middle = func.percentile_cont(0.5).within_group(number)
    return [func.count(), func.min(number), func.avg(number), middle, func.max(number)]


def _measured(values: list[Any]) -> Counted:
    count, low, mean, middle, high = values
    return Counted(count, {}, float(low), round(float(mean), 2), float(middle), float(high))


def texts(announcement: Announcement, at: str) -> dict[uuid.UUID, list[str]]:
    """The latest free answers to each question that asks for words, of those that are kept."""
    latest = _latest(announcement, at)
    ids = [q.id for q in announcement.questions if q.asks is Asks.TEXT]
    if not ids:
        return {}
    place = func.row_number().over(
        partition_by=latest.c.question_id, order_by=(latest.c.at.desc(), latest.c.household_id)
    )
    kept = (latest.c.question_id.in_(ids), latest.c.value != UNKEPT)
    numbered = select(latest, place.label("n")).where(*kept).subquery()
    rows = select(numbered.c.question_id, numbered.c.value).where(numbered.c.n <= TEXTS_SHOWN)
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for question_id, value in db.session.execute(
        rows.order_by(numbered.c.question_id, numbered.c.n)
    ):
        found[question_id].append(value)
    return dict(found)


def columns(announcement: Announcement) -> list[Column]:
    """The columns of the table of answers: where, which household, and a column a question."""
    heads = (("village", "村（社区）"), ("cell", "网格"), ("number", "户号"))
    asked = ((str(q.id), f"{q.position + 1}. {q.text}") for q in announcement.questions)
    return [Column(key, title, text(300)) for key, title in (*heads, *asked)]


def lines(announcement: Announcement, at: str, words: Any) -> Iterator[list[Any]]:
    """The rows of the table: each household that answered, without names; `words(value)` gives
    what people read for an answer."""
    latest = _latest(announcement, at)
    village, cell = aliased(Jurisdiction), aliased(Cell)
    rows = streamed(
        select(Household.id, village.name, cell.name, Household.number,
               latest.c.question_id, latest.c.value)
        .join(latest, latest.c.household_id == Household.id)
        .join(village, village.code == Household.village_code)
        .join(cell, cell.id == Household.cell_id, isouter=True)
        .order_by(Household.village_code, Household.number)
    )  # fmt: skip
    asks = {question.id: question.asks for question in announcement.questions}
    places = {question.id: 3 + n for n, question in enumerate(announcement.questions)}
    current: uuid.UUID | None = None
    line: list[Any] = []
    for home, village_name, cell_name, number, question_id, value in rows:
        if home != current:
            if line:
                yield line
            current, line = home, [village_name, cell_name, number, *[None] * len(places)]
        line[places[question_id]] = words(value) if asks[question_id] is Asks.YES_NO else value
    if line:
        yield line
