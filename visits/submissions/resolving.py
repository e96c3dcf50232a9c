"""Seeing to what was refused: corrected and applied, or dropped with a reason.

Nothing here commits.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from gridserve import events
from gridserve.db import db, now
from gridserve.errors import Conflict, Invalid, NotFound
from gridserve.people import User, with_posts
from visits.submissions import operations
from visits.submissions.models import Kind, Resolution, Submission
from visits.submissions.permissions import visible_submissions
from visits.submissions.reading import Item, read

# What of a step is the cadre's own word, and is not another's to correct.
NOT_CORRECTED = ("action", "rating", "into", "team_id", "to_desk")


class SubmissionUnknown(NotFound):
    code = "submission.not_found"


class Resolved(Conflict):
    """Somebody has seen to it already."""

    code = "submission.resolved"


def get(submission_id: uuid.UUID, user: User, *, lock: bool = False) -> Submission:
    """One kept submission that `user` may see, with who sent it; raises SubmissionUnknown."""
    query = visible_submissions(user).where(Submission.id == submission_id)
    if lock:
        query = query.with_for_update(of=Submission).execution_options(populate_existing=True)
    found = db.session.scalar(query.options(joinedload(Submission.account, innerjoin=True)))
    if found is None:
        raise SubmissionUnknown(_("Nothing refused is kept under this id in your scope."))
    return found


def sent(submission: Submission) -> dict[str, Any] | None:
    """The item as it was sent; None where it was cut or was no object."""
    try:
        found = json.loads(submission.payload)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def apply(submission: Submission, data: dict[str, Any], *, by: User) -> Item:
    """Apply a kept, locked submission with corrected `data`, in the name of who sent it.

    Raises Resolved, Invalid for what may not be corrected, and whatever refuses it now.
    """
    if submission.resolution is not None:
        raise Resolved(_("It has been seen to already."))
    before = sent(submission) or {}
    item = read({**before, "kind": submission.kind, "data": data})
    if item.problem is not None:
        raise item.problem
    said = Item(before).data
    changed = sorted(name for name in {*said, *data} if said.get(name) != data.get(name))
    if item.kind is Kind.STEP and by.id != submission.account_id:
        words = _("This is the cadre's own word: it is not corrected by somebody else.")
        if wrong := {f"/{name}": [words] for name in changed if name in NOT_CORRECTED}:
            raise Invalid(errors=wrong)
    cadre = by if by.id == submission.account_id else with_posts(submission.account_id)
    operations.take_again(item, by=cadre)
    if item.problem is not None:
        raise item.problem
    _resolve(submission, Resolution.APPLIED, by)
    submission.applied_id = item.id
    done = {"kind": str(item.kind), "id": str(item.id), "changed": changed}
    _record("submission.applied", submission, by, done)
    return item


def drop(submission: Submission, words: str, *, by: User) -> None:
    """Say that a kept, locked submission is not to be applied, and why. Raises Resolved."""
    if submission.resolution is Resolution.DROPPED and submission.resolved_by_id == by.id:
        return
    if submission.resolution is not None:
        raise Resolved(_("It has been seen to already."))
    _resolve(submission, Resolution.DROPPED, by)
    submission.words = words
    _record("submission.dropped", submission, by, {"words": words})


def _resolve(submission: Submission, how: Resolution, by: User) -> None:
    submission.resolution, submission.resolved_at, submission.resolved_by_id = how, now(), by.id


def _record(action: str, submission: Submission, by: User, data: dict[str, Any]) -> None:
    events.record(
        action,
        submission.id,
        by=by.id,
        jurisdiction=submission.jurisdiction_code,
        data=data | {"sent_by": str(submission.account_id)},
    )
