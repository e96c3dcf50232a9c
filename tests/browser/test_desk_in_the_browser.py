"""The desk as clerks use it: by clicks, by thumb, by keys alone, with somebody else at work."""

from __future__ import annotations

from typing import Any

import pytest
from shapely import box
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.browser.conftest import NASTY, SIZES, served
from tests.factories import COUNTY, TOWNSHIP, VILLAGE, Make
from visits.issues.models import Issue, Step

pytestmark = pytest.mark.browser

CLICKS = 4


@pytest.fixture(scope="module")
def site(app: Any, config: Any) -> Any:
    """A township with a team and reported issues, its words ones that no page may obey."""

    def build(make: Make) -> dict[str, Any]:
        cell = make.cell()
        make.boundary(VILLAGE, box(103.9, 28.5, 104.0, 28.7))
        cadre = make.user(Role.CADRE, VILLAGE, login="cadre")
        team = make.team([cell], [cadre], code=VILLAGE)
        team.name = f"{NASTY}队"
        for login in ("clerk", "other"):
            make.user(Role.DISPATCHER, TOWNSHIP, login=login)
        make.user(Role.LEADER, COUNTY, login="leader")
        home = make.household(cell)
        for number in range(12):
            issue = make.issue(home, cadre)
            issue.words = f"{NASTY} 第{number}件"
        db.session.commit()
        return {}

    with served(app, config, build) as site:
        yield site


def status_of(site: Any, issue_id: str) -> str:
    with site.app.app_context():
        return str(db.session.scalar(select(Issue.status).where(Issue.id == issue_id)))


def first(page: Any) -> Any:
    page.wait_for_selector(".desk-row.is-current")
    return page.locator(".desk-row").first


@pytest.mark.parametrize("size", SIZES)
def test_a_new_issue_is_accepted_and_dispatched_in_few_clicks(tab, site, size):
    new = tab(size, "clerk")
    page = new.open("/desk")
    row = first(page)
    chosen, clicks = row.get_attribute("data-id"), 0
    row.locator(".desk-pick").click()
    clicks += 1
    page.click(".desk-bar button[value=dispatch]")
    clicks += 1
    page.wait_for_selector(".desk-outcomes")
    new.sound()
    assert clicks <= CLICKS
    assert status_of(site, chosen) == "dispatched"
    assert page.locator(f".desk-row[data-id='{chosen}']").count() == 0
    with site.app.app_context():
        chain = select(Step.action).where(Step.issue_id == chosen).order_by(Step.seq)
        assert list(db.session.scalars(chain)) == ["report", "accept", "dispatch"]


def test_by_keys_alone(tab, site):
    new = tab("desk", "clerk")
    page = new.open("/desk")
    first(page)
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    accepted = page.locator(".desk-row.is-current").get_attribute("data-id")
    page.keyboard.press("a")
    page.wait_for_selector(".desk-outcomes")
    assert status_of(site, accepted) == "accepted"
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    both = [each.get_attribute("value") for each in page.locator("[name=pick]:checked").all()]
    assert len(both) == 2
    page.keyboard.press("d")
    for each in both:
        gone = f".desk-row[data-id='{each.split(':')[0]}']"
        page.wait_for_selector(gone, state="detached")
    assert {status_of(site, each.split(":")[0]) for each in both} == {"dispatched"}
    page.keyboard.press("2")
    page.wait_for_url("**queue=to_dispatch")
    assert first(page).get_attribute("data-id") == accepted
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/issues/{accepted}**")
    new.sound()


@pytest.mark.parametrize("size", SIZES)
def test_somebody_else_was_faster_and_that_is_told(tab, site, size):
    new = tab(size, "clerk")
    page = new.open("/desk")
    row = first(page)
    chosen = row.get_attribute("data-id")
    row.locator(".desk-pick").click()
    other = tab(size, "other").open("/desk")
    other.click(f".desk-row[data-id='{chosen}'] .desk-pick")
    other.click(".desk-bar button[value=accept]")
    other.wait_for_selector(".desk-outcomes")
    page.click(".desk-bar button[value=dispatch]")
    page.wait_for_selector(".desk-outcomes.notice-error")
    told = page.locator(".desk-outcomes").inner_text()
    assert "已受理" in told
    assert status_of(site, chosen) == "accepted"
    new.sound()


def test_the_list_stays_true_by_itself(tab, site):
    new = tab("desk", "clerk")
    page = new.open("/desk")
    gone = first(page).get_attribute("data-id")
    kept = page.locator("[name=pick]").last
    kept.check()
    other = tab("desk", "other").open("/desk")
    other.click(f".desk-row[data-id='{gone}'] .desk-pick")
    other.click(".desk-bar button[value=accept]")
    other.wait_for_selector(".desk-outcomes")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector(f".desk-row[data-id='{gone}']", state="detached")
    assert page.locator("[name=pick]:checked").count() == 1
    new.sound()


@pytest.mark.parametrize("size", SIZES)
def test_a_leader_asks_of_several_and_the_page_shows_it(tab, site, size):
    new = tab(size, "leader")
    page = new.open("/issues")
    boxes = page.locator("[name=pick]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.click(".desk-urge > summary")
    page.fill("#urge-words", f"{NASTY} 何时办好？")
    with site.app.app_context():
        page.fill("#urge-until", workdays.today().isoformat())
    page.click("button[value=urge]")
    page.wait_for_selector(".desk-outcomes")
    new.sound()
    page.locator("tbody th a").first.click()
    page.wait_for_selector("[aria-labelledby=h-held]")
    assert "何时办好" in page.locator(".notice").first.inner_text()
    new.sound()
