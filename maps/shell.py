"""A Folium map inside a page of ours: the ground on which draw.py and drawweeks.py draw.

Folium writes a whole page that loads its libraries from public hosts. We keep its map and its
script, name our own copies of the libraries, and leave the rest of the page to our templates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import folium
from branca.element import CssLink, JavascriptLink, MacroElement
from folium.map import CustomPane
from folium.template import Template
from markupsafe import Markup

from maps.bands import DARK
from maps.mapparts import MapParts
from maps.rows import Feature, Translate, bounds

StaticUrl: TypeAlias = Callable[[str], str]
Bounds: TypeAlias = tuple[float, float, float, float]  # west, south, east, north

HATCH_ID = "no-data-hatch"
# in the page itself, as a pattern is found by a fragment; never display:none, which hides it
HATCH = Markup(  # noqa: S704 - written here
    '<svg class="hatch" width="0" height="0" aria-hidden="true"><defs>'
    f'<pattern id="{HATCH_ID}" width="8" height="8" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="8" height="8" fill="#ffffff"/>'
    '<rect width="2.4" height="8" fill="#77808a"/></pattern></defs></svg>'
)
CHINA = (73.5, 18.0, 135.1, 53.6)  # what an empty map shows: west, south, east, north


class Code(MacroElement):
    """A trusted statement of ours at its place in Folium's script."""

    _template = Template("{% macro script(this, kwargs) %}{{ this.code }}{% endmacro %}")

    def __init__(self, code: str) -> None:
        super().__init__()
        self._name = "Code"
        self.code = code


def default_static_url(name: str) -> str:
    """The address of a static file where the application is mounted at the root."""
    return f"/static/{name}"


def base(name: str, static_url: StaticUrl, *, prefer_canvas: bool) -> folium.Map:
    """A map without tiles and without Folium's outside libraries."""
    map_ = folium.Map(
        tiles=None,
        zoom_control=False,
        prefer_canvas=prefer_canvas,
        minZoom=3,
        attributionControl=False,
        zoomSnap=0.1,
        zoomDelta=0.5,
        maxZoom=18,
    )
    map_._id = name
    map_.default_js = [("leaflet-js", static_url("vendor/leaflet/leaflet.js"))]
    map_.default_css = [("leaflet-css", static_url("vendor/leaflet/leaflet.css"))]
    return map_


def put(parent: folium.Map, name: str, element: Any) -> str:
    """Add `element` under a fixed name, not a random one, so that the same rows make the same page.

    Returns its name in the script.
    """
    element._id = name
    parent.add_child(element)
    return str(element.get_name())


def put_outlines(
    map_: folium.Map, features: list[Feature], *, z_index: int, filled: bool
) -> list[str]:
    """Draw outlines in a pane of their own; the names in the script of the layers added."""
    if not features:
        return []
    style = {
        "color": DARK,
        "weight": 1.8,
        "opacity": 0.75,
        "fill": filled,
        "fillColor": "#ffffff",
        "fillOpacity": 1,
    }
    put(map_, "outline_pane", CustomPane("outlines", z_index=z_index))
    layer = folium.GeoJson(
        collection(features),
        style_function=lambda _feature: style,
        control=False,
        pane="outlines",
        interactive=False,
        smooth_factor=0.5,
    )
    return [put(map_, "outlines", layer)]


def collection(features: list[Feature]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def js(value: Any) -> str:
    """`value` as JavaScript that cannot end the script element around it."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e")


def parts_of(
    map_: folium.Map,
    features: list[Feature],
    named: list[str],
    static_url: StaticUrl,
    _: Translate,
    *,
    counts: Mapping[str, int] | None = None,
    missing: tuple[str, ...] = (),
    corners: Bounds | None = None,
) -> MapParts:
    """Fit `map_` to `features`, render it, and take from Folium's page what ours needs."""
    west, south, east, north = bounds(features) or corners or CHINA
    shown = [[south, west], [north, east]]
    name = map_.get_name()
    words = {"in": _("Zoom in"), "out": _("Zoom out"), "layers": _("Layers")}
    call = f"dress({name}, [{', '.join(named)}], {js(shown)}, {js(words)});"
    put(map_, "dress", Code(call))
    figure: Any = map_.get_root()
    figure.render()
    links = list(figure.header._children.values())
    imports = f"import {{area, dress, issue}} from {js(static_url('js/map.js'))};\n"
    return MapParts(
        styles=tuple(link.url for link in links if isinstance(link, CssLink)),
        scripts=tuple(link.url for link in links if isinstance(link, JavascriptLink)),
        html=Markup(figure.html.render()) + HATCH,  # noqa: S704 - an empty element of Folium's
        script=Markup(imports + figure.script.render()),  # noqa: S704 - JSON with "<" escaped
        counts=dict(counts or {}),
        missing=missing,
    )
