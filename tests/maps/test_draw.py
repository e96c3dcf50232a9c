"""The maps as pages get them: nothing from outside, words of people as text, figures in full."""

import json
import re
from pathlib import Path

import pytest
import shapely
from playwright.sync_api import sync_playwright
from shapely.geometry import mapping

from maps.bands import NO_DATA
from maps.draw import HATCH_ID, aging_map, coverage_map
from maps.rows import AgingPoint, CoverageArea, Outline
from tests.browser import chromium
from visits.issues.clock import Light

LIGHTS = {light: f"Light {light}" for light in Light}
NASTY = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
STATIC = Path(__file__).parents[2] / "gridserve" / "static"
CSP = (
    "default-src 'self'; script-src 'self' 'nonce-n'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:"
)


def square(column, row, size=0.01):
    west, south = 103.9 + column * size, 28.5 + row * size
    return shapely.box(west, south, west + size, south + size)


def areas():
    return [
        CoverageArea("530626100001001", NASTY, square(0, 0), 3, 10, "/maps/coverage?x=1&y=2"),
        CoverageArea("530626100001002", "后坝一", square(1, 0), 1234, 1234, "/cells/2"),
        CoverageArea("530626100001003", "空网格", square(2, 0), 0, 0),
        CoverageArea("530626100001004", "没有边界", None, 1, 2),
    ]


def issue(number, weight, **kw):
    row = {
        "id": f"i{number}", "number": f"N{number}", "lon": 103.905, "lat": 28.505,
        "weight": weight, "category": "道路", "age": "3 天", "limit": "2 天",
        "href": f"/issues/i{number}",
    }  # fmt: skip
    return AgingPoint(**{**row, **kw})


def collections(script):
    """Every GeoJSON collection in a script of Folium's, by layer."""
    found = re.findall(r"geo_json_(\w+)_add\((\{.*\})\);", script)
    return {name: json.loads(data) for name, data in found}


@pytest.mark.parametrize(
    "parts",
    [
        coverage_map(areas(), outlines=[Outline(square(0, 0, 0.03), NASTY)]),
        aging_map(
            [issue(1, 0.5, title=NASTY)],
            lights=LIGHTS,
            boundaries=[Outline(square(0, 0), NASTY)],
        ),
        coverage_map([]),
        aging_map([], lights=LIGHTS),
    ],
    ids=["coverage", "aging", "no areas", "no issues"],
)
def test_a_map_names_no_outside_host_and_no_markup_of_people(parts):
    everything = " ".join([*parts.styles, *parts.scripts, parts.html, parts.script])
    assert "//" not in everything.replace("</", "")
    assert all(link.startswith("/static/") for link in parts.styles + parts.scripts)
    assert "<img" not in everything
    assert "</script" not in parts.script
    assert "<script" not in everything


def test_leaflet_comes_before_what_needs_it():
    names = [Path(src).name for src in aging_map([issue(1, 1)], lights=LIGHTS).scripts]
    assert names == ["leaflet.js", "leaflet_heat.min.js"]
    assert [Path(src).name for src in coverage_map([]).scripts] == ["leaflet.js"]


def test_files_live_where_the_application_says():
    parts = coverage_map(areas(), static_url=lambda name: f"/grid/static/{name}?v=1")
    assert parts.scripts == ("/grid/static/vendor/leaflet/leaflet.js?v=1",)
    assert 'from "/grid/static/js/map.js?v=1"' in parts.script


def test_an_area_carries_its_numerator_and_denominator():
    drawn = collections(coverage_map(areas()).script)["areas"]["features"]
    by_code = {feature["id"]: feature["properties"] for feature in drawn}
    assert by_code["530626100001001"]["title"] == NASTY
    assert by_code["530626100001001"]["values"] == ["30.0 %", "3 / 10"]
    assert by_code["530626100001002"]["values"] == ["100 %", "1,234 / 1,234"]
    assert by_code["530626100001001"]["href"] == "/maps/coverage?x=1&y=2"


def test_an_area_without_households_is_hatched_and_has_no_share():
    parts = coverage_map(areas(), translate=lambda word: f"*{word}")
    empty = collections(parts.script)["areas"]["features"][2]["properties"]
    assert empty["class"] == NO_DATA.key
    assert empty["values"] == ["*No data", "0 / 0"]
    style = next(line for line in parts.script.splitlines() if "area-no-data" in line)
    assert f"url(#{HATCH_ID})" in style
    assert parts.script.count("area-no-data") == 1
    assert f'<pattern id="{HATCH_ID}"' in parts.html
    assert parts.counts == {"s20": 1, "s80": 1, "no-data": 1, "s40": 1}


def test_an_area_without_a_boundary_is_named_instead():
    parts = coverage_map([*areas(), CoverageArea("5", "空", shapely.Polygon(), 0, 1)])
    assert parts.missing == ("没有边界", "空")
    assert len(collections(parts.script)["areas"]["features"]) == 3


def test_geojson_and_shapely_draw_the_same_and_always_the_same():
    one = [CoverageArea("1", "甲", square(0, 0), 1, 2)]
    other = [CoverageArea("1", "甲", mapping(square(0, 0)), 1, 2)]
    assert coverage_map(one) == coverage_map(other)


def test_each_band_has_its_layer_and_count():
    weights = [0.1, 0.2, 0.8, 1.0, 1.5, 2.5, 7]
    parts = aging_map([issue(n, weight) for n, weight in enumerate(weights)], lights=LIGHTS)
    layers = collections(parts.script)
    assert {name: len(layer["features"]) for name, layer in layers.items()} == {
        "green": 2, "amber": 2, "red": 1, "deep_red": 2,
    }  # fmt: skip
    assert parts.counts == {"green": 2, "amber": 2, "red": 1, "deep_red": 2}
    assert "Light deep_red (2)" in parts.script
    heat = json.loads(re.search(r"L\.heatLayer\(\s*(\[.*\]),", parts.script)[1])
    assert [point[2] for point in heat] == [0.1, 0.2, 0.8, 1.0, 1.5, 2.5, 3.0]
    marker = layers["deep_red"]["features"][0]["properties"]
    assert marker["href"] == "/issues/i5"
    assert marker["values"][:3] == ["道路", "3 天", "2 天"]


def test_words_of_the_page_cannot_break_out_either():
    parts = aging_map(
        [issue(1, 1)],
        lights={light: f"</script><b>{light}" for light in Light},
        translate=lambda word: f"</script><b>{word}",
    )
    assert "</script" not in parts.script
    assert "<b>" not in parts.script


@pytest.mark.parametrize("href", ["javascript:alert(1)", "//host/x", "/\\host", "https://host/"])
def test_a_link_leads_nowhere_but_here(href):
    with pytest.raises(ValueError, match="must be a path"):
        coverage_map([CoverageArea("1", "甲", square(0, 0), 1, 2, href)])
    with pytest.raises(ValueError, match="must be a path"):
        aging_map([issue(1, 1, href=href)], lights=LIGHTS)


def page_of(parts):
    scripts = "".join(f'<script defer src="{src}"></script>' for src in parts.scripts)
    styles = "".join(f'<link rel="stylesheet" href="{href}">' for href in parts.styles)
    return (
        f"<!doctype html><html><head><title>t</title>{styles}"
        '<link rel="icon" href="/static/mark.svg"><style>.folium-map{height:600px}</style></head>'
        f"<body>{parts.html}{scripts}"
        f'<script type="module" nonce="n">{parts.script}</script></body></html>'
    )


@pytest.fixture(scope="module")
def show():
    """Open a map under our content policy in a browser that reaches nothing but our files."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.options())

        def opened(parts):
            page, faults = browser.new_page(viewport={"width": 1200, "height": 700}), []

            def answer(route):
                path = route.request.url.removeprefix("http://map.test").split("?")[0]
                if path == "/":
                    route.fulfill(
                        body=page_of(parts),
                        content_type="text/html; charset=utf-8",
                        headers={"Content-Security-Policy": CSP},
                    )
                elif path.startswith("/static/"):
                    route.fulfill(path=STATIC / path.removeprefix("/static/"))
                else:
                    faults.append(route.request.url)
                    route.abort()

            page.route("**/*", answer)
            page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("dialog", lambda dialog: (faults.append("dialog"), dialog.dismiss()))
            page.goto("http://map.test/")
            page.wait_for_selector(".leaflet-control-scale", timeout=10_000)
            return page, faults

        yield opened
        browser.close()


@pytest.mark.browser
def test_a_coverage_map_in_the_browser(show):
    page, faults = show(coverage_map(areas(), outlines=[Outline(square(0, 0, 0.03), NASTY)]))
    assert page.locator("path.area").count() == 3
    assert page.locator("path.area-no-data").get_attribute("fill") == f"url(#{HATCH_ID})"
    box = page.locator("path.area-s20").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    assert NASTY in page.locator(".map-tip").inner_text()
    assert "3 / 10" in page.locator(".map-tip").inner_text()
    assert page.locator(".map-name").first.inner_text() == NASTY
    assert page.locator("img").count() == 0
    assert faults == []


@pytest.mark.browser
def test_an_aging_map_in_the_browser(show):
    # a hundred cases at one place: the pop-up must belong to the oldest, which lies on top
    many = [issue(n, n / 40, title=NASTY) for n in range(100)]
    page, faults = show(aging_map(many, lights=LIGHTS, boundaries=[Outline(square(0, 0))]))
    assert page.locator(".leaflet-control-layers-selector").count() == 5
    map_box = page.locator(".folium-map").bounding_box()
    corner = page.evaluate("document.querySelector('.leaflet-control-layers').offsetWidth")
    page.mouse.click(
        map_box["x"] + (map_box["width"] - corner) / 2, map_box["y"] + map_box["height"] / 2
    )
    card = page.locator(".leaflet-popup-content")
    assert f"N99 {NASTY}" in card.inner_text()
    assert card.locator("a").get_attribute("href") == "/issues/i99"
    assert page.locator("img").count() == 0
    assert faults == []
