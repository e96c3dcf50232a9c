"""Draws what is wrong in a file: each village with its cells, and the faults in red, as SVG.

The pictures need nothing from elsewhere, hold no scripts, and all words in them are escaped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry

from grids.geometry import in_metres
from grids.models import Jurisdiction, short_name
from grids.report import Picture, Report, RowFault

WIDTH, HEIGHT, MARGIN = 720, 480, 28
MOST_PICTURES = 20
MOST_FAULTS = 60  # drawn in one picture
SMALL = 14  # pixels: what is smaller gets a ring around it
STYLE = {
    "village": 'fill="#f6f4ee" stroke="#57534e" stroke-width="2" stroke-dasharray="7 4"',
    "stored": 'fill="#e7e5e0" stroke="#a8a29e" stroke-width="1"',
    "cell": 'fill="#dbe7f3" fill-opacity=".7" stroke="#44617d" stroke-width="1"',
    "wrong": 'fill="#d92d20" fill-opacity=".35" stroke="#d92d20" stroke-width="1.6"',
    "ring": 'fill="none" stroke="#d92d20" stroke-width="2.4"',
}  # fmt: skip
Drawn = Mapping[str, Mapping[int, shapely.Polygon]]  # by village, then by feature number
Stored = Mapping[str, Mapping[str, shapely.Polygon]]  # by village, then by code


def of_report(
    report: Report, villages: Mapping[str, Jurisdiction], drawn: Drawn, stored: Stored
) -> list[Picture]:
    """A picture of each village with faults that have a place, the first twenty.

    Shown are its boundary, the cells of the file by number, and the stored ones by serial.
    """
    wrong: dict[str, list[RowFault]] = defaultdict(list)
    for fault in report.faults:
        where = fault.shape or drawn.get(fault.village, {}).get(fault.row)
        if where is not None and not where.is_empty and fault.village in villages:
            wrong[fault.village].append(fault)
    pictures = []
    for code in sorted(wrong)[:MOST_PICTURES]:
        village = villages[code]
        rim = to_shape(village.boundary) if village.boundary is not None else None
        svg = _draw(
            rim, drawn.get(code, {}), stored.get(code, {}), wrong[code][:MOST_FAULTS],
            short_name(village.name),
        )  # fmt: skip
        pictures.append(Picture(code, village.name, svg))
    return pictures


def _draw(
    rim: BaseGeometry | None, cells: Mapping[int, shapely.Polygon],
    stored: Mapping[str, shapely.Polygon], faults: Sequence[RowFault], title: str,
) -> str:  # fmt: skip
    shapes = {fault.row: _wrong(fault, cells) for fault in faults}
    rims = [rim] if rim is not None else []
    canvas = _Canvas([*rims, *stored.values(), *cells.values(), *shapes.values()])
    parts = [canvas.area(shape, "village") for shape in rims]
    for code, cell in stored.items():
        parts += [canvas.area(cell, "stored"), canvas.label(cell, code[-3:], "#78716c")]
    parts += [canvas.area(cell, "cell") for cell in cells.values()]
    parts += [canvas.area(shape, "wrong") for shape in shapes.values()]
    parts += [
        canvas.label(cell, str(number), "#1f2a37") for number, cell in cells.items()
        if number not in shapes
    ]  # fmt: skip
    for fault in faults:
        place = _place(fault)
        small = place is not None or canvas.pixels(shapes[fault.row]) < SMALL
        if small:
            parts.append(canvas.ring(place if place is not None else shapes[fault.row]))
    parts += [
        canvas.label(cells.get(number, shape), str(number), "#8f1d14", bold=True)
        for number, shape in shapes.items()
    ]
    words = "; ".join(dict.fromkeys(f"{fault.row}: {fault.reason}" for fault in faults[:10]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="15"><title>{escape(title)}</title>'
        f"<desc>{escape(words)}</desc>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _wrong(fault: RowFault, cells: Mapping[int, shapely.Polygon]) -> BaseGeometry:
    """What to paint red: where it is wrong, or all of the feature."""
    return fault.shape if fault.shape is not None else cells[fault.row]


def _place(fault: RowFault) -> shapely.Point | None:
    """The one place that a fault of the outline names."""
    values = getattr(fault.words, "values", {})
    try:
        return shapely.Point(float(values["lon"]), float(values["lat"]))
    except (KeyError, ValueError, TypeError):
        return None


class _Canvas:
    """Puts areas in WGS 84 onto the drawing, north up, true in shape."""

    def __init__(self, shown: Iterable[BaseGeometry]) -> None:
        bounds = np.array([shape.bounds for shape in shown if not shape.is_empty])
        west, south = bounds[:, :2].min(axis=0)
        east, north = bounds[:, 2:].max(axis=0)
        self.latitude = (south + north) / 2
        corners = in_metres(shapely.LineString([(west, south), (east, north)]), self.latitude)
        (left, bottom), (right, top) = shapely.get_coordinates(corners)
        wide, high = max(right - left, 1.0), max(top - bottom, 1.0)
        self.scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
        self.left = left - (WIDTH / self.scale - wide) / 2
        self.top = top + (HEIGHT / self.scale - high) / 2

    def _flat(self, shape: BaseGeometry) -> BaseGeometry:
        flat = in_metres(shape, self.latitude)
        moved: BaseGeometry = shapely.transform(
            flat, lambda p: (p - [self.left, self.top]) * [self.scale, -self.scale]
        )
        return moved

    def area(self, shape: BaseGeometry, style: str) -> str:
        """An area, valid or not, as one path; finer than half a pixel is left out."""
        rings = []
        for part in shapely.get_parts(self._flat(shape)):
            if part.geom_type == "GeometryCollection":
                continue
            lines = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part]
            for line in lines:
                pairs = shapely.get_coordinates(line.simplify(0.5, preserve_topology=False))
                if len(pairs) > 1:
                    rings.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pairs))
        return f'<path d="{"".join(rings)}" fill-rule="evenodd" {STYLE[style]}/>' if rings else ""

    def pixels(self, shape: BaseGeometry) -> float:
        """The longer side of what is drawn."""
        west, north, east, south = self._flat(shape).bounds
        return max(east - west, south - north)

    def ring(self, shape: BaseGeometry) -> str:
        """A ring of constant size around something small."""
        x, y = shapely.get_coordinates(self._flat(shape).centroid)[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{SMALL}" {STYLE["ring"]}/>'

    def label(self, shape: BaseGeometry, words: str, colour: str, *, bold: bool = False) -> str:
        """The number of a feature, with a white rim, in its middle."""
        flat = self._flat(shape)
        middle = flat.representative_point() if flat.is_valid and flat.area else flat.centroid
        x, y = shapely.get_coordinates(middle)[0]
        weight = ' font-weight="700"' if bold else ""
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" dominant-baseline="central" '
            f'fill="{colour}" stroke="#fff" stroke-width="3" paint-order="stroke"{weight}>'
            f"{escape(words)}</text>"
        )
