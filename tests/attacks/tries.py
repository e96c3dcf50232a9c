"""A try, who makes it, and the place that it is aimed at."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from flask import Flask
from werkzeug.test import TestResponse

from gridserve.permissions import Role
from tests.factories import PASSWORD, VILLAGE, Make
from tests.scope import world
from tests.scope.world import Place

NEXT_DOOR = "530626102202"


class Try(NamedTuple):
    """What was tried in words, what was answered, and the status that it had to have."""

    words: str
    answer: TestResponse
    wanted: int


Tries = Iterator[Try]
Chapter = Callable[["Scene"], Tries]


@dataclass
class Scene:
    """Two townships of a county with one of everything, and everybody in them signed in."""

    app: Flask
    make: Make
    as_user: Callable[..., Any]

    @cached_property
    def own(self) -> Place:
        return world.build(self.make, self.as_user, VILLAGE, "markA1x")

    @cached_property
    def other(self) -> Place:
        return world.build(self.make, self.as_user, NEXT_DOOR, "markA2x")

    @cached_property
    def by(self) -> dict[str, Any]:
        """A client for each role of the own township."""
        return {role: self.as_user(self.own.people[role]) for role in Role}

    @property
    def nobody(self) -> Any:
        """A client that is not signed in."""
        return self.app.test_client()

    def browser(self, login: str) -> Any:
        """A browser in which `login` has signed in on the page."""
        client = self.app.test_client()
        page = client.get("/login")
        form = {"login": login, "password": PASSWORD, "next": "/", "csrf_token": csrf(page.text)}
        answer = client.post("/login", data=form)
        assert answer.status_code == 302, answer.text
        return client


def csrf(page: str) -> str:
    """The token in a page's form."""
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def raw(client: Any, path: str, body: bytes, kind: str = "application/json", **more: Any) -> Any:
    """POST just these bytes."""
    return client.post(path, data=body, content_type=kind, **more)


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


def without(answer: TestResponse, *words: str) -> TestResponse:
    """The answer, in which none of the words may stand."""
    data = answer.get_data()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(errors="replace")
    found = [word for word in words if word in text]
    assert not found, f"{found} in {text[:300]}"
    return answer


def with_header(answer: TestResponse, name: str, *words: str) -> TestResponse:
    """The answer, whose header has to hold all of the words."""
    found = answer.headers.get(name, "")
    assert all(word in found for word in words), (name, found)
    return answer


def headed(answer: TestResponse, name: str) -> TestResponse:
    """The answer, which may not have the header."""
    assert name not in answer.headers, answer.headers[name]
    return answer
