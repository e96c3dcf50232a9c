"""Places with one of everything, each row and word of which is told from those of the others."""

from __future__ import annotations

import gzip
import io
import re
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pypdfium2
import shapely
from flask import current_app
from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, box
from sqlalchemy import Uuid, select

from grids.models import Assignment, Cell, Duty, Jurisdiction, Membership
from gridserve import people, workdays
from gridserve.calendars import CalendarChange
from gridserve.db import SRID, Base, db, now
from gridserve.documents import work as documents
from gridserve.imports import work as imports
from gridserve.imports.models import Import, ImportState
from gridserve.permissions import Role
from gridserve.sealing import seal
from tests.factories import LONG_AGO, SOUTH, STEP, Make, _west
from tests.pictures import jpeg, sha
from visits.callbacks.models import Callback
from visits.division import computing
from visits.hints.models import Hint, HintKind, State
from visits.issues.models import Category, KeptFilter
from visits.objections.models import Objection
from visits.requests.models import Kind as RequestKind
from visits.requests.models import ResidentRequest
from visits.requests.models import State as RequestState
from visits.reveals.models import Purpose, Reveal
from visits.telling.models import Delivery, Gateway, Kind, Notice, Part
from visits.telling.models import State as Sent

CATEGORY, CONDUCT = "facility.road", "conduct"
WORD = "zroad"  # by which a household is found without saying what would be its trace


@dataclass
class Place:
    """A township with a village and one of everything in it.

    `mark` is in every name and every text; `ids` are the ids by what they are of; `traces` all by
    which anything of it would be known: the mark, the codes, and the key of every row.
    """

    county: str
    township: str
    village: str
    mark: str
    people: dict[str, people.User] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    traces: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    @property
    def cell(self) -> str:
        return self.village + "001"

    @property
    def spot(self) -> tuple[float, float]:
        """A point in the first cell, in WGS 84."""
        return _west(self.village, 1) + STEP / 2, SOUTH + STEP / 2


def build(make: Make, as_user: Callable[[people.User], Any], code: str, mark: str) -> Place:
    """A place at the village `code`."""
    place = Place(code[:6], code[:9], code, mark)
    before = _keys()
    make.jurisdictions(code)
    west = _west(code, 1)
    for part in (code[:9], code):
        row = db.session.get_one(Jurisdiction, part)
        row.name = f"{mark}{part}"
        row.boundary = from_shape(
            MultiPolygon([box(west, SOUTH, west + 4 * STEP, SOUTH + STEP)]), srid=SRID
        )
    for role in Role:
        at = code if role is Role.CADRE else code[:9]
        place.people[role] = make.user(role, at, name=mark + role, login=f"{mark}-{role}".lower())
    for name in ("mate", "away"):
        place.people[name] = make.user(
            Role.CADRE, code, name=mark + name, login=f"{mark}-{name}".lower()
        )
    clients = {name: as_user(user) for name, user in place.people.items()}
    _ground(make, place)
    _homes(make, place, clients)
    _work(make, place, clients)
    _rest(place, clients)
    db.session.commit()
    place.traces = {mark, code[:9]} | (_keys() - before)
    return place


def _keys() -> set[str]:
    """The ids of all rows that have one."""
    found: set[str] = set()
    for table in Base.metadata.sorted_tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, Uuid):
                found |= {str(each) for each in db.session.scalars(select(column))}
    return found


def _ground(make: Make, place: Place) -> None:
    cells = [make.cell(n, village=place.village, name=f"{place.mark}格{n}") for n in (1, 2, 3, 4)]
    spare = people.digest(make.token(place.people[Role.CADRE]))  # with which nobody here comes
    kept = select(people.DeviceToken.id).where(people.DeviceToken.token_hash == spare)
    place.ids["sign_in"] = str(db.session.scalar(kept))
    cadre, mate, away = (place.people[name] for name in (Role.CADRE, "mate", "away"))
    team = make.team(cells[:2], [cadre, away], code=place.village)
    unit = make.team([cells[2], cells[3]], [], code=place.village)
    make.member(unit, mate, Duty.LEADER)
    team.name, unit.name = f"{place.mark}组", f"{place.mark}所"
    db.session.add(Assignment(team_id=team.id, cell_id=cells[2].id, lead=False, from_date=LONG_AGO))
    deputy = make.deputy(team, away, cadre)
    absence = make.absent(away, workdays.today() - timedelta(days=1))
    of_team = select(Membership).where(Membership.team_id == team.id)
    held = select(Assignment).where(Assignment.team_id == team.id)
    place.ids |= {
        "team": str(team.id), "unit": str(unit.id), "deputy": str(deputy.id),
        "absence": str(absence.id),
        "member": str(db.session.scalars(of_team.where(Membership.user_id == cadre.id)).one().id),
        "assignment": str(
            db.session.scalars(held.where(Assignment.cell_id == cells[2].id)).one().id
        ),
    }  # fmt: skip
    for name, user in place.people.items():
        place.ids[name] = str(user.id)
        db.session.get_one(
            people.User, user.id
        ).phone = f"139{zlib.crc32(user.login.encode()):08d}"[:11]


def _homes(make: Make, place: Place, clients: dict[str, Any]) -> None:
    mark, cadre = place.mark, clients[Role.CADRE]
    cell = db.session.scalars(select(Cell).where(Cell.code == place.cell)).one()
    home = make.household(
        cell, number=f"{mark}-1", address=f"{WORD}{place.township} {mark}",
        head_name=f"户{mark}", note=mark,
        group_name=mark, phone=f"137{place.township}"[:11],
    )  # fmt: skip
    place.ids["household"] = str(home.id)
    picture = jpeg(seed=int(place.township))
    place.ids["sha256"] = sha(picture)
    sent(cadre.put(f"/api/v1/photos/{sha(picture)}", data=picture, content_type="image/jpeg"))
    visit = sent(cadre.post("/api/v1/visits", json=visit_in(place) | {
        "notes": mark, "photos": [sha(picture)]}))  # fmt: skip
    place.ids["visit"] = visit["id"]


def _work(make: Make, place: Place, clients: dict[str, Any]) -> None:
    mark, cadre, desk = place.mark, clients[Role.CADRE], clients[Role.DISPATCHER]
    said = {"words": mark, "address": mark, "resident_name": f"民{mark}",
            "resident_phone": f"136{place.township}"[:11], "query_code": "123456"}  # fmt: skip
    for name in ("issue", "other", "reported"):
        made = sent(cadre.post("/api/v1/issues", json=issue_in(place) | said | {"id": new()}))
        place.ids[name] = made["id"]
    for name in ("issue", "other"):
        sent(desk.post(f"/api/v1/issues/{place[name]}/steps", json=step_in("accept", 1)))
    sent(desk.post(f"/api/v1/issues/{place['issue']}/steps",
                   json=step_in("dispatch", 2) | {"team_id": place["team"]}))  # fmt: skip
    about = {"category": CONDUCT, "channel": "window", "words": mark, "about": place["mate"]}
    complaint = sent(desk.post("/api/v1/issues", json=issue_in(place) | about))
    place.ids["complaint"] = complaint["id"]


def _rest(place: Place, clients: dict[str, Any]) -> None:
    mark, leader, admin = place.mark, clients[Role.LEADER], clients[Role.ADMINISTRATOR]
    today = workdays.today()
    for kind in ("notice", "questionnaire"):
        made = sent(leader.post("/api/v1/announcements", json=announcement_in(place, kind)))
        place.ids[kind] = made["id"]
    question = made["questions"][0]["id"]
    told = {"told": [{"notice": place["notice"], "question": mark}],
            "answers": [{"question": question, "value": mark}]}  # fmt: skip
    place.ids["called"] = sent(
        clients[Role.CADRE].post("/api/v1/visits", json=visit_in(place) | told)
    )["id"]
    listed = sent(leader.get(f"/api/v1/announcements/{place['notice']}/questions"))
    place.ids["asked"] = listed["items"][0]["id"]
    place.ids["change"] = sent(admin.post("/api/v1/cells/split", json=split_in(place, 2)))["id"]
    dedicated = sent(admin.post("/api/v1/cells", json={
        "id": new(), "village": place.village, "name": mark, "polygon": area(place)}))  # fmt: skip
    place.ids["dedicated"] = dedicated["cells"][0]["code"]
    draft = sent(admin.post("/api/v1/divisions", json=division_in(place)))["id"]
    place.ids["draft"] = draft
    computing.compute(draft)
    computed = sent(admin.get(f"/api/v1/divisions/{draft}"))
    cut = {"kind": "split", "cells": [1], "line": line(place, 1), "version": computed["version"]}
    sent(admin.post(f"/api/v1/divisions/{draft}/adjust", json=cut))
    wrong = {"kind": "visit", "data": visit_in(place) | {"notes": mark, "outcome": "?"}}
    answer = clients[Role.CADRE].post("/api/v1/submissions", json={"items": [wrong]})
    kept = sent(answer)["results"][0]
    place.ids |= {"submission": kept["kept"], "item": kept["id"]}
    _import(place, admin)
    before = today.replace(day=1) - timedelta(days=1)
    asked = {"id": new(), "kind": "public", "format": "xlsx", "arguments": {
        "jurisdiction": place.township, "month": f"{before:%Y-%m}"}}  # fmt: skip
    place.ids["document"] = sent(leader.post("/api/v1/documents", json=asked))["id"]
    documents.work(place["document"])
    sent(clients[Role.CADRE].post(f"/api/v1/log/{today}", json={"words": mark}))
    for row in _rows(place):
        db.session.add(row)
        db.session.flush()


def _import(place: Place, admin: Any) -> None:
    """A table of teams with a fault in it, looked at by its job."""
    columns = current_app.extensions["gridserve.imports"]["teams"].columns
    titles, row = ",".join(column.title for column in columns), place.mark + "," * len(columns)
    said = {"id": new(), "kind": "teams"}
    place.ids["import"] = said["id"]
    file = io.BytesIO(f"{titles}\n{row[:-1]}\n".encode()), f"{place.mark}.csv"
    sent(admin.post("/api/v1/imports", query_string=said, data={"file": file}))
    imports.work(said["id"])
    place.ids["digest"] = sent(admin.get(f"/api/v1/imports/{said['id']}"))["digest"]


def _rows(place: Place) -> Iterator[Any]:
    """What no single request makes."""
    ids, mark, user = place.ids, place.mark, place.people
    names = [
        "hint",
        "hint_open",
        "accounts",
        "filter",
        "gateway",
        "delivery",
        "notice_of",
        "objection",
        "request",
        "granted",
    ]
    ids |= {name: new() for name in [*names, "notice_of"]}
    key = {name: uuid.UUID(each) for name, each in ids.items() if len(each) == 36}
    asked = {"household_id": key["household"], "village_code": place.village, "words": mark,
             "kind": RequestKind.SEE, "checked": mark, "by_id": user[Role.DISPATCHER].id,
             "due_on": workdays.today()}  # fmt: skip
    yield ResidentRequest(id=key["request"], **asked)
    yield ResidentRequest(id=key["granted"], **asked, state=RequestState.GRANTED, answer=mark,
                          decided_at=now(), decided_by_id=user[Role.LEADER].id)  # fmt: skip
    yield Reveal(id=uuid.uuid4(), user_id=place.people[Role.DISPATCHER].id,
                 household_id=key["household"], village_code=place.village, unusual=[],
                 purpose=Purpose.VISIT, words=WORD + place.township)  # fmt: skip
    yield Hint(id=key["hint"], kind=HintKind.FAR, visit_id=key["visit"], village_code=place.village,
               facts={"metres": 900, "limit": 500}, state=State.ASKED, asked_at=now(),
               asked_by_id=user[Role.DISPATCHER].id, question=mark)  # fmt: skip
    yield Hint(id=key["hint_open"], kind=HintKind.MOCKED, visit_id=key["visit"],
               village_code=place.village)  # fmt: skip
    yield Callback(visit_id=key["visit"], township_code=place.township)
    yield Callback(visit_id=key["called"], township_code=place.township, taken_at=now(),
                   caller_id=user[Role.DISPATCHER].id)  # fmt: skip
    yield Import(
        id=key["accounts"], kind="users", state=ImportState.DONE, scope=place.township,
        file_name=f"{mark}.csv", digest="d" * 64, size=1, language="zh", said="s" * 64,
        by_id=user[Role.ADMINISTRATOR].id, report={"accounts": [ids["mate"]], "faults": []},
    )  # fmt: skip
    yield KeptFilter(id=key["filter"], user_id=user[Role.DISPATCHER].id, page="desk", name=mark,
                     asked={"q": mark})  # fmt: skip
    yield Gateway(
        id=key["gateway"], name=mark, jurisdiction_code=place.township, shown=mark,
        each_person=False, url=seal("json://example.invalid/"), last_error=mark,
    )  # fmt: skip
    yield Notice(id=key["notice_of"], user_id=user[Role.CADRE].id, cause=f"walk-{mark}",
                 kind=Kind.RED, part=Part.HOLDER, at_code=place.village, issue_id=key["issue"],
                 said={}, routed=True)  # fmt: skip
    yield Delivery(id=key["delivery"], gateway_id=key["gateway"], notice_id=key["notice_of"],
                   key=f"walk-{mark}", state=Sent.FAILED, last_error=mark)  # fmt: skip
    yield CalendarChange(id=uuid.uuid4(), jurisdiction_code=place.township, recomputed=1,
                         said={"year": now().year, "days": []},
                         by_id=user[Role.ADMINISTRATOR].id)  # fmt: skip
    yield Objection(id=key["objection"], team_id=key["team"], quarter=last_quarter(), words=mark,
                    by_id=user[Role.CADRE].id)  # fmt: skip


def categories(make: Make) -> None:
    """The catalogue, which is one for all."""
    make.category(CATEGORY)
    make.category(CONDUCT)
    db.session.get_one(Category, CONDUCT).about_staff = True
    db.session.commit()


def last_quarter() -> Any:
    """The first day of the last quarter that is over."""
    from maps.sheets.periodpages import last_quarter as found

    return found()


def new() -> str:
    return str(uuid.uuid4())


def sent(answer: Any) -> Any:
    """What an answer says, which has to be a good one."""
    assert answer.status_code < 300, answer.get_data(as_text=True)
    return answer.get_json(silent=True)


def visit_in(place: Place) -> dict[str, Any]:
    return {"id": new(), "household_id": place["household"], "outcome": "met",
            "started_at": (now() - timedelta(minutes=5)).isoformat()}  # fmt: skip


def issue_in(place: Place) -> dict[str, Any]:
    return {"id": new(), "category": CATEGORY, "words": "路灯不亮",
            "household_id": place["household"]}  # fmt: skip


def step_in(action: str, seen: int) -> dict[str, Any]:
    return {"id": new(), "action": action, "seen": seen, "words": "说明"}


def announcement_in(place: Place, kind: str = "notice") -> dict[str, Any]:
    today = workdays.today()
    said: dict[str, Any] = {
        "id": new(), "kind": kind, "title": place.mark, "words": place.mark,
        "places": [place.township], "from": str(today), "until": str(today),
    }  # fmt: skip
    ask = {"text": place.mark, "kind": "text"}
    return said | ({"questions": [ask]} if kind == "questionnaire" else {})


def line(place: Place, serial: int) -> dict[str, Any]:
    """A line from north to south through the middle of a cell."""
    middle = _west(place.village, serial) + STEP / 2
    return {"type": "LineString",
            "coordinates": [[middle, SOUTH - STEP], [middle, SOUTH + 2 * STEP]]}  # fmt: skip


def area(place: Place) -> dict[str, Any]:
    lon, lat = place.spot
    return dict(shapely.geometry.mapping(box(lon, lat, lon + STEP / 8, lat + STEP / 8)))


def split_in(place: Place, serial: int = 1) -> dict[str, Any]:
    return {"id": new(), "cell": f"{place.village}{serial:03d}", "line": line(place, serial)}


def division_in(place: Place) -> dict[str, Any]:
    return {"id": new(), "village": place.village, "smallest": 1, "largest": 5}


def readable(data: bytes) -> str:
    """All the text in an answer, whatever it is packed in."""
    if data[:2] == b"\x1f\x8b":
        return readable(gzip.decompress(data))
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            return "\n".join(readable(packed.read(name)) for name in packed.namelist())
    if data[:5] == b"%PDF-":
        pages = pypdfium2.PdfDocument(data)
        return "\n".join(page.get_textpage().get_text_bounded() for page in pages)
    return data.decode("utf-8", errors="replace")


_MAYBE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{6,}|mark[A-Z][0-9]x")


def found_in(text: str, traces: set[str], given: str) -> list[str]:
    """Which of `traces` are in the text, but for ids and codes that the asker gave."""
    seen = set(_MAYBE.findall(text))
    codes = {each for each in traces if each.isdigit()}
    found = seen & traces
    found |= {code for code in codes for one in seen if one.startswith(code)}
    return sorted(each for each in found if each not in given)
