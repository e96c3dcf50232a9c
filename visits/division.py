"""The first division of a village into cells by the households that live there."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import numpy as np
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select, text

from grids.division import Division, divide
from grids.models import Cell, Jurisdiction, Level
from grids.operations import adopt_division
from gridserve.db import db
from gridserve.errors import Invalid, NotFound
from gridserve.people import User
from visits import figures
from visits.models import Household, HouseholdStatus

# A point on a shared edge belongs to the lower code, as everywhere. Where the village is one cell,
# households without a point belong to it too.
ASSIGN = """
    UPDATE household SET cell_id = found.cell_id
    FROM (
        SELECT DISTINCT ON (h.id) h.id, c.id AS cell_id
        FROM household AS h JOIN cell AS c
            ON ST_Covers(c.polygon, h.point) OR (h.point IS NULL AND :whole)
        WHERE h.village_code = :village AND c.id = ANY(:cells)
        ORDER BY h.id, c.code
    ) AS found
    WHERE household.id = found.id AND household.cell_id IS DISTINCT FROM found.cell_id
"""


def find_village(code: str) -> Jurisdiction:
    """The village of this code; raises `NotFound`, and `Invalid` where it has no boundary."""
    village = db.session.get(Jurisdiction, code)
    if village is None or village.level != Level.VILLAGE:
        raise NotFound(
            _("No village has the code %(code)s: give the 12 digits of a stored one.", code=code)
        )
    if village.boundary is None:
        raise Invalid(
            _(
                "Village %(name)s (%(code)s) has no boundary yet: import its boundary first.",
                name=village.name,
                code=code,
            )
        )
    return village


def propose(village: Jurisdiction, *, smallest: int, largest: int) -> Division:
    """Cells of smallest to largest active households for a village with a boundary.

    Households without a point count as spread evenly over the area.
    """
    here = select(Household).where(
        Household.village_code == village.code, Household.status == HouseholdStatus.ACTIVE
    )
    points = db.session.execute(
        here.where(Household.point.is_not(None))
        .with_only_columns(func.ST_X(Household.point), func.ST_Y(Household.point))
        .order_by(Household.number)
    ).all()
    total = db.session.scalar(select(func.count()).select_from(here.subquery())) or 0
    boundary: Any = village.boundary
    return divide(
        to_shape(boundary), np.array(points, float).reshape(-1, 2),
        smallest=smallest, largest=largest, households=total,
    )  # fmt: skip


def write(
    village: Jurisdiction, division: Division, *, from_date: date, by: User | None
) -> tuple[list[Cell], int]:
    """Make the cells of a division and put the village's households into them.

    Gives the cells and how many households now have one. Raises `Conflict` where the village has
    basic cells already.
    """
    cells = adopt_division(village, division.cells, from_date=from_date, by=by)
    ids: list[uuid.UUID] = [cell.id for cell in cells]
    assigned = db.session.execute(
        text(ASSIGN), {"village": village.code, "cells": ids, "whole": len(ids) == 1}
    )
    figures.mark(ids)
    return cells, assigned.rowcount  # type: ignore[attr-defined]
