"""Finding issues by what somebody has at hand: number, words, address, a resident's phone."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, Text, and_, cast, false, func, literal_column, or_, true
from sqlalchemy.dialects.postgresql import ARRAY

from gridserve.people import User
from visits.issues.models import Issue
from visits.issues.permissions import resident_seen

NUMBER = re.compile(r"[0-9]{6}-[2-9A-Z]{5,8}")
NUMBER_END = re.compile(r"[2-9A-Z]{5}|[2-9A-Z]{8}")
PHONE = re.compile(r"\+?[0-9][0-9 -]{2,18}[0-9]")
# What can be found by words has at least this many characters.
LEAST = 2


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
        ending = re.sub(r"\D", "", asked)[::-1]
        found.append(
            and_(
                Issue.resident_phone.is_not(None),
                _digits().like(ending + "%"),
                resident_seen(user),
            )
        )
    return or_(*found)


def _digits() -> ColumnElement[str]:
    """The digits of the phone from the last to the first; spelt as ix_issue_phone has it."""
    return literal_column("reverse(regexp_replace(issue.resident_phone, '[^0-9]', '', 'g'))", Text)


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
