"""What the maps draw: rows of the queries, and their GeoJSON (RFC 7946, EPSG:4326); pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import shapely
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from maps.bands import (
    NO_DATA,
    ShareClass,
    age_band,
    change,
    change_class,
    percent,
    points,
    share_class,
)
from visits.issues.clock import Light

Geometry: TypeAlias = BaseGeometry | Mapping[str, Any]  # shapely's or GeoJSON's
Feature: TypeAlias = dict[str, Any]
Translate: TypeAlias = Callable[[str], str]

DECIMALS = 5  # of a degree, about a metre: finer than a screen shows, and pages a third smaller


@dataclass(frozen=True)
class CoverageArea:
    """A jurisdiction or cell of the choropleth; `geometry` in EPSG:4326, None if unknown."""

    code: str
    name: str
    geometry: Geometry | None
    met: int
    households: int
    href: str | None = None  # where a click drills down to: a path of ours
    label: str | None = None  # short name on the map; the name where there is none
    before: tuple[int, int] | None = None  # met and households of an earlier period to compare with

    @property
    def cls(self) -> ShareClass:
        """How it is coloured: by its share, or by how that has changed."""
        if self.before is None:
            return share_class(self.met, self.households)
        return change_class(self.change)

    @property
    def change(self) -> float | None:
        """By how many points the share has changed."""
        return change((self.met, self.households), self.before) if self.before else None


@dataclass(frozen=True)
class AgingPoint:
    """An open issue at `lon`, `lat` (EPSG:4326); `weight` is its age ÷ limit on its calendar."""

    id: str
    number: str
    lon: float
    lat: float
    weight: float
    category: str
    age: str  # as people say it, e.g. "3 working days"
    limit: str
    href: str  # the page of the case: a path of ours
    title: str = ""


@dataclass(frozen=True)
class Spot:
    """A place (EPSG:4326) with the sum of age ÷ limit of its issues in each week.

    Each issue counts for at most `bands.HEAT_CAP` and stands in the middle of the cell in which it
    was then, sensitive or not: so nothing is told but what figures of cells tell.
    """

    lon: float
    lat: float
    heat: tuple[float, ...]


@dataclass(frozen=True)
class Outline:
    """A heavier boundary for orientation, with its name on the map; EPSG:4326."""

    geometry: Geometry
    name: str = ""


def as_shape(geometry: Geometry | None) -> BaseGeometry | None:
    """`geometry` as a shape rounded to DECIMALS; None where there is nothing to draw."""
    if geometry is None:
        return None
    shape = (
        geometry if isinstance(geometry, BaseGeometry) else shapely.geometry.shape(dict(geometry))
    )
    if shape.is_empty:
        return None
    rounded: BaseGeometry = shapely.transform(shape, lambda xy: np.round(xy, DECIMALS))
    return rounded


def bounds(features: Sequence[Feature]) -> tuple[float, float, float, float] | None:
    """West, south, east, north of `features` in degrees; None without features."""
    if not features:
        return None
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return west, south, east, north


def area_feature(area: CoverageArea, _: Translate) -> Feature | None:
    """A coverage area with its figures in words; None without a boundary.

    Raises ValueError for figures that are no share or an address that is not a path of ours.
    """
    cls = area.cls
    share_class(area.met, area.households)  # a share, whatever is drawn
    href = own_path(area.href)
    shape = as_shape(area.geometry)
    if shape is None:
        return None
    share = percent(area.met, area.households) if area.households else _("No data")
    values = [share, f"{area.met:,} / {area.households:,}"]
    told = share if area.before is None else points(area.change)
    if area.before is not None:
        values += [percent(*area.before), told]
    properties = {
        "title": area.name,
        "values": values,
        "href": href,
        "label": [area.label or area.name, "" if cls is NO_DATA else told],
        "at": _middle(shape),
        "class": cls.key,
    }
    return _feature(area.code, shape, properties)


def issue_feature(issue: AgingPoint, lights: Mapping[Light, str], _: Translate) -> Feature:
    """The marker of an open issue, its light in words; ValueError as for `area_feature`."""
    band = age_band(issue.weight)
    light = f"{lights[band.key]} ({_(band.range)})"
    properties = {
        "title": f"{issue.number} {issue.title}".strip(),
        "values": [issue.category, issue.age, issue.limit, light],
        "href": own_path(issue.href),
    }
    place = shapely.Point(round(issue.lon, DECIMALS), round(issue.lat, DECIMALS))
    return _feature(issue.id, place, properties)


def outline_features(outlines: Sequence[Outline]) -> list[Feature]:
    """The outlines that have a shape, each with the place for its name."""
    shapes = [(as_shape(outline.geometry), outline.name) for outline in outlines]
    return [
        _feature(str(n), shape, {"label": [name, ""], "at": _middle(shape), "outline": True})
        for n, (shape, name) in enumerate(shapes)
        if shape is not None
    ]


def own_path(href: str | None) -> str | None:
    """`href` if it is a path of this installation; ValueError for anything else."""
    if href is not None and (not href.startswith("/") or href[1:2] in ("/", "\\")):
        raise ValueError(f"A link on the map must be a path such as /issues/…, not {href!r}")
    return href


@lru_cache(maxsize=4096)
def _middle(shape: BaseGeometry) -> list[float]:
    """Where a name fits best, [lat, lon]: the point of the area farthest from its edge.

    Kept, since finding it takes some milliseconds and boundaries stay.
    """
    lon, lat = shapely.maximum_inscribed_circle(shape).coords[0]
    return [round(lat, DECIMALS), round(lon, DECIMALS)]


def _feature(id_: str, shape: BaseGeometry, properties: dict[str, Any]) -> Feature:
    return {
        "type": "Feature",
        "id": id_,
        "geometry": shapely.geometry.mapping(shape),
        "properties": properties,
    }
