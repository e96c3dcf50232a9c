"""Hints on visits, asked and answered; the weekly sample, drawn again and confirmed by others."""

from __future__ import annotations

import random
import re
import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from flask_babel import force_locale
from sqlalchemy import select, text
from sqlalchemy.orm import selectinload

from gridserve import events, people, workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from tests.factories import COUNTY, LONG_AGO, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST
from visits.callbacks import commands, sampling
from visits.callbacks.drawing import drawn, size
from visits.callbacks.models import Callback, Sample
from visits.callbacks.permissions import may_call, visible_callbacks
from visits.hints import finding
from visits.hints.models import Hint
from visits.hints.permissions import reviewed_hints, reviews
from visits.models import Household, Visit
from visits.photos.models import Attachment
from visits.recording import record_visits
from visits.telling.models import Notice
from visits.workset.offered import PHRASES

PAGE = {"Accept": "text/html"}
OWN = "户主讲起屋后排水沟去年冬天淤塞，今年自己清了一半，还差靠路边的那一段没有清。"
AGO = timedelta(hours=1)


@pytest.fixture
def place(make: Any, as_user: Any) -> SimpleNamespace:
    cells = make.cell(1), make.cell(9)
    cadre = make.cadre(list(cells))
    desk = make.user(Role.DISPATCHER, TOWNSHIP, name="镇调度")
    homes = [make.household(cells[0]) for _ in range(3)]
    return SimpleNamespace(
        make=make, cells=cells, cadre=cadre, desk=desk, homes=homes, far=make.household(cells[1]),
        as_cadre=as_user(cadre), as_desk=as_user(desk), as_user=as_user,
    )  # fmt: skip


def at(serial: int, east: float = 0.0) -> dict[str, Any]:
    """The middle of a cell of the factories, or so many degrees east of it."""
    lon = WEST + (serial - 1) * STEP + STEP / 2 + east
    return {"lon": lon, "lat": SOUTH + STEP / 2, "crs": "wgs84"}


def visited(by: Any, home: Any, when: datetime | None = None, **more: Any) -> Visit:
    said = {
        "id": uuid.uuid4(), "household_id": home.id, "purpose": "regular", "outcome": "met",
        "started_at": when or now() - AGO, **more,
    }  # fmt: skip
    said.setdefault("typed_at", said["started_at"])
    (done,) = record_visits([said], by=by)
    assert done.problem is None
    db.session.commit()
    assert done.visit is not None
    return done.visit


def kinds() -> list[tuple[str, uuid.UUID, uuid.UUID | None]]:
    rows = db.session.execute(select(Hint.kind, Hint.visit_id, Hint.other_id))
    return sorted((str(row.kind), row.visit_id, row.other_id) for row in rows)


def test_each_kind_is_found_once_with_its_numbers(place: Any) -> None:
    home, other, third = place.homes
    first = visited(place.cadre, home, notes=OWN)
    second = visited(place.cadre, other, notes=OWN)
    mocked = visited(place.cadre, third, mocked=True)
    far = visited(place.cadre, third, point=at(1, east=0.02), accuracy_m=50)  # 1.95 km
    for visit in (mocked, second, first):  # the picture itself may be on its way
        db.session.add(Attachment(visit_id=visit.id, position=0, sha256="a" * 64,
                                  sender_id=place.cadre.id))  # fmt: skip
    db.session.commit()
    found = finding.recent()
    assert kinds() == sorted(
        [
            ("same_text", second.id, first.id), ("mocked", mocked.id, None), ("far", far.id, None),
            ("same_photo", second.id, first.id), ("same_photo", mocked.id, second.id),
        ]
    )  # fmt: skip
    assert (found, finding.recent(), finding.sweep()) == (5, 0, 0)
    metres = db.session.scalars(select(Hint.facts).where(Hint.kind == "far")).one()["metres"]
    assert 1950 - 50 - 100 - 30 < metres < 1960 - 50 - 100 + 30


def test_what_is_common_short_or_offered_is_no_hint(place: Any) -> None:
    with force_locale("zh"):
        phrases = "，".join(str(each).strip("。") for each in PHRASES[:4])
    for home in place.homes[:2]:
        for notes in ("一切正常", phrases, ""):
            visited(place.cadre, home, notes=notes)
    for _ in range(3):
        member = place.make.cadre([place.cells[0]])
        visited(member, place.homes[2], notes=OWN + "同")
        visited(member, place.homes[0], notes=OWN + "同")
    assert len(phrases) >= finding.LEAST_TEXT == 31
    with force_locale("zh"):
        finding.recent()
    assert kinds() == []


def test_speed_needs_points_that_were_taken_on_the_spot(place: Any) -> None:
    when = now() - AGO
    near = visited(place.cadre, place.homes[0], when, point=at(1), accuracy_m=20)
    minutes = lambda n: when + timedelta(minutes=n)  # noqa: E731
    # 7.8 km in 2 minutes; the same place later; without a point.
    fast = visited(place.cadre, place.far, minutes(2), point=at(9), accuracy_m=20)
    visited(place.cadre, place.far, minutes(50), point=at(9), accuracy_m=20)
    visited(place.cadre, place.homes[1], minutes(-3))
    finding.recent()
    assert kinds() == [("speed", fast.id, near.id)]
    facts = db.session.scalars(select(Hint.facts)).one()
    assert (facts["minutes"], 200 < facts["kmh"] < 240) == (2, True)
    page = place.as_desk.get("/hints", headers=PAGE).text
    assert "公里/小时" in page
    assert "速度" not in page  # a reason, not a reproach


def test_a_position_of_the_evening_is_not_that_of_the_visit(place: Any) -> None:
    evening = {"typed_at": now() - timedelta(minutes=1), "point": at(9), "accuracy_m": 10}
    visited(place.cadre, place.homes[0], now() - timedelta(hours=6), **evening)
    visited(place.cadre, place.homes[1], now() - timedelta(hours=5, minutes=50), point=at(1))
    assert finding.recent() == 0


def test_many_entered_long_after_are_one_hint(place: Any) -> None:
    homes = [place.make.household(place.cells[0]) for _ in range(12)]
    typed = now() - timedelta(minutes=30)
    for n, home in enumerate(homes):
        visited(place.cadre, home, now() - timedelta(days=3, minutes=9 * n),
                typed_at=typed + timedelta(seconds=20 * n))  # fmt: skip
    # As many, offline for days, but typed while they took place: nothing to ask about.
    for n, home in enumerate(homes):
        visited(place.cadre, home, now() - timedelta(days=2, minutes=9 * n))
    assert (finding.recent(), finding.sweep()) == (1, 0)
    facts = db.session.scalars(select(Hint.facts)).one()
    assert (facts["count"], facts["hours"]) == (12, 71)


def test_the_cadre_is_asked_answers_and_the_desk_settles(place: Any) -> None:
    visit = visited(place.cadre, place.homes[0], mocked=True)
    finding.recent()
    (hint,) = place.as_desk.get("/api/v1/hints").json["items"]
    assert place.as_cadre.get("/api/v1/hints").status_code == 403
    assert [h["id"] for h in place.as_cadre.get("/api/v1/hints?mine=true").json["items"]] == [
        hint["id"]
    ]
    assert place.as_cadre.get("/api/v1/workset").json["hints"] == []  # nobody has asked
    address = f"/api/v1/hints/{hint['id']}"
    for _again in range(2):
        asked = place.as_desk.post(f"{address}/ask", json={"words": "用了什么软件？"})
        assert (asked.status_code, asked.json["state"]) == (200, "asked")
    told = db.session.scalars(select(Notice).where(Notice.kind == "hint")).all()
    assert [row.user_id for row in told] == [place.cadre.id]
    (shown,) = place.as_cadre.get("/api/v1/workset").json["hints"]
    assert (shown["id"], shown["visit"]["id"]) == (hint["id"], str(visit.id))
    assert shown["say"].endswith("用了什么软件？")
    stranger = place.as_user(place.make.cadre([place.cells[0]]))
    words = {"id": str(uuid.uuid4()), "words": "手机开了开发者模式"}
    assert stranger.post(f"{address}/answer", json=words).status_code == 404
    for _again in range(2):
        answered = place.as_cadre.post(f"{address}/answer", json=words)
        assert (answered.status_code, answered.json["state"]) == (200, "answered")
    assert place.as_cadre.post(f"{address}/answer", json={"words": "别的"}).status_code == 409
    assert place.as_cadre.get("/api/v1/workset").json["hints"] == []
    empty = place.as_desk.post(f"{address}/settle", json={"state": "to_confirm"})
    assert (empty.status_code, "/words" in empty.json["errors"]) == (422, True)
    assert place.as_desk.post(f"{address}/settle", json={"state": "open"}).status_code == 422
    said = {"state": "to_confirm", "words": "请核实当天是否到户"}
    for _again in range(2):
        settled = place.as_desk.post(f"{address}/settle", json=said)
        assert (settled.status_code, settled.json["state"]) == (200, "to_confirm")
    other = place.as_desk.post(f"{address}/settle", json={"state": "in_order"})
    assert (other.status_code, other.json["code"]) == (409, "hint.settled")
    call = db.session.scalars(select(Callback)).one()
    assert (call.visit_id, call.week, call.township_code) == (visit.id, None, TOWNSHIP)
    assert "请核实当天是否到户" in place.as_desk.get("/hints?state=to_confirm", headers=PAGE).text
    assert "未划" not in place.as_desk.get("/callbacks?week=hints", headers=PAGE).text


def test_nobody_judges_an_own_visit_and_pairs_agree(place: Any) -> None:
    both = place.make.cadre([place.cells[0]])
    people.appoint(both, Role.DISPATCHER, TOWNSHIP, LONG_AGO)
    db.session.commit()
    both = _again(both)
    visit = visited(both, place.homes[0], mocked=True)
    finding.recent()
    hint = db.session.scalars(select(Hint)).one()
    client = place.as_user(both)
    refused = client.post(f"/api/v1/hints/{hint.id}/settle", json={"state": "in_order"})
    assert (refused.status_code, refused.json["code"]) == (403, "hint.own_visit")
    db.session.add(Callback(visit_id=visit.id, township_code=TOWNSHIP))
    db.session.commit()
    make = place.make
    seen = 0
    users = (
        place.desk, both, place.cadre, make.user(Role.LEADER, COUNTY),
        make.user(Role.LEADER, VILLAGE),
        make.user(Role.DISPATCHER, "530626102"), make.user(Role.AUDITOR, COUNTY),
    )  # fmt: skip
    call = db.session.scalars(select(Callback)).one()
    db.session.refresh(call, ["visit"])
    for user in users:
        assert reviews(user, hint) == (hint in db.session.scalars(reviewed_hints(user)).all())
        in_list = call in db.session.scalars(visible_callbacks(user)).all()
        assert may_call(user, call, VILLAGE) == in_list
        seen += in_list
    assert seen == 3


def _again(user: Any) -> Any:
    query = select(people.User).where(people.User.id == user.id)
    query = query.options(selectinload(people.User.posts))
    found = db.session.scalars(query.execution_options(populate_existing=True)).one()
    for row in (*found.posts, found):
        db.session.expunge(row)
    return found


def test_a_lot_is_drawn_alike_calls_a_household_once_and_favours_nobody() -> None:
    homes = [uuid.UUID(int=n) for n in range(200)]
    visits = [(uuid.UUID(int=1000 + n), homes[n % 200]) for n in range(400)]
    shuffled = random.Random(1).sample(visits, len(visits))
    first = drawn("seed", visits, 0.1, 3)
    assert first == drawn("seed", shuffled, 0.1, 3) != drawn("other", visits, 0.1, 3)
    assert len(first) == 20
    of = dict(visits)
    assert len({of[visit] for visit in first}) == 20
    chosen = [n for s in range(200) for n in drawn(str(s), visits, 0.1, 3)]
    counts = [sum(of[v] == home for v in chosen) for home in homes]
    assert 5 < min(counts) <= max(counts) < 45  # 20 expected of each household
    assert [size(n, 0.02, 3) for n in (0, 2, 3, 100, 150, 151, 1000)] == [0, 2, 3, 3, 3, 4, 20]


def test_a_week_is_drawn_once_and_again_alike(place: Any, context: Any) -> None:
    week = sampling.monday_of(workdays.today()) - timedelta(days=7)
    start = workdays.start_of(week)
    homes = [place.make.household(place.cells[0]) for _ in range(30)]
    shy = place.make.household(place.cells[0], do_not_disturb=True)
    for n, home in enumerate([*homes, shy]):
        visited(place.cadre, home, start + timedelta(hours=9, minutes=n))
    visited(place.cadre, homes[0], start - timedelta(minutes=1))  # of the week before
    visited(place.cadre, place.homes[0], start + timedelta(days=1), outcome="nobody_home")
    db.session.execute(text("UPDATE visit SET received_at = started_at"))
    db.session.commit()
    said = week.isocalendar()
    name = f"{said.year}-W{said.week:02d}"

    def run(*args: str) -> Result:
        return context.test_cli_runner().invoke(commands.sample, args)

    drew = run("draw", "--week", name)
    assert (drew.exit_code, drew.output) == (0, "1 samples drawn.\n"), drew.output
    assert run("draw", "--week", name).output == "0 samples drawn.\n"
    sample = db.session.scalars(select(Sample)).one()
    assert (sample.visits, len(sample.left_out)) == (30, 1)
    calls = db.session.scalars(select(Callback).order_by(Callback.position)).all()
    assert [call.position for call in calls] == [1, 2, 3]
    assert run("verify", "--week", name).exit_code == 0
    # What comes late, and who wants to be left alone later, change nothing of the draw.
    visited(place.cadre, place.homes[1], start + timedelta(hours=10))
    db.session.execute(text("UPDATE household SET do_not_disturb = true"))
    db.session.commit()
    assert run("verify", "--week", name, "--json").exit_code == 0
    db.session.execute(
        text("UPDATE callback SET visit_id = :other WHERE position = 1"),
        {"other": next(v for v in db.session.scalars(select(Visit.id)) if v not in
                       {call.visit_id for call in calls})},
    )  # fmt: skip
    db.session.commit()
    assert run("verify", "--week", name).exit_code == 1
    assert run("verify", "--week", "2026-W60").exit_code == 2
    assert sampling.draw(week - timedelta(days=7)) == 1  # the one visit of the week before
    assert sampling.draw_due() == 0


def test_somebody_else_calls_and_only_who_calls_sees_the_phone(place: Any) -> None:
    visit = visited(place.cadre, place.homes[0])
    week = sampling.monday_of(workdays.today())
    db.session.add(Sample(township_code=TOWNSHIP, week=week, seed="s", share=0.1, minimum=1,
                          received_until=now(), visits=1, left_out=[]))  # fmt: skip
    db.session.flush()
    db.session.add(Callback(visit_id=visit.id, township_code=TOWNSHIP, week=week, position=1))
    db.session.commit()
    second = place.as_user(place.make.user(Role.LEADER, COUNTY, name="县领导"))
    page = place.as_desk.get("/callbacks", headers=PAGE).text
    assert "138******34" in page
    assert "13800001234" not in page
    form = {"visit": str(visit.id), "id": str(uuid.uuid4()), "outcome": "not_reached", "words": ""}
    assert place.as_desk.post("/callbacks", data=form, headers=PAGE).status_code == 403
    assert place.as_cadre.get("/callbacks", headers=PAGE).status_code == 403
    taken = place.as_desk.post("/callbacks", data={"visit": str(visit.id), "do": "take"})
    assert taken.status_code == 302
    assert "13800001234" in place.as_desk.get("/callbacks", headers=PAGE).text
    assert "13800001234" not in second.get("/callbacks", headers=PAGE).text
    seen = db.session.scalars(select(events.Event).where(events.Event.action == "phone.revealed"))
    assert [(e.actor_id, e.subject_id) for e in seen] == [(place.desk.id, place.homes[0].id)]
    for _again_too in range(2):
        assert place.as_desk.post("/callbacks", data=form).status_code == 302
    page = place.as_desk.get("/callbacks", headers=PAGE).text
    assert re.search(r"–</dd>\s*<dd[^>]*>0/0", page)
    bare = form | {"id": str(uuid.uuid4()), "outcome": "not_confirmed"}
    assert place.as_desk.post("/callbacks", data=bare, headers=PAGE).status_code == 422
    done = bare | {"id": str(uuid.uuid4()), "outcome": "confirmed", "words": "来过"}
    assert place.as_desk.post("/callbacks", data=done).status_code == 302
    page = place.as_desk.get("/callbacks", headers=PAGE).text
    assert re.search(r"100 %</dd>\s*<dd[^>]*>1/1", page)
    assert "13800001234" not in page
    late = bare | {"id": str(uuid.uuid4()), "words": "没来"}
    assert place.as_desk.post("/callbacks", data=late, headers=PAGE).status_code == 409
    tries = db.session.execute(text("SELECT outcome FROM callback_try ORDER BY at")).scalars()
    assert list(tries) == ["not_reached", "confirmed"]


def test_a_household_that_wants_peace_is_not_called(place: Any) -> None:
    visit = visited(place.cadre, place.homes[0])
    db.session.add(Callback(visit_id=visit.id, township_code=TOWNSHIP))
    home = db.session.get_one(Household, place.homes[0].id)
    home.do_not_disturb = True
    db.session.commit()
    form = {"visit": str(visit.id), "do": "take"}
    assert place.as_desk.post("/callbacks", data=form, headers=PAGE).status_code == 403
