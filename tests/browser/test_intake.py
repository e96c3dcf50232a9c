"""A call is taken down by keys alone; a duplicate goes on with its like; a resident looks it up."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import NASTY, SIZES
from visits.issues.models import Issue

pytestmark = pytest.mark.browser

size = pytest.mark.parametrize("size", SIZES)
# A clerk types two keys a second; a Chinese character takes about three with an input method.
SECONDS, PER_SECOND, PER_CHARACTER = 60, 2, 3


class Keys:
    """The keyboard, counting the keys that a clerk would press."""

    def __init__(self, page):
        self.page, self.pressed = page, 0

    def type(self, words):
        self.pressed += sum(1 if each.isascii() else PER_CHARACTER for each in words)
        self.page.keyboard.type(words)

    def press(self, *keys):
        for key in keys:
            self.pressed += 1
            self.page.keyboard.press(key)


def told(page):
    number = page.locator("#number").inner_text()
    return number, page.locator("#code").inner_text().replace(" ", "")


@size
def test_a_call_is_taken_down_by_keys_in_less_than_a_minute(tab, size):
    new = tab(size, "dispatcher")
    page = new.open("/intake")
    keys = Keys(page)
    keys.type("村口路灯坏了三天，晚上看不见")
    keys.press("Tab")
    keys.type("facility")
    page.wait_for_selector("#category-list li[aria-selected=true]")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.id") == "place"
    keys.type("田坝 H")
    page.wait_for_selector("#place-list li[aria-selected=true]")
    keys.press("Enter")
    page.wait_for_selector("#same .same-list, #same > p:not(.row-note)")
    keys.press("Tab", "Tab", "Tab")
    assert page.evaluate("document.activeElement.id") == "resident_name"
    keys.type("李四")
    keys.press("Tab")
    keys.type("13800001234")
    keys.press("Control+Enter")
    page.wait_for_selector("#read-back")
    new.sound()
    assert keys.pressed <= SECONDS * PER_SECOND, keys.pressed
    number, code = told(page)
    assert re.fullmatch(r"\d{6}-\w{5}", number)
    for words in (number, f"{code[:3]} {code[3:]}", "村口路灯坏了三天"):
        assert words in page.locator("#read-back").inner_text()
    assert page.evaluate("document.activeElement.id") == "next"
    page.keyboard.press("Enter")
    page.wait_for_url("**/intake?channel=hotline")

    page = new.open("/q")
    page.fill("#number", number)
    page.fill("#code", f"{code[:3]} {code[3:]}")  # as it was read out
    page.click("button[type=submit]")
    page.wait_for_selector("ol li")
    new.sound()
    assert "村口路灯坏了三天" in page.locator("main").inner_text()


@size
def test_what_is_known_already_goes_on_with_its_like(tab, site, size):
    new = tab(size, "dispatcher")
    page = new.open("/intake")
    page.fill("#told", "路灯不亮，又打来了")
    page.fill("#category", "facility")
    page.click("#category-list li >> nth=0")
    page.fill("#place", "田坝")
    page.click("#place-list li:has-text('1号') >> nth=0")
    page.wait_for_selector("#same .same-list input[name=into]")
    assert NASTY in page.locator("#same").inner_text()
    page.click("#same .same-list label >> nth=0")
    page.click("#save")
    page.wait_for_selector("#read-back")
    new.sound()
    number, _code = told(page)
    with site.app.app_context():
        issue = (
            site.app.extensions["sqlalchemy"].session.query(Issue).filter_by(number=number).one()
        )
        assert issue.merged_into_id is not None


@size
def test_a_place_is_shown_on_the_map(tab, size):
    new = tab(size, "dispatcher")
    page = new.open("/intake")
    page.click("#map-fold summary")
    page.wait_for_selector("#map path.leaflet-interactive")
    page.locator("#map").scroll_into_view_if_needed()
    page.click("#map", position={"x": 150, "y": 160})
    page.wait_for_selector("#map-said:has-text('已选')")
    assert page.input_value("#lon").startswith("103.9")
    new.sound()
