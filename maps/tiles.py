"""Vector tiles (Mapbox Vector Tile 2.1, Web Mercator) straight from PostGIS, one query each.

Each layer draws from what is kept ready for its zoom: cells from shapes simplified to half a
pixel, issues by cell where a cell is smaller than a finger, households one by one only where they
can be told apart. Whose eyes a tile is for is part of every query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    func,
    select,
    union,
)

from grids.models import Cell, CellKind, Jurisdiction
from grids.permissions import holds_on, reach, visible_cells, visible_jurisdictions
from gridserve import workdays
from gridserve.db import SRID, Asked, db, now
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from maps.bands import HEAT_CAP
from maps.narrowing import ALL, Narrowing
from maps.places import under
from visits.issues.clock import Light
from visits.issues.models import Category, Issue
from visits.issues.permissions import visible_issues
from visits.issues.place import stands
from visits.issues.queries import has_light
from visits.issues.reckoning import weight_at
from visits.models import Household, HouseholdStatus
from visits.permissions import visible_households

MERCATOR = 3857
WORLD = 40_075_016.685578488  # metres around the equator
DEEPEST = 18
NAMED_FROM = 12  # cells carry their names from this zoom on
SINGLES_FROM = 14  # households and issues stand one by one from this zoom on, and are counted below
SPREAD_FROM = 12  # counted issues lie where they are from here on, below in their cell's middle
BIN = 16  # pixels of a tile of 256: about a finger's width


@dataclass(frozen=True)
class Tile:
    """A square of the world: `z` 0 to 18, `x` from the west, `y` from the north."""

    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Whether there is such a square."""
        return 0 <= self.z <= DEEPEST and all(0 <= n < 2**self.z for n in (self.x, self.y))

    @property
    def pixel(self) -> float:
        """Metres of Web Mercator that a pixel is wide."""
        return float(WORLD / 2**self.z / 256)

    @property
    def envelope(self) -> ColumnElement[Any]:
        """The square in Web Mercator."""
        kind = Geometry("POLYGON", srid=MERCATOR)
        return func.ST_TileEnvelope(self.z, self.x, self.y, type_=kind)

    @property
    def here(self) -> ColumnElement[Any]:
        """The square in longitude and latitude, as the indexes know it."""
        return func.ST_Transform(self.envelope, SRID, type_=Geometry("POLYGON", srid=SRID))


@dataclass(frozen=True)
class Of:
    """Which open issues a tile shows: of the jurisdiction `code`, narrowed, of one light only."""

    code: str = ""
    narrowing: Narrowing = ALL
    only: Light | None = None

    @property
    def criteria(self) -> list[ColumnElement[bool]]:
        """The same for a query of issues; complaints about staff are never shown."""
        found = [Issue.closed_at.is_(None), ~Issue.about_staff, *self.narrowing.where()]
        if self.code:
            found.append(under(Issue.village_code, self.code))
        return found if self.only is None else [*found, has_light(self.only, weight_at(now()))]


def bounds(user: User) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the cells that `user` may see, in degrees; None without any."""
    query = visible_cells(user).with_only_columns(func.ST_Extent(Cell.polygon).label("box"))
    box = query.subquery().c.box
    sides = (func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
    row = db.session.execute(select(*sides)).one()
    if row[0] is None:
        return None
    west, south, east, north = (round(side, 5) for side in row)
    return west, south, east, north


def cells(tile: Tile, user: User, day: date) -> bytes:
    """Cells valid on `day`. A feature's id is the cell's code as a number."""
    asked = _cells(tile.z, tuple(reach(user, Permission.GROUND_READ)))
    ((drawn,),) = asked(x=tile.x, y=tile.y, day=day)
    return bytes(drawn or b"")


@lru_cache(maxsize=512)
def _cells(zoom: int, prefixes: tuple[str, ...]) -> Asked:
    """The cells within `prefixes` in a tile of a zoom: the SQL is worked out once for all tiles."""
    x: Any = bindparam("x", type_=Integer())
    y: Any = bindparam("y", type_=Integer())
    return Asked(lambda: _cells_in(Tile(zoom, x, y), prefixes, bindparam("day", type_=Date())))


def _cells_in(tile: Tile, prefixes: Sequence[str], day: ColumnElement[date]) -> Select[Any]:
    shape, extent = _shape(tile.z)
    query = select(Cell).where(
        within(Cell.village_code, prefixes), holds_on(Cell, day),
        Cell.polygon.op("&&")(tile.here),
    )  # fmt: skip
    columns: list[Any] = [cast(Cell.code, BigInteger).label("id")]
    if tile.z >= NAMED_FROM:
        columns += [Cell.name, (Cell.kind == CellKind.DEDICATED).label("dedicated")]
    # At small scale few shapes lie on the edge, and clipping them all would take half of the time.
    drawn = _drawn(shape, tile, extent, clip=tile.z >= NAMED_FROM)
    return _mvt(query.with_only_columns(*columns, drawn), "cells", extent, "id")


def _shape(zoom: int) -> tuple[Any, int]:
    """The shape of cells to draw at a zoom, and into how many steps a tile is divided."""
    if zoom <= 8:
        return Cell.shape_8, 1024
    if zoom <= 10:
        return Cell.shape_10, 1024
    if zoom <= 13:
        return Cell.shape_13, 2048
    return func.ST_Transform(Cell.polygon, MERCATOR), 4096


def areas(tile: Tile, user: User, digits: int) -> Select[Any]:
    """The jurisdictions of a level. A feature's id is the code as a number."""
    mercator = func.ST_Transform(Jurisdiction.boundary, MERCATOR)
    shape = func.ST_SimplifyPreserveTopology(mercator, tile.pixel / 2)
    query = visible_jurisdictions(user).where(
        Jurisdiction.level == digits, Jurisdiction.boundary.op("&&")(tile.here)
    )
    columns = (cast(Jurisdiction.code, BigInteger).label("id"), Jurisdiction.name)
    drawn = _drawn(shape, tile, 2048, clip=True)
    return _mvt(query.with_only_columns(*columns, drawn), "areas", 2048, "id")


def households(tile: Tile, user: User, day: date) -> Select[Any]:
    """Active households: one by one from zoom 14, below it as counts around their cells' middles.

    A point has `household`, its id, and `days` since it was last met (absent where never); a count
    has `n`.
    """
    seen = visible_households(user).where(Household.status == HouseholdStatus.ACTIVE)
    if tile.z < SINGLES_FROM:
        counts = (
            seen.join(Cell, Cell.id == Household.cell_id)
            .where(Cell.polygon.op("&&")(tile.here))
            .with_only_columns(Household.cell_id, func.count().label("n"))
            .group_by(Household.cell_id)
            .subquery()
        )
        return _mvt(_binned(_at_cells(counts, tile, "n"), tile, "n"), "households")
    columns = (Household.id, Household.last_met_at, Household.point)
    # A fence: else PostgreSQL may read all households in three processes, since fitting a point
    # into the tile counts as so dear that the work is to be shared out.
    here = seen.where(Household.point.op("&&")(tile.here)).with_only_columns(*columns)
    found = here.offset(0).subquery().c
    passed = func.extract("epoch", workdays.end_of(day) - found.last_met_at) / 86400
    query = select(
        cast(found.id, String).label("household"),
        cast(func.floor(passed), Integer).label("days"),
        _drawn(func.ST_Transform(found.point, MERCATOR), tile, 4096, clip=True),
    )
    return _mvt(query, "households")


def issues(tile: Tile, user: User, of: Of) -> Select[Any]:
    """Open issues: from zoom 14 one by one (`issue`, `number`, `light`), below it as `aging`."""
    if tile.z < SINGLES_FROM:
        return _mvt(_heated(tile, user, of), "issues")
    weight = weight_at(now())
    light = case(*((has_light(each, weight), each.value) for each in Light))
    query = _around(tile, user, of).with_only_columns(
        cast(Issue.id, String).label("issue"),
        Issue.number,
        light.label("light"),
        _drawn(func.ST_Transform(stands(), MERCATOR), tile, 4096, clip=True, margin=0),
    )
    return _mvt(query, "issues")


def aging(tile: Tile, user: User, of: Of) -> Select[Any]:
    """Open issues in squares of a finger's width: `n`, how many of each light, and `heat10`.

    `heat10` is ten times the sum of age ÷ limit, each capped as everywhere on the map. Below zoom
    12 an issue stands in the middle of its cell, which is smaller than such a square; where the
    issues in a square are all of one cell, `cell` is its code.
    """
    return _mvt(_heated(tile, user, of), "aging")


def _heated(tile: Tile, user: User, of: Of) -> Select[Any]:
    names = ("n", "heat10", *(light.value for light in Light))
    if tile.z >= SPREAD_FROM:
        at = func.ST_Transform(stands(), MERCATOR).label("at")
        return _binned(_summed(_around(tile, user, of), at), tile, *names)
    # Counts of cells are figures: whoever may read those of a place need not see each case.
    seen = within(Issue.village_code, scopes(user, Permission.FIGURES_READ))
    here = select(Issue).where(seen, Issue.cell_id.is_not(None), *of.criteria)
    if tile.z > 8:  # not all of a county
        cells_here = select(Cell.id).where(Cell.polygon.op("&&")(tile.here))
        here = here.where(Issue.cell_id.in_(cells_here))
    return _binned(
        _at_cells(_summed(here, Issue.cell_id).subquery(), tile, *names), tile, *names, cell=True
    )


def _summed(found: Select[Any], where: Any) -> Select[Any]:
    """Issues by `where`: how many, the sum of their heat, how many of each light."""
    # Weighed once each, not once for every sum: OFFSET keeps the planner from taking it apart.
    rows = found.with_only_columns(where, weight_at(now()).label("weight")).offset(0).subquery()
    heat = (func.sum(func.least(rows.c.weight, HEAT_CAP)) * 10).label("heat10")
    lights = [
        func.count().filter(has_light(each, rows.c.weight)).label(each.value) for each in Light
    ]
    place = rows.c[where.name]
    return select(place, func.count().label("n"), heat, *lights).group_by(place)


def _around(tile: Tile, user: User, of: Of) -> Select[Any]:
    """Open issues that may stand in the tile, joined with what says where."""
    cells_here = select(Cell.id).where(Cell.polygon.op("&&")(tile.here))
    homes_here = select(Household.id).where(Household.point.op("&&")(tile.here))
    is_open = Issue.closed_at.is_(None)
    near = union(
        select(Issue.id).where(Issue.cell_id.in_(cells_here), is_open),
        select(Issue.id).where(Issue.point.op("&&")(tile.here), is_open),
        select(Issue.id).where(
            Issue.household_id.in_(homes_here), is_open, Issue.cell_id.is_(None)
        ),
    )
    return (
        visible_issues(user, complaints=False)
        .where(*of.criteria)
        # As an array they are looked up one by one; joined, all open issues might be read for it.
        .where(Issue.id == any_(func.array(near.scalar_subquery(), type_=ARRAY(Uuid))))
        .join(Category, Category.code == Issue.category_code)
        .join(Cell, Cell.id == Issue.cell_id, isouter=True)
        .join(Household, Household.id == Issue.household_id, isouter=True)
    )


def _at_cells(counts: Any, tile: Tile, *names: str) -> Select[Any]:
    """Values by cell, each `at` the middle of its cell."""
    at = func.ST_Centroid(Cell.shape_13, type_=Geometry("POINT", srid=MERCATOR)).label("at")
    return (
        select(at, Cell.code, *(counts.c[name] for name in names))
        .join(Cell, Cell.id == counts.c.cell_id)
        .where(Cell.polygon.op("&&")(tile.here))
    )


def _binned(placed: Select[Any], tile: Tile, *names: str, cell: bool = False) -> Select[Any]:
    """The sums of values in each square of BIN pixels, where they lie on average."""
    # Squares beyond the edge would hold a part only, so that nothing is drawn there.
    rows, side = placed.subquery(), tile.pixel * BIN
    x, y = func.ST_X(rows.c.at), func.ST_Y(rows.c.at)
    middle = func.ST_SetSRID(func.ST_MakePoint(func.avg(x), func.avg(y)), MERCATOR)
    sums = [func.sum(rows.c[name]) for name in names]
    shown = [cast(value, Integer).label(name) for name, value in zip(names, sums, strict=True)]
    columns: list[Any] = [*shown, _drawn(middle, tile, 4096, clip=True, margin=0)]
    if cell:
        columns.append(case((func.count() == 1, func.min(rows.c.code))).label("cell"))
    return (
        select(*columns)
        .where(rows.c.at.is_not(None))
        .group_by(func.floor(x / side), func.floor(y / side))
    )


def _drawn(
    shape: Any, tile: Tile, extent: int, *, clip: bool, margin: int | None = None
) -> ColumnElement[Any]:
    if margin is None:
        margin = extent // 64  # so that lines on the edge are drawn once whole
    return func.ST_AsMVTGeom(shape, tile.envelope, extent, margin, clip).label("geom")


def _mvt(rows: Select[Any], layer: str, extent: int = 4096, *id_: str) -> Select[Any]:
    # Rows outside of the tile have no shape, and ST_AsMVT passes them over: to leave them out
    # before would have each shape fitted into the tile twice.
    row = rows.subquery("drawn").table_valued()
    return select(func.ST_AsMVT(row, layer, extent, "geom", *id_))
