"""Where a page of figures is, and where it may go on to: links in the reader's scope."""

from __future__ import annotations

from typing import Any

from flask import url_for

from grids.models import short_name
from gridserve import workdays
from gridserve.auth import current_user
from maps import places
from maps.places import BY, CELL, Place


def crumbs(place: Place, endpoint: str, **kept: Any) -> list[dict[str, str]]:
    """From the top of the reader's scope down to `place`."""
    return [
        {"name": short_name(each.name),
         "href": url_for(endpoint, jurisdiction=each.code or None, **kept)}
        for each in places.path(current_user, place)
    ]  # fmt: skip


def others(place: Place, endpoint: str) -> list[dict[str, Any]]:
    """The user's own jurisdictions to choose from, where there is more than one."""
    own = places.own(current_user)
    if len(own) < 2:
        return []
    return [
        {"label": short_name(each.name), "href": url_for(endpoint, jurisdiction=each.code),
         "active": place.code.startswith(each.code)}
        for each in own
    ]  # fmt: skip


def choices(place: Place) -> list[dict[str, str]]:
    """The place and the jurisdictions directly below it, to choose one of in a form."""
    found = [{"value": place.code, "label": short_name(place.name)}]
    if BY[place.below] < CELL:
        parts = places.names(place, place.below, workdays.today())
        found += [{"value": part.code, "label": f"  {short_name(part.name)}"} for part in parts]
    return found
