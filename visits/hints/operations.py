"""Asking the cadre, answering, settling. Nothing here commits."""

from __future__ import annotations

import uuid

from flask_babel import gettext as _
from sqlalchemy import Select
from sqlalchemy.orm import joinedload

from gridserve import events
from gridserve.db import db, now
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from visits.callbacks import operations as callbacks
from visits.hints.models import Hint, State
from visits.hints.permissions import own_hints, reviewed_hints
from visits.telling import operations as telling
from visits.telling.causes import Kind, Part
from visits.telling.recipients import Told


class HintUnknown(NotFound):
    code = "hint.not_found"


class HintSettled(Conflict):
    """Somebody settled it meanwhile, or answered it with other words."""

    code = "hint.settled"


class OwnVisit(Forbidden):
    """Nobody judges an own visit."""

    code = "hint.own_visit"


def ask(hint_id: uuid.UUID, words: str, *, by: User) -> Hint:
    """Ask the visitor about it: it appears on the phone and in the inbox. Once."""
    hint = _to_judge(hint_id, by)
    if hint.state is State.OPEN:
        hint.state, hint.asked_at, hint.asked_by_id = State.ASKED, now(), by.id
        hint.question = words
        people = {Told(hint.visit.visitor_id, Part.VISITOR, hint.village_code)}
        telling.write_about(
            Kind.HINT, f"hint:{hint.id}", hint.id, people,
            values={"words": words},
        )  # fmt: skip
        _record("hint.asked", hint, by)
    return hint


def answer(hint_id: uuid.UUID, words: str, *, by: User) -> Hint:
    """What the visitor says to it. The same words again change nothing."""
    hint = _locked(own_hints(by), hint_id)
    if hint.answered_at is not None:
        if hint.answer != words:
            raise HintSettled(_("You answered: %(words)s", words=hint.answer))
        return hint
    if hint.is_settled:
        raise HintSettled(_("The desk has settled it meanwhile; nothing is left to answer."))
    hint.answer, hint.answered_at, hint.state = words, now(), State.ANSWERED
    _record("hint.answered", hint, by)
    return hint


def settle(hint_id: uuid.UUID, state: State, words: str, *, by: User) -> Hint:
    """Settle it as in order, or to be confirmed with the household, which is then to be called.

    Words are needed where it is to be confirmed. Settling it alike again changes nothing.
    """
    hint = _to_judge(hint_id, by)
    if hint.is_settled:
        if hint.state is not state:
            raise HintSettled(_("Somebody settled it meanwhile: look at it again."))
        return hint
    if state is State.TO_CONFIRM and not words:
        raise Invalid(errors={"/words": [_("Say what is to be confirmed.")]})
    hint.state, hint.settled_at, hint.settled_by_id = state, now(), by.id
    hint.settled_words = words
    if state is State.TO_CONFIRM:
        callbacks.add(hint.visit)
    _record(f"hint.{state.value}", hint, by)
    return hint


def _to_judge(hint_id: uuid.UUID, by: User) -> Hint:
    hint = _locked(reviewed_hints(by), hint_id)
    if hint.visit.visitor_id == by.id:
        raise OwnVisit(_("It is about a visit of your own: somebody else looks at it."))
    return hint


def _locked(query: Select[Hint], hint_id: uuid.UUID) -> Hint:
    hint = db.session.scalar(
        query.where(Hint.id == hint_id).options(joinedload(Hint.visit)).with_for_update(of=Hint)
    )
    if hint is None:
        raise HintUnknown(_("No such hint within what you may see."))
    return hint


def _record(action: str, hint: Hint, by: User) -> None:
    db.session.flush()
    events.record(action, hint.id, by=by.id, jurisdiction=hint.village_code)
