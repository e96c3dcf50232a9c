"""What is divided: a village's boundary and the households that live in it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select

from grids.clusters import clusters
from grids.cutting import is_sliver
from grids.geometry import Area, Floats
from grids.models import Jurisdiction, Level
from grids.territory import territories
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


class NoTerritory(Invalid):
    """Nothing tells where in its township the village lies."""

    code = "division.no_territory"


def check_ground(village: Jurisdiction) -> None:
    """Raise NoBoundary where neither the village nor its township has a boundary."""
    if village.boundary is None and _township(village).boundary is None:
        raise NoBoundary(
            _(
                "Village %(name)s (%(code)s) has no boundary yet, and its township has none from "
                "which it could be worked out: import one of them first.",
                name=village.name,
                code=village.code,
            )
        )


def survey(village: Jurisdiction) -> Ground:
    """The ground of a village within its boundary, or else what lies nearest to its households.

    That is of the township's boundary without the villages that have one, shared out among the
    others; raises NoBoundary, and NoTerritory where no household tells where the village is.
    """
    check_ground(village)
    if village.boundary is not None:
        boundary: Any = village.boundary
        return settled(village, to_shape(boundary), derived=False)
    rows = db.session.execute(
        select(Household.village_code, func.ST_X(Household.point), func.ST_Y(Household.point))
        .join(Jurisdiction, Jurisdiction.code == Household.village_code)
        .where(
            Jurisdiction.parent_code == village.parent_code,
            Jurisdiction.boundary.is_(None),
            Household.status == HouseholdStatus.ACTIVE,
            Household.point.is_not(None),
        )
        .order_by(Household.village_code, Household.number)
    ).all()
    codes = sorted({row[0] for row in rows})
    area = None
    if village.code in codes:
        points = np.array([row[1:] for row in rows], float)
        numbers = np.searchsorted(codes, [row[0] for row in rows])
        free = _free_ground(village)
        area = territories(free, points, numbers).get(codes.index(village.code))
    if area is None:
        raise NoTerritory(
            _(
                "Village %(name)s (%(code)s) has no boundary, and none of its households has a "
                "point on free ground of the township: import its boundary or the points first.",
                name=village.name,
                code=village.code,
            )
        )
    return settled(village, area, derived=True)


def taken(village: Jurisdiction) -> Area | None:
    """What the boundaries of the township's other villages cover."""
    others = select(func.ST_Union(Jurisdiction.boundary)).where(
        Jurisdiction.parent_code == village.parent_code, Jurisdiction.code != village.code
    )
    found: Any = db.session.scalar(others)
    return None if found is None else to_shape(found)


def _free_ground(village: Jurisdiction) -> Area:
    whole: Any = _township(village).boundary
    free, others = to_shape(whole), taken(village)
    return free if others is None else _areas(free.difference(others))


def _areas(found: Any) -> shapely.MultiPolygon:
    """Of what a difference leaves, the areas wider than a hair."""
    parts = shapely.get_parts(found)
    wide = [part for part in parts if part.geom_type == "Polygon" and not is_sliver(part)]
    return shapely.MultiPolygon(wide)


def _township(village: Jurisdiction) -> Jurisdiction:
    return db.session.get_one(Jurisdiction, village.parent_code)


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
