"""Issues that are likely the same as one that is being told or is to be accepted."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _
from geoalchemy2 import Geography, Geometry
from geoalchemy2.shape import to_shape
from sqlalchemy import ColumnElement, and_, cast, func, literal, or_, select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Cell
from grids.permissions import holds_on, visible_cells
from gridserve import workdays
from gridserve.db import SRID, db, now
from gridserve.errors import Invalid
from gridserve.people import User
from gridserve.permissions import Permission, covers, scopes
from visits.intake import likeness
from visits.issues.chain import Status
from visits.issues.models import Category, Issue
from visits.issues.permissions import visible_issues
from visits.models import Household
from visits.operations import point_of
from visits.permissions import visible_households

SINCE = timedelta(days=90)
# The nearest by index are looked at whole: open ones first, then the newest.
CANDIDATES, SHOWN = 300, 6


@dataclass(frozen=True)
class Spot:
    """Where something is, as exactly as is known; `point` in EPSG:4326."""

    village_code: str | None = None
    cell_id: uuid.UUID | None = None
    household_id: uuid.UUID | None = None
    point: Any = None


@dataclass(frozen=True)
class Similar:
    """An issue that may be the same: how sure, in words and place, and whether to merge into it."""

    issue: Issue
    score: float
    words: float
    metres: float | None
    same_household: bool
    mergeable: bool


def spot_of(asked: dict[str, Any], user: User) -> Spot:
    """The place named by household, cell, lon and lat, or village; raises Invalid."""
    if asked.get("household"):
        row = db.session.scalar(visible_households(user).where(Household.id == asked["household"]))
        if row is None:
            raise Invalid(errors={"/household": [_("No such household in your scope.")]})
        return Spot(row.village_code, row.cell_id, row.id, row.point)
    point = None
    if asked.get("lon") is not None:
        point = point_of({name: asked[name] for name in ("lon", "lat", "crs")})["point"]
    cells, today = visible_cells(user), workdays.today()
    cell = None
    if asked.get("cell"):
        cell = db.session.scalar(cells.where(Cell.code == asked["cell"], holds_on(Cell, today)))
        if cell is None:
            raise Invalid(errors={"/cell": [_("No such cell today.")]})
    elif point is not None:
        here = cells.where(func.ST_Covers(Cell.polygon, point), holds_on(Cell, today))
        cell = db.session.scalar(here.order_by(Cell.code).limit(1))
    if cell is not None:
        return Spot(cell.village_code, cell.id, None, point)
    return Spot(asked.get("village"), None, None, point)


def find(
    user: User, category: str | None, words: str, spot: Spot, *, but: uuid.UUID | None = None
) -> list[Similar]:
    """What `user` may see of the category's family, near `spot`, open or reported in the last 90
    days, that is likely the same; the likeliest first. `but` is left out.

    Three queries, whatever is found.
    """
    near = _near(spot)
    if near is None:
        return []
    kinds, about_staff = _family(category)
    metres = _metres(spot)
    query = (
        visible_issues(user, complaints=about_staff)
        .where(
            near,
            Issue.about_staff.is_(about_staff),
            or_(Issue.closed_at.is_(None), Issue.reported_at >= now() - SINCE),
            Issue.status.not_in((Status.MERGED, Status.DECLINED)),
        )
        .with_only_columns(
            Issue.id, Issue.words, Issue.category_code, Issue.household_id, Issue.cell_id,
            metres.label("metres"),
        )
        .order_by(Issue.closed_at.is_(None).desc(), Issue.reported_at.desc())
        .limit(CANDIDATES)
    )  # fmt: skip
    if kinds:
        query = query.where(Issue.category_code.in_(kinds))
    if but is not None:
        query = query.where(Issue.id != but)
    said = likeness.pairs(words)
    found = [_compared(row, said, category, spot) for row in db.session.execute(query)]
    found = sorted(each for each in found if each[0] <= -likeness.SHOWN_FROM)[:SHOWN]
    desks = scopes(user, Permission.ISSUE_COMPLAINTS if about_staff else Permission.ISSUE_DESK)
    issues = _whole([each[1] for each in found])
    return [
        Similar(
            issues[key], -less, alike, far, home,
            issues[key].closed_at is None and covers(desks, issues[key].desk_code),
        )
        for less, key, alike, far, home in found
    ]  # fmt: skip


def _whole(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Issue]:
    rows = select(Issue).where(Issue.id.in_(ids))
    names = (Issue.team, Issue.category, Issue.village)
    rows = rows.options(*(joinedload(name) for name in names), raiseload("*"))
    return {row.id: row for row in db.session.scalars(rows)}


def like(issue: Issue, user: User) -> list[Similar]:
    """What is likely the same as a stored issue."""
    spot = Spot(issue.village_code, issue.cell_id, issue.household_id, issue.point)
    return find(user, issue.category_code, issue.words, spot, but=issue.id)


def _near(spot: Spot) -> ColumnElement[bool] | None:
    """Whether an issue is of the same household or cell, or within 300 m; each by an index."""
    wanted: list[ColumnElement[bool]] = []
    if spot.household_id is not None:
        wanted.append(Issue.household_id == spot.household_id)
    if spot.cell_id is not None:
        wanted.append(Issue.cell_id == spot.cell_id)
    if spot.point is not None:
        here = _here(spot.point)
        around = func.ST_Envelope(cast(func.ST_Buffer(here, likeness.NEAR_M), Geometry))
        within_m = func.ST_DWithin(cast(Issue.point, Geography), here, likeness.NEAR_M)
        wanted.append(and_(Issue.point.op("&&")(around), within_m))
    if not wanted and spot.village_code:
        wanted.append(Issue.village_code == spot.village_code)
    return or_(*wanted) if wanted else None


def _metres(spot: Spot) -> Any:
    if spot.point is None:
        return literal(None)
    return func.ST_Distance(cast(Issue.point, Geography), _here(spot.point))


def _here(point: Any) -> Any:
    """A point, stored or given, as a geography: distances are in metres then."""
    place = to_shape(point)
    return cast(func.ST_SetSRID(func.ST_MakePoint(place.x, place.y), SRID), Geography)


def _family(code: str | None) -> tuple[Sequence[str], bool]:
    """The categories of the same family, none for all; and whether they are about staff."""
    category = db.session.get(Category, code) if code else None
    if category is None:
        return [], False
    top = category.parent_code or category.code
    kinds = select(Category.code).where(func.coalesce(Category.parent_code, Category.code) == top)
    return db.session.scalars(kinds).all(), category.about_staff


def _compared(
    row: Any, said: frozenset[str], category: str | None, spot: Spot
) -> tuple[float, uuid.UUID, float, float | None, bool]:
    """The likeness of a candidate, negative so that the likeliest sorts first; then what it is."""
    home = spot.household_id is not None and row.household_id == spot.household_id
    cell = spot.cell_id is not None and row.cell_id == spot.cell_id
    words = likeness.likeness(said, likeness.pairs(row.words))
    place = likeness.nearness(row.metres, household=home, cell=cell)
    score = likeness.score(words, place, category=row.category_code == category)
    return -score, row.id, words, row.metres, home
