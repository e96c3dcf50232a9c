"""Visits that are plainly right, read fast, and written fast when they are answered.

Nearly all that phones send is right. What is plainly so is read here, twenty times as fast as by
the schema; whatever is unusual or wrong is left to the schema, which alone words the errors. Where
this reads or writes a visit it gives exactly what the schema gives (tests by properties compare).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, convert

from grids.coordinates import System
from gridserve.http import UNSTORABLE, trimmed
from visits.models import Outcome, Purpose
from visits.photos.schemas import MOST

Time = Annotated[
    str, Meta(pattern=r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z")
]


Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Point(Struct, forbid_unknown_fields=True):
    lon: Annotated[float, Meta(ge=-180, le=180)]
    lat: Annotated[float, Meta(ge=-90, le=90)]
    crs: System = System.wgs84


class Told(Struct, forbid_unknown_fields=True):
    notice: UUID
    question: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class Answer(Struct, forbid_unknown_fields=True):
    question: UUID
    value: Annotated[str, Meta(max_length=200)]


class Visit(Struct, forbid_unknown_fields=True):
    """The part of VisitIn that phones send with nearly every visit."""

    id: UUID
    household_id: UUID
    outcome: Outcome
    started_at: Time
    purpose: Purpose = Purpose.REGULAR
    ended_at: Time | UnsetType | None = UNSET
    typed_at: Time | UnsetType | None = UNSET
    notes: Annotated[str, Meta(max_length=4000)] = ""
    point: Point | UnsetType = UNSET
    accuracy_m: Annotated[float, Meta(ge=0, le=100_000)] | UnsetType | None = UNSET
    photos: Annotated[list[Sha256], Meta(max_length=MOST)] | UnsetType = UNSET
    told: Annotated[list[Told], Meta(max_length=20)] | UnsetType = UNSET
    answers: Annotated[list[Answer], Meta(max_length=30)] | UnsetType = UNSET


def visit(data: Any) -> dict[str, Any] | None:
    """What VisitIn loads from `data`, or None where it has to look at it itself."""
    try:
        read = convert(data, Visit)
        said: dict[str, Any] = {
            "id": read.id,
            "household_id": read.household_id,
            "purpose": read.purpose,
            "outcome": read.outcome,
            "started_at": datetime.fromisoformat(read.started_at),
            "notes": trimmed(read.notes) if read.notes else "",
        }
        for name in ("ended_at", "typed_at"):
            text = getattr(read, name)
            if text is not UNSET:
                said[name] = datetime.fromisoformat(text) if text else None
    except (msgspec.ValidationError, ValueError):
        return None
    if read.accuracy_m is not UNSET:
        said["accuracy_m"] = read.accuracy_m
    if read.photos is not UNSET:
        said["photos"] = read.photos
    if read.point is not UNSET:
        said["point"] = {"lon": read.point.lon, "lat": read.point.lat, "crs": read.point.crs}
    texts = [read.notes]
    if read.told is not UNSET:
        said["told"] = [
            {"notice": one.notice}
            | ({} if one.question is UNSET else {"question": trimmed(one.question)})
            for one in read.told
        ]
        texts += [one.question for one in read.told if one.question is not UNSET]
    if read.answers is not UNSET:
        said["answers"] = [
            {"question": one.question, "value": trimmed(one.value)} for one in read.answers
        ]
        texts += [one.value for one in read.answers]
        if not all(one["value"] for one in said["answers"]):
            return None
    return None if any(map(UNSTORABLE.search, texts)) else said


def shown(visit: Any, point: dict[str, Any] | None) -> dict[str, Any]:
    """What VisitOut makes of a visit at `point` that has no pictures."""
    return {
        "id": str(visit.id),
        "household_id": str(visit.household_id),
        "visitor_id": str(visit.visitor_id),
        "for_id": visit.for_id and str(visit.for_id),
        "team_id": visit.team_id and str(visit.team_id),
        "in_scope": visit.in_scope,
        "purpose": visit.purpose.value,
        "outcome": visit.outcome.value,
        "started_at": visit.started_at.isoformat(),
        "ended_at": visit.ended_at and visit.ended_at.isoformat(),
        "typed_at": visit.typed_at and visit.typed_at.isoformat(),
        "received_at": visit.received_at.isoformat(),
        "notes": visit.notes,
        "point": point and point | {"given_in": point["given_in"].value},
        "accuracy_m": visit.accuracy_m,
        "photos": [],
    }
