"""Working a division out in a job: it can die at any moment, and is found again by a sweep."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import timedelta

from shapely.geometry import shape
from sqlalchemy import or_, select, update

from grids.division import divide
from grids.operations import LAST_SERIAL
from gridserve.db import db, now
from gridserve.errors import Problem
from gridserve.jobs import enqueue
from visits.division import operations
from visits.division.ground import find_village, survey
from visits.division.models import Draft, DraftStatus

ATTEMPTS = 3
# After this silence of a job another one may take over; RQ ends a job after 180 s.
LEASE = timedelta(seconds=200)
# After this time a draft's job was lost before it began, or waits: to ask again does no harm.
WAITING = timedelta(seconds=60)

INTERRUPTED, FAILED, TOO_MANY = "division.interrupted", "division.failed", "division.too_many"

log = logging.getLogger(__name__)


def start(draft: Draft) -> None:
    """Have a draft worked out after the commit."""
    enqueue(compute, str(draft.id), long=True)


def compute(draft_id: str) -> None:
    """Work a draft out, unless another job is at it; whatever happens it does not stay computing.

    Commits as it goes, so that its progress can be seen and its death noticed.
    """
    id_ = uuid.UUID(draft_id)
    if not _claim(id_):
        return
    try:
        work_out(db.session.get_one(Draft, id_), lambda share: _say(id_, share))
    except Problem as problem:
        db.session.rollback()
        _fail(id_, problem.code)
    except Exception:
        # Anything else is a fault of ours and would come again at the next attempt.
        log.exception("division %s could not be worked out", id_)
        db.session.rollback()
        _fail(id_, FAILED)
    db.session.commit()


def sweep() -> int:
    """Start what was lost anew, and give up what was lost too often; gives how many it found."""
    lost = db.session.execute(
        select(Draft.id, Draft.attempts)
        .where(
            Draft.status == DraftStatus.COMPUTING,
            or_(
                Draft.claimed_at < now() - LEASE,
                Draft.claimed_at.is_(None) & (Draft.created_at < now() - WAITING),
            ),
        )
        .order_by(Draft.created_at)
        .limit(100)
    ).all()
    for id_, attempts in lost:
        if attempts >= ATTEMPTS:
            _fail(id_, INTERRUPTED)
        else:
            enqueue(compute, str(id_), long=True)
    return len(lost)


def work_out(draft: Draft, say: Callable[[float], None] = lambda _share: None) -> None:
    """Divide the village of a draft and keep the result; `say` is told how far it is, 0 to 1."""
    ground = survey(find_village(draft.village_code))
    guides = list(shape(draft.lines).geoms) if draft.lines else []
    say(0.1)
    division = divide(
        ground.area, ground.points, ground.groups,
        smallest=draft.smallest, largest=draft.largest,
        households=len(ground.points) + ground.unplaced, guides=guides,
        say=lambda share: say(0.1 + 0.8 * share),
    )  # fmt: skip
    if len(division.cells) > LAST_SERIAL:
        raise TooManyCells
    locked = db.session.get(Draft, draft.id, with_for_update=True, populate_existing=True)
    if locked is not None and locked.status == DraftStatus.COMPUTING:  # nobody dropped it
        operations.keep(locked, ground, division.cells)


class TooManyCells(Problem):
    """A village's serials end at 999."""

    status, code = 422, TOO_MANY


def _claim(id_: uuid.UUID) -> bool:
    taken = db.session.execute(
        update(Draft)
        .where(
            Draft.id == id_,
            Draft.status == DraftStatus.COMPUTING,
            Draft.attempts < ATTEMPTS,
            or_(Draft.claimed_at.is_(None), Draft.claimed_at < now() - LEASE),
        )
        .values(claimed_at=now(), attempts=Draft.attempts + 1, progress=0)
    )
    db.session.commit()
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def _fail(id_: uuid.UUID, code: str) -> None:
    db.session.execute(
        update(Draft)
        .where(Draft.id == id_, Draft.status == DraftStatus.COMPUTING)
        .values(status=DraftStatus.FAILED, failure=code, version=Draft.version + 1)
    )


def _say(id_: uuid.UUID, share: float) -> None:
    """Show how far it is."""
    db.session.execute(
        update(Draft)
        .where(Draft.id == id_, Draft.status == DraftStatus.COMPUTING)
        .values(progress=round(100 * share), claimed_at=now())
    )
    db.session.commit()
