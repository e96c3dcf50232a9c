"""What people read of hints: the reason with its numbers, never a judgement."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from visits.hints.models import Hint, HintKind, State

TITLES: dict[HintKind, Any] = {
    HintKind.SAME_TEXT: _l("The same words as at another visit"),
    HintKind.SAME_PHOTO: _l("The same photo as at another visit"),
    HintKind.SPEED: _l("Far apart in a short time"),
    HintKind.LATE_BATCH: _l("Many entered at once, long after"),
    HintKind.FAR: _l("Position far from the household"),
    HintKind.MOCKED: _l("A made-up position"),
}
STATES: dict[State, Any] = {
    State.OPEN: _l("To look at"),
    State.ASKED: _l("Asked, no answer yet"),
    State.ANSWERED: _l("Answered"),
    State.IN_ORDER: _l("In order"),
    State.TO_CONFIRM: _l("To be confirmed"),
}


def reason(hint: Hint) -> str:
    """Why there is a hint, in a sentence with the numbers."""
    facts = hint.facts
    if hint.kind is HintKind.SPEED:
        return _(
            "%(km)s km lie between the positions of two visits %(minutes)s min apart (accuracy "
            "taken off): %(kmh)s km/h.", **{name: facts[name] for name in ("km", "minutes", "kmh")}
        )  # fmt: skip
    if hint.kind is HintKind.LATE_BATCH:
        return _(
            "%(count)s visits were entered within ten minutes, %(hours)s hours or more after they "
            "took place.", count=facts["count"], hours=facts["hours"],
        )  # fmt: skip
    if hint.kind is HintKind.FAR:
        return _(
            "The position lies %(metres)s m from the household's point, the accuracy of both taken "
            "off. The household's point may be the wrong one.", metres=facts["metres"],
        )  # fmt: skip
    if hint.kind is HintKind.MOCKED:
        return _("The phone said that an app had made the position up.")
    if hint.kind is HintKind.SAME_PHOTO:
        return _("A photo is byte for byte the one of a visit to another household.")
    return _("The notes are word for word those of a visit to another household.")
