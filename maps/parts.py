"""Pieces that the pages with maps hand to draw.py: addresses and outlines."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import url_for

from grids.models import short_name
from maps import places
from maps.places import Area, Place
from maps.rows import Outline


def tiles_address(endpoint: str, **args: Any) -> str:
    """The address of a layer of tiles with {z}, {x} and {y} to be filled in."""
    return url_for(endpoint, z=0, x=0, y=0, **args).replace("/0/0/0.", "/{z}/{x}/{y}.")


def static(name: str) -> str:
    """The address of a static file."""
    return url_for("static", filename=name)


def named(areas: list[Area]) -> list[Outline]:
    """The outlines of areas with their short names."""
    return [Outline(area.shape, short_name(area.name)) for area in areas if area.shape]


def ground(place: Place, day: date) -> list[Area]:
    """What circles and heat lie over: cells in the tens of thousands would weigh more than they."""
    if place.below == "cell":
        return places.outline(place, day)
    return places.shapes(place, place.below, day, places.ROUGH)
