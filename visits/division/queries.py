"""Drafts of divisions, within what the asker may keep, and how they are shown."""

from __future__ import annotations

import uuid
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from geoalchemy2.shape import from_shape
from shapely.geometry import shape
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Jurisdiction
from grids.schemas import geojson
from gridserve.db import SRID, db
from gridserve.errors import NotFound
from gridserve.people import User
from gridserve.permissions import Permission, scopes, within
from visits.division.models import Draft, DraftStatus, State

# What to do where a division could not be worked out, by the code of the failure.
FAILURES: dict[str, Any] = {
    "division.no_boundary": _l("The village has no boundary any more: import one."),
    "division.no_territory": _l(
        "Without a boundary the place of the village is taken from its households, and none has a "
        "point on free ground of the township: import the boundary or the points."
    ),
    "division.interrupted": _l("It was interrupted several times. Ask for it again later."),
    "division.failed": _l("It could not be worked out; the reason was written down. Tell us."),
    "division.too_many": _l("It would make more than 999 cells: choose larger ones."),
}


class NoSuchDraft(NotFound):
    code = "division.not_found"


def drafts(user: User, args: dict[str, Any]) -> Select[Any]:
    """The drafts of villages that `user` keeps, by `village` and `status`."""
    query = (
        select(Draft)
        .where(within(Draft.village_code, scopes(user, Permission.GROUND_WRITE)))
        .options(*_names())
    )
    if args.get("village"):
        query = query.where(Draft.village_code == args["village"])
    if args.get("status"):
        query = query.where(Draft.status == args["status"])
    return query


def draft(user: User, draft_id: uuid.UUID, *, lock: bool = False) -> Draft:
    """One draft; raises NoSuchDraft outside the user's scope. Locked for who changes it."""
    query = drafts(user, {}).where(Draft.id == draft_id).execution_options(populate_existing=True)
    if lock:
        query = query.with_for_update(of=Draft)
    found: Draft | None = db.session.scalar(query)
    if found is None:
        raise NoSuchDraft(_("No such division in your jurisdiction."))
    return found


def _names() -> tuple[Any, ...]:
    village = joinedload(Draft.village)
    return (
        village.load_only(Jurisdiction.code, Jurisdiction.name),
        joinedload(Draft.creator).load_only(User.name),
        raiseload("*"),
    )


def summary(draft: Draft, figures: dict[str, Any] | None) -> dict[str, Any]:
    """A draft without its cells."""
    failure = None
    if draft.failure is not None:
        words = FAILURES.get(draft.failure, FAILURES["division.failed"])
        failure = {"code": draft.failure, "words": str(words)}
    return {
        "id": draft.id,
        "village": {"code": draft.village_code, "name": draft.village.name},
        "status": draft.status,
        "version": draft.version,
        "progress": draft.progress,
        "failure": failure,
        "smallest": draft.smallest,
        "largest": draft.largest,
        "derived": draft.territory is not None,
        "adjustments": draft.step or 0,
        "adopted_on": draft.adopted_on,
        "created_by": draft.creator.name if draft.creator else None,
        "created_at": draft.created_at,
        "figures": figures,
    }


def summaries(found: list[Draft]) -> list[dict[str, Any]]:
    """Several drafts without their cells."""
    rows = select(State.division_id, State.step, State.figures).where(
        State.division_id.in_([draft.id for draft in found])
    )
    figures = {(row.division_id, row.step): row.figures for row in db.session.execute(rows)}
    return [summary(draft, figures.get((draft.id, draft.step))) for draft in found]


def shown(draft: Draft) -> dict[str, Any]:
    """A draft with its cells, the lines that were given, and where households live."""
    state = None
    if draft.step is not None and draft.status is not DraftStatus.COMPUTING:
        state = db.session.get(State, (draft.id, draft.step), populate_existing=True)
    area = draft.territory
    if area is None:
        area = db.session.scalar(
            select(Jurisdiction.boundary).where(Jurisdiction.code == draft.village_code)
        )
    return summary(draft, state.figures if state else None) | {
        "boundary": geojson(area),
        "lines": draft.lines,
        "cells": _collection(_features(state) if state else []),
        "clusters": _collection([point(cluster) for cluster in draft.clusters or []]),
    }


def _features(state: State) -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "id": serial,
            "geometry": geojson(from_shape(shape(cell["polygon"]), srid=SRID)),
            "properties": {
                "serial": serial,
                "code": cell.get("code"),
                "households": round(cell["households"]),
                "hectares": cell["hectares"],
                "compactness": cell["compactness"],
                "groups": [
                    {"name": name, "households": count, "cut": name in state.figures["groups_cut"]}
                    for name, count in sorted(cell["groups"].items(), key=_counting)
                ],
            },
        }
        for serial, cell in enumerate(state.cells, 1)
    ]


def point(cluster: dict[str, Any]) -> dict[str, Any]:
    """A cluster of households as a GeoJSON feature."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [cluster["lon"], cluster["lat"]]},
        "properties": {"group": cluster["group"], "households": cluster["households"]},
    }


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def _counting(group: tuple[str, float]) -> tuple[int, str]:
    """As people count: 第9组 before 第10组."""
    return len(group[0]), group[0]
