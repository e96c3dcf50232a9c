"""What the database's guards of cells say, in the caller's terms.

Operations look before they write; these words are for what came in between, or another way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from flask_babel import gettext as _

from grids.life import LeavesGap
from gridserve.errors import Conflict, Problem

# As the triggers raise them (migrations 0003 and 0007).
OVERLAP = re.compile(r"cell (?P<one>\d+) overlaps cell (?P<other>\d+)")
OUTSIDE = re.compile(r"cell (?P<one>\d+) lies up to (?P<metres>[\d.]+) m outside")
GAP = re.compile(r"the cells of village (?P<village>\d+) leave a gap on (?P<day>[\d-]+)")


class Overlaps(Conflict):
    """Two basic cells would hold the same ground at the same time."""

    code = "cell.overlaps"


class Outside(Conflict):
    """The cell would not lie in its village."""

    code = "cell.outside"


def does_not_fit(message: str) -> Problem:
    """What `cell_fits` refused."""
    if found := OVERLAP.search(message):
        return Overlaps(
            _("Cell %(one)s would overlap cell %(other)s, which somebody else may just have made. "
              "Look at the map again and repeat the change.", **found.groupdict())
        )  # fmt: skip
    if found := OUTSIDE.search(message):
        return Outside(
            _("Cell %(one)s would lie up to %(metres)s m outside its village.", **found.groupdict())
        )
    return Overlaps(None)


def leaves_gap(message: str) -> Problem:
    """What `cell_covers` refused."""
    found = GAP.search(message)
    return LeavesGap(
        _("On %(day)s the cells of village %(village)s would not cover its ground. Look at the "
          "map again and repeat the change.", **found.groupdict()) if found else None
    )  # fmt: skip


# By the constraint's name; `gridserve.errors` asks here.
REFUSALS: Mapping[str, Callable[[str], Problem]] = {
    "cell_fits": does_not_fit,
    "cell_covers": leaves_gap,
}
