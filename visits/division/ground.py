"""What is divided: a village's boundary and the households that live in it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select

from grids.clusters import clusters
from grids.geometry import Area, Floats
from grids.models import Jurisdiction, Level
from gridserve.db import db
from gridserve.errors import Invalid, NotFound
from visits.models import Household, HouseholdStatus


class NoBoundary(Invalid):
    """There is nothing to divide: neither the village nor its township has a boundary."""

    code = "division.no_boundary"


class NoSuchVillage(NotFound):
    code = "division.no_village"


@dataclass(frozen=True)
class Ground:
    """The area to divide and the active households on it.

    `points` (n, 2) in WGS 84 with the villagers' group of each; `unplaced` have no point.
    `derived` says that the area was worked out, for want of a boundary.
    """

    area: Area
    derived: bool
    points: Floats
    groups: list[str | None]
    unplaced: int

    def clusters(self) -> list[dict[str, Any]]:
        """Where the households live, as counts, for drawing."""
        return [asdict(cluster) for cluster in clusters(self.points, self.groups)]

    @property
    def digest(self) -> str:
        """Tells whether the area is still the same."""
        return hashlib.sha256(self.area.wkb).hexdigest()


def find_village(code: str) -> Jurisdiction:
    """The village of this code; raises `NoSuchVillage`."""
    village = db.session.get(Jurisdiction, code)
    if village is None or village.level != Level.VILLAGE:
        raise NoSuchVillage(
            _("No village has the code %(code)s: give the 12 digits of a stored one.", code=code)
        )
    return village


def survey(village: Jurisdiction) -> Ground:
    """The ground of a village; raises `NoBoundary`."""
    if village.boundary is None:
        raise NoBoundary(
            _(
                "Village %(name)s (%(code)s) has no boundary yet: import its boundary first.",
                name=village.name,
                code=village.code,
            )
        )
    boundary: Any = village.boundary
    return settled(village, to_shape(boundary), derived=False)


def settled(village: Jurisdiction, area: Area, *, derived: bool) -> Ground:
    """An area with the active households of the village as they are now."""
    rows = db.session.execute(
        select(func.ST_X(Household.point), func.ST_Y(Household.point), Household.group_name)
        .where(Household.village_code == village.code, Household.status == HouseholdStatus.ACTIVE)
        .order_by(Household.number)
    ).all()
    placed = [row for row in rows if row[0] is not None]
    points = np.array([row[:2] for row in placed], float).reshape(-1, 2)
    groups = [row[2] for row in placed]
    return Ground(area, derived, points, groups, len(rows) - len(placed))
