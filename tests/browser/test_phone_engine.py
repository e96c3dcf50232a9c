"""The phone without signal: what it keeps, through kills, other people, ended sign-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from gridserve.db import db, now
from gridserve.people import DeviceToken
from gridserve.permissions import Role
from tests.browser.conftest import Site, served
from tests.factories import VILLAGE, Make
from visits.models import Household, Visit

pytestmark = pytest.mark.browser

NAME = "欧阳青禾"  # on no page but through the phone's own data
FIRST_LOAD = 300_000  # bytes over the line


def build(make: Make) -> dict[str, Any]:
    """Two cadres with a cell and households each."""
    for n, login in ((1, "cadre"), (2, "other")):
        cell = make.cell(n)
        make.team([cell], [make.user(Role.CADRE, VILLAGE, login=login)], code=VILLAGE)
        for _home in range(3):
            name = NAME if n == 1 else "李别人"
            make.household(cell, head_name=name, address=f"{name}家老屋")
    make.user(Role.LEADER, VILLAGE, login="leader")
    make.category()
    db.session.commit()
    return {"cells": 2}


@pytest.fixture(scope="module")
def site(app, config) -> Iterator[Site]:
    with served(app, config, build) as site:
        yield site


@pytest.fixture
def homes(site: Site) -> list[str]:
    """The households of "cadre"."""
    with site.app.app_context():
        rows = db.session.scalars(select(Household.id).where(Household.head_name == NAME))
        return [str(row) for row in rows]


@pytest.fixture
def stored(site: Site) -> Callable[[], list[str]]:
    """The ids of the visits that came to the server since the test began, in order."""

    def there() -> set[str]:
        with site.app.app_context():
            return {str(row) for row in db.session.scalars(select(Visit.id))}

    before = there()
    return lambda: sorted(there() - before)


def test_what_is_recorded_without_signal_survives_a_killed_browser(phone, homes, stored):
    phone.sign_in("cadre")
    phone.close()  # a browser writes its cookies down when it is closed, or after half a minute
    phone.open()
    phone.offline()
    phone.start()  # opens without a line
    kept = [phone.visit(home, notes=f"第{n}户") for n, home in enumerate(homes)]
    phone.kill()  # right after the last one was acknowledged
    phone.open()
    phone.context.set_offline(True)
    phone.start()
    assert sorted(x["id"] for x in phone.js("store", "return m.items()")) == sorted(kept)
    assert phone.state()["waiting"] == len(kept)
    assert stored() == []
    phone.online()
    for each in kept:
        phone.js("model", "await m.release(said)", each)
    phone.until(lambda: phone.state()["waiting"] == 0)
    assert stored() == sorted(kept)
    seen = phone.js("model", "return (await m.view()).household(said).last", homes[0])
    assert seen["outcome"] == "met"


def test_nothing_on_the_disk_names_anybody(phone, homes):
    phone.sign_in("cadre")
    phone.visit(homes[0], notes=f"{NAME}的水管坏了")
    phone.js("store", "await m.draft('report', {words: said})", f"{NAME}家门口")
    assert NAME in phone.js("model", "return (await m.view()).household(said).address", homes[0])
    phone.kill()
    found = [path for path in phone.profile.rglob("*") if path.is_file() and path.stat().st_size]
    kept = [path for path in found if "IndexedDB" in str(path)]
    assert kept
    for path in found:
        content = path.read_bytes()
        for coding in ("utf-8", "utf-16-le"):
            assert NAME.encode(coding) not in content, path


def test_signing_out_wipes_and_the_next_person_sees_nothing(phone, homes, stored):
    phone.sign_in("cadre")
    phone.offline()
    kept = phone.visit(homes[0])
    phone.online()
    with phone.page.expect_navigation(url="**/login**"):
        phone.js("session", "m.signOut()")  # its visit was still unsent
    phone.sign_in("other")
    seen = phone.js("model", "return (await m.view()).households.map((home) => home.address)")
    assert set(seen) == {"李别人家老屋"}
    assert phone.js("store", "return m.items()") == []
    assert stored() == []  # never in the other one's name
    with phone.page.expect_navigation(url="**/login**"):
        phone.js("session", "m.signOut()")
    phone.page.goto(f"{phone.address}/login")
    left = phone.js(
        "db", "return [await m.all('workset'), await m.all('keys'), await m.all('drafts')]"
    )
    assert left[0] == []
    assert [name.split("/")[0] for name, _key in left[1]] == ["outbox"]  # the first one's
    phone.sign_in("cadre")  # who comes back finds it, and it goes
    phone.js("model", "await m.release(said)", kept)
    phone.until(lambda: stored() == [kept])


def test_a_sign_in_that_ends_takes_the_data_and_leaves_what_is_unsent(phone, site, homes, stored):
    phone.sign_in("cadre")
    kept = phone.visit(homes[0])
    with site.app.app_context():
        db.session.execute(update(DeviceToken).values(revoked_at=now()))
        db.session.commit()
    phone.js("model", "await m.release(said)", kept)
    phone.until(lambda: phone.state()["signed_in"] is False)
    assert phone.state()["waiting"] == 1
    assert phone.js("model", "return m.view()") is None
    assert phone.js("db", "return m.all('workset')") == []
    phone.sign_in("cadre")
    phone.until(lambda: stored() == [kept])


def test_two_tabs_send_once(phone, line, homes, stored):
    phone.sign_in("cadre")
    second = phone.tab()
    second.wait_for_selector("h1")
    phone.offline()
    kept = [phone.visit(home) for home in homes * 4]
    assert len(phone.js("store", "return m.items()", page=second)) == len(kept)
    for each in kept:
        phone.js("store", "await m.mark(said, {hold_until: 0})", each)
    line.requests.clear()
    phone.online()  # both hear of it at the same moment
    phone.until(lambda: phone.state()["waiting"] == 0)
    phone.until(lambda: phone.state(second)["waiting"] == 0)
    assert line.requests["POST /api/v1/submissions"] == 1
    assert stored() == sorted(kept)


def test_the_first_load_is_small(phone, line):
    phone.sign_in("cadre")  # the page for it, the app, and what the worker fetches
    assert line.requests["GET /m/sw.js"]
    assert line.requests["GET /static/vendor/leaflet/leaflet.js"]  # for the map without a line
    assert 50_000 < line.carried < FIRST_LOAD
