"""The job that makes a document. It may die at any moment and is found again."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from flask import current_app
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import exists, select, text
from sqlalchemy.exc import OperationalError

from gridserve import claims, events, people, storage
from gridserve.db import db, now
from gridserve.documents.kinds import Asked
from gridserve.documents.models import Document, DocumentState
from gridserve.documents.rules import kind_for, may_have, note
from gridserve.errors import Forbidden, Problem
from gridserve.http import loaded
from gridserve.jobs import Scheduled, enqueue

WAITING = Document.state == DocumentState.WAITING

SCHEDULE = (
    Scheduled("gridserve.documents.work.sweep", every=60),
    Scheduled("gridserve.documents.work.forget_old", cron="55 3 * * *"),
)
log = logging.getLogger(__name__)


def start(row: Document) -> None:
    """Have the job done after the commit."""
    enqueue(work, str(row.id), long=True)


def work(document_id: str) -> None:
    """Make one document, unless another job is at it or it is made.

    The row is locked while it runs. The file is stored before the row says so: a job that dies
    half-way leaves at most a blob, which the next one stores again under the same hash.
    """
    claimed = claims.claim(Document, uuid.UUID(document_id), WAITING)
    if claimed is None:
        return
    row, once_more = claimed
    with force_locale(row.language):
        if once_more:
            _try(row)
        else:
            _fail(row, _("It stopped in the middle several times. Ask for less at once."))
    db.session.commit()


def _try(row: Document) -> None:
    """Make it in a savepoint, so that a fault of the database keeps the lock on the row."""
    try:
        with db.session.begin_nested():
            data = _made(row)
        _alone_with(storage.digest(data))
        sha256 = storage.blobs().put(data)
    except (OperationalError, storage.StoreAway):
        raise  # the sweep tries again
    except Problem as problem:
        _fail(row, str(problem.detail or problem.title))
    except Exception:
        log.exception("document %s failed", row.id)
        _fail(row, _("Something went wrong here and was written down. Tell your administrator."))
    else:
        row.state, row.finished_at = DocumentState.DONE, now()
        row.sha256, row.size = sha256, len(data)
        note("document.made", row, None)


def _made(row: Document) -> bytes:
    user = people.with_posts(row.by_id)
    if not user.active:
        raise Forbidden(_("None of your posts may have this made."))
    kind = kind_for(user, row.kind)
    arguments = loaded(kind.arguments(), row.arguments)
    may_have(kind, arguments["jurisdiction"], user)
    row.formula = kind.formula
    return kind.make(
        Asked(user, arguments, row.as_of, row.format, lambda words: claims.say(row, words))
    )


def _fail(row: Document, words: str) -> None:
    row.state, row.failure, row.finished_at = DocumentState.FAILED, words[:2000], now()


def sweep() -> int:
    """Ask for the jobs that were lost; gives how many."""
    lost = claims.lost(Document, WAITING)
    for row in lost:
        start(row)
    return len(lost)


def forget_old() -> int:
    """Delete documents after the days that the installation keeps them; gives how many."""
    kept = timedelta(days=current_app.extensions["gridserve"].document_days)
    old = db.session.scalars(
        select(Document)
        .where(Document.created_at < now() - kept)
        .with_for_update(skip_locked=True)
        .limit(1000)
    ).all()
    hashes = {row.sha256 for row in old if row.sha256}
    for row in old:
        db.session.delete(row)
    if old:
        events.record("documents.forgotten", None, by=None, data={"count": len(old)})
    db.session.flush()
    for sha256 in sorted(hashes):
        _alone_with(sha256)
        if not db.session.scalar(select(exists().where(Document.sha256 == sha256))):
            storage.blobs().delete(sha256)
    return len(old)


def _alone_with(sha256: str) -> None:
    """Nobody else stores or removes this blob until the transaction is over: one that is just made
    anew is not removed with the last document that had it before."""
    key = int(sha256[:16], 16) - 2**63
    db.session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
