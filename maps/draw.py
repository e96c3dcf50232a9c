"""Rows → a Folium map that our own page embeds (maps/shell.py).

Names and titles from people travel as JSON values and are shown by static/js/map.js as text nodes,
never as markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import folium
from folium.map import CustomPane
from folium.plugins import HeatMap
from folium.utilities import JsCode
from markupsafe import Markup, escape

from maps.bands import (
    AGE_BANDS,
    CHANGE_CLASSES,
    DARK,
    HEAT_COLOURS,
    SHARE_CLASSES,
    age_band,
    count_by_band,
    heat,
)
from maps.mapparts import MapParts
from maps.rows import (
    DECIMALS,
    AgingPoint,
    CoverageArea,
    Outline,
    Translate,
    area_feature,
    bounds,
    issue_feature,
    outline_features,
)
from maps.shell import (
    HATCH_ID,
    Bounds,
    Code,
    StaticUrl,
    base,
    collection,
    default_static_url,
    js,
    parts_of,
    put,
    put_outlines,
)
from visits.issues.clock import AMBER_FROM, DEEP_RED_OVER, RED_OVER, Light

# A circle's colour goes by the mean age ÷ limit of its issues, in the steps of the lights.
STEPS = (AMBER_FROM, RED_OVER, DEEP_RED_OVER)


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
    map_ = base("coverage", static_url, prefer_canvas=False)
    features = [area_feature(area, _) for area in areas]
    drawn = [feature for feature in features if feature]
    edges = outline_features(outlines)
    named = put_outlines(map_, edges, z_index=450, filled=False)
    if drawn:
        words = list(words) or [_("Share met"), _("Met / households")]
        layer = folium.GeoJson(
            collection(drawn),
            style_function=_area_style,
            smooth_factor=0.5,
            on_each_feature=_per_feature("area", words, _("Open")),
        )
        named.append(put(map_, "areas", layer))
    return parts_of(
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
    listed: int = 0,
    outlines: Sequence[Outline] = (),
    translate: Translate = str,
    static_url: StaticUrl = default_static_url,
) -> MapParts:
    """The same choropleth for more cells than a page can hold.

    Shapes come from vector tiles (the address `tiles`), figures from the address `figures`;
    `corners` is what to show where there are no outlines, `compared` says that the figures come
    with those of an earlier period, and so many of the lowest are `listed` beside the map.
    """
    _ = translate
    map_ = base("coverage", static_url, prefer_canvas=False)
    edges = outline_features(outlines)
    named = put_outlines(map_, edges, z_index=450, filled=False)
    said = {
        "tiles": tiles, "figures": figures, "listed": listed, "within": bounds(edges) or corners,
        "shares": [cls.colour for cls in SHARE_CLASSES],
        "changes": [cls.colour for cls in CHANGE_CLASSES] if compared else None,
        "steps": [cls.low for cls in CHANGE_CLASSES] if compared else None,
        "words": {
            "values": list(words) or [_("Share met"), _("Met / households")], "none": _("No data"),
            "open": _("Open"), "failed": _("The figures did not come. Load the page again."),
        },
    }  # fmt: skip
    module, name = js(static_url("js/coverage.js")), map_.get_name()
    code = f"import({module}).then(({{ cover }}) => cover({name}, {js(said)}));"
    put(map_, "cover", Code(code))
    parts = parts_of(map_, edges, named, static_url, _, corners=corners)
    own = ("js/coverage.js", "js/map.js", "js/tiles.js")
    return replace(_with_tiles(parts, own, static_url), data=figures)


def _with_tiles(parts: MapParts, own: Sequence[str], static_url: StaticUrl) -> MapParts:
    """`parts` with the modules that read vector tiles, and `own` that use them."""
    vendored = {
        "@mapbox/vector-tile": "vendor/vector-tile/index.js",
        "@mapbox/point-geometry": "vendor/point-geometry/index.js",
        "pbf": "vendor/pbf/index.js",
    }
    return replace(
        parts, imports={name: static_url(path) for name, path in vendored.items()},
        modules=tuple(map(static_url, own)),
    )  # fmt: skip


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
    map_ = base("aging", static_url, prefer_canvas=True)
    edges = outline_features(boundaries)
    named = put_outlines(map_, edges, z_index=340, filled=True)
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
    module, name = js(static_url("js/aging.js")), map_.get_name()
    code = f"import({module}).then(({{ gather }}) => gather({name}, {js(said)}));"
    put(map_, "gather", Code(code))
    parts = parts_of(map_, edges, named, static_url, _, corners=corners)
    return _with_tiles(parts, ("js/aging.js", "js/map.js"), static_url)


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
    map_ = base("aging", static_url, prefer_canvas=True)
    edges = outline_features(boundaries)
    named = put_outlines(map_, edges, z_index=340, filled=True)
    put(map_, "pane", CustomPane("heat", z_index=350))
    if issues:
        put(map_, "heat", _heat(issues, _, static_url))
    features = [issue_feature(issue, lights, _) for issue in issues]
    words = [_("Category"), _("Age"), _("Limit"), _("Light")]
    for band in AGE_BANDS:
        members = [f for f, i in zip(features, issues, strict=True) if age_band(i.weight) is band]
        # the control writes names as markup: a swatch of ours, and escaped words
        name = Markup('<span class="swatch swatch-round" style="--swatch:{}"></span> {} ({})')
        layer = folium.GeoJson(
            collection(members),
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
        put(map_, band.key.value, layer)
    # Folium types this as JSON, yet its template writes code as it stands
    narrow: Any = JsCode('window.matchMedia("(max-width: 61.99rem)").matches')
    put(map_, "layers", folium.LayerControl(position="topright", collapsed=narrow))
    counts = count_by_band(issue.weight for issue in issues)
    return parts_of(map_, [*features, *edges], named, static_url, _, counts=counts)


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


def _per_feature(function: str, words: Sequence[str], link: str) -> JsCode:
    """Code that hands each feature to `function` of static/js/map.js."""
    return JsCode(f"(feature, layer) => {function}(feature, layer, {js(words)}, {js(link)})")
