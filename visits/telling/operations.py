"""Telling people of a step, in its own transaction, and marking as read. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from functools import cached_property
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


def tell(taken: Sequence[tuple[Issue, Step]]) -> None:
    """Write the notices that follow from steps that were just appended, each with its issue.

    Who took a step is not told of it; somebody who is in it twice is told once.
    """
    for issue, step in taken:
        if step.status_before in CLOSED and step.status_after not in CLOSED:
            _begin_again(issue.id)
    told = [(issue, step) for issue, step in taken if _is_told(step)]
    people, rows = _People([step for _issue, step in told]), []
    for issue, step in told:
        kind, parts = TOLD[step.action]
        values = {"until": step.data["until"]} if kind is Kind.URGED else {}
        if step.action is Action.MERGE:
            into = db.session.get_one(Issue, uuid.UUID(step.data["into"]))
            values = {"number": issue.number, "into": into.number}
            about = {each: {_reporter(each)} for each in (issue, into)}
        else:
            about = {issue: people.told_of(issue, step, parts)}
        for each, who in about.items():
            rows += _rows(kind, f"step:{step.id}", each, who, step=step, values=values)
    _store(rows)


def _is_told(step: Step) -> bool:
    if step.action is Action.EVALUATE:
        return bool(step.data.get("rating") == Rating.NOT)
    return step.action in TOLD


def _reporter(issue: Issue) -> Told:
    return Told(issue.reported_by_id, Part.REPORTER, issue.desk_code)


class _People:
    """Who is told of some steps: looked up for all of them together, and only what is needed."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    @cached_property
    def _crews(self) -> Crews:
        helpers = {uuid.UUID(step.data["team"]) for step in self._steps if step.data.get("team")}
        return Crews({step.team_after_id for step in self._steps if step.team_after_id} | helpers)

    @cached_property
    def _offices(self) -> Offices:
        return Offices({step.desk_code for step in self._steps})

    def told_of(self, issue: Issue, step: Step, parts: tuple[Part, ...]) -> set[Told]:
        """Who is told of a step, by the state of the issue after it."""
        code, found = step.desk_code, set()
        team_id, helper = step.team_after_id, step.data.get("team")
        if Part.HELPER in parts and helper:
            return self._crews.helpers(uuid.UUID(helper), code)
        if team_id is not None and Part.HOLDER in parts:
            found |= self._crews.holders((team_id, step.handler_id), code)
        if team_id is not None and Part.LEAD in parts:
            found |= self._crews.leads(team_id, code)
        # Where nobody of a team can act, the desk sees to it.
        if Part.DESK in parts or (Part.HOLDER in parts and not found):
            found |= self._offices.desk(code, complaint=issue.about_staff)
        return found


def write(
    kind: Kind, cause: str, issue: Issue, people: Iterable[Told], *,
    step: Step | None = None, values: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write a notice to each of `people` but the step's own actor, once for each cause."""
    _store(_rows(kind, cause, issue, people, step=step, values=values))


def _rows(
    kind: Kind, cause: str, issue: Issue, people: Iterable[Told], *,
    step: Step | None, values: dict[str, Any] | None,
) -> list[dict[str, Any]]:  # fmt: skip
    if issue.about_staff:
        people = who_may_see(issue.id, people)
    if step is not None and kind is not Kind.ANSWER_DUE and step.actor_id is not None:
        people = [each for each in people if each.user_id != step.actor_id]
    about = {"issue_id": issue.id, "step_id": step.id if step else None, "said": values or {}}
    return _once_each(kind, cause, people, about)


def write_about(
    kind: Kind, cause: str, subject_id: uuid.UUID, people: Iterable[Told], *,
    values: dict[str, Any],
) -> None:  # fmt: skip
    """Write a notice on something else than an issue to each of `people`, once for each cause."""
    _store(_once_each(kind, cause, people, {"subject_id": subject_id, "said": values}))


def _once_each(
    kind: Kind, cause: str, people: Iterable[Told], about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Somebody who is in it as several is told as the first of them."""
    first: dict[uuid.UUID, Told] = {}
    for each in sorted(people, key=lambda e: list(Part).index(e.part)):
        first.setdefault(each.user_id, each)
    return [
        {
            "id": uuid.uuid4(), "user_id": each.user_id, "cause": cause, "kind": kind,
            "part": each.part, "at_code": each.at_code, "created_at": now(), "routed": False,
            **about,
        }
        for each in first.values()
    ]  # fmt: skip


def _store(rows: list[dict[str, Any]]) -> None:
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
