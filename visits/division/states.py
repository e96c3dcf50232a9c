"""The states of a draft: cells with their figures, kept as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shapely
from shapely.geometry import mapping, shape

from grids.assessment import Assessment, assess
from grids.geometry import square_metres
from gridserve.db import db
from visits.division.ground import Ground
from visits.division.models import Draft, Made, State


def shapes(state: State) -> list[shapely.Polygon]:
    """The polygons of a state's cells, in the order of their serials."""
    return [shape(cell["polygon"]) for cell in state.cells]


def state_of(draft: Draft) -> State:
    """The state of a draft that counts."""
    return db.session.get_one(State, (draft.id, draft.step))


def store(
    draft: Draft, step: int, made: Made, cells: Sequence[shapely.Polygon], found: Assessment
) -> None:
    """Keep cells with their figures as a state of a draft, which it then is in."""
    draft.step = step
    db.session.add(
        State(
            division_id=draft.id, step=step, made=made, cells=cells_with(cells, found),
            figures=plain(found),
        )
    )  # fmt: skip
    db.session.flush()


def figures_of(ground: Ground, cells: Sequence[shapely.Polygon]) -> Assessment:
    """How good these cells are for the households of the ground."""
    return assess(ground.area, cells, ground.points, ground.groups, ground.unplaced)


def cells_with(cells: Sequence[shapely.Polygon], found: Assessment) -> list[dict[str, Any]]:
    """Cells with their figures as a state keeps them."""
    return [
        {
            "polygon": mapping(cell), "households": households,
            "compactness": round(compactness, 3), "groups": groups,
            "hectares": round(square_metres(cell) / 10_000, 1),
        }
        for cell, households, compactness, groups in zip(
            cells, found.households, found.compactness, found.groups, strict=True
        )
    ]  # fmt: skip


def plain(found: Assessment) -> dict[str, Any]:
    """The figures of the whole as plain values."""
    ratio = found.largest_to_smallest
    return {
        "cells": len(found.households),
        "households": round(sum(found.households)),
        "largest": round(max(found.households)),
        "smallest": round(min(found.households)),
        "largest_to_smallest": None if ratio == float("inf") else round(ratio, 3),
        "compactness": round(found.mean_compactness, 3),
        "groups": len(found.all_groups),
        "groups_cut": found.groups_cut,
        "apart": found.apart,
        "outside": found.outside,
        "unplaced": found.unplaced,
    }


def summary(found: Assessment) -> dict[str, Any]:
    """The same for the audit trail, with the number of groups cut."""
    return plain(found) | {"groups_cut": len(found.groups_cut)}


def multi(area: Any) -> shapely.MultiPolygon:
    """An area as the database takes a village's."""
    return shapely.MultiPolygon(shapely.get_parts(area).tolist())
