"""Accounts from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gridserve.db import db
from gridserve.people import Post, User
from gridserve.permissions import Role
from gridserve.usercommands import user_group
from tests.factories import COUNTY, Make

Run = Callable[..., Result]


@pytest.fixture
def run(context: Flask) -> Run:
    def command(*args: str, **kwargs: Any) -> Result:
        return CliRunner().invoke(user_group, [*args], catch_exceptions=False, **kwargs)

    return command


def shown(result: Result) -> str:
    return result.stdout.rsplit(": ", 1)[1].strip()


def signs_in(client: FlaskClient, login: str, password: str) -> bool:
    answer = client.post("/api/v1/sessions", json={"login": login, "password": password})
    return answer.status_code == 201


CREATE = ("create", "Wang", "--name", "王五", "--role", "cadre")


def test_an_account_with_a_random_password_signs_in(
    run: Run, make: Make, client: FlaskClient
) -> None:
    make.jurisdictions(COUNTY)
    result = run(*CREATE, "--jurisdiction", COUNTY)
    assert result.exit_code == 0
    assert len(shown(result)) == 16
    assert signs_in(client, "wang", shown(result))
    post = db.session.scalars(select(Post)).one()
    assert (post.role, post.jurisdiction_code, post.to_date) == ("cadre", COUNTY, None)


def test_a_typed_password_is_not_shown(run: Run, client: FlaskClient) -> None:
    typed = run(*CREATE, "--everywhere", "--ask-password", input="long enough\nlong enough\n")
    assert "long enough" not in typed.stdout
    assert signs_in(client, "wang", "long enough")
    short = run("reset-password", "wang", "--ask-password", input="short\nshort\n")
    assert short.exit_code == 1
    assert "10" in short.stderr


def test_a_new_password_ends_the_old_one_and_disabling_ends_all(
    run: Run, client: FlaskClient
) -> None:
    old = shown(run(*CREATE, "--everywhere"))
    new = shown(run("reset-password", "WANG"))
    assert new != old
    assert not signs_in(client, "wang", old)
    assert signs_in(client, "wang", new)
    assert run("disable", "wang").exit_code == 0
    assert not signs_in(client, "wang", new)


def test_posts_are_given_and_ended(run: Run, make: Make, as_user: Any) -> None:
    user = make.user(Role.CADRE, COUNTY, login="wang")
    phone = as_user(user)
    here = ("--jurisdiction", COUNTY)
    assert run("appoint", "Wang", "--role", "dispatcher", *here).exit_code == 0
    assert phone.get("/desk").status_code == 200
    apart = run("appoint", "wang", "--role", "administrator", "--everywhere")
    assert (apart.exit_code, "different" in apart.stderr) == (1, True)
    assert run("end-post", "wang", "--role", "dispatcher", *here).exit_code == 0
    assert phone.get("/desk").status_code == 403
    assert run("end-post", "wang", "--role", "dispatcher", *here).exit_code == 1


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        ((*CREATE,), 2, "Say where the post is"),
        ((*CREATE, "--everywhere", "--jurisdiction", COUNTY), 2, "Say where the post is"),
        ((*CREATE, "--jurisdiction", "530699"), 1, "No such jurisdiction"),
        (("create", "taken", *CREATE[2:], "--everywhere"), 1, "The login is taken"),
        (("create", "x" * 65, *CREATE[2:], "--everywhere"), 2, "1 to 64"),
        (("create", " ", *CREATE[2:], "--everywhere"), 2, "1 to 64"),
        (("disable", "nobody"), 1, "No account has the login"),
        (("reset-password", "nobody"), 1, "No account has the login"),
    ],
)
def test_refusals_are_plain(
    run: Run, make: Make, args: tuple[str, ...], code: int, words: str
) -> None:
    make.user(login="taken")
    result = run(*args)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert len(db.session.scalars(select(User)).all()) == 1
