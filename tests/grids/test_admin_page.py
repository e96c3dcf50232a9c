"""The overview of the ground says what is missing and leads to where it is mended."""

from __future__ import annotations

from gridserve.permissions import Role
from tests.factories import COUNTY, VILLAGE

PAGE = {"Accept": "text/html"}


def test_the_overview_says_what_is_to_be_seen_to_and_a_village_gives_its_cells(make, as_user):
    cell = make.cell()
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    page = admin.get("/admin", headers=PAGE).text
    assert "没有团队的网格" in page
    assert cell.name in page
    assert all(f'href="{to}' in page for to in ("/teams", "/imports?kind=cells", "/calendar"))
    page = admin.get(f"/admin?jurisdiction={VILLAGE}", headers=PAGE).text
    for kind in ("geojson", "gpkg", "shp"):
        address = f"/api/v1/cells/export?jurisdiction={VILLAGE}&format={kind}"
        assert f'href="{address.replace("&", "&amp;")}"' in page
        assert admin.get(address).status_code == 200
