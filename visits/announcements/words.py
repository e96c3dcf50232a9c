"""What pages say of announcements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from gridserve import workdays
from visits.announcements.models import Announcement, Asks, Kind

PLACES_NAMED = 4
KINDS: dict[Kind, Any] = {Kind.NOTICE: _l("Notices"), Kind.QUESTIONNAIRE: _l("Questionnaires")}
ASKS: dict[Asks, Any] = {
    Asks.YES_NO: _l("Yes or no"),
    Asks.CHOICE: _l("One of several"),
    Asks.NUMBER: _l("A number"),
    Asks.TEXT: _l("Words"),
}


def state(announcement: Announcement) -> str:
    """Where an announcement stands today; "" where it is being told."""
    today = workdays.today()
    if announcement.withdrawn_at is not None:
        return _("withdrawn")
    if announcement.until_date < today:
        return _("over")
    return _("begins later") if announcement.from_date > today else ""


def answer(value: str) -> str:
    """What people read for an answer to a question of yes or no."""
    return {"yes": _("yes"), "no": _("no")}.get(value, value)


def share(part: int, whole: int) -> str:
    """A share in per cent; a dash where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def places(announcement: Announcement, names: Mapping[str, str]) -> str:
    """The places that it is for, the first few by name."""
    codes = announcement.codes
    named = _(", ").join(names.get(code, code) for code in codes[:PLACES_NAMED])
    more = len(codes) - PLACES_NAMED
    return named if more <= 0 else named + " " + _("and %(n)s more", n=more)
