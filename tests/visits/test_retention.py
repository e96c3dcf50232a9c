"""What tells of people goes after its period, and no figure changes by it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update

from gridserve import workdays
from gridserve.app import create_app
from gridserve.config import ConfigError
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.people import DeviceToken
from gridserve.permissions import Role
from gridserve.storage import BlobMissing, blobs
from tests.factories import COUNTY, TOWNSHIP
from tests.pictures import jpeg, sha
from visits import figures
from visits.issues.models import Issue
from visits.models import CoverageDay, Household, StatusStay, Visit
from visits.photos.models import Photo
from visits.retention import operations
from visits.retention.commands import retention
from visits.retention.models import RetentionRun
from visits.reveals.models import Purpose, Reveal
from visits.submissions.models import Submission

PAGE = {"Accept": "text/html"}
OLD = timedelta(days=4 * 365)


def kept_figures():
    rows = select(*(c for c in CoverageDay.__table__.c if c.name != "computed_at"))
    ordered = rows.order_by(CoverageDay.day, CoverageDay.window_days, CoverageDay.cell_code)
    return db.session.execute(ordered).all()


@pytest.fixture
def county(make, as_user):
    """Of each kind something old and something of late."""
    cell = make.cell(1)
    cadre, desk = make.cadre([cell]), make.user(Role.DISPATCHER, TOWNSHIP)
    phone = as_user(cadre)
    homes = {when: make.household(cell, note="备注") for when in ("old", "new")}
    found = {"cell": cell, "homes": homes, "data": {}, "visits": {}, "issues": {}}
    for n, (when, home) in enumerate(homes.items()):
        data = jpeg(seed=7000 + n)
        found["data"][when] = data
        said = {
            "id": str(uuid.uuid4()), "household_id": str(home.id), "outcome": "met",
            "started_at": now().isoformat(), "notes": "王家老人住院", "photos": [sha(data)],
            "point": {"lon": 103.955, "lat": 28.605},
        }  # fmt: skip
        assert phone.post("/api/v1/visits", json=said).status_code == 201
        assert phone.put(f"/api/v1/photos/{sha(data)}", data=data).status_code in (200, 201)
        found["visits"][when] = uuid.UUID(said["id"])
        issue = make.issue(home, desk)
        issue.resident_name, issue.resident_phone = "赵老汉", "13900001111"
        db.session.commit()
        make.step(issue, "decline", desk, words="不属本级")
        found["issues"][when] = issue.id
        bad = {"kind": "visit", "data": {**said, "id": str(uuid.uuid4()), "outcome": "?"}}
        assert phone.post("/api/v1/submissions", json={"items": [bad]}).status_code == 200
        db.session.add(Reveal(
            id=uuid.uuid4(), user_id=desk.id, household_id=home.id, village_code=home.village_code,
            purpose=Purpose.VISIT, words="约时间", unusual=[],
            at=now() - (OLD if when == "old" else OLD / 9),
        ))  # fmt: skip
    gone = make.household(cell, status="moved", head_name="搬走的", note="去向不明")
    left = make.household(cell, status="moved", head_name="刚搬走的")
    for home, days in ((gone, 4 * 365), (left, 30)):
        day = workdays.today() - timedelta(days=days)
        db.session.add(StatusStay(household_id=home.id, to_date=day, status="active"))
    found |= {"gone": gone.id, "left": left.id}
    first = found["visits"]["old"]
    then = {"received_at": now() - OLD, "started_at": now() - OLD}
    db.session.execute(update(Visit).where(Visit.id == first).values(**then))
    db.session.execute(
        update(Photo)
        .where(Photo.sha256 == sha(found["data"]["old"]))
        .values(received_at=now() - OLD)
    )
    old_photo = select(Photo.stored_sha256).where(Photo.sha256 == sha(found["data"]["old"]))
    found["stored"] = db.session.scalars(old_photo).one()
    issue_id = found["issues"]["old"]
    db.session.execute(update(Issue).where(Issue.id == issue_id).values(closed_at=now() - OLD))
    seen = {"resolution": "dropped", "resolved_at": now() - OLD, "resolved_by_id": desk.id}
    one = select(Submission.id).order_by(Submission.received_at).limit(1).scalar_subquery()
    db.session.execute(update(Submission).where(Submission.id == one).values(**seen))
    token = db.session.scalars(select(DeviceToken).limit(1)).first()
    db.session.add(DeviceToken(user_id=token.user_id, token_hash="0" * 64, device="alt",
                               expires_at=now() - OLD, created_at=now() - OLD))  # fmt: skip
    db.session.commit()
    figures.rebuild()
    db.session.commit()
    return found


EACH = dict.fromkeys(
    ("notes", "positions", "photos", "residents", "moved", "refused", "reveals", "sign_ins"), 1
)


def test_what_is_old_goes_what_is_not_stays_and_figures_are_the_same(make, county, as_user):
    before = kept_figures()
    run = CliRunner().invoke
    dry = run(retention, ["--json"], catch_exceptions=False)
    assert json.loads(dry.output)["counts"] == EACH | {"asked": 0}
    assert db.session.scalar(select(func.count()).select_from(RetentionRun)) == 0
    assert db.session.get(Visit, county["visits"]["old"]).notes == "王家老人住院"
    done = run(retention, ["--do", "--json"], catch_exceptions=False)
    assert json.loads(done.output)["counts"] == EACH
    db.session.expire_all()
    old, new = (db.session.get(Visit, county["visits"][when]) for when in ("old", "new"))
    assert (old.notes, old.point, old.outcome) == ("", None, "met")
    assert new.notes == "王家老人住院"
    assert new.point is not None
    old, new = (db.session.get(Issue, county["issues"][when]) for when in ("old", "new"))
    assert (old.resident_name, old.resident_phone) == (None, None)
    assert (new.resident_name, new.resident_phone) == ("赵老汉", "13900001111")
    gone, left = (db.session.get(Household, county[name]) for name in ("gone", "left"))
    assert (gone.head_name, gone.phone, gone.note) == ("—", None, "")
    assert left.head_name == "刚搬走的"
    assert [p.sha256 for p in db.session.scalars(select(Photo))] == [sha(county["data"]["new"])]
    with pytest.raises(BlobMissing):
        blobs().get(county["stored"])
    for model in (Submission, Reveal):
        assert db.session.scalar(select(func.count()).select_from(model)) == 1
    assert db.session.scalar(text("SELECT count(*) FROM device_token WHERE device = 'alt'")) == 0
    # No figure has changed, kept or counted anew, and the chains still fit.
    assert kept_figures() == before
    assert figures.check() == []
    figures.rebuild()
    assert kept_figures() == before
    db.session.commit()
    event = db.session.scalars(select(Event).where(Event.action == "retention.done")).one()
    assert event.data == EACH
    again = run(retention, ["--do", "--json"], catch_exceptions=False)
    assert json.loads(again.output)["counts"] == {}
    page = as_user(make.user(Role.ADMINISTRATOR, COUNTY)).get("/retention", headers=PAGE).text
    assert "走访记录文字" in page
    assert "没有到期内容" in page
    assert (
        as_user(make.user(Role.LEADER, COUNTY)).get("/retention", headers=PAGE).status_code == 403
    )
    household = f"/households/{county['homes']['old'].id}"
    shown = as_user(make.cadre([county["cell"]])).get(household, headers=PAGE).text
    assert "照片已到期清理" in shown


def test_a_period_of_nothing_keeps_for_good_and_an_unknown_kind_is_refused(context, county):
    before = context.extensions["gridserve"]
    try:
        context.extensions["gridserve"] = replace(before, retention_days={"notes": 0, "photos": 0})
        kept = {k: n for k, n in EACH.items() if k not in ("notes", "photos")}
        assert operations.due() == kept | {"asked": 0}
    finally:
        context.extensions["gridserve"] = before
    with pytest.raises(ConfigError, match=r"RETENTION_DAYS may name notes, .*: not nots"):
        create_app(replace(before, retention_days={"nots": 1}))
