"""A tile in the system of our data, put together from tiles in GCJ-02; besides the pictures of
visits (visits/photos/pictures.py) only this file knows Pillow.

The offset of GCJ-02 changes slowly, so a tile is drawn as a mesh of small pieces whose corners are
each looked up where they lie in GCJ-02. Neighbours share corners: no seams.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from grids.coordinates import CHINA, System, from_wgs84

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 1024  # pixels of a tile's side
SIDE = 256
PIECES = 16  # along each side: what lies between its corners is then under 2 m off, at zoom 9
# Farther out the offset, at most 700 m, is less than a pixel or two.
SHIFTED_FROM = 9
QUALITY = 90


class NotATile(ValueError):
    """Bytes that are no picture of a tile's size."""


def needs_shift(z: int, x: int, y: int) -> bool:
    """Whether GCJ-02 differs visibly from our data in a tile."""
    if z < SHIFTED_FROM:
        return False
    lons, lats = _degrees(np.array([x, x + 1.0]), np.array([y, y + 1.0]), z)
    west, south, east, north = CHINA
    return bool(lons[1] > west and lons[0] < east and lats[0] > south and lats[1] < north)


def shifted(z: int, x: int, y: int, fetch: Callable[[int, int, int], bytes | None]) -> bytes | None:
    """The tile as WebP, made of what `fetch` gives for tiles in GCJ-02; None where it gives none.

    Raises NotATile.
    """
    steps = np.linspace(0.0, 1.0, PIECES + 1)
    columns, rows = np.meshgrid(x + steps, y + steps)
    lons, lats = _degrees(columns, rows, z)
    there = from_wgs84(lons.ravel(), lats.ravel(), System.gcj02)
    columns, rows = _tiles(*there, z)
    first, top = math.floor(columns.min()), math.floor(rows.min())
    last, bottom = math.floor(columns.max()), math.floor(rows.max())
    size = ((last - first + 1) * SIDE, (bottom - top + 1) * SIDE)
    mosaic = Image.new("RGBA", size)
    found = False
    for column in range(first, last + 1):
        for row in range(top, bottom + 1):
            tile = fetch(z, column, row)
            if tile:
                mosaic.paste(_opened(tile), ((column - first) * SIDE, (row - top) * SIDE))
                found = True
    if not found:
        return None
    across = ((columns - first) * SIDE).reshape(PIECES + 1, PIECES + 1)
    down = ((rows - top) * SIDE).reshape(PIECES + 1, PIECES + 1)
    mesh = [_piece(i, j, across, down) for i in range(PIECES) for j in range(PIECES)]
    drawn = mosaic.transform((SIDE, SIDE), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)
    out = BytesIO()
    drawn.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()


def _piece(
    i: int, j: int, across: NDArray[np.float64], down: NDArray[np.float64]
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """A piece of the tile, and the four corners in the mosaic from which it is drawn."""
    part = SIDE // PIECES
    corners = ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1))  # north-west, then against the clock
    quad = tuple(float(value[at]) for at in corners for value in (across, down))
    return (j * part, i * part, (j + 1) * part, (i + 1) * part), quad


def _opened(tile: bytes) -> Image.Image:
    try:
        with Image.open(BytesIO(tile), formats=FORMATS) as sent:
            if max(sent.size) > LARGEST:
                raise NotATile("too many pixels")
            picture = sent.convert("RGBA")
    except (OSError, ValueError, SyntaxError) as error:
        raise NotATile("not a picture") from error
    return picture if picture.size == (SIDE, SIDE) else picture.resize((SIDE, SIDE))


def _degrees(
    columns: NDArray[np.float64], rows: NDArray[np.float64], z: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of places counted in tiles from the north-west, in Web Mercator."""
    turns = np.pi * (1 - 2 * rows / 2**z)
    return columns / 2**z * 360 - 180, np.degrees(np.arctan(np.sinh(turns)))


def _tiles(
    lons: NDArray[np.float64], lats: NDArray[np.float64], z: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The way back."""
    turns = np.arcsinh(np.tan(np.radians(lats)))
    return (lons + 180) / 360 * 2**z, (1 - turns / np.pi) / 2 * 2**z
