"""A phone's outbox, applied: visits, then issues, then steps, each with a result of its own.

Nothing here commits. Whatever order and company things arrive in, and however often, the same is
stored in the end: what refers to something that has not arrived yet is sent again later.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.exc import StatementError

from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Problem, Unavailable, of_database
from gridserve.people import User
from gridserve.permissions import WORDS, Permission, may
from gridserve.workdays import zone
from visits.issues import operations as issues
from visits.issues.models import Issue, Step
from visits.issues.permissions import visible_issues
from visits.models import Household, Visit
from visits.operations import InFuture
from visits.recording import Recorded, record_visits
from visits.submissions import words
from visits.submissions.keeping import answer_from_kept, keep, result_of
from visits.submissions.models import Kind, Resolution, Result, Submission
from visits.submissions.reading import Item

log = logging.getLogger(__name__)
Done = TypeVar("Done")

NEEDED = {
    Kind.VISIT: Permission.VISIT_RECORD,
    Kind.ISSUE: Permission.ISSUE_REPORT,
    Kind.STEP: Permission.ISSUE_READ,
}
TIMES = ("started_at", "ended_at", "typed_at", "reported_at", "happened_at")


class NotYet(Conflict):
    """What an item refers to has not arrived; nothing was stored or kept, it is sent again."""

    code = "submission.not_yet"


class NeedsRefused(Conflict):
    """What an item refers to was refused, so this one waits on the server too."""

    code = "submission.needs_refused"


def take(items: Sequence[Item], *, by: User, device: str, skew: float | None = None) -> None:
    """Apply a batch. Each item gets its result, and is kept where it is refused.

    `skew` is the phone's clock minus ours in seconds, where it said its time.
    """
    answer_from_kept(items, by)
    todo = [item for item in items if item.result is None]
    _permit(todo, by)
    _lock_homes([item for item in todo if item.problem is None])
    for kind, apply in APPLY:
        some = [item for item in todo if item.kind is kind]
        if good := [item for item in some if item.problem is None]:
            apply(good, by)
        _suggest(some, skew)
        keep(some, by=by, device=device, skew=skew)
    keep([item for item in todo if item.kind is None], by=by, device=device, skew=skew)
    for item in todo:
        if item.result is None and item.problem is not None:
            item.result = result_of(item.problem)  # to be sent again
    _close_replaced(todo, by)
    _show_issues(items, by)


def take_again(item: Item, *, by: User) -> None:
    """Apply one item that was refused before and has been corrected; it gets result or problem."""
    _permit([item], by)
    for kind, apply in APPLY:
        if item.kind is kind and item.problem is None:
            apply([item], by)
    _show_issues([item], by)


def _permit(items: Iterable[Item], by: User) -> None:
    for item in items:
        if item.problem is None and item.kind and not may(by, needed := NEEDED[item.kind]):
            what = WORDS[needed]
            item.problem = Forbidden(_("None of your posts includes: %(what)s.", what=what))


def _lock_homes(items: Sequence[Item]) -> None:
    """All households that a batch with issues touches, in the order of ids: visits and issues
    lock them one kind after the other, and two batches would wait in a ring."""
    if not any(item.kind is Kind.ISSUE for item in items):
        return  # visits alone are locked in order by themselves
    homes = [item.said["household_id"] for item in items if item.said.get("household_id")]
    visits = [item.said["visit_id"] for item in items if item.said.get("visit_id")]
    visited = select(Visit.household_id).where(Visit.id.in_(visits))
    rows = select(Household.id).where(or_(Household.id.in_(homes), Household.id.in_(visited)))
    db.session.execute(rows.order_by(Household.id).with_for_update(key_share=True))


def _visits(items: Sequence[Item], by: User) -> None:
    """All at once; where something that nobody foresaw stops them, one by one."""
    saids = [item.said for item in items]
    recorded = _alone(partial(record_visits, saids, by=by))
    if isinstance(recorded, Problem):
        recorded = [_recorded(said, by) for said in saids]
    for item, one in zip(items, recorded, strict=True):
        item.problem = one.problem
        if one.visit is not None:
            item.result = Result.APPLIED if one.new else Result.DUPLICATE
    stored = [pair for pair in zip(items, recorded, strict=True) if pair[1].visit is not None]
    if stored:
        words.tell(stored, by=by)


def _recorded(said: dict[str, Any], by: User) -> Recorded:
    done = _alone(partial(record_visits, [said], by=by))
    return Recorded(said, said["started_at"].date(), done) if isinstance(done, Problem) else done[0]


def _issues(items: Sequence[Item], by: User) -> None:
    known = _known(items)
    visits = {item.said["visit_id"] for item in items if item.said.get("visit_id")}
    stored = set(db.session.scalars(select(Visit.id).where(Visit.id.in_(visits))))
    for item in sorted(items, key=lambda each: each.said["id"]):
        visit_id = item.said.get("visit_id")
        if visit_id and visit_id not in stored and item.id not in known:
            _wait(item, visit_id, by)
        else:
            _applied(item, known, partial(issues.report, item.said, by=by))


def _steps(items: Sequence[Item], by: User) -> None:
    known = _known(items)
    touched = {item.issue_id for item in items} | {item.said.get("into") for item in items}
    rows = select(Issue.id).where(Issue.id.in_(touched - {None})).order_by(Issue.id)
    db.session.execute(rows.with_for_update())
    for item in sorted(items, key=lambda each: (str(each.issue_id), each.said["seen"])):
        issue_id = item.issue_id
        assert issue_id is not None
        taken = db.session.scalar(select(Issue.step_no).where(Issue.id == issue_id)) or 0
        if item.id not in known and taken < item.said["seen"]:
            _wait(item, issue_id, by)
        else:
            _applied(item, known, partial(issues.take_step, issue_id, item.said, by=by))


def _known(items: Sequence[Item]) -> set[uuid.UUID | None]:
    """Which of these issues and steps are stored already: an issue's first step has its id."""
    return set(db.session.scalars(select(Step.id).where(Step.id.in_([i.id for i in items]))))


def _applied(item: Item, known: set[uuid.UUID | None], work: Callable[[], Any]) -> None:
    done = _alone(work)
    if isinstance(done, Problem):
        item.problem = done
    else:
        item.result = Result.DUPLICATE if item.id in known else Result.APPLIED


def _wait(item: Item, needed: uuid.UUID, by: User) -> None:
    """What `item` needs is not there: it comes later, unless it was refused."""
    earlier = select(Submission.id).where(
        Submission.account_id == by.id,
        or_(Submission.item_id == needed, Submission.needs_id == needed),
        Submission.item_id.is_distinct_from(item.id),
        Submission.resolution.is_distinct_from(Resolution.APPLIED),
    )
    if db.session.scalar(earlier.limit(1)) is not None:
        item.problem = NeedsRefused(_("What it belongs to was refused. Have that mended first."))
    else:
        item.problem = NotYet(_("What it belongs to has not arrived yet. Send it again later."))
        item.retry = True


def _alone(work: Callable[[], Done]) -> Done | Problem:
    """Do `work` in a savepoint of its own; gives its problem where it fails.

    What the whole batch is begun anew for (deadlock, a database that is away) passes through.
    """
    try:
        with db.session.begin_nested():
            return work()
    except Problem as problem:
        return problem
    except StatementError as error:
        found = of_database(error)
        if isinstance(found, Unavailable):
            raise
        if found is None:
            log.exception("an item of a submission failed")
        return found or Problem(_("It was written down. Tell your administrator."))
    except Exception:
        log.exception("an item of a submission failed")
        return Problem(_("It was written down. Tell your administrator."))


def _suggest(items: Iterable[Item], skew: float | None) -> None:
    """Beside times in the future, what they are by our clock, so that the phone can ask."""
    for item in items:
        if skew is None or not isinstance(item.problem, InFuture):
            continue
        said = {name: item.said[name] for name in TIMES if item.said.get(name)}
        try:
            ours = {name: at - timedelta(seconds=skew) for name, at in said.items()}
        except OverflowError:
            continue  # the phone's clock stands in another age
        if all(at <= now() for at in ours.values()):
            item.problem.extra["suggested"] = {
                name: at.astimezone(zone()).isoformat() for name, at in ours.items()
            }


def _close_replaced(items: Sequence[Item], by: User) -> None:
    """What was refused and came again in other words is seen to."""
    for item in items:
        if item.result in (Result.APPLIED, Result.DUPLICATE):
            for row in item.replaces:
                if row.resolution is None:
                    row.resolution, row.resolved_by_id = Resolution.APPLIED, by.id
                    row.resolved_at, row.applied_id = now(), item.id


def _show_issues(items: Sequence[Item], by: User) -> None:
    """The present state of the issues: after a conflict too, where the sender may see them."""
    ids: dict[int, uuid.UUID] = {}
    for n, item in enumerate(items):
        issue_id = item.issue_id if item.kind is Kind.STEP else item.id
        if item.kind in (Kind.ISSUE, Kind.STEP) and issue_id is not None:
            ids[n] = issue_id
    if not ids:
        return
    db.session.flush()
    columns = (Issue.id, Issue.number, Issue.status, Issue.step_no)
    wanted = Issue.id.in_(set(ids.values()))
    seen = db.session.execute(visible_issues(by).with_only_columns(*columns).where(wanted)).all()
    own = {ids[n] for n in ids if items[n].result in (Result.APPLIED, Result.DUPLICATE)}
    own -= {row.id for row in seen}
    rest = db.session.execute(select(*columns).where(Issue.id.in_(own))).all() if own else []
    states = {row.id: row._asdict() for row in (*seen, *rest)}
    for n, issue_id in ids.items():
        if issue_id in states:
            items[n].shown = {"issue": states[issue_id]}


APPLY: tuple[tuple[Kind, Callable[[Sequence[Item], User], None]], ...] = (
    (Kind.VISIT, _visits),
    (Kind.ISSUE, _issues),
    (Kind.STEP, _steps),
)
