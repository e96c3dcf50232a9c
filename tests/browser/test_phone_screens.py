"""The screens of the phone at 360×640: few taps, large and dark enough, sound without signal."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from gridserve.db import db, now
from gridserve.people import User
from tests.browser.conftest import Site, outside, served
from tests.browser.phones import ACTIVE, OpenPhone, Phone
from tests.browser.thumb import Thumb, county, faults, picture
from tests.factories import Make
from tests.hostileproxy import Line
from visits.issues.chain import Action, Status
from visits.issues.models import Issue, Step
from visits.models import Outcome, Visit
from visits.photos.models import Attachment

pytestmark = pytest.mark.browser

# Twice the size, both ways that phones do it: all that is measured in rem, or the letters alone.
TWICE = {
    "rem": "document.documentElement.style.fontSize = '200%'",
    "letters": """document.documentElement.style.fontSize = '';
        [...document.querySelectorAll("#app, #app *")]
        .map((each) => [each, parseFloat(getComputedStyle(each).fontSize)])
        .forEach(([each, size]) => { each.style.fontSize = `${size * 2}px`; })""",
}


@pytest.fixture(scope="module")
def site(app: Any, config: Any) -> Iterator[Site]:
    with served(app, config, county) as site:
        yield site


@pytest.fixture
def opened(browser: Any, line: Line, signed_in: dict[str, Any]) -> Iterator[Phone]:
    """The phone of the cadre at Today, with the cards for the first time put away."""
    phone = OpenPhone(browser, line, signed_in.get("cadre"))
    listen(phone)
    if "cadre" in signed_in:
        phone.begin()
    else:
        phone.sign_in("cadre")
        signed_in["cadre"] = phone.context.storage_state()
    at_today(phone)
    yield phone
    phone.close()
    assert phone.faults == []


def listen(phone: Phone) -> None:
    here = f"http://127.0.0.1:{phone.line.port}"
    phone.page.on("console", lambda m: phone.faults.extend(fault(m)))
    phone.page.on("request", lambda r: phone.faults.extend(outside(r.url, here)))


def at_today(phone: Phone) -> None:
    phone.page.locator("text=不看了").tap()
    phone.page.wait_for_selector(".well")


def fault(message: Any) -> list[str]:
    """An error on the console, but for those of a line that was cut by the test."""
    cut = message.type != "error" or "net::ERR_" in message.text
    return [] if cut else [message.text]


def arrived(phone: Phone) -> None:
    """Wait until everything kept has been sent, and the phone says so."""
    phone.until(
        lambda: phone.js("store", "return (await m.items()).every((x) => x.state === 'sent')")
    )
    phone.page.wait_for_selector(".line-ok", timeout=30_000)


def released(phone: Phone) -> None:
    """Let what was just done go at once; that it does so after five seconds is seen elsewhere."""
    phone.js(
        "store",
        """const { release } = await import('/static/phone/model.js');
        for (const { id } of await m.items()) await release(id)""",
    )


def stored(site: Site, query: Any) -> Any:
    with site.app.app_context():
        return db.session.scalars(query).all()


def to_evaluate(site: Site) -> uuid.UUID:
    """A closed issue that no resident has evaluated yet."""
    evaluated = select(Step.issue_id).where(Step.action == Action.EVALUATE)
    closed = select(Issue.id).where(Issue.status == Status.CLOSED, Issue.id.not_in(evaluated))
    found: uuid.UUID = stored(site, closed)[0]
    return found


def test_all_well_is_one_tap_from_today_and_a_whole_visit(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    name = page.locator(".card-split .card-title").first.inner_text()
    thumb.tap(".well")
    page.wait_for_selector(f".snack:has-text('{name}')")
    assert thumb.taps <= 3
    page.wait_for_selector(f".cards .card-title:text-is('{name}')", state="detached")
    arrived(opened)
    (visit,) = stored(site, select(Visit))
    assert visit.outcome == Outcome.MET


def test_a_visit_is_undone_within_five_seconds_and_was_never_sent(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    before = len(stored(site, select(Visit)))
    thumb.tap(".card-split .card-link")
    thumb.tap(".outcome-met")
    page.wait_for_selector(".kept")
    thumb.tap(".btn-undo")
    page.wait_for_selector(".outcome-met")  # the household again, as if nothing had been
    arrived(opened)
    assert len(stored(site, select(Visit))) == before


def test_what_is_added_to_a_visit_goes_with_it(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    thumb.tap(".card-split .card-link")
    thumb.tap("text=没人在家")
    page.wait_for_selector(".kept")
    thumb.tap(".phrase")
    phrase = page.input_value("#notes")
    thumb.photograph(".photo-add", picture(page, 3))
    page.locator("#notes").press_sequentially("，明天再来")  # while the photo is made small
    page.wait_for_selector(".photo img")
    page.locator("#notes").press_sequentially("！")
    thumb.tap("text=好了")  # leaving the page sends it
    arrived(opened)
    visit = stored(site, select(Visit).order_by(Visit.received_at.desc()))[0]
    assert (visit.outcome, visit.notes) == (Outcome.NOBODY_HOME, f"{phrase}，明天再来！")
    (photo,) = stored(site, select(Attachment).where(Attachment.visit_id == visit.id))
    assert photo.arrived


def test_an_issue_with_a_photo_takes_eight_taps_and_one_sentence_without_signal(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    opened.offline()
    thumb.tap("text=报问题")
    page.locator("input[type=search]").fill("ld")  # 路灯
    thumb.tap(".name:has-text('路灯不亮')")
    thumb.photograph(".photo-add", picture(page, 1))
    page.wait_for_selector(".photo img")
    thumb.tap("#words")
    page.keyboard.type("村口第二盏路灯不亮")
    thumb.tap("role=radio[name='网格里']")
    thumb.tap("role=radio[name=/第1网格/]")
    thumb.tap("text=报上去")
    page.wait_for_selector(".kept")
    assert thumb.taps <= 8
    page.wait_for_selector(".line:has-text('1 条待发')")
    opened.online()
    arrived(opened)
    (issue,) = stored(site, select(Issue).where(Issue.words == "村口第二盏路灯不亮"))
    assert issue.category_code == "facility.streetlight"
    (photo,) = stored(site, select(Attachment).where(Attachment.step_id == issue.id))
    assert photo.arrived


def test_a_half_written_issue_is_there_again_after_the_browser_was_killed(phone, site):
    listen(phone)
    phone.sign_in("cadre")
    at_today(phone)
    page, thumb = phone.page, Thumb(phone.page)
    thumb.tap("text=报问题")
    page.locator("input[type=search]").fill("路灯")
    thumb.tap(".name:has-text('路灯不亮')")
    thumb.photograph(".photo-add", picture(page, 2))
    page.wait_for_selector(".photo img")
    page.fill("#words", "写到一半")
    phone.js("store", "for (;;) if ((await m.draft('report'))?.words) return")
    phone.close()  # and its cookies are written down
    phone.open()
    phone.page.goto(f"{phone.address}/m/#/report")
    phone.page.wait_for_selector(".photo img")
    assert phone.page.input_value("#words") == "写到一半"
    assert "路灯不亮" in phone.page.locator(".chosen").inner_text()


def test_an_issue_is_signed_for_and_fed_back_without_waiting_for_the_line(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    opened.offline()
    thumb.tap("nav.tabs >> text=办理")
    thumb.tap(".card-link:has(.mark:text('等签收'))")
    issue = page.url.rpartition("/")[2]
    thumb.tap(".foot >> text=签收")
    thumb.tap(".foot >> text=办好了，报结果")
    thumb.tap(".phrase:has-text('已到现场处理好')")
    thumb.tap(".phrase:has-text('已经办好')")
    thumb.tap(".step >> text=确定")
    page.wait_for_selector(".mark:text('等核查')")
    opened.online()
    arrived(opened)
    steps = stored(site, select(Step.action).where(Step.issue_id == issue).order_by(Step.seq))
    assert steps[-2:] == [Action.SIGN, Action.FEED_BACK]


def test_a_resident_signs_with_a_finger_that_it_is_well(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    issue = to_evaluate(site)
    page.goto(f"{opened.address}/m/#/issue/{issue}")
    thumb.tap(".foot >> text=请群众评价")
    thumb.tap("role=radio[name='满意']")
    page.locator(".signature").scroll_into_view_if_needed()
    box = page.locator(".signature").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 90, steps=8)
    page.mouse.up()
    opened.js(
        "store", "for (;;) if ((await m.draft(said))?.signature) return", f"step:{issue}:evaluate"
    )
    thumb.tap(".step >> text=确定")
    page.wait_for_selector(".snack")
    released(opened)
    arrived(opened)
    (step,) = stored(site, select(Step).where(Step.action == Action.EVALUATE))
    assert (step.issue_id, step.data["rating"], step.data["way"]) == (
        issue,
        "satisfied",
        "signature",
    )


def test_a_phone_whose_clock_is_ahead_asks_and_sends_with_one_tap(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    page.wait_for_selector(".card-split .card-link")  # else it would be drawn by the other clock
    opened.offline()
    page.clock.install(time=now() + timedelta(hours=3))
    thumb.tap(".card-split .card-link")
    thumb.tap(".outcome-met")
    page.wait_for_selector(".kept")
    visit = page.url.rpartition("/")[2]
    thumb.tap("text=好了")
    opened.online()
    page.goto(f"{opened.address}/m/#/outbox")
    page.wait_for_selector("text=是的，就发")
    assert faults(page) == []
    thumb.tap("text=是的，就发")
    arrived(opened)
    (found,) = stored(site, select(Visit.started_at).where(Visit.id == uuid.UUID(visit)))
    assert abs(found - now()) < timedelta(minutes=5)


def test_somebody_was_faster_and_the_phone_says_so_plainly(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    opened.offline()
    thumb.tap("nav.tabs >> text=办理")
    thumb.tap(".card-link:has(.mark:text('等签收'))")
    issue = uuid.UUID(page.url.rpartition("/")[2])
    thumb.tap(".foot >> text=签收")
    page.wait_for_selector(".snack")
    with site.app.app_context():
        found = db.session.get_one(Issue, issue)
        colleague = db.session.scalars(
            select(User).where(User.login == "colleague").options(selectinload(User.posts))
        ).one()
        Make().step(found, "sign", colleague)
    released(opened)
    opened.online()
    page.wait_for_selector(".line-bad")
    thumb.tap(".line")
    assert faults(page) == []
    assert len(page.locator(".why").inner_text()) > 6
    thumb.tap("text=看这件事现在怎样")
    page.wait_for_selector(".mark:text('正在办')")


def test_what_opens_on_the_way_is_sound_as_well(opened, site):
    page, thumb = opened.page, Thumb(opened.page)
    opened.offline()
    wrong = {}

    def look(name: str) -> None:
        wrong[name] = faults(page)
        page.evaluate(TWICE["rem"])
        wrong[f"{name}, twice"] = faults(page)
        page.evaluate("document.documentElement.style.fontSize = ''")

    thumb.tap(".well")
    page.wait_for_selector(".snack")
    look("message")
    thumb.tap(".card-split .card-link")
    thumb.tap(".outcome-met")
    page.wait_for_selector(".kept")
    look("visit")
    thumb.tap("text=这户有事要报")
    page.locator("input[type=search]").fill("ld")
    page.wait_for_selector(".name")
    look("categories by initials")
    thumb.tap(".name")
    for way in ("我这里", "地图上点", "网格里", "一户家里"):
        thumb.tap(f"role=radio[name='{way}']")
        look(way)
    thumb.tap(".tick:has-text('当场就办好了')")
    look("settled")
    thumb.tap("text=报上去")
    page.wait_for_selector(".fault:has-text('还差一句话')")
    look("missing")
    thumb.tap("text=换一个")
    look("pictures")
    thumb.tap(".tile")
    look("categories of a picture")
    page.goto(f"{opened.address}/m/#/issue/{site.issue}")
    for action in ("退回调度台", "写备注"):
        thumb.tap(f".name:has-text('{action}')")
        page.wait_for_selector(".step")
        look(action)
        thumb.tap(".step >> text=返回")
    page.goto(f"{opened.address}/m/#/issue/{to_evaluate(site)}")
    thumb.tap(".foot >> text=请群众评价")
    page.wait_for_selector(".signature")
    look("evaluation")
    page.goto(f"{opened.address}/m/#/outbox")
    page.wait_for_selector(".card-plain")
    look("outbox")
    page.goto(f"{opened.address}/m/#/settings")
    thumb.tap("text=退出登录")
    page.wait_for_selector("[role=alertdialog]")
    look("sign out")
    assert {name: found for name, found in wrong.items() if found} == {}


def screens(site: Site) -> dict[str, str]:
    home = site.household
    return {
        "today": "#/today", "find": "#/find", "household": f"#/household/{home}", "map": "#/map",
        "work": "#/work", "reported": "#/work?which=reported", "issue": f"#/issue/{site.issue}",
        "report": "#/report", "report here": f"#/report?household={home}", "outbox": "#/outbox",
        "log": "#/log", "notices": "#/notices", "hints": "#/hints", "more": "#/more",
        "settings": "#/settings", "hello": "#/hello", "nowhere": "#/household/nobody",
    }  # fmt: skip


@pytest.mark.parametrize(("language", "signal"), [("zh", "offline"), ("en", "online")])
def test_every_screen_is_large_dark_and_narrow_enough(opened, site, language, signal):
    page = opened.page
    opened.js("store", "await m.setting('lang', said)", language)
    page.evaluate(ACTIVE)
    if signal == "offline":
        opened.offline()
    wrong = {}
    for name, address in screens(site).items():
        page.goto("about:blank")
        page.goto(f"{opened.address}/m/{address}")
        page.wait_for_selector(".leaflet-control-scale" if name == "map" else "h1")
        wrong[name] = faults(page)
        for way, change in TWICE.items():
            page.evaluate(change)
            wrong[f"{name}, {way} twice"] = faults(page)
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_new_screen_takes_the_focus_to_its_title_and_what_is_kept_is_read_out(opened):
    page, thumb = opened.page, Thumb(opened.page)
    thumb.tap("nav.tabs >> text=办理")
    page.wait_for_selector("h1:focus:text('办理')")
    thumb.tap("nav.tabs >> text=今日")
    thumb.tap(".well")
    page.wait_for_selector("[role=status].unseen:has-text('见到了')", state="attached")


def test_signing_out_says_what_is_unsent(opened):
    page, thumb = opened.page, Thumb(opened.page)
    opened.offline()
    thumb.tap(".well")
    page.wait_for_selector(".line:has-text('1 条待发')")
    page.goto(f"{opened.address}/m/#/settings")
    thumb.tap("text=退出登录")
    assert "1 条没发出去" in page.locator("[role=alertdialog]").inner_text()
