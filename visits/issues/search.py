"""Finding issues by what somebody has at hand: number, words, address, a resident's phone."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Text, and_, cast, false, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from gridserve.db import db
from gridserve.people import User
from gridserve.sealed import end_mark, whole_mark
from gridserve.sealing import ENDING, MOBILE, data_keys, digits
from visits.issues.models import Issue
from visits.issues.permissions import resident_seen

NUMBER = re.compile(r"[0-9]{6}-[2-9A-Z]{5,8}")
NUMBER_END = re.compile(r"[2-9A-Z]{5}|[2-9A-Z]{8}")
PHONE = re.compile(r"\+?[0-9][0-9 -]{2,18}[0-9]")
# What can be found by words has at least this many characters.
LEAST = 2
MOST_ALIKE = 2000  # one number in 10,000 has the same last four digits


def matching(user: User, words: str) -> ColumnElement[bool]:
    """Whether an issue is meant by `words`: its number or the end of it, part of what was said or
    of the address, or the last four or more digits of the resident's phone.

    Several words must all be there. A phone finds only issues of which `user` sees the resident in
    full; otherwise it could be guessed digit by digit.
    """
    asked = words.strip()
    found: list[ColumnElement[bool]] = [and_(true(), *map(_said, asked.split()))]
    number = asked.upper()
    if NUMBER.fullmatch(number):
        found = [Issue.number == number]  # nothing else reads like that
    elif NUMBER_END.fullmatch(number):
        found.append(func.substr(Issue.number, 8) == number)
    if PHONE.fullmatch(asked):
        found.append(and_(_called(asked, user), resident_seen(user)))
    return or_(*found)


def _called(asked: str, user: User) -> ColumnElement[bool]:
    """Whether the resident's number ends with these digits. Numbers lie sealed and are found by
    marks: of all eleven digits, or of the last four, of which those that fit are then opened."""
    known, ending = data_keys().values(), digits(asked)
    if len(ending) >= MOBILE:
        return and_(
            Issue.resident_phone.is_not(None),
            whole_mark("issue.resident_phone").in_([key.whole(ending) for key in known]),
        )
    alike = and_(
        Issue.resident_phone.is_not(None),
        end_mark("issue.resident_phone").in_([key.end(ending) for key in known]),
    )
    if len(ending) == ENDING:
        return alike
    rows = db.session.execute(
        select(Issue.id, Issue.resident_phone).where(alike, resident_seen(user)).limit(MOST_ALIKE)
    )
    return Issue.id.in_([id_ for id_, phone in rows if digits(phone or "").endswith(ending)])


def _said(word: str) -> ColumnElement[bool]:
    """Whether `word` is in what was said or in the address, whatever the case of its letters."""
    low = word.lower()
    if len(low) < LEAST:
        return false()
    pairs = sorted({low[n : n + 2] for n in range(len(low) - 1)})
    # The index finds where all pairs are; the rest reads whether they stand in this order.
    held = func.bigrams(Issue.words, Issue.address).op("@>")(cast(pairs, ARRAY(Text)))
    exact = or_(
        func.lower(Issue.words).contains(low, autoescape=True),
        func.lower(Issue.address).contains(low, autoescape=True),
    )
    return and_(held, exact)
