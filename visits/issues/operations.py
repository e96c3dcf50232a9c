"""Reporting an issue and taking a step in its chain. Nothing here commits."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from grids.models import Team
from grids.permissions import answered, reach
from gridserve import events, workdays
from gridserve.db import UNIQUE_VIOLATION, db, now, sqlstate
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, covers
from gridserve.sealing import keyed
from visits.issues import charge, codes, complaints, projection, reckoning
from visits.issues.chain import (
    BEGINNINGS,
    HELD,
    TRANSITIONS,
    Action,
    Rating,
    Rule,
    Status,
    Way,
    Who,
    rules_from,
)
from visits.issues.demands import Asked, Effect, effect_of, is_under
from visits.issues.facts import Facts, lock
from visits.issues.models import Assistance, Category, Issue, Step
from visits.issues.permissions import may_take
from visits.issues.place import place_of
from visits.labels import label
from visits.operations import CLOCK_TOLERANCE, IdTaken, InFuture, digest
from visits.photos.operations import attach_to_step
from visits.telling.operations import tell

# Letters and digits that are not mistaken for one another when read aloud.
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class IssueUnknown(NotFound):
    code = "issue.not_found"


class IssueInFuture(InFuture):
    code = "issue.in_future"


class StaleStep(Conflict):
    """Somebody took a step that the caller had not seen."""

    code = "issue.stale_step"


class NotPossible(Conflict):
    """The chain knows no such action from the present status."""

    code = "issue.not_possible"


class NotYours(Forbidden):
    """The action is possible, but not for the caller."""

    code = "issue.not_yours"


def number_of(issue_id: uuid.UUID, reported_at: datetime, letters: int = 5) -> str:
    """The number that people use, as 261123-7KQ4M.

    It follows from the id and the day, so that a phone without signal can tell it to the resident
    at once.
    """
    value, word = issue_id.int, ""
    for _place in range(letters):
        value, digit = divmod(value, len(ALPHABET))
        word += ALPHABET[digit]
    return f"{workdays.day_of(reported_at):%y%m%d}-{word}"


def report(said: dict[str, Any], *, by: User) -> Issue:
    """Store an issue once, however often it is sent, as the first step of its chain.

    `said` is IssueIn: id, category, words, and where: visit_id, household_id, cell or point.
    Raises IdTaken, Invalid (unknown category, no place, future time), Forbidden outside `by`'s
    jurisdiction.
    """
    fingerprints = keyed(digest(said))  # the phone is in it
    known = _same(db.session.get(Step, said["id"]), fingerprints, by)
    if known is not None:
        return db.session.get_one(Issue, known.issue_id)
    category = db.session.get(Category, said["category"])
    if category is None or not category.active:
        raise Invalid(errors={"/category": [_("No such category.")]})
    place = place_of(said, by)
    moment = _moment(said.get("reported_at"), "/reported_at")
    prefixes = reach(by, Permission.ISSUE_REPORT, workdays.day_of(moment))
    if not covers(prefixes, place["village_code"]):
        raise Forbidden(_("This place lies outside your jurisdiction."))
    desk = complaints.desk_of(place["village_code"], said.get("about"))
    apart = complaints.checked(said, category)
    issue = Issue(
        id=said["id"],
        number=number_of(said["id"], moment),
        category_code=category.code,
        category_version=category.version,
        channel=said["channel"],
        words=said["words"],
        resident_name=said.get("resident_name"),
        resident_phone=said.get("resident_phone"),
        reported_by_id=by.id,
        address=said.get("address", ""),
        limit=category.limit,
        reported_at=moment,
        anonymous=said.get("anonymous", False),
        code_hash=codes.digest_of(said["id"], said["query_code"])
        if said.get("query_code")
        else None,
        **apart,
        **place,
    )
    action = Action.SETTLE if said.get("settled") else Action.REPORT
    served = _answered(place, moment, by)
    if action is Action.SETTLE and served is None:
        words = _("Only a cadre of the cell's team settles something on the spot.")
        raise NotYours(words)
    step = Step(
        id=said["id"],
        issue_id=issue.id,
        seq=1,
        action=action,
        actor_id=by.id,
        status_before=None,
        status_after=BEGINNINGS[action].to,
        desk_code=desk,
        happened_at=moment,
        received_at=now(),
        words=said["words"],
        said=fingerprints[0],
        data=said.get("settled") or {},
        for_id=served and served[1],
    )
    reckoning.write(issue, [step], category)
    projection.apply(issue, step)
    if not _stored(issue, step):
        # The same request came twice at once; or, very rarely, the number is taken.
        known = _same(db.session.get(Step, said["id"]), fingerprints, by)
        if known is not None:
            return db.session.get_one(Issue, known.issue_id)
        issue.number = number_of(said["id"], moment, letters=8)
        if not _stored(issue, step):
            raise IdTaken(_("This id is already used for something else; make a new one."))
    attach_to_step(step.id, said, by)
    events.record(f"issue.{action}", issue.id, by=by.id, jurisdiction=issue.village_code)
    return issue


def _stored(issue: Issue, step: Step) -> bool:
    """Store a new issue with its first step; False where its id or number is taken."""
    try:
        with db.session.begin_nested():
            db.session.add(issue)
            db.session.flush()
            db.session.add(step)
            db.session.flush()
    except IntegrityError as error:
        if sqlstate(error) != UNIQUE_VIOLATION:
            raise
        return False
    return True


def take_step(issue_id: uuid.UUID, said: dict[str, Any], *, by: User) -> Step:
    """Advance an issue by one step, once, however often it is sent.

    `said` is StepIn: id, action, seen (the number of the last step that the caller saw), and what
    the action needs: words, team_id, rating. Raises IssueUnknown, StaleStep, NotPossible, NotYours,
    Invalid, IdTaken.
    """
    if said.get("into"):  # both are locked, in one order, so that two merges never wait in a ring
        both = select(Issue.id).where(Issue.id.in_([issue_id, said["into"]])).order_by(Issue.id)
        db.session.execute(both.with_for_update())
    teams = [said["team_id"]] if said.get("team_id") else []
    facts = Facts(lock([issue_id], by), step_ids=[said["id"]], team_ids=teams)
    with once():
        step = advance(facts, issue_id, said, by=by)
    follow(facts, by=by)
    return step


@contextmanager
def once() -> Iterator[None]:
    """Take steps in a savepoint of their own; raises IdTaken where the id of one is taken."""
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        if sqlstate(error) != UNIQUE_VIOLATION:
            raise
        raise IdTaken(_("This id is already used for another step; make a new one.")) from error


def advance(facts: Facts, issue_id: uuid.UUID, said: dict[str, Any], *, by: User) -> Step:
    """`take_step` on one of the issues of which `facts` are known.

    The caller does it `once` and lets `follow` do what comes of it.
    """
    fingerprint = digest({**said, "issue_id": issue_id})
    known = _same(facts.known.get(said["id"]), [fingerprint], by)
    if known is not None:
        return known
    issue = facts.issues.get(issue_id)
    if issue is None:
        raise IssueUnknown(_("No such issue in your scope."))
    if said["seen"] != issue.step_no:
        raise StaleStep(
            _("Somebody was faster. Look at the issue again, then decide."),
            current={"step_no": issue.step_no, "status": issue.status},
        )
    action = Action(said["action"])
    rule = rules_from(issue.status, held=issue.team_id is not None).get(action)
    if rule is None:
        raise NotPossible(
            _(
                "“%(action)s” is not possible while the issue is “%(status)s”.",
                action=label(action),
                status=label(issue.status),
            )
        )
    if not may_take(by, issue, action, rule):
        raise NotYours(_("“%(action)s” is not for you to take here.", action=label(action)))
    step = _append(facts, issue, action, rule, said, fingerprint, by)
    if action is Action.EVALUATE and said["rating"] is Rating.NOT:
        _review_again(facts, issue, step, by)
    return step


def follow(facts: Facts, *, by: User | None) -> None:
    """Do what follows from the steps that were taken: the trail, and people are told."""
    db.session.flush()
    who = by.id if by else None
    for action in dict.fromkeys(step.action for _issue, step in facts.taken):
        taken = [issue for issue, step in facts.taken if step.action is action]
        subjects = [(issue.id, issue.village_code) for issue in taken]
        events.record_all(f"issue.{action}", subjects, by=who)
    tell(facts.taken)


def evaluate(issue: Issue, said: dict[str, Any]) -> Step:
    """Take down what the resident says of a locked, closed issue, having shown the query code.

    `said` is id, rating and words. Sending it again changes nothing. Raises NotPossible where it is
    not closed, AlreadyEvaluated.
    """
    fingerprint = digest({**said, "issue_id": issue.id})
    facts = Facts([issue], step_ids=[said["id"]])
    known = _same(facts.known.get(said["id"]), [fingerprint], None)
    if known is not None:
        return known
    rule = rules_from(issue.status).get(Action.EVALUATE)
    if rule is None:
        raise NotPossible(_("It is not closed yet: you are asked once it is."))
    with once():
        said = {**said, "way": Way.CODE}
        step = _append(facts, issue, Action.EVALUATE, rule, said, fingerprint, None)
        if said["rating"] is Rating.NOT:
            _review_again(facts, issue, step, None)
    follow(facts, by=None)
    return step


def _review_again(facts: Facts, issue: Issue, evaluation: Step, by: User | None) -> None:
    """A resident who is not satisfied is heard once more, without anybody's decision."""
    chain = facts.chains[issue.id]
    if any(each.action is Action.REOPEN and "because" in each.data for each in chain):
        return
    said = {"id": uuid.uuid5(evaluation.id, "reopen"), "words": evaluation.words}
    data = {"because": str(Action.EVALUATE)}
    rule = TRANSITIONS[(issue.status, Action.REOPEN)]
    _append(facts, issue, Action.REOPEN, rule, said, digest(said), by, data=data)


def reassign(issue: Issue, said: dict[str, Any], *, team: Team | None = None, by: User) -> Step:
    """Say in the chain of a locked, open issue that its cell was changed.

    `said` is id and data (what of the cell changed). `team`, which answers for the new cell, takes
    an issue over that a team holds, unless the desk may not dispatch to it.
    """
    rule = TRANSITIONS[(issue.status, Action.REASSIGN)]
    data, step = said["data"], {"id": said["id"]}
    fits = team is not None and is_under(team, issue)
    # A complaint about staff never goes to the team of the place by itself.
    if team is not None and issue.status in HELD and fits and not issue.about_staff:
        data = data | {"from_team": str(issue.team_id), "to_team": str(team.id)}
        step["team_id"] = team.id
    facts = Facts([issue], team_ids=[team.id] if team else [])
    return _by_itself(facts, issue, Action.REASSIGN, rule, step, by, data)


def hand_over(issue: Issue, to: uuid.UUID | None, said: dict[str, Any], *, by: User | None) -> Step:
    """Put a locked issue that a team holds into another person's charge, by a step that says so.

    `said` is id and data (from_person, why). `by` is the administrator, and None where nobody did
    it (an account or a post ended): then the step is written in the name of who takes over, or was
    in charge, and `data` says so.
    """
    rule = TRANSITIONS[(issue.status, Action.HAND_OVER)]
    step = {"id": said["id"], "handler_id": to}
    data = said["data"] | ({"to_person": str(to)} if to else {})
    if by is None:
        by = db.session.get_one(User, to or said["data"]["from_person"])
        data["by"] = "system"
    return _by_itself(Facts([issue]), issue, Action.HAND_OVER, rule, step, by, data)


def _by_itself(
    facts: Facts, issue: Issue, action: Action, rule: Rule, said: dict[str, Any], by: User,
    data: dict[str, Any],
) -> Step:  # fmt: skip
    """Take a step that follows from something else and that nobody sends."""
    with once():
        step = _append(facts, issue, action, rule, said, digest(said), by, data=data)
    follow(facts, by=by)
    return step


def _append(
    facts: Facts, issue: Issue, action: Action, rule: Rule, said: dict[str, Any], fingerprint: str,
    by: User | None, *, data: dict[str, Any] | None = None,
) -> Step:  # fmt: skip
    steps = facts.chains[issue.id]
    # A chain does not run backwards, whatever a phone's clock says.
    moment = max(_moment(said.get("happened_at"), "/happened_at"), steps[-1].happened_at)
    if data is None:
        effect = effect_of(Asked(issue, action, rule, said, facts, by))
    else:  # it follows from something else: nothing is demanded
        kept = issue.team_id if rule.to in HELD or rule.to is Status.SUSPENDED else None
        effect = Effect(said.get("team_id") or kept, issue.desk_code, data)
    who, for_id = by.id if by else None, None
    if rule.who is Who.HOLDER and by is not None:
        for_id = charge.for_whom(by, issue, workdays.today())
    step = Step(
        id=said["id"],
        issue_id=issue.id,
        seq=issue.step_no + 1,
        action=action,
        actor_id=who,
        for_id=for_id,
        handler_id=_handler(facts, issue, action, effect.team_id, said, for_id or who),
        status_before=issue.status,
        status_after=rule.to,
        desk_code=effect.desk_code,
        team_before_id=issue.team_id,
        team_after_id=effect.team_id,
        happened_at=moment,
        received_at=now(),
        words=said.get("words", ""),
        data=effect.data,
        said=fingerprint,
    )
    reckoning.write(issue, [*steps, step], facts.terms(issue))
    db.session.add(step)
    projection.apply(issue, step)
    if effect.assisting is not None:
        db.session.merge(Assistance(issue_id=issue.id, team_id=effect.assisting))
    attach_to_step(step.id, said, by)
    facts.add(issue, step)
    return step


def _handler(
    facts: Facts, issue: Issue, action: Action, team_id: uuid.UUID | None, said: dict[str, Any],
    who: uuid.UUID | None,
) -> uuid.UUID | None:  # fmt: skip
    """Who is in charge after a step: the signer, or another team's person by the rule."""
    if team_id is None:
        return None
    if action is Action.SIGN:
        return who
    if action is Action.HAND_OVER:
        found: uuid.UUID | None = said["handler_id"]
        return found
    return issue.handler_id if team_id == issue.team_id else facts.choose(team_id)


def _answered(
    place: dict[str, Any], moment: datetime, by: User
) -> tuple[uuid.UUID, uuid.UUID | None] | None:
    """The team of the place's cell in which the reporter served on that day, and for whom."""
    if place["cell_id"] is None:
        return None
    return answered(by, [place["cell_id"]], workdays.day_of(moment)).get(place["cell_id"])


def _same(known: Step | None, fingerprints: Sequence[str], by: User | None) -> Step | None:
    """The step of an id, if it was sent before; raises IdTaken where it was something else."""
    who = by.id if by else None
    if known is not None and (known.said not in fingerprints or known.actor_id != who):
        raise IdTaken(_("This id is already used for something else; make a new one."))
    return known


def _moment(said: datetime | None, pointer: str) -> datetime:
    if said is None:
        return now()
    if said > now() + CLOCK_TOLERANCE:
        raise IssueInFuture(
            errors={pointer: [_("Lies in the future. Check the clock of the phone.")]}
        )
    return said
