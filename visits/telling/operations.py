"""Telling people of a step, in its own transaction, and marking as read. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from gridserve.db import db, now
from gridserve.jobs import enqueue
from gridserve.people import User
from visits.issues.chain import CLOSED, Action, Rating
from visits.issues.models import Issue, Step
from visits.telling.causes import TOLD, Kind, Part
from visits.telling.models import Alarm, Notice
from visits.telling.posting import send
from visits.telling.recipients import Crews, Offices, Told, who_may_see

MOST_AT_ONCE = 200  # notices named in one request to mark them as read


def tell(issue: Issue, step: Step) -> None:
    """Write the notices that follow from a step that was just appended to `issue`'s chain.

    Who took the step is not told of it; somebody who is in it twice is told once.
    """
    if step.status_before in CLOSED and step.status_after not in CLOSED:
        _begin_again(issue.id)
    if step.action not in TOLD:
        return
    if step.action is Action.EVALUATE and step.data.get("rating") != Rating.NOT:
        return
    kind, parts = TOLD[step.action]
    values = {"until": step.data["until"]} if kind is Kind.URGED else {}
    about = {issue: _told_of(issue, step, parts)}
    if step.action is Action.MERGE:
        into = db.session.get_one(Issue, uuid.UUID(step.data["into"]))
        values = {"number": issue.number, "into": into.number}
        about[issue] = {Told(issue.reported_by_id, Part.REPORTER, issue.desk_code)}
        about[into] = {Told(into.reported_by_id, Part.REPORTER, into.desk_code)}
    for each, people in about.items():
        write(kind, f"step:{step.id}", each, people, step=step, values=values)


def _told_of(issue: Issue, step: Step, parts: tuple[Part, ...]) -> set[Told]:
    """Who is told of a step, by the state of the issue after it."""
    code, found = step.desk_code, set()
    team_id, helper = step.team_after_id, step.data.get("team")
    if Part.HELPER in parts and helper:
        return Crews([uuid.UUID(helper)]).helpers(uuid.UUID(helper), code)
    crews = Crews([team_id] if team_id else [])
    if team_id is not None and Part.HOLDER in parts:
        found |= crews.holders((team_id, step.handler_id), code)
    if team_id is not None and Part.LEAD in parts:
        found |= crews.leads(team_id, code)
    # Where nobody of a team can act, the desk sees to it.
    if Part.DESK in parts or (Part.HOLDER in parts and not found):
        found |= Offices([code]).desk(code, complaint=issue.about_staff)
    return found


def write(
    kind: Kind, cause: str, issue: Issue, people: Iterable[Told], *,
    step: Step | None = None, values: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write a notice to each of `people` but the step's own actor, once for each cause."""
    if issue.about_staff:
        people = who_may_see(issue.id, people)
    if step is not None and kind is not Kind.ANSWER_DUE and step.actor_id is not None:
        people = [each for each in people if each.user_id != step.actor_id]
    about = {"issue_id": issue.id, "step_id": step.id if step else None, "said": values or {}}
    _write(kind, cause, people, about)


def write_about(
    kind: Kind, cause: str, subject_id: uuid.UUID, people: Iterable[Told], *,
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Write a notice on something else than an issue to each of `people`, once for each cause."""
    _write(kind, cause, people, {"subject_id": subject_id, "said": values})


def _write(kind: Kind, cause: str, people: Iterable[Told], about: dict[str, Any]) -> None:
    """Somebody who is in it as several is told as the first of them."""
    first: dict[uuid.UUID, Told] = {}
    for each in sorted(people, key=lambda e: list(Part).index(e.part)):
        first.setdefault(each.user_id, each)
    rows = [
        {
            "id": uuid.uuid4(), "user_id": each.user_id, "cause": cause, "kind": kind,
            "part": each.part, "at_code": each.at_code, "created_at": now(), "routed": False,
            **about,
        }
        for each in first.values()
    ]  # fmt: skip
    if rows:
        db.session.execute(insert(Notice).on_conflict_do_nothing(), rows)
        nudge()


def nudge() -> None:
    """Have what was written sent outward soon; the sweep finds it in any case."""
    enqueue(send, once=True)


def _begin_again(issue_id: uuid.UUID) -> None:
    """A reopened issue is told of anew when it ages."""
    db.session.execute(
        update(Alarm).where(Alarm.issue_id == issue_id).values(cycle=Alarm.cycle + 1, stage=0)
    )


def mark_read(ids: list[uuid.UUID] | None, *, by: User) -> int:
    """Mark the person's own notices as read, these or all; gives how many were not yet."""
    query = update(Notice).where(Notice.user_id == by.id, Notice.read_at.is_(None))
    if ids is not None:
        query = query.where(Notice.id.in_(ids))
    done = db.session.execute(query.values(read_at=now()).returning(Notice.id))
    return len(done.all())
