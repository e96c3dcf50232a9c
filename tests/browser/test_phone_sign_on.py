"""A cadre signs in on the phone by a platform's single sign-on, and goes on without signal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site, served
from tests.browser.phones import READY
from tests.browser.thumb import county
from tests.providers import There

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def there() -> There:
    return There.on_free_port()


@pytest.fixture(scope="module")
def site(app: Any, config: Any, there: There) -> Iterator[Site]:
    with served(app, there.known_to(config, oidc_label="政务平台"), county) as site:
        yield site


def test_the_platform_signs_a_cadre_in_on_the_phone(phone, there):
    page = phone.page
    with there.open(f"{phone.address}/login/sso/back"):
        page.goto(f"{phone.address}/m/")  # a phone that nobody uses yet is sent to sign in
        page.get_by_role("link", name="用政务平台登录").tap()
        page.fill("input[name=login]", "cadre")
        page.fill("input[name=password]", "anything")
        page.click("button[type=submit]")
        page.wait_for_url("**/m/**")
        phone.until(READY)
    phone.offline()
    page.reload()
    phone.until(READY)
