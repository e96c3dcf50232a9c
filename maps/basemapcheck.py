"""Whether the base map's host gives what can be shown, for `gridserve doctor`."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import func, select

from grids.models import Cell, Jurisdiction
from gridserve.config import Config
from gridserve.db import db
from gridserve.doctor import Check
from maps import basemap

NAME = "base map"
ZOOM = 14  # at which a village fills a page
CHINA = (104.0, 35.5, 4)  # where there is no ground yet: its middle, and a zoom that shows it

REACH = (
    "Can this machine reach that host (HTTPS_PROXY where it needs a proxy), and is the address in "
    "GRIDSERVE_BASEMAP right?"
)
ANSWER = (
    "Are the address in GRIDSERVE_BASEMAP and GRIDSERVE_BASEMAP_KEY right? A key may be for "
    "browsers only, bound to other addresses, or used up for today."
)
NO_TILE = (
    "Does that map hold the county, are {z}, {x} and {y} in their places in GRIDSERVE_BASEMAP, and "
    "is GRIDSERVE_BASEMAP_DEEPEST no deeper than it goes?"
)


def check() -> Check:
    """Fetch a tile of the county's middle from each layer, as the pages' tiles are fetched.

    Nothing is said of an address but its host: the key stands in it.
    """
    config: Config = current_app.extensions["gridserve"]
    if not config.basemap:
        return Check(NAME, "idle", "none is set; maps lie on clean ground")
    lon, lat, zoom = _middle() or CHINA
    z = min(zoom, config.basemap_deepest)
    x, y = _tile(lon, lat, z)
    hosts = []
    for layer, address in enumerate(config.basemap):
        host = urlsplit(address).hostname or "?"
        try:
            tile = basemap.asked(config, layer, z, x, y)
        except basemap.Unavailable as error:
            mend = ANSWER if isinstance(error, basemap.NoPicture) else REACH
            return Check(NAME, "wrong", f"{host}: {error}", mend)
        if tile is None:
            return Check(NAME, "wrong", f"{host}: has no tile {z}/{x}/{y}", NO_TILE)
        hosts.append(host)
    return Check(NAME, "ok", f"{', '.join(dict.fromkeys(hosts))}: tile {z}/{x}/{y} is there")


def _middle() -> tuple[float, float, int] | None:
    """The middle of the ground, as its cells say, or the boundaries of its jurisdictions."""
    for shape in (Cell.polygon, Jurisdiction.boundary):
        middle = func.ST_Centroid(func.ST_Extent(shape))
        lon, lat = db.session.execute(select(func.ST_X(middle), func.ST_Y(middle))).one()
        if lon is not None:
            return lon, lat, ZOOM
    return None


def _tile(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Which tile of Web Mercator a place lies in."""
    north = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * 2**z), int((1 - north / math.pi) / 2 * 2**z)
