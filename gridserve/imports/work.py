"""The job on an import: it checks, or it stores. It may die at any moment and is found again."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import selectinload, undefer

from gridserve import claims, events
from gridserve.db import db, now
from gridserve.errors import Forbidden, Problem
from gridserve.imports.kinds import Upload, all_kinds, kinds_of
from gridserve.imports.models import AT_WORK, STILL_OPEN, Import, ImportState
from gridserve.jobs import Scheduled, enqueue
from gridserve.people import User
from gridserve.tables.raw import BadTable, Unsaid

KEPT = timedelta(days=7)  # the file, where its rows may still be wanted
MOST_FAULTS = 2_000  # kept in a report; all are counted
WAITING = Import.state.in_(AT_WORK)

SCHEDULE = (
    Scheduled("gridserve.imports.work.sweep", every=60),
    Scheduled("gridserve.imports.work.forget_files", cron="45 3 * * *"),
)
log = logging.getLogger(__name__)


def start(row: Import) -> None:
    """Have the job done after the commit."""
    enqueue(work, str(row.id), long=True)


def work(import_id: str) -> None:
    """Check or store one import, unless another job is at it.

    The row is locked while it runs, and what it stores is committed with the new state at once: a
    job that dies half-way leaves nothing, and the row as it was.
    """
    claimed = claims.claim(Import, uuid.UUID(import_id), WAITING, undefer(Import.content))
    if claimed is None:
        return
    row, once_more = claimed
    with force_locale(row.language):
        if once_more:
            _try(row)
        else:
            _fail(row, _("It stopped in the middle several times. Try a smaller file."))
    db.session.commit()


def _try(row: Import) -> None:
    """Run it in a savepoint, so that a refusal takes back what was written and keeps the lock."""
    try:
        with db.session.begin_nested() as savepoint:
            report = _run(row)
            if row.state == ImportState.CHECKING or not report["stored"]:
                savepoint.rollback()
    except Unsaid as unsaid:
        choices = [unsaid.likely] if unsaid.likely else []
        _finish(row, {"question": {"option": unsaid.option, "words": str(unsaid),
                                   "choices": choices}})  # fmt: skip
    except BadTable as bad:
        _fail(row, str(bad))
    except Problem as problem:
        _fail(row, str(problem.detail or problem.title))
    except OperationalError:
        raise  # a deadlock or a lost connection: the sweep tries again
    except Exception:
        log.exception("import %s failed", row.id)
        _fail(row, _("Something went wrong here and was written down. Tell your administrator."))
    else:
        _finish(row, report)


def _run(row: Import) -> dict[str, Any]:
    user = db.session.scalars(
        select(User).where(User.id == row.by_id).options(selectinload(User.posts))
    ).one()
    if not user.active or row.kind not in {kind.key for kind in kinds_of(user)}:
        raise Forbidden(_("None of your posts may import this."))
    upload = Upload(
        id=row.id, name=row.file_name, data=row.content or b"", options=dict(row.options), by=user,
        dry_run=row.state == ImportState.CHECKING, say=lambda words: claims.say(row, words),
    )  # fmt: skip
    return all_kinds()[row.kind].run(upload)


def _finish(row: Import, report: dict[str, Any]) -> None:
    faults = report.get("faults", [])
    row.report = report | {"faults": faults[:MOST_FAULTS], "faults_found": len(faults)}
    if row.state == ImportState.CHECKING or not report.get("stored"):
        row.state = ImportState.CHECKED  # also where something changed since it was checked
        return
    row.state, row.finished_at = ImportState.DONE, now()
    if not faults:
        row.content = None
    counts = {name: report[name] for name in ("new", "changed", "same", "left_out")}
    events.record("import.done", row.id, by=row.by_id, jurisdiction=row.scope or None,
                  data={"kind": row.kind, "digest": row.digest} | counts)  # fmt: skip


def _fail(row: Import, words: str) -> None:
    row.state, row.failure = ImportState.FAILED, words[:2000]


def sweep() -> int:
    """Ask for the jobs that were lost; gives how many."""
    lost = claims.lost(Import, WAITING)
    for row in lost:
        start(row)
    return len(lost)


def forget_files() -> int:
    """Forget files, and the faults of their rows, after a week; gives how many."""
    old = db.session.scalars(
        select(Import)
        .where(Import.created_at < now() - KEPT, Import.content.is_not(None))
        .where(Import.state.not_in(AT_WORK))
        .with_for_update(skip_locked=True)
        .limit(1000)
    ).all()
    for row in old:
        row.content, row.report = None, without_rows(row.report)
        if row.state in STILL_OPEN:
            row.state, row.failure, row.finished_at = ImportState.DROPPED, None, now()
    return len(old)


def without_rows(report: dict[str, Any] | None) -> dict[str, Any] | None:
    """A report that quotes no row any more: its counts."""
    if report is None:
        return None
    return {k: v for k, v in report.items() if isinstance(v, int)} | {"faults": [], "notes": []}
