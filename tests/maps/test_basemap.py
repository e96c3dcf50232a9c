"""The base map's tiles come from the one host that is named, whatever it does, and lie where our
data lie."""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gridserve.config import Config, ConfigError
from gridserve.doctor import examine
from gridserve.jobs import connect
from gridserve.permissions import Role
from maps import basemap, basemapcheck
from tests.grids.test_coordinates import GCJ02_POINTS, metres
from tests.tilehost import KEY, SIDE, pixel, tile_host

PAGE = {"Accept": "text/html"}
TROUBLE = ("hang", "redirect", "500", "html", "disguised", "svg", "huge", "trickle")


@pytest.fixture
def host():
    with tile_host(*((x, y) for _lon, _lat, x, y in GCJ02_POINTS)) as host:
        yield host


@pytest.fixture
def named(context, host, monkeypatch):
    """Settings that name the host."""

    def set_to(**more):
        values = {"basemap": (host.address,), "basemap_key": KEY, **more}
        config = replace(context.extensions["gridserve"], **values)
        monkeypatch.setitem(context.extensions, "gridserve", config)

    set_to()
    return set_to


@pytest.fixture
def client(make, as_user):
    return as_user(make.user(Role.CADRE))


def test_a_tile_is_fetched_once_with_the_key_and_kept_for_all(named, host, client, make, as_user):
    answer = client.get("/basemap/0/10/800/400.tile")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data == host.drawn(10, 800, 400)
    assert "private" in answer.headers["Cache-Control"]
    assert as_user(make.user(Role.LEADER)).get("/basemap/0/10/800/400.tile").data == answer.data
    assert host.asked == [f"/10/800/400?tk={KEY}"]


@pytest.mark.parametrize("mode", TROUBLE)
def test_a_host_in_trouble_leaves_clean_ground_and_is_left_alone(
    named, host, client, monkeypatch, mode, caplog
):
    monkeypatch.setattr(basemap, "READ", 0.5)
    monkeypatch.setattr(basemap, "WHOLE", 0.5)
    host.mode = mode
    for x in range(3):
        answer = client.get(f"/basemap/0/10/{x}/400.tile")
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Cache-Control"] == "no-store"
    assert len(host.asked) == 1  # a redirect is not followed, and nobody else waits in vain
    assert [record.name for record in caplog.records].count(basemap.__name__) == 1
    assert KEY not in caplog.text


def test_a_slow_host_leaves_no_holes_in_the_map_of_a_page(named, host, context):
    host.mode = "slow"
    config = context.extensions["gridserve"]
    with ThreadPoolExecutor(16) as people:
        found = list(people.map(lambda x: basemap.tile(config, 0, 10, x, 400), range(16)))
    assert all(found)


def test_a_host_that_is_away_leaves_clean_ground(named, host, client):
    named(basemap=("http://127.0.0.1:1/{z}/{x}/{y}",))
    assert client.get("/basemap/0/10/1/1.tile").status_code == 204


def test_where_there_is_no_tile_the_next_one_still_comes(named, host, client):
    host.mode = "404"
    assert client.get("/basemap/0/10/1/1.tile").status_code == 204
    host.mode = "ok"
    assert client.get("/basemap/0/10/2/1.tile").status_code == 200
    assert client.get("/basemap/0/10/1/1.tile").status_code == 204  # known for a while
    assert len(host.asked) == 2


@pytest.mark.parametrize(
    "path", ["0/19/0/0", "0/10/1024/0", "0/10/0/1024", "1/10/0/0", "0/10/-1/0", "0/10/x/0",
             "0/10/1.5/0", "0/10/..%2f..%2f/0", "0/99999999999999999999/0/0"],
)  # fmt: skip
def test_only_tiles_that_there_are_can_be_asked_for(named, host, client, path):
    assert client.get(f"/basemap/{path}.tile").status_code == 404
    assert host.asked == []


def test_tiles_are_for_those_who_are_signed_in(named, host, context):
    stranger = context.test_client()
    answer = stranger.get("/basemap/0/1/0/0.tile", headers={"Accept": "image/*"})
    assert answer.status_code == 401
    assert "basemap" not in stranger.get("/login", headers=PAGE).text
    assert host.asked == []


def test_pages_name_our_own_address_and_say_whose_map_it_is(named, make, as_user):
    make.cell()
    leader = as_user(make.user(Role.LEADER))
    named(basemap_credit="<b>天地图", basemap_approval="GS（2024）0650号")
    for path in ("/maps/coverage", "/maps/aging", "/maps/aging/weeks", "/overview", "/maps/cells"):
        page = leader.get(path + "?lang=zh", headers=PAGE)
        said = json.loads(unescape(re.search(r'data-basemap="([^"]*)"', page.text)[1]))
        assert said["layers"][0].startswith("/basemap/0/{z}/{x}/{y}.tile?v=")
        assert said["credit"] == "<b>天地图 · 审图号：GS（2024）0650号"
        assert KEY not in page.text
        assert "127.0.0.1" not in page.headers["Content-Security-Policy"]
    named(basemap=())
    assert "data-basemap" not in leader.get("/maps/coverage", headers=PAGE).text
    assert leader.get("/basemap/0/1/0/0.tile").status_code == 404


def darkness(client, z, x, y):
    """How dark the pixels of a tile are."""
    answer = client.get(f"/basemap/0/{z}/{x}/{y}.tile")
    assert answer.status_code == 200
    with Image.open(BytesIO(answer.data)) as picture:
        assert picture.size == (SIDE, SIDE)
        return 255.0 - np.asarray(picture.convert("L"))


def drawn_at(client, lon, lat, z):
    """Where a map of the tiles around a place is darkest, in degrees."""
    column, row = (int(n // SIDE) for n in pixel(lon, lat, z))
    dark = np.block([
        [darkness(client, z, x, y) for x in range(column - 1, column + 2)]
        for y in range(row - 1, row + 2)
    ])  # fmt: skip
    dark[dark < 40] = 0  # what a picture format leaves beside an edge
    down, across = np.mgrid[0 : 3 * SIDE, 0 : 3 * SIDE] + 0.5
    east = (across * dark).sum() / dark.sum() + (column - 1) * SIDE
    south = (down * dark).sum() / dark.sum() + (row - 1) * SIDE
    turn = math.pi * (1 - 2 * south / SIDE / 2**z)
    return east / SIDE / 2**z * 360 - 180, math.degrees(math.atan(math.sinh(turn)))


@pytest.mark.parametrize("z", [13, 16, 18])
@pytest.mark.parametrize(("lon", "lat", "gcj_lon", "gcj_lat"), GCJ02_POINTS[:3])
def test_a_map_in_gcj02_lies_under_our_data_within_five_metres(
    named, host, client, lon, lat, gcj_lon, gcj_lat, z
):
    host.spots = [(gcj_lon, gcj_lat)]
    as_it_is = drawn_at(client, gcj_lon, gcj_lat, z)
    assert metres(as_it_is, (gcj_lon, gcj_lat)) < 1  # the measure itself is good
    assert metres(as_it_is, (lon, lat)) > 300
    named(basemap_system="gcj02")
    assert metres(drawn_at(client, lon, lat, z), (lon, lat)) < 5


def test_shifted_tiles_are_kept_and_trouble_is_not(named, host, client, context):
    named(basemap_system="gcj02")
    x, y = (int(n // SIDE) for n in pixel(*GCJ02_POINTS[0][:2], 15))
    host.mode = "html"
    assert client.get(f"/basemap/0/15/{x}/{y}.tile").status_code == 204
    connect(context.extensions["gridserve"]).flushdb()
    host.mode = "ok"
    answer = client.get(f"/basemap/0/15/{x}/{y}.tile")
    assert (answer.status_code, answer.mimetype) == (200, "image/webp")
    asked = len(host.asked)
    assert client.get(f"/basemap/0/15/{x}/{y}.tile").data == answer.data
    assert len(host.asked) == asked <= 5


def settings(**values):
    keys = {"SECRET_KEY": "x" * 32, "DATA_KEY": "y" * 32}
    known = {"DATABASE_URL": "x", "REDIS_URL": "x", "BLOBS": "var/blobs", **keys}
    return Config.from_env({f"GRIDSERVE_{k}": v for k, v in (known | values).items()})


def test_tianditu_is_known_by_name():
    for name, layers in (("vec", ("vec_w", "cva_w")), ("img", ("img_w", "cia_w"))):
        found = settings(BASEMAP=f"tianditu:{name}", BASEMAP_KEY="k").basemap
        for address, layer in zip(found, layers, strict=True):
            assert address.startswith(f"https://t0.tianditu.gov.cn/{layer}/wmts?")
            assert address.endswith("&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk={key}")


@pytest.mark.parametrize(
    "wrong",
    [
        {"BASEMAP": "tianditu:vec"}, {"BASEMAP": "tianditu:ter", "BASEMAP_KEY": "k"},
        {"BASEMAP": "https://a.example/{z}/{x}"}, {"BASEMAP": "https://{x}.example/{z}/{y}"},
        {"BASEMAP": "file:///etc/{z}/{x}/{y}"}, {"BASEMAP": "https://u:p@a.example/{z}/{x}/{y}"},
        {"BASEMAP": "https://a.example/{z}/{x}/{y}/{q}"},
        {"BASEMAP": "https://a.example/{z}/{x}/{y}?k={key}"},
        {"BASEMAP": " ".join(["https://a.example/{z}/{x}/{y}"] * 3)},
        {"BASEMAP_SYSTEM": "bd09"}, {"BASEMAP_DEEPEST": "0"}, {"BASEMAP_DEEPEST": "x"},
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_named(wrong):
    with pytest.raises(ConfigError, match="GRIDSERVE_BASEMAP"):
        settings(**wrong)


def doctored(config, monkeypatch, folder, *addresses):
    """What the doctor says of a base map at these addresses."""
    for name in ("database_url", "redis_url", "secret_key"):
        monkeypatch.setenv(f"GRIDSERVE_{name.upper()}", getattr(config, name))
    monkeypatch.setenv("GRIDSERVE_DATA_KEY", config.data_key[0])
    monkeypatch.setenv("GRIDSERVE_BASEMAP", " ".join(addresses))
    monkeypatch.setenv("GRIDSERVE_BASEMAP_KEY", KEY if addresses else "")
    (found,) = [check for check in examine(folder) if check.name == "base map"]
    assert KEY not in f"{found.found} {found.mend}"
    return found


def test_the_doctor_fetches_a_tile_of_the_countys_middle(config, host, monkeypatch, tmp_path):
    found = doctored(config, monkeypatch, tmp_path)
    assert (found.state, found.mend) == ("idle", "")
    assert "none is set" in found.found
    found = doctored(config, monkeypatch, tmp_path, host.address, host.address)
    assert (found.state, found.mend) == ("ok", "")
    assert "is there" in found.found
    assert len(host.asked) == 2  # of each layer
    where = found.found.split()[2]
    assert host.asked[0] == f"/{where}?tk={KEY}"


@pytest.mark.parametrize(
    ("mode", "says", "mend"),
    [
        ("500", "answered 500", "GRIDSERVE_BASEMAP_KEY"),
        ("html", "no picture", "GRIDSERVE_BASEMAP_KEY"),
        ("hang", "ReadTimeout", "HTTPS_PROXY"),
        ("404", "no tile", "GRIDSERVE_BASEMAP_DEEPEST"),
        ("closed", "Connection", "HTTPS_PROXY"),
    ],
)
def test_the_doctor_says_what_a_base_map_lacks(
    mode, says, mend, config, host, monkeypatch, tmp_path
):
    monkeypatch.setattr(basemap, "READ", 0.5)
    host.mode = mode
    address = host.address
    if mode == "closed":
        address = "http://127.0.0.1:1/{z}/{x}/{y}?tk={key}"
    for _again in range(2):  # also while the pages leave it alone
        found = doctored(config, monkeypatch, tmp_path, address)
        assert found.state == "wrong"
        assert says in found.found
        assert mend in found.mend


def test_the_tile_is_that_of_the_grounds_middle(context, make, named, host):
    make.cell(1)
    found = basemapcheck.check()
    z, x, y = (int(n) for n in found.found.split()[2].split("/"))
    lon, lat, zoom = basemapcheck._middle()
    assert (z, zoom) == (14, 14)
    assert [int(at // SIDE) for at in pixel(lon, lat, z)] == [x, y]
