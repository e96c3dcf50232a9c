"""A base map lies under every map of ours, and its absence leaves them as they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.browser.conftest import SIZES
from tests.factories import SOUTH, STEP, VILLAGE, WEST
from tests.tilehost import KEY, tile_host

pytestmark = pytest.mark.browser
MAPS = ("/maps/coverage", "/maps/aging", "/maps/aging/weeks", "/overview",
        f"/maps/cells?jurisdiction={VILLAGE}")  # fmt: skip
DRAWN = "img.leaflet-tile-loaded"


@pytest.fixture
def host(site, monkeypatch):
    """A host of tiles, named in the settings as one in GCJ-02."""
    with tile_host((WEST + STEP, SOUTH + STEP / 2)) as host:
        config = replace(
            site.app.extensions["gridserve"], basemap=(host.address,), basemap_key=KEY,
            basemap_system="gcj02", basemap_credit="<i>某地图", basemap_approval="GS（2024）1号",
        )  # fmt: skip
        monkeypatch.setitem(site.app.extensions, "gridserve", config)
        yield host


@pytest.mark.parametrize("size", SIZES)
def test_a_base_map_lies_under_every_map(tab, site, host, size):
    new = tab(size, "leader")
    for path in MAPS:
        page = new.open(path)
        page.wait_for_selector(f".leaflet-base-pane {DRAWN}")
        said = page.locator(".leaflet-control-attribution").first.inner_text()
        assert "<i>某地图" in said
        assert "GS（2024）1号" in said
        assert KEY not in page.content()
        new.sound()
    assert host.asked


def test_a_host_in_trouble_leaves_clean_ground(tab, host):
    host.mode = "html"
    new = tab("desk", "leader")
    page = new.open("/maps/aging?light=red")
    page.wait_for_selector(".leaflet-heatmap-layer")
    page.wait_for_load_state("networkidle")
    assert page.locator(DRAWN).count() == 0
    new.sound()
