"""Changing cells and dividing a village as a township clerk does it: with the mouse, by thumb, and
with the keyboard alone."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from shapely import Polygon, box
from sqlalchemy import func, select

from grids.models import Cell, Change
from gridserve.db import db
from gridserve.permissions import Role
from tests.browser.conftest import NASTY, served
from tests.factories import COUNTY, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST, Make
from visits.division import computing
from visits.division.models import Draft

pytestmark = pytest.mark.browser

# Each test changes a village of its own.
VILLAGES = [f"{TOWNSHIP}3{n:02}" for n in range(1, 12)]
EMPTY = f"{TOWNSHIP}299"
_numbers = itertools.count()


def build(make: Make) -> dict[str, Any]:
    """Villages of three cells in a row with two households each, and one without cells."""
    for login in ("admin", "clerk"):
        make.user(Role.ADMINISTRATOR, COUNTY, login=login)
    make.user(Role.LEADER, COUNTY, login="leader")
    make.jurisdictions(VILLAGE)
    for village in VILLAGES:
        cells = [make.cell(n, village=village, polygon=strip(village, n - 1, n)) for n in (1, 2, 3)]
        cells[0].name = f"{NASTY}甲"
        make.boundary(village, strip(village, 0, 3))
        cadre = make.user(Role.CADRE, village, name=f"{NASTY}员")
        make.team(cells, [cadre], code=village)
        for cell in cells[:1]:
            make.household(cell, point=at(village, 0.2))
            make.household(cell, point=at(village, 0.8))
    make.boundary(EMPTY, strip(EMPTY, 0, 3))
    for n in range(30):
        make.household(None, village_code=EMPTY, point=at(EMPTY, n / 10), point_source="wgs84")
    db.session.commit()
    return {}


def south_of(village: str) -> float:
    """The southern edge of a village's ground: each has a strip of its own."""
    return SOUTH - 2 * STEP * [EMPTY, *VILLAGES].index(village)


def strip(village: str, first: float, last: float) -> Polygon:
    """The ground from the `first` to the `last` width of a cell."""
    south = south_of(village)
    return box(WEST + first * STEP, south, WEST + last * STEP, south + STEP)


def at(village: str, share: float) -> str:
    return f"SRID=4326;POINT({WEST + share * STEP} {south_of(village) + STEP / 2})"


@pytest.fixture(scope="module")
def site(app, config):
    with served(app, config, build) as site:
        yield site


@pytest.fixture
def village() -> str:
    return VILLAGES[next(_numbers)]


def codes(page: Any) -> list[str]:
    """The last three digits of the listed cells."""
    return [box.get_attribute("value")[-3:] for box in page.locator("#cell-list input").all()]


def open_map(new: Any, village: str) -> Any:
    page = new.open(f"/maps/cells?jurisdiction={village}")
    page.wait_for_selector(".leaflet-cells-pane path")
    return page


def middle(page: Any) -> tuple[float, float, float]:
    """The middle of the map from left to right, and its upper and lower edge, in pixels."""
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + 20, box["y"] + box["height"] - 20


def confirm(new: Any, page: Any, press: str = "click") -> None:
    """Confirm what is shown and wait for the map as it is then."""
    with page.expect_navigation(url="**done=**"):
        getattr(page, press)("#task-do")
    page.wait_for_selector(".leaflet-cells-pane path")
    new.sound()


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_cell_is_split_by_hand_and_the_change_taken_back(tab, village, size):
    new = tab(size, "admin")
    page = open_map(new, village)
    page.click("[data-tool=split]")
    page.locator("#cell-list input").first.check()
    x, top, bottom = middle(page)
    tap = page.touchscreen.tap if size == "phone" else page.mouse.click
    tap(x + 60, top)
    page.wait_for_timeout(300)  # two taps at once would be a double one
    tap(x, bottom)
    page.wait_for_timeout(300)
    if size == "desk":  # the first point was set too far to the right: it is dragged
        page.mouse.move(x + 60, top)
        page.mouse.down()
        page.mouse.move(x, top, steps=4)
        page.mouse.up()
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    figures = page.locator("#task-figures").inner_text()
    assert re.search(r"\b2\b", figures)
    assert f"{NASTY}员" in figures
    assert page.locator(".leaflet-proposed-pane path").count() == 2
    assert codes(page) == ["001", "002", "003"]  # nothing has happened yet
    page.locator("#task-names input").first.fill(f"{NASTY}西")
    confirm(new, page, "dblclick")  # a repeated tap is no second change
    assert codes(page) == ["002", "003", "004", "005"]
    assert f"{NASTY}西" in page.locator("#cell-list").inner_text()
    assert page.locator("#change-panel li").count() == 1

    page.locator("[data-undo]").first.click()
    page.wait_for_selector("#task-result")
    confirm(new, page)
    assert codes(page) == ["001", "002", "003"]
    assert page.locator("#change-panel .is-undone").count() == 1
    page = new.open(f"/cells/{village}001")
    assert page.locator(".family-box.is-undone").count() == 2


def press_until(page: Any, selector: str, key: str = "Tab", most: int = 60) -> None:
    """Go on with a key until what has the focus is the one looked for."""
    for _ in range(most):
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} is not reached by {key}")


def test_a_cell_is_split_with_the_keyboard_alone(tab, village):
    new = tab("desk", "admin")
    page = open_map(new, village)
    keys = page.keyboard
    press_until(page, "[data-tool=split]")
    keys.press("Enter")
    press_until(page, "#cell-list input")
    keys.press("ArrowDown")
    keys.press("Enter")
    assert page.locator("#cell-list input").nth(1).is_checked()
    press_until(page, "#map", "Shift+Tab")
    for _ in range(4):
        keys.press("Shift+ArrowUp")
    keys.press("Enter")
    for _ in range(8):
        keys.press("Shift+ArrowDown")
    keys.press("Enter")
    keys.press("Enter")  # the same point again is no further one
    assert page.locator(".pen-point").count() == 2
    keys.press("Backspace")
    assert page.locator(".pen-point").count() == 1
    keys.press("Enter")
    press_until(page, "#task-look")
    keys.press("Enter")
    page.wait_for_selector("#task-result")
    keys.press("Escape")  # a step back, and what was drawn is still there
    assert page.locator("#task-result").is_hidden()
    assert page.locator(".pen-point").count() == 2
    press_until(page, "#task-look")
    keys.press("Enter")
    page.wait_for_selector("#task-result")
    press_until(page, "#task-do")
    with page.expect_navigation(url="**done=**"):
        keys.press("Enter")
    page.wait_for_selector(".leaflet-cells-pane path")
    new.sound()
    assert codes(page) == ["001", "003", "004", "005"]


def test_a_line_is_typed_and_a_bad_one_is_told(tab, village):
    new = tab("desk", "admin")
    page = open_map(new, village)
    page.locator("#cell-list input").first.check()
    page.click("[data-tool=split]")
    page.click("#drawing summary")
    lon, south = WEST + STEP / 4, south_of(village)
    page.fill("#draw-typed", f"{lon}, {south + STEP / 4}\n{WEST + STEP / 2}, {south}")
    page.click("#task-look")
    page.wait_for_selector("#task-fault:not([hidden])")
    assert all("422" in fault for fault in new.faults)
    new.faults.clear()
    assert page.locator(".pen-point").count() == 2
    page.fill("#draw-typed", f"{lon} {south - 0.001}\n{lon}, {south + STEP + 0.001}")
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    assert page.locator("#task-fault").is_hidden()


def test_neighbours_are_merged_from_the_list(tab, village):
    new = tab("phone", "admin")
    page = open_map(new, village)
    page.click("[data-tool=merge]")
    for n in (0, 1):
        page.locator("#cell-list input").nth(n).check()
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    page.fill("#task-names input", "东西合并格")
    confirm(new, page)
    assert codes(page) == ["003", "004"]
    assert "东西合并格" in page.locator("#cell-list").inner_text()


def test_an_edge_is_redrawn(tab, village):
    new = tab("desk", "admin")
    page = open_map(new, village)
    page.click("[data-tool=redraw]")
    for n in (0, 1):
        page.locator("#cell-list input").nth(n).check()
    x, top, bottom = middle(page)
    page.mouse.click(x - 40, top)
    page.wait_for_timeout(300)
    page.mouse.click(x - 40, bottom)
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    confirm(new, page)
    assert codes(page) == ["003", "004", "005"]


def test_a_dedicated_cell_is_drawn_and_retired(tab, village):
    new = tab("desk", "admin")
    page = open_map(new, village)
    page.click(".tool-more summary")
    page.click("[data-tool=add]")
    x, top, bottom = middle(page)
    y = (top + bottom) / 2
    for dx, dy in ((-30, -20), (30, -20), (30, 20), (-30, 20)):
        page.mouse.click(x + dx, y + dy)
        page.wait_for_timeout(300)
    page.click("#task-look")
    page.wait_for_selector("#task-fault:not([hidden])")  # it has no name as yet
    page.fill("#task-name", "中心小学")
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    confirm(new, page)
    assert codes(page) == ["001", "002", "003", "004"]
    page.click(".tool-more summary")
    page.click("[data-tool=retire]")
    page.locator("#cell-list input").first.click()
    assert page.locator("#task-look").is_hidden()  # a basic cell is none to retire
    page.locator("#cell-list input").last.check()
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    confirm(new, page)
    assert codes(page) == ["001", "002", "003"]


def test_who_is_second_is_told_and_loses_nothing_that_was_drawn(tab, site, village):
    new = tab("desk", "admin")
    page = open_map(new, village)
    page.locator("#cell-list input").first.check()
    page.click("[data-tool=split]")
    x, top, bottom = middle(page)
    page.mouse.click(x, top)
    page.wait_for_timeout(300)
    page.mouse.click(x, bottom)
    page.click("#task-look")
    page.wait_for_selector("#task-result")

    other = tab("desk", "clerk")
    rival = open_map(other, village)
    rival.click("[data-tool=merge]")
    for n in (0, 1):
        rival.locator("#cell-list input").nth(n).check()
    rival.click("#task-look")
    confirm(other, rival)

    page.click("#task-do")
    page.wait_for_selector("#task-fault:not([hidden])")
    assert all("409" in fault for fault in new.faults)
    new.faults.clear()
    assert f"{village}001" in page.locator("#task-fault").inner_text()
    drawn = page.locator("#draw-typed").input_value()
    assert len(drawn.splitlines()) == 2
    page.click("#task-fault button")  # the cells as they are now
    page.wait_for_selector(f"#cell-list input[value='{village}004']")
    assert page.locator("#draw-typed").input_value() == drawn
    page.locator(f"#cell-list input[value='{village}004']").check()
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    confirm(new, page)
    assert codes(page) == ["003", "005", "006"]
    with site.app.app_context():
        made = select(func.count()).select_from(Change).where(Change.village_code == village)
        assert db.session.scalar(made) == 2


def test_a_leader_looks_and_changes_nothing(tab, village):
    new = tab("phone", "leader")
    page = open_map(new, village)
    assert page.locator("[data-tool]").count() == 0
    page.locator(".cell-open").first.click()
    page.wait_for_selector(".leaflet-cells-pane path")
    new.sound()
    assert NASTY in page.locator("h1").inner_text()


def test_a_village_is_divided_adjusted_and_adopted(tab, site):
    new = tab("desk", "admin")
    page = new.open(f"/admin?jurisdiction={EMPTY}")
    page.click(f"a[href='/divisions?village={EMPTY}']")
    page.fill("#smallest", "8")
    page.fill("#largest", "12")
    page.click("#ask")
    page.wait_for_url(re.compile("/divisions/[0-9a-f-]{36}$"))
    page.wait_for_selector("#computing:not([hidden])")
    with site.app.app_context():
        computing.compute(str(db.session.scalar(select(Draft.id))))
    page.wait_for_selector(".leaflet-cells-pane path")
    new.sound()
    assert page.locator("#cell-list input").count() == 3
    page.click("[data-tool=merge]")
    for n in (0, 1):
        page.locator("#cell-list input").nth(n).check()
    page.click("#task-look")
    page.wait_for_selector("#cell-list li:nth-child(2):last-child")
    page.click("#undo")
    page.wait_for_selector("#cell-list li:nth-child(3):last-child")
    page.click("[data-tool=split]")
    page.locator("#cell-list input").first.check()
    x, top, bottom = middle(page)
    page.mouse.click(x, top)
    page.wait_for_timeout(300)
    page.mouse.click(x, bottom)
    page.wait_for_timeout(300)
    page.click("#task-look")
    page.wait_for_selector("#cell-list li:nth-child(4):last-child")
    page.click("#adopt button")
    page.wait_for_selector("#state:not([hidden])")
    new.sound()
    page.click("#state a")
    page.wait_for_selector(".leaflet-cells-pane path")
    new.sound()
    assert codes(page) == ["001", "002", "003", "004"]
    with site.app.app_context():
        lie = select(func.count()).select_from(Cell).where(Cell.village_code == EMPTY)
        assert db.session.scalar(lie) == 4
