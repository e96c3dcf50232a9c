"""Reads areas from GeoJSON files (RFC 7946), with what is wrong named feature by feature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grids.coordinates import BadPosition, System, geometry_to_wgs84
from grids.geometry import Area, BadGeometry, checked_polygon
from grids.report import BadInput

# How programs that write the `crs` member of 2008 call longitude and latitude in degrees.
_DEGREES = ("CRS84", "EPSG::4326", "EPSG:4326", "EPSG::4490", "EPSG:4490")


class BadFeature(Exception):
    """A feature that cannot be used, with the reasons."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Feature:
    """One feature; the first of a file has number 1."""

    number: int
    properties: Mapping[str, Any]
    geometry: Any

    def text(self, key: str, most: int) -> str:
        """A property as trimmed text, "" where it is missing; raises `BadFeature`."""
        value = self.properties.get(key)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadFeature(f"property {key} is not a text")
        found = str(value).strip()
        if len(found) > most:
            raise BadFeature(f"property {key} has more than {most} characters")
        if any(ord(c) < 32 or "\ud800" <= c <= "\udfff" for c in found):
            raise BadFeature(f"property {key} has a character that cannot be stored")
        return found

    def digits(self, key: str, *lengths: int) -> str:
        """A property as a code of one of these lengths, "" where missing; raises `BadFeature`."""
        code = self.text(key, 40)
        if code and not (code.isascii() and code.isdigit() and len(code) in lengths):
            wanted = " or ".join(str(n) for n in lengths)
            raise BadFeature(f"property {key} is {code!r}: give {wanted} digits")
        return code

    def area(self, system: System, *, several: bool = False) -> Any:
        """The geometry as a valid area in WGS 84, from coordinates in `system`."""
        try:
            drawn = checked_polygon(self.geometry, several=several)
            if system in (System.wgs84, System.cgcs2000):
                return drawn
            return checked_polygon(geometry_to_wgs84(drawn, system), several=several)
        except BadGeometry as error:
            raise BadFeature(*(str(fault) for fault in error.faults)) from error
        except BadPosition as error:
            raise BadFeature(str(error)) from error

    def other_system(self, system: System, fits: Any) -> System | None:
        """Another coordinate system in which the area would fit, to suggest it."""
        for other in (System.wgs84, System.gcj02, System.bd09):
            if other is system or (other is System.wgs84 and system is System.cgcs2000):
                continue
            try:
                moved: Area = self.area(other, several=True)
            except BadFeature:
                continue
            if fits(moved):
                return other
        return None


def read(path: Path) -> list[Feature]:
    """The features of a GeoJSON FeatureCollection; raises `BadInput`."""
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist. Give a GeoJSON file.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not in UTF-8 (byte {error.start}). Export it anew.") from error
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from error
    except (RecursionError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        raise BadInput(f"{path} is not a GeoJSON FeatureCollection. Export the layer as GeoJSON.")
    _check_crs(path, data.get("crs"))
    features = data.get("features")
    if not isinstance(features, list):
        raise BadInput(f"{path} has no list of features. Export the layer as GeoJSON.")
    return [_feature(number, item) for number, item in enumerate(features, start=1)]


def _check_crs(path: Path, crs: Any) -> None:
    """Refuse a file that says that its coordinates are not degrees of longitude and latitude."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not name.endswith(_DEGREES):
        raise BadInput(
            f"{path} is in the coordinate system {name!r}. Export it in EPSG:4326 (WGS 84) or "
            "EPSG:4490 (CGCS2000), longitude before latitude."
        )


def _feature(number: int, item: Any) -> Feature:
    """The feature, empty where it is none: its checks then say what is missing."""
    if not isinstance(item, dict):
        return Feature(number, {}, None)
    properties = item.get("properties")
    return Feature(number, properties if isinstance(properties, dict) else {}, item.get("geometry"))
