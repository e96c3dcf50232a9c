"""Reads GeoJSON files (RFC 7946), with what is wrong named feature by feature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask_babel import gettext as _

from grids.featurefile import Feature, canonical
from grids.report import BadInput

# What the `crs` member of 2008 calls degrees of longitude and latitude.
_DEGREES = ("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "CRS84", "OGC:CRS84")


def read(path: Path, name: str) -> tuple[list[Feature], str]:
    """The features of a FeatureCollection and its coordinate system; `name` is for messages.

    A GeoJSON file is in WGS 84 unless it says otherwise. Raises `BadInput`.
    """
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(
            _("%(file)s is not in UTF-8 (byte %(n)s). Export it anew.", file=name, n=error.start)
        ) from error
    except json.JSONDecodeError as error:
        raise BadInput(
            _(
                "%(file)s is not JSON: %(why)s in line %(line)s, column %(column)s. It may have "
                "been cut off: copy or export it anew.",
                file=name,
                why=error.msg,
                line=error.lineno,
                column=error.colno,
            )
        ) from error
    except (RecursionError, ValueError, MemoryError) as error:
        raise BadInput(
            _("%(file)s cannot be read as JSON: %(why)s.", file=name, why=str(error)[:200])
        ) from error
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection":
        raise BadInput(
            _(
                "%(file)s is not a GeoJSON FeatureCollection. Export the layer as GeoJSON.",
                file=name,
            )
        )
    features = data.get("features")
    if not isinstance(features, list):
        raise BadInput(
            _("%(file)s has no list of features. Export the layer as GeoJSON.", file=name)
        )
    system = _system(name, data.get("crs"))
    return [_feature(number, item) for number, item in enumerate(features, start=1)], system


def _system(name: str, crs: Any) -> str:
    """The coordinate system that a file names, as programs before 2016 did."""
    if crs is None:
        return "EPSG:4326"
    properties = crs.get("properties") if isinstance(crs, dict) else None
    called = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(called, str):
        raise BadInput(
            _("%(file)s has a member crs that says nothing. Export the layer anew.", file=name)
        )
    return "EPSG:4326" if called in _DEGREES else called


def _feature(number: int, item: Any) -> Feature:
    """The feature, empty where it is none: its checks then say what is missing."""
    if not isinstance(item, dict):
        return Feature(number, {}, None)
    properties = item.get("properties")
    given = properties if isinstance(properties, dict) else {}
    return Feature(number, canonical(given), item.get("geometry"))
