"""Phones without a browser that speak as gridserve/static/phone/sending.js does, on a bad line."""

from __future__ import annotations

import json
import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any

MOST = 50  # items of a batch
WAIT = 2.0  # seconds for an answer; the app waits longer, and a test has less time
PATIENCE = 300.0  # seconds without any progress after which the test has failed
LATER = {429, 502, 503, 504}
DONE = {"applied", "duplicate"}


@dataclass
class Outbox:
    """One phone: what it still has to send, and what it was told has arrived."""

    port: int
    token: str
    chance: random.Random
    waiting: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)  # id → item
    refused: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    unanswered: int = 0
    repeats: int = 0  # answers "duplicate": it had arrived and the phone had not heard of it

    def fill(self, count: int, households: list[str]) -> None:
        """`count` submissions: visits, every seventh an issue of one, every ninth a step on one."""
        visits: list[str] = []
        issues: list[str] = []
        for n in range(count):
            id_, at = str(uuid.uuid4()), datetime.now(UTC) - timedelta(minutes=count + 5 - n)
            if n % 9 == 8 and issues:
                data = {"id": id_, "action": "comment", "seen": 1, "words": f"备注{n}"}
                item = {"kind": "step", "issue_id": issues.pop(), "data": data}
            elif n % 7 == 6:
                data = {"id": id_, "category": "facility.streetlight", "words": f"第{n}盏路灯不亮",
                        "visit_id": visits[-1]}  # fmt: skip
                issues.append(id_)
                item = {"kind": "issue", "data": data}
            else:
                data = {"id": id_, "household_id": self.chance.choice(households), "outcome": "met",
                        "started_at": at.isoformat(), "notes": f"走访记录{n}"}  # fmt: skip
                visits.append(id_)
                item = {"kind": "visit", "data": data}
            self.waiting[id_] = item

    def send_all(self) -> None:
        """Send until nothing waits, whatever happens on the way."""
        most, moved = MOST, time.monotonic()
        while self.waiting:
            assert time.monotonic() - moved < PATIENCE, "a phone does not get on"
            # any subset in any order
            batch = self.chance.sample(list(self.waiting.values()), min(most, len(self.waiting)))
            answer = self._post(batch)
            if answer is None:
                self.unanswered += 1
                most = max(1, most // 2)
                time.sleep(self.chance.uniform(0, 0.3))
                continue
            most = min(MOST, most * 2)
            before = len(self.waiting)
            for item, result in zip(batch, answer["results"], strict=True):
                self._take(item, result)
            if len(self.waiting) < before:
                moved = time.monotonic()

    def _take(self, item: dict[str, Any], result: dict[str, Any]) -> None:
        id_ = item["data"]["id"]
        assert result["id"] == id_
        if result["retry"]:
            return  # what it refers to has not arrived
        del self.waiting[id_]
        if result["result"] in DONE:
            self.acknowledged[id_] = item
            self.repeats += result["result"] == "duplicate"
        else:
            self.refused.append((item, result))

    def _post(self, batch: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The answer to a batch, or None where there is none that can be used."""
        said = {"device_time": datetime.now(UTC).isoformat(), "items": batch}
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request("POST", "/api/v1/submissions", json.dumps(said), headers)
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()
        if answer.status in LATER:
            return None
        assert answer.status == 200, (answer.status, body)
        found: dict[str, Any] = body
        return found
