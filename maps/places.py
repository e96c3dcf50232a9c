"""Where figures are asked for: a jurisdiction within the asker's scope, what lies below it, and
the shapes to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from geoalchemy2 import Geometry
from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, case, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute

from grids.models import Cell, Jurisdiction, Level, short_name
from grids.permissions import WIDE_ROLES, cells_of, holds_on, reach
from gridserve import workdays
from gridserve.db import SRID, db
from gridserve.errors import Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, Role, covers, scopes, within

CELL = 15  # digits of a cell's code
BY = {
    "province": int(Level.PROVINCE), "city": int(Level.CITY), "county": int(Level.COUNTY),
    "township": int(Level.TOWNSHIP), "village": int(Level.VILLAGE), "cell": CELL,
}  # fmt: skip
# How many digits the jurisdiction must have for a table that fine: nobody reads 600,000 villages.
_COARSEST = {"county": 2, "township": 4, "village": 6, "cell": 6}
# Shapes are simplified to a share of the whole: well under a pixel where all of it is in view.
DETAIL = 4000
ROUGH = 500  # for outlines over a map that is drawn from tiles: for orientation only


class NoSuchPlace(NotFound):
    code = "jurisdiction.not_found"


@dataclass(frozen=True)
class Place:
    """A jurisdiction; the code "" is the whole installation."""

    code: str
    name: str

    @property
    def digits(self) -> int:
        return len(self.code)

    @property
    def below(self) -> str:
        """The name of the level directly below."""
        return next(name for name, digits in BY.items() if digits > self.digits)


@dataclass(slots=True)  # and not frozen, as others are: ten thousand take four times as long
class Area:
    """A part of a place: a jurisdiction or a cell; `shape` in EPSG:4326, None if unknown."""

    code: str
    name: str
    shape: BaseGeometry | None = None


def find(user: User, code: str | None) -> Place:
    """The jurisdiction `code`, or where `user`'s figures begin; NoSuchPlace outside the scope."""
    held = scopes(user, Permission.FIGURES_READ)
    chosen = code or _start(held)
    if not chosen:
        return _everywhere()
    seen = covers(held, chosen) or covers(reach(user, Permission.FIGURES_READ), chosen)
    row = db.session.get(Jurisdiction, chosen) if seen else None
    if row is None:
        raise NoSuchPlace(_("No jurisdiction %(code)s in your scope. Check the code.", code=chosen))
    return Place(row.code, row.name)


def named(code: str) -> Place:
    """A jurisdiction to be named, whoever asks; its code where there is none of that code."""
    row = db.session.get(Jurisdiction, code) if code else None
    return Place(row.code, row.name) if row else Place(code, code) if code else _everywhere()


def _everywhere() -> Place:
    return Place("", _("All jurisdictions"))


def _start(held: Sequence[str]) -> str:
    """The first of the scopes, or the county in which all cells lie where the scope is wider."""
    first = min(held)
    if len(first) >= Level.COUNTY:
        return first
    low, high = db.session.execute(
        select(func.min(Cell.village_code), func.max(Cell.village_code)).where(
            within(Cell.village_code, [first])
        )
    ).one()
    shared = [n for n in Level if n <= Level.COUNTY and low and low[:n] == high[:n]]
    return low[: max(shared)] if shared and max(shared) > len(first) else first


def own(user: User) -> list[Place]:
    """The jurisdictions of the user's posts, to choose from where there are several."""
    held = {code for code in reach(user, Permission.FIGURES_READ) if code}
    outer = [c for c in held if not any(c != other and c.startswith(other) for other in held)]
    rows = select(Jurisdiction.code, Jurisdiction.name).where(Jurisdiction.code.in_(outer))
    return [Place(*row) for row in db.session.execute(rows.order_by(Jurisdiction.code))]


def path(user: User, place: Place) -> list[Place]:
    """From the top of the user's scope down to `place`."""
    held = scopes(user, Permission.FIGURES_READ)
    codes = [place.code[:n] for n in Level if n <= place.digits]
    rows = db.session.execute(
        select(Jurisdiction.code, Jurisdiction.name)
        .where(Jurisdiction.code.in_([c for c in codes if covers(held, c)]))
        .order_by(Jurisdiction.code)
    )
    top = [_everywhere()] if "" in held and not _start(held) else []
    return [*top, *(Place(*row) for row in rows)]


def may_show(place: Place, by: str) -> bool:
    """Whether `place` can be divided by the level `by`."""
    return BY[by] > place.digits >= _COARSEST.get(by, 0)


def divided(place: Place, by: str | None) -> str:
    """`by`, or the level below `place`; Invalid where that is no division or an endless one."""
    by = by or place.below
    if BY[by] <= place.digits:
        words = _(
            "“%(name)s” has no parts of this kind: choose a finer level.",
            name=short_name(place.name),
        )
        raise Invalid(words, errors={"/by": [words]})
    if not may_show(place, by):
        words = _(
            "Too many for “%(name)s”: choose a coarser level or a jurisdiction further down.",
            name=short_name(place.name),
        )
        raise Invalid(words, errors={"/by": [words]})
    return by


def under(column: InstrumentedAttribute[str], code: str) -> ColumnElement[bool]:
    """Whether a code column lies within the jurisdiction `code`."""
    return within(column, [code])


def names(place: Place, by: str, day: date) -> list[Area]:
    """The parts of `place` without shapes, by code; cells are those valid on `day`."""
    return [Area(code, name) for code, name in db.session.execute(parts(place, by, day))]


def count_cells(place: Place, day: date) -> int:
    """How many cells `place` has on `day`."""
    cells = select(func.count()).where(under(Cell.village_code, place.code), holds_on(Cell, day))
    return db.session.scalar(cells) or 0


def parts(place: Place, by: str, day: date) -> Any:
    """Select code and name of the parts of `place`, by code; cells are those valid on `day`."""
    if by == "cell":
        return (
            select(Cell.code, Cell.name)
            .where(under(Cell.village_code, place.code), holds_on(Cell, day))
            .order_by(Cell.code)
        )
    return (
        select(Jurisdiction.code, Jurisdiction.name)
        .where(under(Jurisdiction.code, place.code), Jurisdiction.level == BY[by])
        .order_by(Jurisdiction.code)
    )


def shapes(place: Place, by: str, day: date, detail: int = DETAIL) -> list[Area]:
    """The parts of `place` with shapes to draw, in one query.

    A jurisdiction without a boundary of its own gets that of its villages and cells together.
    """
    if by == "cell":
        found = parts(place, by, day).add_columns(Cell.polygon.label("shape")).subquery()
    else:
        digits = BY[by]
        from_below = _from_below(place, digits, day)
        shape = case(
            (Jurisdiction.boundary.is_not(None), Jurisdiction.boundary), else_=from_below.c.shape
        )
        found = (
            select(Jurisdiction.code, Jurisdiction.name, shape.label("shape"))
            .join(from_below, from_below.c.part == Jurisdiction.code, isouter=True)
            .where(under(Jurisdiction.code, place.code), Jurisdiction.level == digits)
            .subquery()
        )
    rows = select(found.c.code, found.c.name, _simplified(found, detail)).order_by(found.c.code)
    return [
        Area(code, name, to_shape(shape) if shape is not None else None)
        for code, name, shape in db.session.execute(rows)
    ]


def outline(place: Place, day: date) -> list[Area]:
    """The boundary of `place` itself as a list of one, for orientation."""
    level = next((name for name, digits in BY.items() if digits == place.digits), None)
    return shapes(place, level, day) if level else []


def _from_below(place: Place, digits: int, day: date) -> Any:
    """Shapes for the jurisdictions of `digits` without a boundary, put together from below."""
    bare = (
        select(Jurisdiction.code)
        .where(
            under(Jurisdiction.code, place.code),
            Jurisdiction.level == digits,
            Jurisdiction.boundary.is_(None),
        )
        .scalar_subquery()
    )
    village = func.left(Jurisdiction.code, digits)
    villages = select(village.label("part"), Jurisdiction.boundary.label("shape")).where(
        under(Jurisdiction.code, place.code),
        Jurisdiction.level == Level.VILLAGE,
        Jurisdiction.level > digits,
        Jurisdiction.boundary.is_not(None),
        village.in_(bare),
    )
    bounded = (
        select(Jurisdiction.code)
        .where(
            Jurisdiction.code == Cell.village_code,
            Jurisdiction.level > digits,
            Jurisdiction.boundary.is_not(None),
        )
        .exists()
    )
    part = func.left(Cell.village_code, digits)
    cells = select(part.label("part"), cast(Cell.polygon, Geometry).label("shape")).where(
        under(Cell.village_code, place.code),
        holds_on(Cell, day),
        part.in_(bare),
        ~bounded,
    )
    pieces = villages.union_all(cells).subquery()
    return (
        select(
            pieces.c.part, func.ST_Union(pieces.c.shape, type_=Geometry(srid=SRID)).label("shape")
        )
        .group_by(pieces.c.part)
        .subquery()
    )


def _simplified(parts: Any, detail: int) -> ColumnElement[Any]:
    """The shape with less detail than the eye can see, measured by the extent of all parts."""
    extent = func.ST_Extent(parts.c.shape, type_=Geometry(srid=SRID))
    whole = select(
        func.greatest(
            func.ST_XMax(extent) - func.ST_XMin(extent), func.ST_YMax(extent) - func.ST_YMin(extent)
        )
    ).scalar_subquery()
    return func.ST_SimplifyPreserveTopology(
        parts.c.shape, whole / literal(float(detail)), type_=Geometry(srid=SRID)
    ).label("shape")


@dataclass(frozen=True)
class Opening:
    """Where `user` may open the cases behind a figure: jurisdictions, and a cadre's own cells."""

    prefixes: tuple[str, ...]
    cells: frozenset[str]

    def to(self, code: str) -> bool:
        """Whether all cases of the jurisdiction or cell `code` may be opened."""
        return covers(self.prefixes, code) or code in self.cells


def opening(user: User, permission: Permission) -> Opening:
    """What of the cases behind figures `user` may open by `permission`, today."""
    prefixes = scopes(user, permission, among=WIDE_ROLES)
    cells: Iterable[str] = ()
    if scopes(user, permission, among=(Role.CADRE,)):
        mine = cells_of(user, workdays.today())
        cells = db.session.scalars(select(Cell.code).where(Cell.id.in_(mine)))
    return Opening(tuple(prefixes), frozenset(cells))
