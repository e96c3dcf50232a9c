"""Kinds and states of requests, in words."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from visits.requests.models import Kind, State

KINDS: dict[Kind, Any] = {
    Kind.SEE: _l("See what is kept"),
    Kind.CORRECT: _l("Have it corrected"),
    Kind.DELETE: _l("Have it deleted"),
}
STATES: dict[State, Any] = {
    State.OPEN: _l("Open"),
    State.GRANTED: _l("Granted"),
    State.REFUSED: _l("Refused"),
}
