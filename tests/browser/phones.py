"""A phone for tests: a browser with a profile of its own, behind a line that can be cut."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Playwright

from tests.browser import chromium
from tests.factories import PASSWORD
from tests.hostileproxy import Line

HELD: dict[str, Any] = {
    "viewport": {"width": 360, "height": 640},
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
    "timezone_id": "Asia/Shanghai",
}
READY = "(async () => (await import('/static/phone/sync.js')).state().ready)()"
ACTIVE = "navigator.serviceWorker.ready.then((r) => r.active.state === 'activated')"


class Phone:
    """A phone of 360 x 640 whose browser can be killed and opened again."""

    def __init__(
        self, playwright: Playwright, profile: Path, line: Line, host: str = "127.0.0.1"
    ) -> None:
        """Browsers take 127.0.0.1 for secure; any other `host`, without https, they do not."""
        self.playwright, self.profile, self.line, self.host = playwright, profile, line, host
        self.address = f"http://{host}:{line.port}"
        self.faults: list[str] = []
        self.open()

    def open(self) -> None:
        """Start the browser on what the profile holds."""
        self.context = self.playwright.chromium.launch_persistent_context(
            self.profile,
            **chromium.options(f"--host-resolver-rules=MAP {self.host} 127.0.0.1"),
            **HELD,
        )
        self.page = self.context.pages[0]
        self.watch(self.page)

    def watch(self, page: Any) -> None:
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def tab(self) -> Any:
        """Another tab with the app in it."""
        page = self.context.new_page()
        self.watch(page)
        page.goto(f"{self.address}/m/")
        return page

    def kill(self) -> None:
        """Kill every process of the browser, as a phone does that needs the memory."""
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.profile).encode() in (folder / "cmdline").read_bytes():
                    os.kill(int(folder.name), signal.SIGKILL)
        with contextlib.suppress(Error):
            self.context.close()

    def close(self) -> None:
        with contextlib.suppress(Error):
            self.context.close()

    def sign_in(self, login: str) -> None:
        """Sign in through the form and wait until the phone has what it needs without a line."""
        self.page.goto(f"{self.address}/login?next=/m/")
        self.enter(login)
        self.page.evaluate(ACTIVE)

    def enter(self, login: str) -> None:
        """Fill in the form of the sign-in page and wait for the data."""
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url("**/m/**")
        self.until(READY)

    def start(self) -> None:
        """Open the app."""
        self.page.goto(f"{self.address}/m/")
        self.page.wait_for_selector("h1")

    def offline(self) -> None:
        """Go where there is no signal. What is under way breaks."""
        self.line.cut = True
        self.context.set_offline(True)

    def online(self) -> None:
        self.line.cut = False
        self.context.set_offline(False)

    def js(self, module: str, body: str, said: Any = None, page: Any = None) -> Any:
        """Run `body` with `m`, a module of the app as the app itself uses it, and `said`."""
        code = f"async (said) => {{ const m = await import('/static/phone/{module}.js'); {body} }}"
        return (page or self.page).evaluate(code, said)

    def state(self, page: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = self.js("sync", "return m.state()", page=page)
        return found

    def until(self, true: str | Callable[[], Any], seconds: float = 30) -> None:
        """Wait until a script, or a function here, says true."""
        deadline = time.monotonic() + seconds
        while not (self.page.evaluate(true) if isinstance(true, str) else true()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {true}, {self.faults}"
            self.page.wait_for_timeout(100)

    def visit(self, household: str, **more: Any) -> str:
        """Record a visit as the screen does; gives its id once it is kept."""
        found: str = self.js(
            "model", "return (await m.visit({id: said[0]}, 'met', said[1])).id", [household, more]
        )
        return found


class OpenPhone(Phone):
    """A phone for what needs no start of a browser: a part of one that runs already."""

    def __init__(self, browser: Any, line: Line, signed_in: Any) -> None:
        """`signed_in`: the cookies with which to begin, or None."""
        self.line, self.address, self.faults = line, f"http://127.0.0.1:{line.port}", []
        self.context = browser.new_context(storage_state=signed_in, **HELD)
        self.page = self.context.new_page()
        self.watch(self.page)

    def begin(self) -> None:
        """Open the app with the cookies that there are, and wait as after signing in."""
        self.page.goto(f"{self.address}/m/")
        self.until(READY)
        self.page.evaluate(ACTIVE)
