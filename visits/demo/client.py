"""A patient HTTP client: sends again what got no answer, with the same ids, until there is one."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

API = "/api/v1"
PATIENCE = 90.0  # seconds without an answer after which a request is given up
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
AWAY = {502, 503, 504}  # somebody is there and says: come back later
TRIES_AFTER_500 = 3
# What may differ between two answers to the same request: it grows with the clock.
MOVING = {"weight", "light"}


class Unreachable(Exception):
    """The server gave no answer for longer than anybody waits."""


@dataclass(frozen=True)
class Answer:
    """A status and the JSON that came with it."""

    status: int
    body: Any

    @property
    def done(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """The problem's code and words, for a report."""
        body = self.body if isinstance(self.body, dict) else {}
        parts = (self.status, body.get("code"), body.get("detail"), body.get("errors"))
        return " ".join(str(part) for part in parts if part)


@dataclass
class Tally:
    """What happened on the wire, from all threads together."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str) -> None:
        """Count one of these."""
        with self._lock:
            self.counts[what] += 1

    def fault(self, words: str) -> None:
        """Note something that must not happen."""
        with self._lock:
            self.faults.append(words)


class Client:
    """One person's connection. To be used by one thread at a time."""

    def __init__(self, url: str, tally: Tally, *, repeat: bool, patience: float = PATIENCE) -> None:
        address = urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8000.")
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._connection: HTTPConnection = kind(address.hostname, address.port, timeout=30)
        self._base = address.path.rstrip("/") + API
        self._tally, self._repeat, self._patience = tally, repeat, patience
        self._token = ""
        self._used = False

    def sign_in(self, login: str, password: str) -> Answer:
        """Get a token for all later requests."""
        said = {"login": login, "password": password, "device": "simulate-day"}
        answer = self._send("POST", "/sessions", said)
        if answer.done:
            self._token = answer.body["token"]
        return answer

    def get(self, path: str) -> Answer:
        """Read something; `path` is below the API's address or as a `next` link gives it."""
        return self._send("GET", path.removeprefix(API), None)

    def items(self, path: str, most: int = 10_000) -> list[dict[str, Any]]:
        """The items of a list, following its pages; empty where the list is refused."""
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following and len(found) < most:
            answer = self.get(following)
            if not answer.done:
                self._tally.fault(f"GET {following}: {answer.problem}")
                break
            found += answer.body["items"]
            following = answer.body["next"]
        return found[:most]

    def post(self, path: str, said: dict[str, Any]) -> Answer:
        """Write something that carries its id; when repeating, twice, and compare the answers."""
        answer = self._send("POST", path, said)
        if self._repeat:
            again = self._send("POST", path, said)
            self._tally.add("repeats")
            if (again.status, _settled(again.body)) != (answer.status, _settled(answer.body)):
                self._tally.fault(
                    f"POST {path} {said.get('id')}: the repeat was answered otherwise: "
                    f"{answer.problem} and then {again.problem}"
                )
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _send(self, method: str, path: str, said: dict[str, Any] | None) -> Answer:
        body = None if said is None else json.dumps(said, ensure_ascii=False).encode()
        began, wait, errors = time.monotonic(), FIRST_WAIT, 0
        while True:
            trouble = ""
            try:
                answer = self._once(method, path, body)
                if answer.status == 500:
                    errors += 1
                    self._tally.add("answers 500")
                again = answer.status == 500 and errors < TRIES_AFTER_500
                if answer.status not in AWAY and not again:
                    return answer
                trouble = answer.problem
            except (OSError, HTTPException, ValueError) as error:
                self._connection.close()
                used, self._used = self._used, False
                if used:  # servers hang up idle connections; that is no trouble yet
                    continue
                trouble = repr(error)
            if time.monotonic() - began > self._patience:
                raise Unreachable(
                    f"{method} {path}: no answer for {self._patience:.0f} s ({trouble})"
                )
            self._tally.add("retries")
            time.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def _once(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, self._base + path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        self._used = not response.will_close
        self._tally.add("requests")
        return Answer(response.status, json.loads(content) if content else None)


def _settled(body: Any) -> Any:
    """The part of an answer that a repeat must get alike."""
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in MOVING}
