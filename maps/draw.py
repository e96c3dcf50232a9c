"""Rows → a Folium map that our own page embeds; the only file that imports folium.

Folium writes a whole page that loads its libraries from public hosts. We keep its map and its
script, name our own copies of the libraries, and leave the rest of the page to our templates.
Names and titles from people travel as JSON values and are shown by static/js/map.js as text nodes,
never as markup.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import folium
from branca.element import CssLink, JavascriptLink, MacroElement
from folium.map import CustomPane
from folium.plugins import HeatMap
from folium.template import Template
from folium.utilities import JsCode
from markupsafe import Markup, escape

from maps.bands import AGE_BANDS, CHANGE_CLASSES, DARK, SHARE_CLASSES, age_band, count_by_band, heat
from maps.rows import (
    DECIMALS,
    AgingPoint,
    CoverageArea,
    Feature,
    Outline,
    Translate,
    area_feature,
    bounds,
    issue_feature,
    outline_features,
)
from visits.issues.clock import AMBER_FROM, DEEP_RED_OVER, RED_OVER, Light

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
HEAT_COLOURS = {"0.2": "#fdd49e", "0.45": "#fc8d59", "0.7": "#d7301f", "1": "#7f0000"}
# A circle's colour goes by the mean age ÷ limit of its issues, in the steps of the lights.
STEPS = (AMBER_FROM, RED_OVER, DEEP_RED_OVER)
CHINA = (73.5, 18.0, 135.1, 53.6)  # what an empty map shows: west, south, east, north


@dataclass(frozen=True)
class MapParts:
    """The pieces of a map for a page: addresses of files, markup, and the text of a module script.

    `script` goes into `<script type="module" nonce=…>` after `scripts`; it and `html` are safe as
    they stand. `counts` says how many rows fell into each class; `missing` names the areas without
    a boundary, which are in no layer.
    """

    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    html: Markup
    script: Markup
    counts: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    imports: Mapping[str, str] = field(default_factory=dict)  # names of modules → addresses


class _Code(MacroElement):
    """A trusted statement of ours at its place in Folium's script."""

    _template = Template("{% macro script(this, kwargs) %}{{ this.code }}{% endmacro %}")

    def __init__(self, code: str) -> None:
        super().__init__()
        self._name = "Code"
        self.code = code


def default_static_url(name: str) -> str:
    """The address of a static file where the application is mounted at the root."""
    return f"/static/{name}"


def coverage_map(
    areas: Sequence[CoverageArea],
    *,
    words: Sequence[str] = (),
    outlines: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """A choropleth of `areas` by share of households met, the areas without households hatched.

    `words` name the values at the pointer: the share and its two numbers, and where earlier periods
    are compared the share before and the change.

    Raises ValueError for figures that are no share and for an address that is not a path of ours.
    """
    _ = translate
    map_ = _base("coverage", static_url, prefer_canvas=False)
    features = [area_feature(area, _) for area in areas]
    drawn = [feature for feature in features if feature]
    edges = outline_features(outlines)
    named = _put_outlines(map_, edges, z_index=450, filled=False)
    if drawn:
        words = list(words) or [_("Share met"), _("Met / households")]
        layer = folium.GeoJson(
            _collection(drawn),
            style_function=_area_style,
            smooth_factor=0.5,
            on_each_feature=_per_feature("area", words, _("Open")),
        )
        named.append(_put(map_, "areas", layer))
    return _parts(
        map_,
        [*drawn, *edges],
        named,
        static_url,
        _,
        counts=dict(Counter(area.cls.key for area in areas)),
        missing=tuple(
            area.name for area, feature in zip(areas, features, strict=True) if not feature
        ),
    )


def cells_map(
    tiles: str,
    figures: str,
    corners: Bounds | None,
    *,
    words: Sequence[str] = (),
    compared: bool = False,
    outlines: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """The same choropleth for more cells than a page can hold.

    Shapes come from vector tiles (the address `tiles`), figures from the address `figures`;
    `corners` is what to show where there are no outlines, `compared` says that the figures come
    with those of an earlier period.
    """
    _ = translate
    map_ = _base("coverage", static_url, prefer_canvas=False)
    edges = outline_features(outlines)
    named = _put_outlines(map_, edges, z_index=450, filled=False)
    said = {
        "tiles": tiles, "figures": figures,
        "colours": [cls.colour for cls in (CHANGE_CLASSES if compared else SHARE_CLASSES)],
        "steps": [cls.low for cls in CHANGE_CLASSES] if compared else None,
        "words": {
            "values": list(words) or [_("Share met"), _("Met / households")], "none": _("No data"),
            "open": _("Open"), "failed": _("The figures did not come. Load the page again."),
        },
    }  # fmt: skip
    module, name = _js(static_url("js/coverage.js")), map_.get_name()
    code = f"import({module}).then(({{ cover }}) => cover({name}, {_js(said)}));"
    _put(map_, "cover", _Code(code))
    return _with_tiles(_parts(map_, edges, named, static_url, _, corners=corners), static_url)


def _with_tiles(parts: MapParts, static_url: StaticUrl) -> MapParts:
    """`parts` with the modules that read vector tiles."""
    vendored = {
        "@mapbox/vector-tile": "vendor/vector-tile/index.js",
        "@mapbox/point-geometry": "vendor/point-geometry/index.js",
        "pbf": "vendor/pbf/index.js",
    }
    return replace(parts, imports={name: static_url(path) for name, path in vendored.items()})


def issues_map(
    squares: str,
    singles: str | None,
    cases: str | None,
    corners: Bounds | None,
    *,
    lights: Mapping[Light, str],
    boundaries: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """Circles for more open issues than a page can hold, counted by the server as far as one sees.

    `squares` and `singles` are addresses of tiles, the latter of what stands one by one when near;
    `cases` is the address of a cell's issues with `{cell}` for its code. Addresses are None where
    the reader may not open all of them.
    """
    _ = translate
    map_ = _base("aging", static_url, prefer_canvas=True)
    edges = outline_features(boundaries)
    named = _put_outlines(map_, edges, z_index=340, filled=True)
    said = {
        "squares": squares, "singles": singles, "cases": cases,
        "colours": list(HEAT_COLOURS.values()), "steps": list(STEPS),
        "lights": {band.key.value: [lights[band.key], band.colour, band.radius]
                   for band in AGE_BANDS},
        "words": {
            "all": _("Open issues"), "mean": _("Mean age ÷ limit"), "open": _("Open the cases"),
            "one": _("Open the case"), "light": _("Light"),
            "failed": _("The map did not come whole. Load the page again."),
        },
    }  # fmt: skip
    module, name = _js(static_url("js/aging.js")), map_.get_name()
    code = f"import({module}).then(({{ gather }}) => gather({name}, {_js(said)}));"
    _put(map_, "gather", _Code(code))
    return _with_tiles(_parts(map_, edges, named, static_url, _, corners=corners), static_url)


def aging_map(
    issues: Sequence[AgingPoint],
    *,
    lights: Mapping[Light, str],
    boundaries: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """A heatmap of open issues by age ÷ limit, and a layer of markers for each light.

    `lights` names the lights in the reader's language.
    The heat of a case is capped at `bands.HEAT_CAP` limits. Leaflet.heat scales its colours to the
    warmest place, so the heat compares places while the markers tell each case's light.
    """
    _ = translate
    map_ = _base("aging", static_url, prefer_canvas=True)
    edges = outline_features(boundaries)
    named = _put_outlines(map_, edges, z_index=340, filled=True)
    _put(map_, "pane", CustomPane("heat", z_index=350))
    if issues:
        _put(map_, "heat", _heat(issues, _, static_url))
    features = [issue_feature(issue, lights, _) for issue in issues]
    words = [_("Category"), _("Age"), _("Limit"), _("Light")]
    for band in AGE_BANDS:
        members = [f for f, i in zip(features, issues, strict=True) if age_band(i.weight) is band]
        # the control writes names as markup: a swatch of ours, and escaped words
        name = Markup('<span class="swatch swatch-round" style="--swatch:{}"></span> {} ({})')
        layer = folium.GeoJson(
            _collection(members),
            name=str(name.format(band.colour, lights[band.key], len(members))),
            marker=folium.CircleMarker(
                radius=band.radius,
                color=DARK,
                weight=1.2,
                fill=True,
                fill_color=band.colour,
                fill_opacity=0.95,
            ),
            on_each_feature=_per_feature("issue", words, _("Open the case")),
        )
        _put(map_, band.key.value, layer)
    # Folium types this as JSON, yet its template writes code as it stands
    narrow: Any = JsCode('window.matchMedia("(max-width: 61.99rem)").matches')
    _put(map_, "layers", folium.LayerControl(position="topright", collapsed=narrow))
    counts = count_by_band(issue.weight for issue in issues)
    return _parts(map_, [*features, *edges], named, static_url, _, counts=counts)


def _heat(issues: Sequence[AgingPoint], _: Translate, static_url: StaticUrl) -> Any:
    """The heatmap layer in a pane of its own, under the markers and deaf to the pointer."""
    warmth = [
        [round(i.lat, DECIMALS), round(i.lon, DECIMALS), round(heat(i.weight), 2)] for i in issues
    ]
    layer: Any = HeatMap(
        warmth,
        name=str(escape(_("Heat by age ÷ limit"))),
        min_opacity=0.1,
        radius=26,
        blur=20,
        gradient=HEAT_COLOURS,
        pane="heat",
    )
    layer.default_js = [("leaflet-heat", static_url("vendor/folium/leaflet_heat.min.js"))]
    return layer


def _base(name: str, static_url: StaticUrl, *, prefer_canvas: bool) -> folium.Map:
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


def _put(parent: folium.Map, name: str, element: Any) -> str:
    """Add `element` under a fixed name, not a random one, so that the same rows make the same page.

    Returns its name in the script.
    """
    element._id = name
    parent.add_child(element)
    return str(element.get_name())


def _put_outlines(
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
    _put(map_, "outline_pane", CustomPane("outlines", z_index=z_index))
    layer = folium.GeoJson(
        _collection(features),
        style_function=lambda _feature: style,
        control=False,
        pane="outlines",
        interactive=False,
        smooth_factor=0.5,
    )
    return [_put(map_, "outlines", layer)]


def _area_style(feature: dict[str, Any]) -> dict[str, Any]:
    """Leaflet's path options for an area of the choropleth."""
    key = feature["properties"]["class"]
    colours = {cls.key: cls.colour for cls in (*SHARE_CLASSES, *CHANGE_CLASSES)}
    return {
        "className": f"area area-{key}",
        "color": "#ffffff",
        "weight": 1.2,
        "fillOpacity": 1,
        "fillColor": colours.get(key, f"url(#{HATCH_ID})"),
    }


def _collection(features: list[Feature]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def _per_feature(function: str, words: Sequence[str], link: str) -> JsCode:
    """Code that hands each feature to `function` of static/js/map.js."""
    return JsCode(f"(feature, layer) => {function}(feature, layer, {_js(words)}, {_js(link)})")


def _js(value: Any) -> str:
    """`value` as JavaScript that cannot end the script element around it."""
    return json.dumps(value).replace("<", "\\u003c").replace(">", "\\u003e")


def _parts(
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
    call = f"dress({name}, [{', '.join(named)}], {_js(shown)}, {_js(words)});"
    _put(map_, "dress", _Code(call))
    figure: Any = map_.get_root()
    figure.render()
    links = list(figure.header._children.values())
    imports = f"import {{area, dress, issue}} from {_js(static_url('js/map.js'))};\n"
    return MapParts(
        styles=tuple(link.url for link in links if isinstance(link, CssLink)),
        scripts=tuple(link.url for link in links if isinstance(link, JavascriptLink)),
        html=Markup(figure.html.render()) + HATCH,  # noqa: S704 - an empty element of Folium's
        script=Markup(imports + figure.script.render()),  # noqa: S704 - JSON with "<" escaped
        counts=dict(counts or {}),
        missing=missing,
    )
