"""Tries to sign in: counted before they are checked, so that a thousand at once are a thousand, and
resting where too many were wrong. Only those from an address, where many may come in at the same
moment, are counted once they were wrong.

Counted are the tries for an account from one address, those for an account from anywhere, and those
from an address for any account, whether the login exists or not. So that nobody can keep somebody
else out, a browser in which somebody has signed in before is counted by itself alone
(gridserve/knownbrowsers.py). The counts lie in the database: Redis may be emptied at any moment.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask_babel import ngettext
from sqlalchemy import String, and_, case, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from gridserve.db import SKEW, Base, choice, db, now, reference
from gridserve.errors import TooMany

LONGEST_SUBJECT = 140
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Counted(enum.StrEnum):
    """What tries are counted by."""

    PAIR = "pair"  # an account and an address
    ACCOUNT = "account"
    ADDRESS = "address"
    BROWSER = "browser"  # an account and a browser that knows it
    PROVIDER = "provider"  # answers from a provider of sign-on that are not believed, by address


@dataclass(frozen=True)
class Limit:
    """How many may be wrong, and how long the next one then has to wait: twice as long each time,
    up to `longest`. What was not added to for `memory` begins anew."""

    free: int
    first: timedelta
    longest: timedelta
    memory: timedelta

    def rest(self, failures: int) -> timedelta:
        """How long to wait after so many that were wrong."""
        over = failures - self.free
        return min(self.first * 2 ** min(over, 16), self.longest) if over >= 0 else timedelta()


def _minutes(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


LIMITS = {
    Counted.PAIR: Limit(5, _minutes(5), _minutes(5), _minutes(5)),
    Counted.ACCOUNT: Limit(10, _minutes(0.5), _minutes(15), _minutes(60)),
    # an office of many may stand behind one address
    Counted.ADDRESS: Limit(100, _minutes(1), _minutes(5), _minutes(10)),
    Counted.BROWSER: Limit(5, _minutes(1), _minutes(15), _minutes(60)),
    Counted.PROVIDER: Limit(5, _minutes(5), _minutes(5), _minutes(5)),
}


class SignInFailure(Base):
    """Refusals in a row for a login, an address, or both; also for logins that do not exist."""

    __tablename__ = "sign_in_failure"
    __table_args__ = reference()

    kind: Mapped[Counted] = mapped_column(choice(Counted, "kind"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    rests_until: Mapped[datetime]


@dataclass(frozen=True)
class Attempt:
    """A try that is counted as wrong until it is said to be right: by what, until when that rests
    then; and by what it is counted only where it was wrong."""

    rests: Sequence[tuple[Counted, str, datetime]]
    later: Sequence[tuple[Counted, str]]


def plain(login: str) -> str:
    """A login as it is compared and counted."""
    return login.strip().lower()[:64]


def of_account(login: str, address: str, browser: str = "") -> Attempt:
    """Count a try to sign in as `login` from `address`, or by the `browser` that knows it."""
    login, address = plain(login), address[:64]
    if browser:
        return begin((Counted.BROWSER, f"{login} {browser}"))
    return begin(
        (Counted.ACCOUNT, login), (Counted.ADDRESS, address), (Counted.PAIR, f"{login} {address}")
    )


def begin(*counted: tuple[Counted, str]) -> Attempt:
    """Count one more try; the caller commits that before it checks anything.

    Raises TooMany, and counts nothing, while one of these rests.
    """
    rows = _locked(sorted((kind, subject[:LONGEST_SUBJECT]) for kind, subject in counted))
    moment = now()  # perhaps others were waited for
    # What a clock that was ahead has counted would rest until it is that late.
    until = max((row.rests_until for row in rows if row.last_at < moment + SKEW), default=moment)
    if until > moment:
        raise _too_many(until - moment)
    at_once, later = _split(rows)
    for row in at_once:
        _count(row, moment)
    return Attempt(
        [(row.kind, row.subject, row.rests_until) for row in at_once],
        [(row.kind, row.subject) for row in later],
    )


def was_wrong(attempt: Attempt) -> None:
    """Count what is counted only now."""
    for row in _locked(attempt.later) if attempt.later else ():
        _count(row, now())


def was_right(attempt: Attempt, *, wholly: bool = True) -> None:
    """Take back that `attempt` was counted; what an account failed from one place is forgotten.

    Failures from elsewhere stay: that the owner signs in makes a stranger no better. Not `wholly`,
    while something else is still to be shown, all of them do.
    """
    rows = SignInFailure
    for kind, subject, until in attempt.rests:
        here = and_(rows.kind == kind, rows.subject == subject)
        if not wholly or kind == Counted.ACCOUNT:
            mine = case((rows.rests_until == until, rows.last_at), else_=rows.rests_until)
            less = {"failures": rows.failures - 1, "rests_until": mine}
            db.session.execute(update(rows).where(here, rows.failures > 0).values(less))
        else:
            db.session.execute(delete(rows).where(here))


def _split(rows: Sequence[SignInFailure]) -> tuple[list[SignInFailure], list[SignInFailure]]:
    """What is counted at once, and what only where it was wrong."""
    later = [row for row in rows if row.kind == Counted.ADDRESS]
    return [row for row in rows if row not in later], later


def _count(row: SignInFailure, moment: datetime) -> None:
    limit = LIMITS[row.kind]
    recent = row.last_at > moment - limit.memory
    row.failures = row.failures + 1 if recent else 1
    row.last_at = moment
    row.rests_until = moment + limit.rest(row.failures)


def forget() -> None:
    """Drop counts that no longer matter."""
    old = [
        and_(SignInFailure.kind == kind, SignInFailure.last_at < now() - limit.memory)
        for kind, limit in LIMITS.items()
    ]
    db.session.execute(delete(SignInFailure).where(or_(*old), SignInFailure.rests_until < now()))


def _locked(keys: Sequence[tuple[Counted, str]]) -> Sequence[SignInFailure]:
    new = {"failures": 0, "last_at": LONG_AGO, "rests_until": LONG_AGO}
    db.session.execute(
        insert(SignInFailure)
        .values([{"kind": kind, "subject": subject} | new for kind, subject in keys])
        .on_conflict_do_nothing()
    )
    wanted = tuple_(SignInFailure.kind, SignInFailure.subject).in_(keys)
    return db.session.scalars(
        select(SignInFailure)
        .where(wanted)
        .order_by(SignInFailure.kind, SignInFailure.subject)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def _too_many(wait: timedelta) -> TooMany:
    minutes = math.ceil(wait.total_seconds() / 60)
    problem = TooMany(
        ngettext(
            "Too many attempts that failed. Try again in a minute.",
            "Too many attempts that failed. Try again in %(num)s minutes.",
            minutes,
        )
    )
    problem.headers["Retry-After"] = str(math.ceil(wait.total_seconds()))
    return problem
