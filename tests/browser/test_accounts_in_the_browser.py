"""Signing in, in a browser: a given password, the second step, a desk that is left alone."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from gridserve import passwords
from gridserve.db import db, now
from gridserve.people import DeviceToken, User
from gridserve.permissions import Role
from gridserve.secondfactor import SecondFactor
from tests.factories import PASSWORD, TOWNSHIP, VILLAGE, Make

pytestmark = pytest.mark.browser

NEW = "晒谷场边三棵老核桃树"


def new_user(site, role, code):
    with site.app.app_context():
        login = Make().user(role, code).login
        db.session.remove()
    return login


def fill_in(tab, login, password, target):
    tab.page.goto(f"{tab.address}/login?lang=zh&next={target}")
    tab.page.fill("#login", login)
    tab.page.fill("#password", password)
    tab.page.click("main button[type=submit]")
    tab.sound()


def test_whoever_was_given_a_password_chooses_one_before_the_phone_opens(tab, site):
    login = new_user(site, Role.CADRE, VILLAGE)
    with site.app.app_context():
        user = db.session.scalars(select(User).where(User.login == login)).one()
        passwords.give(user, "given-7Kq2xv")
        db.session.commit()
        db.session.remove()
    phone = tab("phone")
    fill_in(phone, login, "given-7Kq2xv", "/m/")
    phone.page.wait_for_url("**/account/password?next=/m/")  # the phone's pages lead there
    phone.faults.clear()  # a browser reports each answer 403
    phone.page.fill("#old", "given-7Kq2xv")
    for field in ("#password", "#again"):
        phone.page.fill(field, NEW)
    phone.page.click("main button[type=submit]")
    phone.page.wait_for_selector("text=不看了")  # the first cards
    assert phone.page.url.startswith(f"{phone.address}/m/")


def test_the_second_step_is_set_up_from_a_picture_and_asked_for(tab, site):
    login = new_user(site, Role.LEADER, TOWNSHIP)
    first = tab("both")
    fill_in(first, login, PASSWORD, "/account/second-factor")
    first.page.fill("#password", PASSWORD)
    first.page.click("main button[type=submit]")
    first.sound()
    assert first.page.locator(".qr svg").bounding_box()["width"] > 200
    with site.app.app_context():
        query = select(SecondFactor.secret).join(User, User.id == SecondFactor.id)
        secret = db.session.scalars(query.where(User.login == login)).one()
        db.session.remove()
    first.page.fill("#code", pyotp.TOTP(secret).now())
    first.page.click("button[name=confirm]")
    first.sound()
    codes = first.page.locator(".recovery-codes li").all_inner_texts()
    assert len(codes) == 10
    other = tab("both")
    fill_in(other, login, PASSWORD, "/account")
    assert other.page.url.startswith(f"{other.address}/login/code")
    other.page.fill("#code", codes[0])
    other.page.click("main button[type=submit]")
    other.sound()
    assert other.page.url == f"{other.address}/account"


def test_a_desk_that_has_ended_shows_the_sign_in_page_by_itself(tab, site):
    login = new_user(site, Role.DISPATCHER, TOWNSHIP)
    desk = tab("desk")
    desk.page.clock.install()
    fill_in(desk, login, PASSWORD, "/desk")
    with site.app.app_context():
        user = select(User.id).where(User.login == login).scalar_subquery()
        for row in db.session.scalars(select(DeviceToken).where(DeviceToken.user_id == user)):
            row.expires_at = now() - timedelta(seconds=1)
        db.session.commit()
        db.session.remove()
    desk.page.clock.fast_forward(21_000)  # the desk looks by itself
    desk.page.wait_for_selector("#password")
    assert "/login" in desk.page.url
