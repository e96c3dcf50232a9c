"""The backlog of the last weeks is played by thumb, by mouse and by key."""

from __future__ import annotations

import pytest

from tests.browser.conftest import SIZES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", SIZES)
def test_the_weeks_are_played_and_stepped_through(tab, size):
    new = tab(size, "leader")
    page = new.open("/maps/aging")
    page.click("a[href^='/maps/aging/weeks']")
    slider = page.locator("#player input")
    slider.wait_for()
    new.sound()
    shown = page.locator("tr.is-shown th")
    week = page.locator("#player output")
    assert shown.inner_text() == week.inner_text()
    today = week.inner_text()
    buttons = page.locator("#player a")
    assert buttons.count() == 3
    for n in range(3):
        box = buttons.nth(n).bounding_box()
        assert min(box["width"], box["height"]) >= 44
        assert buttons.nth(n).get_attribute("aria-label")
    heat = "document.querySelector('.heatmap-canvas').toDataURL()"
    now = page.evaluate(heat)
    buttons.nth(0).click()
    assert week.inner_text() != today
    assert shown.inner_text() == week.inner_text()
    slider.focus()
    page.keyboard.press("Home")  # nothing was open 26 weeks ago
    assert slider.input_value() == "0"
    assert page.evaluate(heat) != now
    slider.focus()
    page.keyboard.press("End")
    assert page.evaluate(heat) == now
    play = buttons.nth(1)
    words = play.get_attribute("aria-label")
    play.focus()
    page.keyboard.press(" ")
    page.wait_for_function("document.querySelector('#player input').value > 0")
    assert play.get_attribute("aria-label") != words
    page.keyboard.press(" ")
    assert play.get_attribute("aria-label") == words
    new.sound()
