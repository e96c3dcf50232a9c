"""Purposes and what is unusual, in words."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from visits.reveals.models import Purpose

PURPOSES: dict[Purpose, Any] = {
    Purpose.HANDLING: _l("Handling an issue"),
    Purpose.VISIT: _l("Arranging a visit"),
    Purpose.CHECKING: _l("Checking what is stored"),
    Purpose.RESIDENT: _l("The resident asked for it"),
    Purpose.EMERGENCY: _l("An emergency"),
    Purpose.OTHER: _l("Something else"),
}
