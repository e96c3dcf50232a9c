"""The calls of a week and the figure that follows: confirmed ÷ reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, raiseload

from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from visits.callbacks.models import Callback, Outcome, Sample
from visits.callbacks.permissions import visible_callbacks
from visits.models import Household, Visit

WEEKS_SHOWN = 12


@dataclass(frozen=True)
class Confirmed:
    """What the calls of a week's samples gave; calls after hints are not in it, as they were not
    chosen by lot."""

    week: date
    drawn: int
    confirmed: int
    not_confirmed: int
    not_reached: int

    @property
    def reached(self) -> int:
        """The denominator."""
        return self.confirmed + self.not_confirmed

    @property
    def waiting(self) -> int:
        """Not tried yet."""
        return self.drawn - self.reached - self.not_reached


def calls(user: User, week: date | None) -> Select[Callback]:
    """The calls of a week's samples that `user` may make, or those after hints (week None)."""
    visit = joinedload(Callback.visit)
    return (
        visible_callbacks(user)
        .where(Callback.week == week if week else Callback.week.is_(None))
        .options(
            visit.joinedload(Visit.household).joinedload(Household.cell),
            visit.joinedload(Visit.visitor),
            joinedload(Callback.caller), joinedload(Callback.by), raiseload("*"),
        )
    )  # fmt: skip


def by_week(user: User) -> list[Confirmed]:
    """The figure of the last weeks within the user's jurisdictions, the latest first."""
    counted = [func.count().filter(Callback.outcome == each) for each in Outcome]
    rows = db.session.execute(
        select(Callback.week, func.count(), *counted)
        .join(Visit, Visit.id == Callback.visit_id)
        .join(Household, Household.id == Visit.household_id)
        .where(
            Callback.week.is_not(None),
            within(Household.village_code, scopes(user, Permission.VISIT_REVIEW)),
        )
        .group_by(Callback.week)
        .order_by(Callback.week.desc())
        .limit(WEEKS_SHOWN)
    )
    return [Confirmed(*tuple(row)) for row in rows]


def samples(user: User, week: date) -> Sequence[Sample]:
    """How the samples of a week were drawn, in the townships of the user."""
    mine = scopes(user, Permission.VISIT_REVIEW)
    townships = within(Sample.township_code, [code[:9] for code in mine])
    return db.session.scalars(
        select(Sample).where(Sample.week == week, townships).order_by(Sample.township_code)
    ).all()
