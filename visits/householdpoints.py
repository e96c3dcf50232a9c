"""Points of a table of households: brought to WGS 84, and compared with the village they claim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import to_shape

from grids.coordinates import BadPosition, System, to_wgs84
from grids.models import Jurisdiction
from gridserve.tables.raw import Unsaid
from gridserve.tables.reading import Row, Table
from gridserve.tables.values import CLEAR
from visits.householdfile import SYSTEM_WORDS

# A point may lie so far outside the village's boundary: phones and drawn lines stray. The wrong
# coordinate system is 300 m off and more.
STRAY_M = 200.0
METRES = 111_320  # of a degree of latitude; of longitude fewer, so distances are never too short
ENOUGH, MOST_OUTSIDE, CLEARLY = 3, 0.5, 0.9
TRIED = (System.wgs84, System.gcj02, System.bd09)


def place(table: Table, system: System | None) -> None:
    """Give each row with longitude and latitude its `point`: (lon, lat, system), in WGS 84.

    `system` holds where no column says one. A row whose coordinates cannot be a place is at fault.
    """
    by_system: dict[System, list[Row]] = defaultdict(list)
    for row in table.rows:
        lon, lat = row.values.get("lon"), row.values.get("lat")
        if lon is None and lat is None:
            continue
        if lon is None or lat is None or (lon is CLEAR) != (lat is CLEAR):
            row.blame(
                table.titles["lat" if lat is None else "lon"],
                _("Longitude and latitude go together."),
                _("Fill in both, or leave both empty."),
            )
        elif lon is CLEAR:
            row.values["point"] = CLEAR
        else:
            said = row.values.get("system") or system
            if said is not None:
                by_system[said].append(row)
    for said, rows in by_system.items():
        _convert(table, rows, said)


def _convert(table: Table, rows: Sequence[Row], system: System) -> None:
    try:
        lons, lats = to_wgs84(*_pairs(rows), system)
    except BadPosition as bad:
        if len(rows) == 1:
            rows[0].blame(table.titles["lon"], _(bad.msgid, **bad.values),
                          _("Mend longitude and latitude."))  # fmt: skip
            return
        half = len(rows) // 2  # found by halves: a wrong place is rare
        _convert(table, rows[:half], system)
        _convert(table, rows[half:], system)
        return
    for row, lon, lat in zip(rows, lons.tolist(), lats.tolist(), strict=True):
        row.values["point"] = (lon, lat, str(system))


def _pairs(rows: Sequence[Row]) -> tuple[Any, Any]:
    return (
        np.array([row.values["lon"] for row in rows], float),
        np.array([row.values["lat"] for row in rows], float),
    )


def check_points(
    table: Table, villages: Mapping[str, Jurisdiction], system: System | None
) -> list[str]:
    """Blame points far outside their village; gives notes on those that stray a little.

    Raises `Unsaid` where nobody said the coordinate system, or where another one clearly fits.
    """
    spotted = [row for row in table.rows if "lon" in row.values and row.values["lon"] is not CLEAR
               and "lat" in row.values]  # fmt: skip
    unsaid = [row for row in spotted if system is None and "system" not in row.values]
    shapes = {
        code: to_shape(village.boundary)
        for code, village in villages.items() if village.boundary is not None
    }  # fmt: skip
    if unsaid:
        likely = _best(unsaid, shapes)
        raise Unsaid(
            _("The file gives longitude and latitude (%(n)s rows) and not in which coordinate "
              "system. Say it; phones and GPS give WGS 84, Amap and WeChat GCJ-02, Baidu BD-09.",
              n=len(unsaid))
            + (" " + _("The points would fit their villages in %(system)s.",
                       system=SYSTEM_WORDS[likely]) if likely else ""),
            "system", likely,
        )  # fmt: skip
    placed = [row for row in spotted if "point" in row.values]
    distances = _distances(
        placed, shapes,
        np.array([row.values["point"][:2] for row in placed], float).reshape(-1, 2),
    )  # fmt: skip
    far, known = distances > STRAY_M, ~np.isnan(distances)
    if known.sum() >= ENOUGH and far.sum() > MOST_OUTSIDE * known.sum():
        likely = _best(placed, shapes)
        if likely is not None:
            raise Unsaid(
                _("%(far)s of %(n)s points lie outside their village. In %(system)s nearly all "
                  "would lie inside: say that coordinate system, and mend the column where the "
                  "file has one.", far=int(far.sum()), n=int(known.sum()),
                  system=SYSTEM_WORDS[likely]),
                "system", likely,
            )  # fmt: skip
    for row, metres in zip(placed, distances, strict=True):
        if metres > STRAY_M:
            row.blame(
                table.titles["lon"],
                _("The point lies %(metres)s m outside the village.", metres=f"{metres:,.0f}"),
                _("Mend the point or the village; or leave longitude and latitude empty."),
            )
    strays = [row.number for row, m in zip(placed, distances, strict=True) if 0 < m <= STRAY_M]
    if not strays:
        return []
    return [
        _("%(n)s points lie a little outside their village's boundary (up to %(metres)s m) and "
          "count in its nearest cell; the first is in row %(row)s.",
          n=len(strays), metres=f"{STRAY_M:.0f}", row=strays[0])
    ]  # fmt: skip


def _distances(rows: Sequence[Row], shapes: Mapping[str, Any], points: Any) -> Any:
    """Metres outside the own village's boundary, 0 inside, NaN where it has none."""
    found = np.full(len(rows), np.nan)
    by_village: dict[str, list[int]] = defaultdict(list)
    for n, row in enumerate(rows):
        code = row.values.get("village_code", "")
        if code in shapes:
            by_village[code].append(n)
    for code, places in by_village.items():
        shape = shapes[code]
        shapely.prepare(shape)
        here = shapely.points(points[places])
        outside = ~shapely.intersects(shape, here)
        metres = np.zeros(len(places))
        metres[outside] = shapely.distance(shape, here[outside]) * METRES
        found[places] = metres
    return found


def _best(rows: Sequence[Row], shapes: Mapping[str, Any]) -> System | None:
    """The one coordinate system in which nearly all points would lie in their villages."""
    shares: dict[System, float] = {}
    lons, lats = _pairs(rows)
    for system in TRIED:
        try:
            points = np.column_stack(to_wgs84(lons, lats, system))
        except BadPosition:
            return None
        distances = _distances(rows, shapes, points)
        known = ~np.isnan(distances)
        if known.sum() < ENOUGH:
            return None
        shares[system] = float((distances[known] == 0).mean())
    best = max(shares, key=lambda system: shares[system])
    return best if shares[best] >= CLEARLY else None
