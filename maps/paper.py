"""A map as one SVG, for paper: areas, heavier outlines, names, a scale. Pure.

Degrees become millimetres by an equirectangular projection at the middle latitude of the map: at
the size of a county its error is less than the width of a line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

import shapely
from shapely.geometry.base import BaseGeometry

METRES = 111_320.0  # of a degree of latitude
NAMED = 80  # areas that carry names; with more of them the names would cover the map
LETTER, LINE = 2.9, 3.1  # millimetres: size of the words, and from line to line
FONTS = "Noto Sans CJK SC, Source Han Sans SC, sans-serif"
HATCH = (
    '<pattern id="hatch" width="2" height="2" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="2" height="2" fill="#ffffff"/>'
    '<rect width="0.5" height="2" fill="#77808a"/></pattern>'
)


@dataclass(frozen=True)
class Patch:
    """An area: its shape (EPSG:4326), its colour (None is hatched), and lines of words on it."""

    shape: BaseGeometry
    colour: str | None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """A bar of `length` millimetres that stands for `metres` in nature."""

    length: float
    metres: int

    @property
    def words(self) -> str:
        return f"{self.metres // 1000} km" if self.metres >= 1000 else f"{self.metres} m"


@dataclass(frozen=True)
class Drawing:
    svg: str
    scale: Scale


def draw(
    patches: Sequence[Patch], outlines: Iterable[BaseGeometry], width: float, height: float
) -> Drawing | None:
    """The map within a box of so many millimetres; None where there is nothing to draw."""
    if not patches:
        return None
    west, south, east, north = shapely.total_bounds([p.shape for p in patches]).tolist()
    narrowing = math.cos(math.radians((south + north) / 2))
    across = max((east - west) * narrowing, 1e-6)
    per_degree = min(width / across, height / max(north - south, 1e-6)) * 0.98
    left = (width - across * per_degree) / 2
    above = (height - (north - south) * per_degree) / 2

    def place(lon: float, lat: float) -> str:
        x = left + (lon - west) * narrowing * per_degree
        y = above + (north - lat) * per_degree
        return f"{x:.2f} {y:.2f}"

    def path(shape: BaseGeometry) -> str:
        rings = (
            ring
            for part in getattr(shape, "geoms", [shape])
            if part.geom_type == "Polygon"
            for ring in (part.exterior, *part.interiors)
        )
        return "".join("M" + "L".join(place(*xy[:2]) for xy in r.coords) + "Z" for r in rings)

    thin = 0.25 if len(patches) <= NAMED else 0.1
    areas = [
        f'<path d="{path(p.shape)}" fill="{p.colour or "url(#hatch)"}" fill-rule="evenodd" '
        f'stroke="#ffffff" stroke-width="{thin}"/>'
        for p in patches
    ]
    edges = [
        f'<path d="{path(shape)}" fill="none" stroke="#16202a" stroke-width="0.5" '
        'stroke-linejoin="round"/>'
        for shape in outlines
    ]
    names = "".join(_names(patches, place)) if len(patches) <= NAMED else ""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}" font-family="{FONTS}"><defs>{HATCH}</defs>'
        f"{''.join(areas)}{''.join(edges)}{names}</svg>"
    )
    return Drawing(svg, _scale(per_degree / METRES, width / 4))


def _names(patches: Sequence[Patch], place: Callable[[float, float], str]) -> Iterable[str]:
    """Words in the middle of areas, the largest first, where they cover no others; a halo makes
    them readable on any colour."""
    taken: list[BaseGeometry] = []
    for patch in sorted(patches, key=lambda p: -p.shape.area):
        lon, lat = shapely.maximum_inscribed_circle(patch.shape).coords[0]
        x, y = (float(part) for part in place(lon, lat).split())
        wide = max((_width(line) for line in patch.words), default=0) / 2
        room = shapely.box(x - wide, y - LINE, x + wide, y + LINE * (len(patch.words) - 0.6))
        if not patch.words or any(room.intersects(other) for other in taken):
            continue
        taken.append(room)
        for n, line in enumerate(patch.words):
            at = f'x="{x:.2f}" y="{y + LINE * n:.2f}" text-anchor="middle" font-size="{LETTER}"'
            said = escape(line)
            yield f'<text {at} fill="#ffffff" stroke="#ffffff" stroke-width="0.9">{said}</text>'
            yield f'<text {at} fill="#16202a" font-weight="600">{said}</text>'


def _width(line: str) -> float:
    """About how many millimetres a line is wide: a Chinese character is a square."""
    return sum(LETTER if letter > "\u2e80" else LETTER * 0.6 for letter in line)


def _scale(mm_per_metre: float, longest: float) -> Scale:
    """The longest round distance that fits into `longest` millimetres."""
    metres = longest / mm_per_metre
    power = 10 ** math.floor(math.log10(metres))
    round_ = next(n * power for n in (5, 2, 1) if n * power <= metres)
    return Scale(round(round_ * mm_per_metre, 2), int(round_))
