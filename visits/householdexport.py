"""Writes households to a table that can be imported again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from geoalchemy2.functions import ST_X, ST_Y
from sqlalchemy import select
from sqlalchemy.orm import aliased

from grids.coordinates import System
from grids.models import Jurisdiction, short_name
from gridserve import events
from gridserve.db import streamed
from visits.householdfile import COLUMNS, STATUS_WORDS, SYSTEM_WORDS, TAG_WORDS
from visits.masking import masked_name, masked_phone
from visits.models import Household, Tag


def households(jurisdiction: str | None, *, reveal: bool) -> Iterator[list[Any]]:
    """The rows of an export in the order of `COLUMNS`, by village and number, read as a stream.

    Names and phones are masked unless `reveal`. Points are WGS 84 with seven decimals, 1 cm.
    """
    village, township = aliased(Jurisdiction), aliased(Jurisdiction)
    rows = (
        select(Household, village.name, township.name, ST_X(Household.point), ST_Y(Household.point))
        .join(village, village.code == Household.village_code)
        .join(township, township.code == village.parent_code)
        .order_by(Household.village_code, Household.number)
    )
    if jurisdiction:
        rows = rows.where(Household.village_code.startswith(jurisdiction))
    for home, village_name, township_name, lon, lat in streamed(rows):
        line = {
            "number": home.number,
            "village_code": home.village_code,
            "village": short_name(village_name),
            "township": township_name,
            "group_name": home.group_name,
            "address": home.address,
            "head_name": home.head_name if reveal else masked_name(home.head_name),
            "phone": home.phone if reveal else masked_phone(home.phone),
            "size": home.size,
            "tags": "、".join(TAG_WORDS[Tag(tag)] for tag in home.tags),
            "status": STATUS_WORDS[home.status],
            "do_not_disturb": "是" if home.do_not_disturb else "否",
            "note": home.note,
            "lon": None if lon is None else round(lon, 7),
            "lat": None if lat is None else round(lat, 7),
            "system": None if lon is None else SYSTEM_WORDS[System.wgs84],
        }
        yield [line[column.key] for column in COLUMNS]


def record(jurisdiction: str | None, *, count: int, reason: str | None) -> None:
    """Write down that households were taken out, and why where names were not masked."""
    data = {"households": count, "revealed": reason is not None}
    events.record(
        "households.exported", None, by=None, jurisdiction=jurisdiction,
        data=data | ({"reason": reason} if reason is not None else {}),
    )  # fmt: skip
