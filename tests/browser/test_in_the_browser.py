"""The pages as people meet them: on a phone and on a desk, signed in through the form."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest

from gridserve.db import db, now
from maps import coveragepages, pages
from tests.browser.conftest import NASTY, SIZES
from tests.factories import COUNTY, PASSWORD, TOWNSHIP, VILLAGE
from visits.models import CoverageDay

pytestmark = pytest.mark.browser

size = pytest.mark.parametrize("size", SIZES)


@size
def test_a_wrong_password_is_told_and_the_right_one_leads_home(tab, size):
    new = tab(size)
    page = new.open("/maps/aging?light=red")  # sends to the sign-in, and back afterwards
    page.fill("#login", "leader")
    page.fill("#password", "wrong password")
    page.click("main button[type=submit]")
    page.wait_for_selector("[role=alert]")
    assert all("401" in fault for fault in new.faults)  # the browser notes the refusal itself
    new.faults.clear()
    page.fill("#login", "leader")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector(".leaflet-control-scale")
    new.sound()
    assert page.url.endswith("/maps/aging?light=red")


PAGES = {
    "leader": ["/", "/overview", "/maps/coverage?by=cell", "/maps/aging", "/issues",
               f"/households?jurisdiction={VILLAGE}", "/households/{household}", "/issues/{issue}"],
    "dispatcher": ["/", "/desk", "/desk?queue=to_accept", "/issues/{issue}", "/issues",
                   "/households/{household}", "/maps/aging"],
    "cadre": ["/households", "/households/{household}", "/issues", "/issues/{issue}",
              f"/maps/coverage?jurisdiction={VILLAGE}"],
}  # fmt: skip


@size
@pytest.mark.parametrize("login", PAGES)
def test_pages_are_sound_whatever_people_wrote(tab, site, size, login):
    new = tab(size, login)
    for path in PAGES[login]:
        address = path.format(issue=site.issue, household=site.household)
        shown = new.open(address).locator("body").inner_text()
        if not path.startswith("/maps/coverage"):  # there a name may have no room on the map
            assert NASTY in shown, path  # it was there to be obeyed, and was words


def test_a_cadre_records_a_visit_and_reports_an_issue_by_thumb(tab, site):
    new = tab("phone", "cadre")
    page = new.open("/households")
    page.click(f"a[href='/households/{site.household}']")
    page.click(".taps button[value=nobody_home]")
    page.wait_for_selector("[role=status]")
    new.sound()
    assert page.locator("#h-visits + .cards li").count() == 1
    page.click("details.act summary")
    page.select_option("#category", "facility.road")
    page.fill("#words", f"{NASTY} 水沟堵了")
    page.click("details.act button[type=submit]")
    page.wait_for_selector("[role=status]")
    new.sound()
    assert page.locator("#h-issues + .cards li").count() == 2
    assert f"{NASTY} 水沟堵了" in page.locator("#h-issues + .cards").inner_text()


def open_area(page, size, box):
    """Open what lies in the middle of `box`: a mouse sees its figures first, a finger is asked."""
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    if size == "phone":
        page.touchscreen.tap(*middle)
        page.wait_for_selector(".leaflet-popup-content a")
        page.wait_for_timeout(500)  # the map slides until the whole card is in view
        page.click(".leaflet-popup-content a")
    else:
        page.mouse.move(*middle)
        page.wait_for_selector(".map-tip")
        assert page.locator(".map-tip").count() == 1
        page.mouse.click(*middle)


@size
def test_coverage_drills_from_the_county_to_a_cell(tab, site, size):
    new = tab(size, "leader")
    page = new.open("/maps/coverage")
    for code, areas in ((TOWNSHIP, 1), (VILLAGE, 1), (None, site.cells)):
        page.wait_for_selector("path.area")
        assert page.locator("path.area").count() == areas
        open_area(page, size, page.locator("path.area").first.bounding_box())
        if code:
            page.wait_for_url(f"**jurisdiction={code}**")
    page.wait_for_url("**/households?cell=**")  # the last step opens the households not met
    new.sound()
    assert COUNTY in page.url


@size
@pytest.mark.parametrize("asked", ["", "&measure=due", "&compare={earlier}"])
def test_many_cells_are_listed_and_open_as_few_do(tab, site, size, asked, monkeypatch):
    earlier = (now() - timedelta(days=40)).date()
    address = "/maps/coverage?by=cell" + asked.format(earlier=earlier)
    rows = """(rows) => rows.map((row) => {
        const bar = row.querySelector(".share-bar"), fill = bar.querySelector(".share-bar-fill");
        return [row.innerText, row.querySelector("a")?.search, bar.className, fill?.style.width];
    })"""
    new = tab(size, "leader")
    few = new.open(address).locator("table.rows tbody tr").evaluate_all(rows)
    assert len(few) == site.cells
    monkeypatch.setattr(coveragepages, "FEW", 0)
    page = new.open(address)
    page.wait_for_selector("table.rows tbody .share-bar")
    assert page.locator("table.rows tbody tr").evaluate_all(rows) == few
    open_area(page, size, page.locator(".folium-map").bounding_box())
    page.wait_for_url("**/households?cell=**")
    new.sound()


@pytest.fixture
def halves(site):
    """Shares half-way between two decimals, which Python and JavaScript round differently."""
    with site.app.app_context():
        kept = db.session.query(CoverageDay).filter_by(window_days=180)
        before = [(row, row.met, row.households, row.registered) for row in kept]
        for n, (row, *_) in enumerate(before):
            row.met, row.households = (1, 16) if n % 2 else (1, 80)
            row.registered = row.households
        db.session.commit()
        yield
        for row, *figures in before:
            row.met, row.households, row.registered = figures
        db.session.commit()


def test_many_cells_are_listed_though_tiles_hang_and_as_few_are(tab, site, halves, monkeypatch):
    address = "/maps/coverage?by=cell"
    text = """(rows) => rows.map((row) => row.innerText.split(/\\s+/))"""
    new = tab("desk", "leader")
    few = new.open(address).locator("table.rows tbody tr").evaluate_all(text)
    shares = {part for row in few for part in row if "." in part}
    assert shares == {"6.2", "1.2"}
    monkeypatch.setattr(coveragepages, "FEW", 0)
    gate, plain = Event(), site.app.view_functions["tiles.cells"]

    def hanging(**kwargs):
        gate.wait(20)
        return plain(**kwargs)

    monkeypatch.setitem(site.app.view_functions, "tiles.cells", hanging)
    page = new.open(address)
    page.wait_for_selector("table.rows tbody .share-bar", timeout=15_000)
    assert page.locator("table.rows tbody tr").evaluate_all(text) == few
    gate.set()


def test_on_wide_paper_nothing_lies_over_the_end_of_a_long_table(tab):
    page = tab("desk", "leader").open("/maps/coverage?by=cell")
    page.evaluate("""() => {
        const rows = document.querySelector("table.rows tbody");
        for (let n = 0; n < 50; n += 1) rows.append(rows.lastElementChild.cloneNode(true));
    }""")
    page.emulate_media(media="print")
    table = page.locator("table.rows").bounding_box()
    files = page.locator(".map-files").bounding_box()
    assert table["height"] > 1000
    assert table["y"] + table["height"] <= files["y"]


@size
def test_an_empty_cell_is_hatched_and_says_so(tab, size):
    page = tab(size, "leader").open(f"/maps/coverage?jurisdiction={VILLAGE}")
    hatched = page.locator("path.area-no-data")
    assert hatched.count() == 1
    assert hatched.get_attribute("fill") == "url(#no-data-hatch)"
    assert "0 / 0" in page.locator(".rows").inner_text()


@size
def test_a_marker_opens_its_case(tab, site, size):
    new = tab(size, "leader")
    page = new.open(f"/maps/aging?jurisdiction={VILLAGE}&light=deep_red")
    page.wait_for_selector(".leaflet-heatmap-layer")
    box = page.locator(".folium-map").bounding_box()
    aside = page.locator(".leaflet-control-layers-expanded")
    taken = aside.bounding_box()["width"] if aside.count() else 0
    # the case lies in the middle of the village, which is in the middle of what the list leaves
    middle = (box["x"] + (box["width"] - taken) / 2, box["y"] + box["height"] / 2)
    if size == "phone":
        page.touchscreen.tap(*middle)
    else:
        page.mouse.click(*middle)
    page.wait_for_selector(".leaflet-popup-content")
    assert NASTY in page.locator(".leaflet-popup-content").inner_text()
    page.wait_for_timeout(500)  # the map slides until the whole card is in view
    page.click(".leaflet-popup-content a")
    page.wait_for_url(f"**/issues/{site.issue}")
    new.sound()


@size
def test_a_circle_of_many_issues_comes_nearer_until_a_case_opens(tab, site, size, monkeypatch):
    monkeypatch.setattr(pages, "DRAWN", 0)  # as for more than a page holds one by one
    new = tab(size, "leader")
    with new.page.expect_response(lambda answer: "/tiles/aging/" in answer.url):
        page = new.open("/maps/aging?light=deep_red")
        if size == "desk":  # there the village is so large that its cases stand one by one
            page.wait_for_load_state("networkidle")
            for _ in range(3):
                page.click(".leaflet-control-zoom-out")
                page.wait_for_timeout(400)  # the map moves away
    page.wait_for_load_state("networkidle")
    assert page.locator(".leaflet-heatmap-layer").count() == 0
    box = page.locator(".folium-map").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tap = page.touchscreen.tap if size == "phone" else page.mouse.click
    with page.expect_response(lambda answer: "/tiles/issues/" in answer.url):
        tap(*middle)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)  # the map comes nearer
    tap(*middle)
    page.click(".leaflet-popup-content a")
    page.wait_for_url(f"**/issues/{site.issue}")
    new.sound()


def test_layers_of_bands_are_switched(tab):
    page = tab("desk", "leader").open("/maps/aging")
    boxes = page.locator(".leaflet-control-layers-selector")
    assert boxes.count() == 5
    assert page.locator(".leaflet-heatmap-layer").count() == 1
    boxes.first.uncheck()
    assert page.locator(".leaflet-heatmap-layer").count() == 0


def test_the_language_stays_chosen(tab):
    page = tab("desk", "leader").open("/overview?lang=en")
    assert page.locator("html").get_attribute("lang") == "en"
    page.click("nav a[href='/maps/coverage']")
    page.wait_for_selector("path.area")
    assert page.locator("html").get_attribute("lang") == "en"


def test_keys_reach_everything_without_the_map(tab):
    page = tab("desk", "leader").open("/maps/coverage")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator(".rows a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**jurisdiction={TOWNSHIP}**")
