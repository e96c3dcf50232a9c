"""What a coverage map can show: a share of households, with its parts, its words and its cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from maps.coverage import ANY, Figures
from visits.counting import DUE_FORMULA, FORMULA


@dataclass(frozen=True)
class Measure:
    """`part` ÷ `whole` of the figures of an area; `rest` are the filters of the list of the
    households that are in the whole and not in the part."""

    key: str
    name: Any
    value: Any  # what the map and the table call the share
    counted: Any  # what they call the two numbers
    share: Any  # the same as the legend says it
    missing: Any  # how many are in the whole and not in the part: %(n)s
    part: str  # which of the figures
    whole: str
    formula: str
    rest: dict[str, Any]
    due: bool = False  # whether the figures of what was due are needed

    def pair(self, figures: Figures) -> tuple[int, int]:
        """Numerator and denominator of the share."""
        return getattr(figures, self.part) or 0, getattr(figures, self.whole) or 0

    def filters(self, tag: str | None) -> dict[str, Any]:
        """Which households the list behind a figure holds, of all or of those with a tag."""
        tagged = {"tagged": 1} if tag == ANY else {"tag": tag} if tag else {}
        return {**self.rest, **tagged}


MET = Measure(
    "met", _l("Coverage"), _l("Share met"), _l("Met / households"),
    _l("Households met ÷ active households"), _l("%(n)s not met"),
    "met", "households", FORMULA, {"status": "active", "met": 0},
)  # fmt: skip
DUE = Measure(
    "due", _l("Due coverage"), _l("Met in time"), _l("In time / due"),
    _l("Due households met in time ÷ due households"), _l("%(n)s not in time"),
    "in_time", "due", DUE_FORMULA, {"missed": 1}, due=True,
)  # fmt: skip
REGISTER = Measure(
    "register", _l("Of the register"), _l("Share met"), _l("Met / on the register"),
    _l("Households met ÷ all households of the register"), _l("%(n)s not met"),
    "met", "registered", FORMULA, {"register": 1, "met": 0},
)  # fmt: skip
MEASURES = {measure.key: measure for measure in (MET, DUE, REGISTER)}
