"""A disk that runs full: what people hear, and what is there when there is room again."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.installed import answers, finished, gridserve, installed, small_disk, until

SIZE = "400m"
# As long as notes may be, and nothing that could be stored in less: the disk is soon full.
NOTES = "".join(random.Random(1).choices([chr(0x4E00 + n) for n in range(20_000)], k=3900))


class Phone:
    """A cadre's phone that sends visits in batches."""

    def __init__(self, url: str, data: Path) -> None:
        self.port = urlsplit(url).port
        accounts = json.loads((data / "accounts.json").read_text())
        cadre = next(a for a in accounts if a["role"] == "cadre" and not a.get("unit"))
        said = {"login": cadre["login"], "password": cadre["password"], "device": "phone"}
        self.headers = {"Content-Type": "application/json"}
        self.headers["Authorization"] = f"Bearer {self.ask('POST', '/sessions', said)[1]['token']}"
        self.home = self.ask("GET", "/households?limit=1&status=active")[1]["items"][0]["id"]

    def ask(self, method: str, path: str, said: Any = None) -> tuple[int, Any]:
        """Status and answer; 0 where there is none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            body = json.dumps(said) if said else None
            connection.request(method, f"/api/v1{path}", body, self.headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            return 0, None
        finally:
            connection.close()

    def batch(self) -> list[dict[str, Any]]:
        at = datetime.now(UTC).isoformat()
        said = {"household_id": self.home, "outcome": "met", "started_at": at, "notes": NOTES}
        return [{"kind": "visit", "data": said | {"id": str(uuid.uuid4())}} for _ in range(50)]

    def send(self, items: list[dict[str, Any]]) -> tuple[int, Any]:
        return self.ask("POST", "/submissions", {"items": items})


@pytest.mark.rare
def test_a_full_disk_is_said_and_what_was_acknowledged_is_there_once():
    with small_disk(SIZE) as data, installed(data) as url:
        phone = Phone(url, data)
        dsn = f"host={data}/run dbname=gridserve user=gridserve"
        filler, acknowledged, heard = data / "filler", set(), []
        with filler.open("wb") as file:  # but for a little, which the visits are to fill
            try:
                while True:
                    file.write(bytes(1 << 20))
                    file.flush()
            except OSError:
                file.truncate(max(0, file.tell() - (2 << 20)))
        for _n in range(200):
            waiting = phone.batch()
            status, answer = phone.send(waiting)
            if status != 200:
                break
            assert {each["result"] for each in answer["results"]} == {"applied"}
            acknowledged |= {item["data"]["id"] for item in waiting}
        for _n in range(10):
            heard.append((status, answer and answer["code"]))
            status, answer = phone.send(waiting)
        # Never a fault of ours, and never "stored" where it was not.
        assert {status for status, _code in heard} <= {503}, heard
        print(f"{len(acknowledged)} stored, then heard: {heard}")
        filler.unlink()
        until(lambda: answers(f"{url}/readyz"), 90)
        until(lambda: phone.send(waiting)[0] == 200, 60)
        acknowledged |= {item["data"]["id"] for item in waiting}
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT id::text FROM visit WHERE notes = %s", [NOTES])
            stored = [id_ for (id_,) in rows]
        assert sorted(stored) == sorted(acknowledged)
        assert "All agree." in finished(gridserve(data, "check"))
