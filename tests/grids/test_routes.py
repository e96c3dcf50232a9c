"""Jurisdictions, cells and teams over HTTP: what they hold, and who sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask.testing import FlaskClient
from shapely import box
from shapely.geometry import shape

from grids.coordinates import System, from_wgs84
from grids.models import CellKind
from gridserve.people import User
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST, Make
from tests.statements import statements

Sign = Callable[[User], FlaskClient]
OTHER = "530628101201"  # a village of the next county
MIDDLE = (WEST + STEP / 2, SOUTH + STEP / 2)


@pytest.fixture
def administrator(make: Make, as_user: Sign) -> FlaskClient:
    return as_user(make.user(Role.ADMINISTRATOR))


def codes(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.json
    return [f["id"] for f in answer.json["features"]]


def test_jurisdictions_hold_the_path_and_what_is_below(make: Make, as_user: Sign) -> None:
    make.jurisdictions(VILLAGE)
    make.jurisdictions(OTHER)
    client = as_user(make.user(Role.CADRE, TOWNSHIP))
    items = client.get("/api/v1/jurisdictions").json["items"]
    assert [i["code"] for i in items] == ["53", "5306", COUNTY, TOWNSHIP, VILLAGE]
    assert [i["level"] for i in items] == ["province", "city", "county", "township", "village"]
    below = client.get(f"/api/v1/jurisdictions?parent={TOWNSHIP}&level=village&q=田坝").json
    assert [i["code"] for i in below["items"]] == [VILLAGE]
    assert client.get("/api/v1/jurisdictions?q=%25").json["items"] == []


def test_jurisdictions_come_in_pages(make: Make, administrator: FlaskClient) -> None:
    for n in range(5):
        make.jurisdictions(f"{TOWNSHIP}{201 + n}")
    found, address = [], f"/api/v1/jurisdictions?parent={TOWNSHIP}&limit=2"
    while address:
        page = administrator.get(address).json
        found += [i["code"][-3:] for i in page["items"]]
        address = page["next"]
    assert found == ["201", "202", "203", "204", "205"]


def test_one_jurisdiction_with_its_boundary(make: Make, administrator: FlaskClient) -> None:
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    found = administrator.get(f"/api/v1/jurisdictions/{VILLAGE}").json
    assert found["boundary"]["type"] == "MultiPolygon"
    assert shape(found["boundary"]).bounds == pytest.approx((103.95, 28.6, 103.96, 28.61))
    assert found["children"] == 0
    assert administrator.get(f"/api/v1/jurisdictions/{TOWNSHIP}").json["children"] == 1


@pytest.mark.parametrize("code", ["530628", OTHER, "999999", "x", "5306 26", "%00"])
def test_what_is_outside_the_scope_is_not_found(make: Make, as_user: Sign, code: str) -> None:
    make.jurisdictions(OTHER)
    client = as_user(make.user(Role.CADRE, VILLAGE))
    answer = client.get(f"/api/v1/jurisdictions/{code}")
    assert (answer.status_code, answer.json["code"]) == (404, "jurisdiction.not_found")


def test_cells_are_geojson_with_their_teams(make: Make, as_user: Sign) -> None:
    first, second = make.cell(1), make.cell(2)
    client = as_user(make.cadre([first]))
    page = client.get("/api/v1/cells").json
    assert (page["type"], page["next"]) == ("FeatureCollection", None)
    one, two = page["features"]
    assert one["properties"] | {"teams": None} == {
        "code": first.code,
        "name": "第1网格",
        "kind": "basic",
        "village": VILLAGE,
        "from_date": "2020-01-01",
        "to_date": None,
        "teams": None,
    }
    assert [t["name"].startswith("团队") for t in one["properties"]["teams"]] == [True]
    assert (two["id"], two["properties"]["teams"]) == (second.code, [])
    ring = one["geometry"]["coordinates"][0]
    assert shape(one["geometry"]).exterior.is_ccw
    assert ring[0] == ring[-1]


def test_cells_of_a_day_of_a_place_and_in_pages(make: Make, administrator: FlaskClient) -> None:
    make.cell(1, from_date=date(2020, 1, 1), to_date=date(2026, 1, 1))
    make.cell(2, from_date=date(2026, 1, 1))
    make.cell(3)
    make.cell(1, village=OTHER)
    assert codes(administrator, "/api/v1/cells") == [f"{VILLAGE}002", f"{VILLAGE}003"]
    assert codes(administrator, "/api/v1/cells?as_of=2025-12-31") == [
        f"{VILLAGE}001", f"{VILLAGE}003",
    ]  # fmt: skip
    around = f"{WEST + 2.5 * STEP},{SOUTH},{WEST + 9 * STEP},{SOUTH + STEP}"
    assert codes(administrator, f"/api/v1/cells?bbox={around}") == [f"{VILLAGE}003"]
    assert codes(administrator, f"/api/v1/cells?jurisdiction={TOWNSHIP}&limit=1") == [
        f"{VILLAGE}002"
    ]
    following = administrator.get("/api/v1/cells?limit=1").json["next"]
    assert codes(administrator, following) == [f"{VILLAGE}003"]


@pytest.mark.parametrize(
    "query",
    ["bbox=1,2,3", "bbox=a,b,c,d", "bbox=nan,1,2,3", "bbox=10,20,5,30", "bbox=1,2,3,400",
     "jurisdiction=12x", "as_of=yesterday", "colour=red", "limit=0", "cursor=zzz"],
)  # fmt: skip
def test_bad_parameters_are_named(administrator: FlaskClient, query: str) -> None:
    answer = administrator.get(f"/api/v1/cells?{query}")
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["/" + query.split("=")[0]]


def test_a_jurisdiction_outside_the_scope_filters_to_nothing_but_404(
    make: Make, as_user: Sign
) -> None:
    make.cell(1, village=OTHER)
    client = as_user(make.user(Role.LEADER))
    for address in ("cells?jurisdiction=530628", "teams?jurisdiction=530628",
                    "jurisdictions?parent=530628"):  # fmt: skip
        assert client.get(f"/api/v1/{address}").status_code == 404


def test_one_cell_retired_or_not_with_an_etag(make: Make, administrator: FlaskClient) -> None:
    cell = make.cell(1, to_date=date(2024, 1, 1))
    answer = administrator.get(f"/api/v1/cells/{cell.code}")
    assert answer.json["properties"]["to_date"] == "2024-01-01"
    again = administrator.get(
        f"/api/v1/cells/{cell.code}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")
    make.team([cell])
    changed = administrator.get(
        f"/api/v1/cells/{cell.code}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert changed.status_code == 200


def test_a_cadre_of_another_county_finds_no_cell_and_no_team(make: Make, as_user: Sign) -> None:
    cell = make.cell(1)
    team = make.team([cell])
    client = as_user(make.user(Role.CADRE, OTHER))
    assert client.get(f"/api/v1/cells/{cell.code}").status_code == 404
    assert client.get(f"/api/v1/teams/{team.id}").status_code == 404
    assert codes(client, "/api/v1/cells") == []
    here = client.get("/api/v1/cells/at?lon={}&lat={}".format(*MIDDLE))
    assert (here.status_code, here.json["code"]) == (404, "cell.none_here")


@pytest.mark.parametrize("system", list(System))
def test_the_cell_here_whatever_the_coordinate_system(
    make: Make, administrator: FlaskClient, system: System
) -> None:
    for serial in (1, 2, 3):
        make.cell(serial)
    lon, lat = from_wgs84(WEST + 1.97 * STEP, SOUTH + 0.5 * STEP, system)
    # 30 m from its eastern neighbour: taken for the wrong system it lies in that one.
    where = f"lon={lon}&lat={lat}"
    assert codes(administrator, f"/api/v1/cells/at?{where}&crs={system}") == [f"{VILLAGE}002"]
    if system in (System.gcj02, System.bd09):
        wrong = administrator.get(f"/api/v1/cells/at?{where}&crs=wgs84")
        assert wrong.status_code == 404 or wrong.json["features"][0]["id"] != f"{VILLAGE}002"


def test_the_cells_here_on_a_day_and_on_an_edge(make: Make, administrator: FlaskClient) -> None:
    make.cell(1, to_date=date(2026, 1, 1))
    make.cell(2, kind=CellKind.DEDICATED, polygon=box(WEST, SOUTH, WEST + STEP, SOUTH + STEP))
    make.cell(3, polygon=box(WEST, SOUTH, WEST + STEP, SOUTH + STEP), from_date=date(2026, 1, 1))
    where = "lon={}&lat={}".format(*MIDDLE)
    assert codes(administrator, f"/api/v1/cells/at?{where}") == [f"{VILLAGE}003", f"{VILLAGE}002"]
    assert codes(administrator, f"/api/v1/cells/at?{where}&on=2025-12-31") == [
        f"{VILLAGE}001", f"{VILLAGE}002",
    ]  # fmt: skip
    make.cell(4, polygon=box(WEST + STEP, SOUTH, WEST + 2 * STEP, SOUTH + STEP))
    edge = f"lon={WEST + STEP}&lat={SOUTH + STEP / 2}"
    assert codes(administrator, f"/api/v1/cells/at?{edge}")[:2] == [
        f"{VILLAGE}003", f"{VILLAGE}004",
    ]  # fmt: skip


def test_a_swapped_position_is_explained(administrator: FlaskClient) -> None:
    answer = administrator.get("/api/v1/cells/at?lon=39.5&lat=76.0")
    assert answer.status_code == 422
    assert "39.5" in answer.json["errors"]["/lon"][0]


def test_teams_with_members_and_cells_of_today(make: Make, as_user: Sign) -> None:
    cell = make.cell(1)
    cadre = make.cadre([cell])
    gone = make.team([cell], [make.user(Role.CADRE, VILLAGE, name="李四")], until=date(2021, 1, 1))
    client = as_user(cadre)
    page = client.get(f"/api/v1/teams?jurisdiction={TOWNSHIP}").json["items"]
    mine = next(t for t in page if t["id"] != str(gone.id))
    assert [(m["name"], m["duty"]) for m in mine["members"]] == [("张三", "full_time")]
    assert [c["code"] for c in mine["cells"]] == [cell.code]
    past = client.get(f"/api/v1/teams/{gone.id}").json
    assert (past["members"], past["cells"]) == ([], [])


def test_lists_ask_no_more_for_more_rows(make: Make, administrator: FlaskClient) -> None:
    for serial in range(1, 5):
        make.team([make.cell(serial)], [make.user(Role.CADRE, VILLAGE)])
    # Three of them find out who is asking.
    for address, most in (("cells", 5), ("teams", 8), ("jurisdictions", 4)):
        with statements() as seen:
            assert administrator.get(f"/api/v1/{address}").status_code == 200
        assert len(seen) <= most, seen


def test_the_overview_counts_and_says_what_is_missing(make: Make, as_user: Sign) -> None:
    make.team([make.cell(1)], [make.user(Role.CADRE, VILLAGE)])
    make.cell(2)
    make.boundary(VILLAGE, box(WEST, SOUTH, WEST + 1, SOUTH + 1))
    make.jurisdictions(f"{TOWNSHIP}202")
    make.cell(1, village=OTHER)
    client = as_user(make.user(Role.ADMINISTRATOR))
    page = client.get("/admin", headers={"Accept": "text/html"}).get_data(as_text=True)
    row = page.split("中城镇")[1].split("</tr>")[0]
    numbers = re.findall(r"<(?:span|strong)>([0-9,]+)<", row)
    # villages, cells, teams, members, without boundary, without cells, cells without team
    assert numbers == ["2", "2", "1", "1", "1", "1", "1"]
    assert "530628" not in page
    village = client.get(f"/admin?jurisdiction={TOWNSHIP}", headers={"Accept": "text/html"})
    assert "田坝村" in village.get_data(as_text=True)
    outside = client.get("/admin?jurisdiction=530628", headers={"Accept": "text/html"})
    assert outside.status_code == 404


def test_the_overview_is_for_administrators(make: Make, as_user: Sign) -> None:
    client = as_user(make.user(Role.LEADER))
    assert client.get("/admin").status_code == 403
