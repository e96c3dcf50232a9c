"""The administrator's pages of accounts: within the jurisdiction, no right that is not held."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from gridserve.db import db
from gridserve.events import Event
from gridserve.people import Post, User
from gridserve.permissions import Role
from gridserve.secondfactor import SecondFactor
from tests.factories import COUNTY, PASSWORD, TOWNSHIP, VILLAGE, Make

LIST = "/admin/accounts"


@pytest.fixture
def boss(make: Make) -> User:
    return make.user(Role.ADMINISTRATOR, TOWNSHIP, name="管理员", login="boss")


@pytest.fixture
def admin(as_user: Any, boss: User) -> Any:
    return as_user(boss)


def page_of(user: User) -> str:
    return f"{LIST}/{user.id}"


def made(answer: Any) -> str:
    """The password that a page shows once."""
    assert answer.status_code == 200, answer.text
    found = re.search(r'code-field text-break">([A-Za-z0-9]{16})<', answer.text)
    assert found is not None
    return found[1]


def works(client: Any, login: str, password: str) -> Any:
    return client.post("/api/v1/sessions", json={"login": login, "password": password})


def test_an_account_is_made_found_and_signs_in_once_by_what_is_shown(
    admin: Any, client: Any, make: Make
) -> None:
    make.jurisdictions(VILLAGE)
    said = {"name": "王芳", "login": "Wang.Fang", "role": "cadre", "jurisdiction": VILLAGE}
    password = made(admin.post(LIST, data=said))
    token = works(client, "wang.fang", password).json["token"]
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json["code"] == "auth.password_due"
    assert admin.post(LIST, data=said).status_code == 409
    for wrong in ({"login": "王"}, {"login": "a b"}, {"jurisdiction": COUNTY}, {"role": "king"},
                  {"jurisdiction": "530626199"}, {"jurisdiction": ""}, {"name": ""}):  # fmt: skip
        assert admin.post(LIST, data=said | {"login": "other"} | wrong).status_code == 422
    for asked in ("q=王", "q=WANG", f"jurisdiction={VILLAGE}"):
        assert "wang.fang" in admin.get(f"{LIST}?{asked}").text
    assert "wang.fang" not in admin.get(f"{LIST}?q=%25").text
    assert db.session.scalar(select(func.count()).select_from(User)) == 2


def test_posts_are_given_and_end_at_once(admin: Any, make: Make, as_user: Any) -> None:
    user = make.user(Role.CADRE, VILLAGE)
    phone = as_user(user)
    post = db.session.scalars(select(Post.id).where(Post.user_id == user.id)).one()
    give = {"do": "give", "role": "dispatcher", "jurisdiction": TOWNSHIP}
    assert admin.post(page_of(user), data=give).status_code == 302
    assert admin.post(page_of(user), data=give).status_code == 409  # held already
    assert phone.get("/desk").status_code == 200
    assert phone.get("/api/v1/workset").status_code == 200
    for _again in range(2):
        done = admin.post(page_of(user), data={"do": "end", "post": str(post)})
        assert done.status_code == 302
    assert phone.get("/api/v1/workset").status_code == 403
    assert admin.get(page_of(user)).text.count('name="post"') == 1
    wanted = select(Event.action).where(Event.subject_id == user.id).order_by(Event.at)
    assert db.session.scalars(wanted).all() == ["post.given", "post.ended"]


def test_nobody_gives_what_they_do_not_hold(
    admin: Any, boss: User, make: Make, as_user: Any
) -> None:
    cadre, auditor = make.user(Role.CADRE, VILLAGE), make.user(Role.AUDITOR, TOWNSHIP)
    leader = make.user(Role.LEADER, COUNTY)
    own = {"do": "give", "role": "dispatcher", "jurisdiction": TOWNSHIP}
    assert admin.post(page_of(boss), data=own).status_code == 403
    assert admin.post(page_of(boss), data={"do": "password"}).status_code == 403
    assert admin.post(page_of(leader), data={"do": "password"}).status_code == 404
    for code in (COUNTY, "530627101", ""):
        asked = own | {"jurisdiction": code}
        assert admin.post(page_of(cadre), data=asked).status_code == 422
    for user, role in ((cadre, "administrator"), (cadre, "auditor"), (auditor, "leader")):
        apart = admin.post(page_of(user), data=own | {"role": role})
        assert apart.status_code == 409
    db.session.add(Post(user_id=cadre.id, role=Role.LEADER, jurisdiction_code=COUNTY,
                        from_date=cadre.posts[0].from_date))  # fmt: skip
    db.session.commit()
    assert admin.get(page_of(cadre)).status_code == 200  # seen, and kept by somebody above
    for do in ("password", "disable", "second_factor", "enable"):
        assert admin.post(page_of(cadre), data={"do": do}).status_code == 403
    for role in (Role.CADRE, Role.LEADER, Role.DISPATCHER, Role.AUDITOR):
        assert as_user(make.user(role, TOWNSHIP)).get(LIST).status_code == 403


def test_passwords_second_steps_and_the_account_end_what_was_signed_in(
    admin: Any, client: Any, make: Make, as_user: Any
) -> None:
    user = make.user(Role.CADRE, VILLAGE)
    phone = as_user(user)
    assert admin.post(page_of(user), data={"do": "second_factor"}).status_code == 404
    db.session.add(SecondFactor(id=user.id, secret="A" * 32, confirmed_at=user.created_at))
    db.session.commit()
    assert admin.post(page_of(user), data={"do": "second_factor"}).status_code == 302
    assert phone.get("/api/v1/me").status_code == 401
    assert works(client, user.login, PASSWORD).status_code == 201
    password = made(admin.post(page_of(user), data={"do": "password"}))
    assert works(client, user.login, PASSWORD).status_code == 401
    assert works(client, user.login, password).status_code == 201
    assert admin.post(page_of(user), data={"do": "disable"}).status_code == 302
    assert works(client, user.login, password).status_code == 401
    again = made(admin.post(page_of(user), data={"do": "enable"}))
    assert works(client, user.login, again).status_code == 201
    assert admin.post(page_of(user), data={"do": "?"}).status_code == 422
    wanted = select(Event.action, Event.actor_id).where(
        Event.subject_id == user.id, Event.action.not_like("sign_in.%")
    )
    done = db.session.execute(wanted.order_by(Event.at)).all()
    assert [each.action for each in done] == [
        "second_factor.reset", "user.password_set", "user.disabled", "user.enabled",
        "user.password_set",
    ]  # fmt: skip
    assert None not in {each.actor_id for each in done}
