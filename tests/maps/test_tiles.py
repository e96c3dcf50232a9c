"""Vector tiles: what is in them, for whom, and that they change when the ground does."""

from __future__ import annotations

import gzip
import math

import mapbox_vector_tile
import pytest

from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST

OTHER = "530627100200"
MIDDLE = (WEST + STEP / 2, SOUTH + STEP / 2)


def tile(layer, zoom, place=MIDDLE):
    lon, lat = place
    n, y = 2**zoom, math.asinh(math.tan(math.radians(lat)))
    return (
        f"/tiles/{layer}/{zoom}/{int((lon + 180) / 360 * n)}/{int((1 - y / math.pi) / 2 * n)}.mvt"
    )


def read(answer):
    """The features of each layer in a tile."""
    assert answer.status_code == 200, answer.text
    body = gzip.decompress(answer.data) if answer.data else b""
    return {name: layer["features"] for name, layer in mapbox_vector_tile.decode(body).items()}


def ids(answer, layer="cells"):
    return {str(feature["id"]) for feature in read(answer).get(layer, [])}


def test_cells_at_every_zoom_are_those_of_today(make, as_user):
    cells = [make.cell(n) for n in (1, 2)]
    make.cell(3, to_date=cells[0].from_date.replace(year=2021))
    client = as_user(make.user(Role.LEADER, COUNTY))
    for zoom in (5, 8, 10, 13, 15):
        answer = client.get(tile("cells", zoom))
        seen = {cells[0].code} if zoom == 15 else {cell.code for cell in cells}
        assert seen <= ids(answer) <= {cell.code for cell in cells}, zoom
    (feature,) = [
        f for f in read(client.get(tile("cells", 15)))["cells"] if str(f["id"]) == cells[0].code
    ]
    assert feature["properties"]["name"] == "第1网格"
    then = client.get(tile("cells", 10) + "?as_of=2020-06-01")
    assert len(ids(then)) == 3


def test_a_tile_is_made_anew_when_the_ground_changes_and_only_then(make, as_user):
    cell = make.cell(1)
    client = as_user(make.user(Role.LEADER, COUNTY))
    first = client.get(tile("cells", 10))
    assert ids(first) == {cell.code}
    same = client.get(tile("cells", 10), headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304
    other = make.cell(2)
    assert ids(client.get(tile("cells", 10))) == {cell.code, other.code}


@pytest.mark.parametrize("zoom", [5, 9, 12, 14, 16])
def test_nobody_sees_what_lies_outside_the_own_scope(make, as_user, zoom):
    here, there = make.cell(1), make.cell(1, village=OTHER)
    homes = [make.household(cell) for cell in (here, there)]
    cadre = make.cadre([here])
    cases = [make.issue(home, make.user(Role.DISPATCHER, home.village_code)) for home in homes]
    away = (MIDDLE[0] + 0.5 + int(OTHER) % 89 * 0.2, MIDDLE[1])
    for user in (cadre, make.user(Role.LEADER, TOWNSHIP)):
        client = as_user(user)
        for layer in ("cells", "villages", "households", "issues", "aging"):
            for feature in read(client.get(tile(layer, zoom, away))).get(layer, []):
                said = feature["properties"]
                assert str(feature["id"] or here.code).startswith(COUNTY)
                assert said.get("n", 1) == 1  # at small scale the own one is in the same tile
                assert said.get("household", str(homes[0].id)) == str(homes[0].id)
                assert said.get("issue", str(cases[0].id)) == str(cases[0].id)


def test_households_stand_one_by_one_when_near_and_are_counted_from_afar(make, as_user):
    cell = make.cell(1)
    homes = [make.household(cell) for _ in range(3)]
    cadre = make.cadre([cell])
    make.visit(homes[0], cadre)
    client = as_user(cadre)
    (far,) = read(client.get(tile("households", 12)))["households"]
    assert far["properties"] == {"n": 3}
    near = read(client.get(tile("households", 15)))["households"]
    assert {f["properties"]["household"] for f in near} == {str(home.id) for home in homes}
    assert [f["properties"].get("days") for f in near].count(0) == 1


def test_open_issues_by_light_and_never_a_complaint_about_staff(make, as_user):
    cell = make.cell(1)
    home, cadre = make.household(cell), make.cadre([cell])
    issues = [make.issue(home, cadre) for _ in range(2)]
    issues[1].about_staff = True
    db.session.commit()
    client = as_user(make.user(Role.LEADER, COUNTY))
    for zoom in (8, 14):
        (square,) = read(client.get(tile("aging", zoom)))["aging"]
        assert square["properties"]["n"] == square["properties"]["green"] == 1
    (square,) = read(client.get(tile("issues", 13)))["issues"]  # too many to stand one by one
    assert square["properties"]["n"] == 1
    (case,) = read(client.get(tile("issues", 14)))["issues"]
    assert case["properties"]["issue"] == str(issues[0].id)
    assert case["properties"]["light"] == "green"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/tiles/cells/19/0/0.mvt", 404), ("/tiles/cells/3/8/0.mvt", 404),
        ("/tiles/cells/3/0/-1.mvt", 404), ("/tiles/nothing/3/0/0.mvt", 404),
        ("/tiles/cells/3/0/0.mvt?as_of=yesterday", 422), ("/tiles/cells/3/0/0.mvt?x=1", 422),
        ("/tiles/cells/99999999999999999999/0/0.mvt", 404), ("/tiles/cells/3/0/0.mvt", 200),
    ],
)  # fmt: skip
def test_what_is_no_tile_is_said(make, as_user, address, status):
    make.cell(1)
    answer = as_user(make.user(Role.LEADER, COUNTY)).get(address)
    assert answer.status_code == status
    if status != 200:
        assert answer.json["code"]


def test_who_may_not_read_a_layer_gets_none_of_it(make, as_user, client):
    make.cell(1)
    auditor = as_user(make.user(Role.AUDITOR, COUNTY))
    assert auditor.get(tile("households", 15)).status_code == 403
    assert auditor.get(tile("issues", 15)).status_code == 403
    assert client.get(tile("cells", 8)).status_code == 401


def test_tilejson_says_where_tiles_are(make, as_user):
    make.cell(1)
    about = as_user(make.user(Role.LEADER, VILLAGE)).get("/tiles/cells.json").json
    assert about["tiles"] == ["http://localhost/tiles/cells/{z}/{x}/{y}.mvt"]
    assert about["bounds"] == pytest.approx([WEST, SOUTH, WEST + STEP, SOUTH + STEP])
    assert about["vector_layers"][0]["id"] == "cells"


def test_a_tile_of_issues_is_narrowed_and_names_the_cell_that_it_counts(make, as_user):
    cells = [make.cell(1), make.cell(2)]
    cadre = make.cadre(cells)
    make.category("facility.water")
    for n, category in enumerate(("facility.road", "facility.water", "facility.water")):
        made = make.issue(make.household(cells[n % 2]), cadre, category=category)
    client = as_user(make.user(Role.LEADER, COUNTY))

    def counted(zoom, asked):
        found = read(client.get(tile("aging", zoom) + asked)).get("aging", [])
        return sum(square["properties"]["n"] for square in found)

    for zoom in (8, 11, 13):
        for asked, n in (
            ("", 3), ("?category=facility.water", 2), ("?light=green", 3), ("?light=red", 0),
            ("?tier=township", 3), ("?tier=county", 0), (f"?holder={made.desk_code}", 3),
            (f"?holder={made.id}", 0), (f"?jurisdiction={TOWNSHIP}", 3),
            (f"?jurisdiction={OTHER}", 0),
        ):  # fmt: skip
            assert counted(zoom, asked) == n, (zoom, asked)
    (square,) = read(client.get(tile("aging", 8)))["aging"]
    assert "cell" not in square["properties"]  # of two cells
    squares = read(client.get(tile("aging", 8) + "?category=facility.road"))["aging"]
    assert [square["properties"]["cell"] for square in squares] == [cells[0].code]
    assert client.get(tile("aging", 8) + "?holder=x").status_code == 422
