"""The real application on a port of its own, and a browser that reaches nothing else."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from playwright.sync_api import Playwright, sync_playwright
from shapely import box
from werkzeug.serving import make_server
from werkzeug.wsgi import ClosingIterator

from gridserve import jobs
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.documents import work as making
from gridserve.imports import work
from gridserve.permissions import Role
from tests.browser import chromium
from tests.browser.phones import Phone
from tests.conftest import own_database
from tests.factories import COUNTY, PASSWORD, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST, Make
from tests.hostileproxy import Line
from visits import figures

NASTY = "<img src=x onerror=alert(1)>"
SIZES = {"phone": (390, 844), "desk": (1366, 768)}


@dataclass
class Site:
    """A served county: its address, and what the tests look for in it."""

    address: str
    app: Flask
    issue: str = ""  # id of the one long overdue case, in the middle of the village
    household: str = ""  # id of the household that it concerns
    cells: int = 0


def build(make: Make) -> dict[str, Any]:
    """A county with one village of three cells, and words in it that no page may obey."""
    cells = [make.cell(n) for n in (1, 2, 3)]
    cells[0].name = f"{NASTY}甲"
    edge = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP)
    for code in (VILLAGE, TOWNSHIP, COUNTY):
        make.boundary(code, edge)
    cadre = make.user(Role.CADRE, VILLAGE, login="cadre", name=f"{NASTY}员")
    make.team(cells, [cadre], code=VILLAGE)
    for role in (Role.LEADER, Role.DISPATCHER):
        make.user(role, COUNTY, login=role.value)
    homes = [make.household(cell, head_name=NASTY, address=f"{NASTY}1号") for cell in cells[:2]]
    make.visit(homes[0], cadre)
    category = make.category()
    category.name = category.name_en = f"{NASTY}路"
    old = make.issue(homes[1], cadre, now() - timedelta(days=30))
    for days in (6, 1):
        make.issue(homes[0], cadre, now() - timedelta(days=days))
    for issue in db.session.query(type(old)):
        issue.words = f"{NASTY} 路灯不亮"
    figures.refresh()
    db.session.commit()
    return {"issue": str(old.id), "household": str(homes[1].id), "cells": len(cells)}


@pytest.fixture(scope="module")
def site(app: Flask, config: Config) -> Iterator[Site]:
    """The application with a small county, serving on a free port."""
    with served(app, config, build) as site:
        yield site


@contextmanager
def served(app: Flask, config: Config, build: Callable[[Make], dict[str, Any]]) -> Iterator[Site]:
    """The application with what `build` makes, on a database of its own and a free port.

    Nobody has to have a second step there: how one is set up is tested by itself.
    """
    with own_database(app, replace(config, second_factor=())) as own:
        with own.app_context():
            made = build(Make())
            db.session.remove()
        server = make_server("127.0.0.1", 0, whole(own), threaded=True)
        # How often it looks whether it is to end, in seconds; otherwise each end takes half a one.
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_port}", own, **made)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def whole(app: Any) -> Any:
    """The application, its answers read whole before they are sent: where a browser has gone
    meanwhile, Werkzeug's server would leave the file of an answer open."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        with closing(ClosingIterator(app(environ, start_response))) as parts:
            return list(parts)

    return answer


def outside(url: str, *here: str) -> list[str]:
    """A fault where a page asks for what lies elsewhere."""
    return [] if url.startswith((*here, "data:", "blob:")) else [f"asked for {url}"]


def _measures(size: str) -> dict[str, int]:
    width, height = SIZES[size]
    return {"width": width, "height": height}


@dataclass
class Tab:
    """A page, with everything that went wrong in it so far."""

    page: Any
    address: str
    faults: list[str] = field(default_factory=list)
    both: bool = False  # held and tapped as a phone, and each page looked at in both sizes

    def open(self, path: str) -> Any:
        """Go to `path` and check that it is sound."""
        self.page.goto(self.address + path)
        self.sound()
        return self.page

    def sound(self) -> None:
        """Nothing failed, nothing was asked from outside, and nothing lies beside the screen."""
        self.page.wait_for_load_state("load")
        assert self.faults == []
        if self.both:
            self.page.set_viewport_size(_measures("desk"))
            self._fits()
            self.page.set_viewport_size(_measures("phone"))
        self._fits()

    def _fits(self) -> None:
        wide, screen = self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= screen, f"{self.page.url} is {wide} px wide on a screen of {screen}"
        assert self.page.locator("img[onerror]").count() == 0

    def sign_in(self, login: str) -> None:
        self.page.goto(f"{self.address}/login?lang=zh")
        self.page.fill("#login", login)
        self.page.fill("#password", PASSWORD)
        self.page.click("main button[type=submit]")
        self.sound()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def line(site: Site) -> Iterator[Line]:
    with Line(int(site.address.rsplit(":", 1)[1])).open() as line:
        yield line


@pytest.fixture
def phone(playwright: Playwright, line: Line) -> Iterator[Phone]:
    profile = Path(tempfile.mkdtemp(prefix="gs-phone-"))
    phone = Phone(playwright, profile, line)
    yield phone
    phone.close()
    shutil.rmtree(profile, ignore_errors=True)
    assert phone.faults == []


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Any]:
    only_here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    browser = playwright.chromium.launch(**chromium.options(only_here))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def signed_in() -> dict[str, Any]:
    """The cookies of those who have signed in, so that each does so once."""
    return {}


@pytest.fixture
def tab(browser: Any, site: Site, signed_in: dict[str, Any]) -> Iterator[Callable[..., Tab]]:
    """Open a tab of the size "phone" or "desk", signed in where a login is given.

    "both" is for what is done in the same way on both: once, and looked at in both sizes.
    """
    opened = []

    def new(size: str, login: str | None = None) -> Tab:
        phone = size != "desk"
        context = browser.new_context(
            viewport=_measures("phone" if phone else "desk"),
            is_mobile=phone,
            has_touch=phone,
            storage_state=signed_in.get(login or ""),
        )
        page = context.new_page()
        tab = Tab(page, site.address, both=size == "both")

        # Seen and not routed: a route would keep the browser from caching anything.
        context.on("request", lambda r: tab.faults.extend(outside(r.url, site.address + "/")))
        page.on("console", lambda m: tab.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: tab.faults.append(str(error)))
        page.on("dialog", lambda d: (tab.faults.append(f"dialog {d.message}"), d.dismiss()))
        page.on(
            "response",
            lambda r: tab.faults.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        opened.append((context, tab))
        if login and login not in signed_in:
            tab.sign_in(login)
            signed_in[login] = context.storage_state()
        return tab

    yield new
    for context, tab in opened:
        context.close()
        assert tab.faults == []


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports and documents are worked on at once, in a thread: the tests have no worker."""

    def starts(job: Callable[[str], None]) -> Callable[[Any], None]:
        def start(row: Any) -> None:
            row_id, app = str(row.id), current_app._get_current_object()

            def run() -> None:
                with app.app_context():
                    job(row_id)

            jobs.on_commit(lambda: threading.Thread(target=run).start())

        return start

    monkeypatch.setattr(work, "start", starts(work.work))
    monkeypatch.setattr(making, "start", starts(making.work))
