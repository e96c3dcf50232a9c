"""Purposes and what is unusual, in words."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from visits.reveals.models import Purpose

PURPOSES: dict[Purpose, Any] = {
    Purpose.HANDLING: _l("An issue is handled"),
    Purpose.VISIT: _l("A visit is arranged"),
    Purpose.CHECKING: _l("What is stored is checked"),
    Purpose.RESIDENT: _l("The resident asked for it"),
    Purpose.EMERGENCY: _l("An emergency"),
    Purpose.OTHER: _l("Something else"),
}
