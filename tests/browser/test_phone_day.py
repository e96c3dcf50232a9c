"""A whole day without signal on a slow phone whose browser is killed: everything arrives, once.

A morning by default; PHONES_FULL=1 is a day of 30 visits, 5 issues with photos and 3 handled.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from gridserve.db import db
from tests.browser.conftest import Site, served
from tests.browser.phones import Phone
from tests.browser.thumb import DONE, Thumb, county, picture
from visits.issues.chain import Action
from visits.issues.models import Issue, Step
from visits.models import Visit
from visits.photos.models import Attachment

pytestmark = pytest.mark.browser

VISITS, ISSUES, HANDLED = (30, 5, 3) if os.environ.get("PHONES_FULL") else (6, 2, 1)
# A day of a phone that is six times slower takes half a minute longer: the whole day shows it.
SLOWER = 6 if os.environ.get("PHONES_FULL") else 2
# What nobody released, since the browser was killed, goes by its own time: in two seconds here.
HELD_SHORTER = """for (const { id } of await m.items())
    await m.mark(id, (item) => item.hold_until && { hold_until: Date.now() + 2000 })"""


@pytest.fixture(scope="module")
def site(app: Any, config: Any) -> Iterator[Site]:
    with served(app, config, county) as site:
        yield site


def stored(site: Site, query: Any) -> list[Any]:
    with site.app.app_context():
        return list(db.session.scalars(query))


def visit(page: Any, times: int) -> None:
    """Tap "all well" at the first household of the list, again and again."""
    for n in range(times):
        page.locator(".well").first.tap()
        page.wait_for_selector(f".line:has-text(' {n + 1} 条')")


def report(page: Any, n: int) -> None:
    thumb = Thumb(page)
    thumb.tap("nav.tabs >> text=今日")
    thumb.tap(".foot >> text=报问题")
    page.locator("input[type=search]").fill("ld")
    thumb.tap(".name:has-text('路灯不亮')")
    thumb.photograph(".photo-add", picture(page, n))
    page.wait_for_selector(".photo img")
    page.fill("#words", f"第{n}盏路灯不亮")
    thumb.tap("role=radio[name='网格里']")
    thumb.tap("role=radio[name=/第1网格/]")
    thumb.tap("text=报上去")
    page.wait_for_selector(".kept")


def handle(page: Any) -> None:
    """Sign for the first issue that waits, and feed its result back."""
    thumb = Thumb(page)
    thumb.tap("nav.tabs >> text=办理")
    thumb.tap(".card-link:has(.mark:text('等签收'))")
    thumb.tap(".foot >> text=签收")
    thumb.tap(".foot >> text=办好了，报结果")
    thumb.tap(".phrase:has-text('已到现场处理好')")
    thumb.tap(".phrase:has-text('已经办好')")
    thumb.tap(".step >> text=确定")
    page.wait_for_selector(".mark:text('等核查')")


def slow(phone: Phone) -> Any:
    """A page of the phone on a processor six times slower."""
    session = phone.context.new_cdp_session(phone.page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    phone.page.set_default_timeout(120_000)
    return phone.page


def test_a_day_without_signal_arrives_once_although_the_browser_was_killed(phone, site):
    page = slow(phone)
    phone.sign_in("cadre")
    page.locator("text=不看了").tap()
    page.wait_for_selector(".well")
    phone.close()  # a browser writes its cookies down when it is closed, or after half a minute
    phone.open()
    page = slow(phone)
    phone.start()
    phone.offline()
    begun = time.monotonic()
    visit(page, VISITS)
    for n in range(1, ISSUES + 1):
        report(page, n)
    for _ in range(HANDLED):
        handle(page)
    print(f"\n{VISITS + ISSUES + HANDLED} things done in {time.monotonic() - begun:.0f} s")
    waiting = VISITS + ISSUES + 2 * HANDLED
    page.wait_for_selector(f".line:text('没信号 · {waiting} 条待发')")
    phone.kill()

    phone.open()
    phone.context.set_offline(True)
    page = slow(phone)
    phone.start()
    page.wait_for_selector(f".line:has-text('{waiting} 条待发')")
    if VISITS < 30:  # in a whole day it is over: what was done last is held back for a minute
        phone.js("store", HELD_SHORTER)
    phone.online()
    page.wait_for_selector(".line-ok")
    assert phone.faults == []

    visited = stored(site, select(Visit.household_id))
    assert len(visited) == len(set(visited)) == VISITS
    issues = stored(site, select(Issue.words).where(Issue.words.like("第%盏路灯不亮")))
    assert sorted(issues) == [f"第{n}盏路灯不亮" for n in range(1, ISSUES + 1)]
    photos = stored(site, select(Attachment))
    assert len({photo.sha256 for photo in photos}) == len(photos) == ISSUES
    assert all(photo.arrived for photo in photos)
    for action, others in ((Action.SIGN, DONE + 1), (Action.FEED_BACK, DONE)):  # by the county
        taken = stored(site, select(Step.issue_id).where(Step.action == action))
        assert len(taken) == len(set(taken)) == HANDLED + others
