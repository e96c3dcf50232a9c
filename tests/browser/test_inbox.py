"""The inbox in a browser: the count in the top bar, one tap to the issue, and it is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Site, Tab
from visits.telling import sweeping


@pytest.mark.browser
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_what_one_is_told_opens_by_a_tap_and_is_read_then(
    size: str, site: Site, tab: Callable[..., Tab]
) -> None:
    with site.app.app_context():
        sweeping.sweep()
    tab_ = tab(size, "dispatcher")
    page = tab_.open("/inbox?lang=zh")
    before = page.locator(".card-button").count()
    assert before >= 1
    assert page.locator(".topbar-count").inner_text().startswith(str(before))
    assert page.locator(".topbar-row").bounding_box()["height"] < 60  # nothing wraps
    page.locator(".card-button").first.click()
    tab_.sound()
    assert "/issues/" in page.url
    page = tab_.open("/inbox")
    assert page.locator(".card-button").count() == before - 1
