"""The backlog of the last weeks → a heatmap that is played, inside our own page (maps/shell.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

from folium.plugins import HeatMapWithTime

from maps.bands import HEAT_CAP, HEAT_COLOURS
from maps.mapparts import MapParts
from maps.rows import Outline, Spot, Translate, bounds, outline_features
from maps.shell import (
    CHINA,
    Bounds,
    Code,
    StaticUrl,
    base,
    default_static_url,
    js,
    parts_of,
    put,
    put_outlines,
)

PLAYER = {
    "iso8601": "iso8601/iso8601.js",
    "leaflet-timedimension": "timedimension/leaflet.timedimension.min.js",
    "heatmap": "folium/pa7_hm.min.js",
    "leaflet-heatmap": "folium/pa7_leaflet_hm.min.js",
}
LEVELS = 99  # steps of heat that the page is told; as in static/js/weeks.js
SHINE = 24  # so many spots side by side fill the map


def weeks_map(
    spots: Sequence[Spot],
    weeks: Sequence[str],
    *,
    boundaries: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """A heatmap of `spots` that is played over `weeks`, which are their names.

    All weeks share one scale: the warmest spot of the warmest week is darkest, or one case as old
    as any counts.
    """
    _ = translate
    map_ = base("weeks", static_url, prefer_canvas=True)
    edges = outline_features(boundaries)
    named = put_outlines(map_, edges, z_index=340, filled=True)
    corners = bounds(edges) or _around(spots)
    layer: Any = HeatMapWithTime([[]] * len(weeks), list(weeks), auto_play=False)
    # Set after it was made: what Folium writes into its script as it stands.
    layer._id, layer._control_name = "heat", "player"
    layer.index, layer.gradient = js(list(weeks)), HEAT_COLOURS
    layer.data = f"byWeek({_packed(spots)}, {len(weeks)})"
    layer.radius, layer.scale_radius = _reach(corners), "true"
    layer.blur, layer.max_opacity = 0.85, 0.9
    # of its buttons those that people know; the slider is the browser's own (static/js/weeks.js)
    layer.time_slider = layer.speed_slider = "false"
    layer.play_reverse_button = layer.loop_button = "false"
    layer.default_js = [(name, static_url(f"vendor/{path}")) for name, path in PLAYER.items()]
    layer.default_css = []  # it would load a font from outside
    # Folium defines the layer's kind in the head of its page, with a piece of jQuery.
    head = layer._template.module.header(layer, {})
    kind = head.replace("<script>", "").replace("</script>", "")
    module = js(static_url("js/weeks.js"))
    put(map_, "kind", Code(
        f"import {{ byWeek, dressPlayer }} from {module};\n"
        f"const $ = {{ extend: Object.assign }};\n{kind}"
    ))  # fmt: skip
    put(map_, "heat", layer)
    words = {
        "back": _("A week back"), "on": _("A week on"), "play": _("Play"), "pause": _("Pause"),
        "week": _("Week"),
    }  # fmt: skip
    put(map_, "dress_player", Code(f"dressPlayer({map_.get_name()}, player, {js(words)});"))
    return parts_of(map_, edges, named, static_url, _, corners=corners)


def _packed(spots: Sequence[Spot]) -> str:
    """Each spot as [lat, lon, heat of each week], the heat in LEVELS of the warmest.

    By its square root, as circles have it by their area: a single case is still seen beside many.
    """
    # one young case alone is not as dark as one that is long overdue
    warmest = max([HEAT_CAP, *(value for spot in spots for value in spot.heat)])
    rows = [
        [round(spot.lat, 4), round(spot.lon, 4),
         [ceil(LEVELS * sqrt(value / warmest)) for value in spot.heat]]
        for spot in spots
    ]  # fmt: skip
    return json.dumps(rows, separators=(",", ":"))


def _around(spots: Sequence[Spot]) -> Bounds | None:
    lons, lats = [spot.lon for spot in spots], [spot.lat for spot in spots]
    return (min(lons), min(lats), max(lons), max(lats)) if spots else None


def _reach(corners: Bounds | None) -> float:
    """How far a spot shines, in pixels of a world of one tile: a share of all that is shown."""
    west, south, east, north = corners or CHINA
    return max(east - west, north - south, 0.01) / 360 * 256 / SHINE
