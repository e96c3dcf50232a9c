"""Notices through gateways: a real one that refuses, hangs and answers garbage; secrets; quiet."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from requests import Session
from sqlalchemy import func, select, text, update

from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.installation import ROOT
from gridserve.permissions import Role
from gridserve.sealing import unseal
from tests.factories import COUNTY, TOWNSHIP, Make
from tests.tilehost import tile_host
from visits.telling import gateways, posting, wire
from visits.telling.causes import State, is_quiet, pause_after
from visits.telling.models import Delivery, Gateway, Notice

TOKEN = "token-that-nobody-sees"


class Fake:
    """A gateway in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, 0
        self.process: subprocess.Popen[bytes] | None = None
        self.behave("ok")

    def start(self) -> None:
        (self.folder / "port").unlink(missing_ok=True)
        command = [sys.executable, str(ROOT / "tests/fakegateway.py"), str(self.folder)]
        self.process = subprocess.Popen(
            [*command, str(self.port)], stderr=subprocess.DEVNULL
        )  # fmt: skip
        end = time.monotonic() + 20
        while not (self.folder / "port").exists() or not (self.folder / "port").read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
        self.port = int((self.folder / "port").read_text())

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def behave(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    @property
    def taken(self) -> list[dict[str, Any]]:
        path = self.folder / "taken"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def url(self, rest: str = "send") -> str:
        return f"json://127.0.0.1:{self.port}/{TOKEN}/{rest}"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    fake = Fake(tmp_path)
    fake.start()
    try:
        yield fake
    finally:
        fake.stop()


@pytest.fixture
def allowed(context: Any) -> Iterator[None]:
    """Gateways in the own network are allowed, as the fake one lies there."""
    plain = context.extensions["gridserve"]
    context.extensions["gridserve"] = replace(plain, private_gateways=True)
    yield
    context.extensions["gridserve"] = plain


@pytest.fixture
def place(make: Make, allowed: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A team, its desk, an administrator, and less patience than in earnest."""
    monkeypatch.setattr(wire, "DEADLINE", 3.0)
    cell = make.cell()
    cadre = make.user(Role.CADRE, TOWNSHIP, name="网格员")
    return SimpleNamespace(
        make=make, cadre=cadre, home=make.household(cell), team=make.team([cell], [cadre]),
        desk=make.user(Role.DISPATCHER, TOWNSHIP), second=make.user(Role.DISPATCHER, TOWNSHIP),
        admin=make.user(Role.ADMINISTRATOR, COUNTY),
    )  # fmt: skip


def entered(place: Any, url: str, **said: Any) -> Gateway:
    gateway = gateways.save(
        {"id": uuid.uuid4(), "name": "值班群", "jurisdiction": TOWNSHIP, "url": url,
         "template": "{words}", **said},
        by=place.admin,
    )  # fmt: skip
    db.session.commit()
    return gateway


def returned(place: Any) -> Any:
    """An issue that went through the chain up to a return, which is told to both at the desk."""
    issue = place.make.issue(place.home, place.cadre)
    for action, by, said in (
        ("accept", place.desk, {}),
        ("dispatch", place.desk, {"team_id": place.team.id}),
        ("sign", place.cadre, {}),
        ("return", place.cadre, {"words": "张家长李家短，电话13912345678"}),
    ):
        place.make.step(issue, action, by, **said)
    return issue


def later(minutes: float) -> None:
    """Let time pass for what waits."""
    for column in ("delivery SET next_try = next_try", "gateway SET resting_until = resting_until"):
        db.session.execute(
            text(f"UPDATE {column} - make_interval(secs => :s)"),
            {"s": 60 * minutes},
        )
    db.session.commit()
    db.session.expire_all()


def states() -> Counter[str]:
    return Counter(str(state) for state in db.session.scalars(select(Delivery.state)))


def test_an_hour_of_a_dead_gateway_and_everything_is_told_once_afterwards(
    place: Any, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered(place, fake.url())
    issues, longest = [], 0.0
    monkeypatch.setattr(wire, "DEADLINE", 1.0)  # it is used up a dozen times
    # Of the hour, minute by minute: it hangs, trickles, talks nonsense, errs, and is not there.
    for minute in range(60):
        mode = ("hang", "garbage", "error", "trickle", "gone")[minute // 12]
        fake.behave(mode)
        if mode == "gone":
            fake.stop()
        if minute % 6 == 0:
            begun = time.monotonic()
            issues.append(returned(place))  # the chain goes on as if nothing was
            longest = max(longest, time.monotonic() - begun)
        begun = time.monotonic()
        assert posting.send() == 0
        assert time.monotonic() - begun < 1.0 + 2.0  # one attempt, then the gateway rests
        later(1)
    assert longest < 3.0
    assert states() == {"waiting": 10}
    assert fake.taken == []
    assert db.session.scalar(select(func.max(Delivery.attempts))) <= 12
    monkeypatch.setattr(wire, "DEADLINE", 3.0)
    fake.behave("ok")
    fake.start()
    later(60)
    assert posting.send() == 10
    assert (posting.send(), posting.route()) == (0, 0)
    lines = "\n".join(message["message"] for message in fake.taken).splitlines()
    told = Counter(line.split(": ")[1].split(" · ")[0] for line in lines)
    assert told == {issue.number: 1 for issue in issues}  # one for two people at the desk
    assert states() == {"sent": 10}
    assert not any("139" in line or "李" in line or "张" in line for line in lines)


def test_a_process_that_dies_while_sending_is_followed_by_another(place: Any, fake: Fake) -> None:
    entered(place, fake.url())
    issue = returned(place)
    posting.route()
    gateway = db.session.scalars(select(Gateway)).one()
    assert len(posting._claim(gateway)) == 1
    db.session.commit()  # and now it is killed
    assert posting.send() == 0  # it may still be on its way
    later(2)
    assert posting.send() == 1
    assert issue.number in fake.taken[0]["message"]


def test_it_is_given_up_after_a_day_shown_and_tried_again(
    place: Any, fake: Fake, as_user: Any
) -> None:
    entered(place, fake.url(), expects="accepted")
    returned(place)
    fake.behave("refusal")  # a 200 that is none
    for _attempt in range(30):
        posting.send()
        later(61)
    assert states() == {"failed": 1}
    admin = as_user(place.admin)
    page = admin.get("/gateways?lang=zh", headers={"Accept": "text/html"}).text
    assert "应答与约定不符" in page
    assert TOKEN not in page
    fake.behave("ok")
    assert admin.post("/gateways", data={"do": "again"}).status_code == 302
    assert posting.send() == 1
    assert len(fake.taken) == 1
    elsewhere = as_user(place.make.user(Role.ADMINISTRATOR, "530627"))
    assert "值班群" not in elsewhere.get("/gateways", headers={"Accept": "text/html"}).text
    assert as_user(place.desk).get("/gateways").status_code == 403


def test_each_person_on_the_own_phone_and_a_person_alone(place: Any, fake: Fake) -> None:
    for n, user in enumerate((place.desk, place.second)):
        row = db.session.get_one(type(user), user.id)
        row.phone = f"1390000000{n}"
    db.session.commit()
    entered(place, fake.url("sms?-to={phone}"))
    entered(place, fake.url("mine"), person=place.desk.login, template="【网格】{words}")
    returned(place)
    assert posting.send() == 3
    paths = sorted(message["path"].split(TOKEN)[1] for message in fake.taken)
    assert paths == ["/mine", "/sms?to=13900000000", "/sms?to=13900000001"]
    assert any(message["message"].startswith("【网格】") for message in fake.taken)


def test_many_at_once_are_few_messages_and_a_digest_is_one(
    place: Any, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "LINES", 2)
    entered(place, fake.url("now"))
    entered(place, fake.url("daily"), digest_at=clock(8, 30))
    for _n in range(5):
        returned(place)
    early, noon = _at(7), _at(12)
    monkeypatch.setattr(posting, "now", lambda: early)
    db.session.execute(update(Notice).values(created_at=early))
    posting.route()
    assert posting.send() == 5
    assert [m["path"][-3:] for m in fake.taken] == ["now"] * 3
    monkeypatch.setattr(posting, "now", lambda: noon)
    assert posting.send() == 5
    digest = fake.taken[-1]["message"].splitlines()
    assert (len(digest), fake.taken[-1]["path"][-5:]) == (3, "daily")
    assert len(fake.taken) == 4


def _at(hour: int) -> datetime:
    return workdays.start_of(workdays.today()) + timedelta(hours=hour)


def test_quiet_hours_hold_back(place: Any, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    entered(place, fake.url(), quiet_from=clock(21), quiet_to=clock(7))
    returned(place)
    monkeypatch.setattr(posting, "now", lambda: _at(23) + timedelta(days=1))
    assert posting.send() == 0
    monkeypatch.setattr(posting, "now", lambda: _at(32) + timedelta(days=1))
    assert posting.send() == 1


@pytest.mark.parametrize(
    ("at", "start", "end", "quiet"),
    [(23, 21, 7, True), (6, 21, 7, True), (7, 21, 7, False), (12, 21, 7, False),
     (12, 12, 14, True), (14, 12, 14, False), (9, 9, 9, False)],
)  # fmt: skip
def test_quiet_hours_reach_over_midnight(at: int, start: int, end: int, quiet: bool) -> None:
    moment = datetime(2026, 11, 23, at, tzinfo=UTC)
    assert is_quiet(moment, clock(start), clock(end), ZoneInfo("UTC")) is quiet


def test_pauses_grow_to_an_hour() -> None:
    assert [pause_after(n) / timedelta(minutes=1) for n in (1, 2, 3, 7, 30)] == [1, 2, 4, 60, 60]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("syslog://", "scheme"), ("dbus://", "scheme"), ("file:///etc/passwd", "scheme"),
        ("http://example.org/hook", "scheme"), ("windows://", "scheme"), ("", "scheme"),
        ("jsons://example.org/?attach=/etc/passwd", "parameter"),
        ("mailtos://u:p@example.org?pgpprv=/etc/passwd", "parameter"),
        ("jsons://example.org/?redirect=yes", "parameter"),
        ("json://127.0.0.1:6379/x", "inside"), ("json://169.254.169.254/latest", "inside"),
        ("json://[::1]/x", "inside"), ("json://[::ffff:10.0.0.1]/x", "inside"),
        ("json://10.1.2.3/", "inside"), ("dingtalk://", "form"), ("jsons://", "form"),
    ],
)  # fmt: skip
def test_addresses_that_are_no_gateways_are_refused(context: Any, url: str, why: str) -> None:
    with pytest.raises(wire.BadAddress) as refused:
        wire.check(url, inside_allowed=False)
    assert refused.value.why == why


@pytest.mark.parametrize("host", ["localhost", "127.1", "0177.0.0.1", "2130706433"])
def test_a_name_that_leads_inside_is_refused_when_it_is_dialled(
    context: Any, fake: Fake, host: str
) -> None:
    for url in (f"json://{host}:{fake.port}/x", f"mailto://u:p@{host}:{fake.port}?to=a@b.cn"):
        with pytest.raises(wire.Refused, match=r"inside|silent|unusable"):
            wire.post(url, "a", "b", inside_allowed=False)
    assert fake.taken == []


def test_others_of_the_process_are_answered_whole(place: Any, fake: Fake) -> None:
    with tile_host() as host:
        wire.post(fake.url(), "a", "b", inside_allowed=True)
        address = f"{host.address.split('{')[0]}1/0/0"
        with Session() as session, session.get(address, stream=True, timeout=10) as answer:
            assert answer.raw.read(8) == b"\x89PNG\r\n\x1a\n"
        host.mode = "huge"
        with Session() as session:
            assert len(session.get(address, timeout=10).content) > wire.LONGEST_ANSWER


def test_robots_that_say_no_in_a_good_answer_are_understood() -> None:
    assert wire.judge("dingtalk", '{"errcode":0,"errmsg":"ok"}', "") is None
    assert wire.judge("feishu", '{"code":0}', "") is None
    assert wire.judge("dingtalk", '{"errcode":310000}', "") == "refused 310000"
    assert wire.judge("wecombot", "<html>portal</html>", "") == "unreadable"
    assert wire.judge("jsons", "<html>portal</html>", "accepted") == "unexpected"


def test_the_address_is_a_secret(
    place: Any, fake: Fake, as_user: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    admin = as_user(place.admin)
    form = {
        "do": "save", "id": str(uuid.uuid4()), "name": "短信", "jurisdiction": TOWNSHIP,
        "url": fake.url(), "template": "{words}",
    }  # fmt: skip
    assert admin.post("/gateways", data=form).status_code == 302
    gateway = db.session.scalars(select(Gateway)).one()
    assert TOKEN not in gateway.url
    assert TOKEN in unseal(gateway.url)
    assert gateway.shown == "json://127.0.0.1/…"
    kept = form | {"url": "", "name": "短信二"}
    assert admin.post("/gateways", data=kept).status_code == 302
    assert TOKEN in unseal(db.session.get_one(Gateway, gateway.id).url)
    assert admin.post("/gateways", data={"do": "try", "gateway": gateway.id}).status_code == 302
    posting.attempt(gateway.id, "试", "发")
    fake.behave("error")
    returned(place)
    posting.send()
    assert db.session.get_one(Gateway, gateway.id).last_error == "answered 503"
    bad = admin.post("/gateways", data=form | {"url": f"http://x/{TOKEN}"})
    assert bad.status_code == 422
    texts = [bad.text, admin.get("/gateways").text, caplog.text]
    texts += [json.dumps(data) for data in db.session.scalars(select(Event.data))]
    assert not any(TOKEN in each for each in texts)
    outside = admin.post(
        "/gateways", data=form | {"id": str(uuid.uuid4()), "jurisdiction": "530627"}
    )
    assert outside.status_code == 403


def test_switched_off_it_drops_what_waits(place: Any, fake: Fake) -> None:
    gateway = entered(place, fake.url())
    returned(place)
    posting.route()
    gateways.switch(gateway.id, on=False, by=place.admin)
    db.session.commit()
    assert posting.send() == 0
    assert states() == {State.DROPPED.value: 1}
    gateways.switch(gateway.id, on=True, by=place.admin)
    db.session.commit()
    assert posting.send() == 0


def test_what_a_clock_ahead_has_put_off_goes_out_at_once(place: Any, fake: Fake) -> None:
    entered(place, fake.url())
    returned(place)
    posting.route()
    tomorrow = now() + timedelta(days=1)
    db.session.execute(update(Delivery).values(next_try=tomorrow))
    db.session.execute(update(Gateway).values(resting_until=tomorrow))
    db.session.commit()
    assert posting.send() == 1
