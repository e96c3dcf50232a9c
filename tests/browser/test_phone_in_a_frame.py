"""The phone's pages inside the page of a provincial platform, which is another site."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from gridserve.db import db
from tests.browser import chromium
from tests.browser.conftest import Site, served
from tests.browser.thumb import county
from tests.factories import PASSWORD
from visits.models import Visit

pytestmark = pytest.mark.browser
# As browsers of phones are set; Chromium without a screen is not.
COOKIES_OF_OTHERS = '{"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": false}}'


class Platform:
    """Another site with one page, which shows `inside` in a frame."""

    def __init__(self) -> None:
        self.inside = ""
        self.server = make_server("127.0.0.1", 0, self.page, threaded=True)
        # To a browser `localhost` is another site than 127.0.0.1, and both are secure.
        self.address = f"http://localhost:{self.server.server_port}"

    def page(self, environ: Any, start_response: Any) -> Any:
        frame = f"<iframe src='{self.inside}' width=360 height=640></iframe>"
        return Response(f"<!doctype html>{frame}", mimetype="text/html")(environ, start_response)


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    platform = Platform()
    thread = threading.Thread(target=platform.server.serve_forever, args=(0.02,))
    thread.start()
    yield platform
    platform.server.shutdown()
    thread.join()
    platform.server.server_close()


@pytest.fixture(scope="module")
def site(app: Any, config: Any, platform: Platform) -> Iterator[Site]:
    framed = replace(config, embedded_by=(platform.address,), secure_cookies=True)
    with served(app, framed, county) as site:
        platform.inside = f"{site.address}/login?next=/m/"
        yield site


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "private"])
def test_a_visit_is_recorded_in_the_frame(playwright, browser, platform, site, tmp_path, kept):
    """Some browsers, and private windows, keep nothing for a frame of another site."""
    if kept:
        (tmp_path / "Default").mkdir()
        (tmp_path / "Default" / "Preferences").write_text(COOKIES_OF_OTHERS)
        context = playwright.chromium.launch_persistent_context(
            tmp_path, **chromium.options(), locale="zh-CN"
        )
    else:
        context = browser.new_context(locale="zh-CN")
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    platform.inside = f"{site.address}/login?next=/m/"
    page.goto(platform.address)
    inside = page.frame_locator("iframe")
    inside.locator("#login").fill("cadre")
    inside.locator("#password").fill(PASSWORD)
    inside.locator("main button[type=submit]").click()
    if kept:
        inside.locator("text=不看了").click()
    before = visits(site)
    inside.locator(".well").first.click()
    deadline = time.monotonic() + 30
    while visits(site) == before:
        assert time.monotonic() < deadline, inside.locator("body").inner_text()
        page.wait_for_timeout(100)
    assert inside.locator(".banner:has-text('单独打开')").count() == (0 if kept else 1)

    platform.inside = f"{site.address}/m/"
    page.goto(platform.address)  # still signed in
    inside.locator(".well").first.wait_for()
    assert faults == []
    context.close()


def visits(site: Site) -> int:
    with site.app.app_context():
        return db.session.query(Visit).count()


def test_another_site_may_not_show_it(browser, platform, site):
    page = browser.new_context().new_page()
    page.goto(platform.address.replace("localhost", "127.0.0.1"))  # not the origin that was set
    page.wait_for_timeout(500)
    assert page.frame_locator("iframe").locator("#login").count() == 0
    page.context.close()
