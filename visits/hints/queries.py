"""Lists of hints with the visits side by side."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, raiseload

from gridserve.db import db
from gridserve.people import User
from visits.hints.models import SETTLED, Hint, State
from visits.hints.permissions import own_hints, reviewed_hints
from visits.hints.words import reason
from visits.models import Household, Visit
from visits.workset.values import local

MOST_ON_PHONE = 20


def hints(user: User, states: Iterable[State]) -> Select[Hint]:
    """The hints of the user's jurisdictions in these states."""
    return with_visits(reviewed_hints(user).where(Hint.state.in_(list(states))))


def own(user: User) -> Select[Hint]:
    """The hints on the user's own visits that are not settled."""
    return with_visits(own_hints(user).where(Hint.state.not_in(SETTLED)))


def with_visits(query: Select[Hint]) -> Select[Hint]:
    """The same with both visits, who made them and to which households."""
    loads: list[Any] = [joinedload(Hint.settled_by)]
    for visit in (joinedload(Hint.visit), joinedload(Hint.other)):
        loads += [
            visit.joinedload(Visit.visitor),
            visit.joinedload(Visit.household).joinedload(Household.cell),
        ]
    return query.options(*loads, raiseload("*"))


def counts(user: User) -> dict[State, int]:
    """How many hints are in which state; of visits, and never of people."""
    mine = reviewed_hints(user).subquery()
    rows = db.session.execute(select(mine.c.state, func.count()).group_by(mine.c.state))
    found = dict.fromkeys(State, 0)
    for state, count in rows:
        found[State(state)] = count
    return found


def for_workset(user: User, day: date) -> list[dict[str, Any]]:
    """The hints about which the desk has asked the user, for the phone, the latest first."""
    asked = (
        own_hints(user)
        .where(Hint.state == State.ASKED)
        .options(joinedload(Hint.visit), raiseload("*"))
        .order_by(Hint.asked_at.desc(), Hint.id)
        .limit(MOST_ON_PHONE)
    )
    return [
        {
            "id": str(hint.id),
            "kind": hint.kind.value,
            "visit": {
                "id": str(hint.visit.id), "at": local(hint.visit.started_at),
                "household": str(hint.visit.household_id),
            },
            "say": " ".join(filter(None, (reason(hint), hint.question))),
        }
        for hint in db.session.scalars(asked)
    ]  # fmt: skip


def hint(user: User, hint_id: uuid.UUID) -> Hint | None:
    """One hint that the user reviews or that is about an own visit."""
    for query in (reviewed_hints(user), own_hints(user)):
        found = db.session.scalar(
            with_visits(query.where(Hint.id == hint_id)).execution_options(populate_existing=True)
        )
        if found is not None:
            return found
    return None
