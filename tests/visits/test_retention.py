"""What tells of people goes after its period, and no figure changes by it."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from gridserve import workdays
from gridserve.app import create_app
from gridserve.config import ConfigError
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.people import DeviceToken
from gridserve.permissions import Role
from gridserve.storage import BlobMissing, blobs
from tests.factories import COUNTY, TOWNSHIP
from tests.pictures import jpeg, sha, signature
from tests.visits.test_announcements import notice, published, questionnaire, told_of
from visits import figures
from visits.announcements.models import Answer, Asked
from visits.issues import projection
from visits.issues.models import Issue, Step
from visits.masking import UNKEPT
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
NONE = dict.fromkeys(("asked", "chains", "answers", "asked_back"), 0)


def test_what_is_old_goes_what_is_not_stays_and_figures_are_the_same(make, county, as_user):
    before = kept_figures()
    run = CliRunner().invoke
    dry = run(retention, ["--json"], catch_exceptions=False)
    assert json.loads(dry.output)["counts"] == EACH | NONE
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
        assert operations.due() == kept | NONE
    finally:
        context.extensions["gridserve"] = before
    with pytest.raises(ConfigError, match=r"RETENTION_DAYS may name notes, .*: not nots"):
        create_app(replace(before, retention_days={"nots": 1}))


def written_long_ago(table, where="true", **values):
    """Make rows old that nobody may change: as if they had been written then."""
    said = ", ".join(f"{column} = :{column}" for column in values)
    db.session.commit()
    db.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER lets_go"))
    query = f"UPDATE {table} SET {said} WHERE {where}"  # noqa: S608
    db.session.execute(text(query), values)
    db.session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER lets_go"))
    db.session.commit()


def rows_of(model, *without):
    columns = [c for c in model.__table__.c if c.name not in without]
    return db.session.execute(select(*columns).order_by(*model.__table__.primary_key)).all()


@pytest.fixture
def chains(make, as_user):
    """A closed chain of long ago with all that can be written in one, an open one of long ago, a
    closed one of late, and one of long ago to which something was said of late."""
    cell = make.cell(1)
    cadre, desk = make.cadre([cell]), make.user(Role.DISPATCHER, TOWNSHIP)
    home = make.household(cell)
    found = {name: make.issue(home, cadre) for name in ("closed", "open", "late", "said")}
    for name in ("late", "said"):
        make.step(found[name], "decline", desk, words="不属本级")
    make.step(found["open"], "accept", desk, words="已与王老汉通话")
    team = db.session.scalars(text("SELECT id FROM team")).first()
    for action, by, said in (
        ("accept", desk, {}),
        ("dispatch", desk, {"team_id": team, "words": "请尽快"}),
        ("sign", cadre, {}),
        ("feed_back", cadre, {"words": "王老汉家门口的灯修好了", "answer": "已当面答复王老汉"}),
        ("pass_review", desk, {}),
    ):
        make.step(found["closed"], action, by, **said)
    ink, phone = signature(), as_user(desk)
    signed = {
        "id": str(uuid.uuid4()), "action": "evaluate", "seen": 6, "rating": "satisfied",
        "way": "signature", "signature": sha(ink), "words": "王老汉说好",
    }  # fmt: skip
    answer = phone.post(f"/api/v1/issues/{found['closed'].id}/steps", json=signed)
    assert answer.status_code == 201, answer.json
    assert phone.put(f"/api/v1/photos/{sha(ink)}", data=ink).status_code in (200, 201)
    written_long_ago("step", received_at=now() - OLD)
    make.step(found["said"], "comment", desk, words="今天又来问")
    ids = {name: issue.id for name, issue in found.items()}
    db.session.execute(update(Photo).values(received_at=now() - OLD))
    db.session.execute(
        update(Issue)
        .where(Issue.id.in_([ids["closed"], ids["said"]]))
        .values(closed_at=now() - OLD)
    )
    db.session.commit()
    return ids


def test_words_of_chains_that_are_long_closed_go_and_all_else_of_them_stays(make, chains, as_user):
    before = rows_of(Step, "words", "data"), rows_of(Issue, "words")
    assert operations.due() == dict.fromkeys(EACH | NONE, 0) | {"chains": 6, "photos": 1}
    assert operations.run().counts == {"chains": 6, "photos": 1}
    db.session.expire_all()
    assert (rows_of(Step, "words", "data"), rows_of(Issue, "words")) == before
    words = {
        name: [s.words for s in projection.steps_of([db.session.get(Issue, id_)])[id_]]
        for name, id_ in chains.items()
    }
    assert words == {
        "closed": ["—", "", "—", "", "—", "", "—"], "open": ["路灯不亮", "已与王老汉通话"],
        "late": ["路灯不亮", "不属本级"], "said": ["—", "—", "今天又来问"],
    }  # fmt: skip
    assert [db.session.get(Issue, chains[n]).words for n in ("closed", "open")] == ["—", "路灯不亮"]
    steps = projection.steps_of([db.session.get(Issue, chains["closed"])])[chains["closed"]]
    assert steps[4].data == {"answer": "—"}
    assert (steps[6].data["rating"], steps[6].data["way"]) == ("satisfied", "signature")
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 0  # of the signature
    # The day of closing was set above and differs; all else of the rows is what the steps make.
    assert set(projection.check()) == {chains["closed"], chains["said"]}
    rebuilt = rows_of(Issue, "words", "closed_at")
    assert all(projection.rebuild(chains[name]) for name in ("closed", "said"))
    assert rows_of(Issue, "words", "closed_at") == rebuilt
    db.session.rollback()
    assert operations.run().counts == {}
    leader = as_user(make.user(Role.LEADER, COUNTY))
    page = leader.get(f"/issues/{chains['closed']}", headers=PAGE).text
    assert "此事件的文字已到期清理" in page
    assert "结果：" not in page
    assert "王老汉" not in page
    assert (
        "此事件的文字已到期清理" not in leader.get(f"/issues/{chains['late']}", headers=PAGE).text
    )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("open", "words = '—', data = words_gone(data)"),
        ("closed", "words = '别的话'"),
        ("closed", "words = '—', data = words_gone(data) || '{\"rating\": \"not\"}'"),
        ("closed", "words = '—', data = words_gone(data), status_after = 'declined'"),
    ],
)
def test_the_database_lets_only_words_go_and_only_of_closed_issues(chains, name, change):
    # The last step: of the closed chain the evaluation, which has words and a rating.
    last = select(Step.id).where(Step.issue_id == chains[name]).order_by(Step.seq.desc())
    step = {"id": db.session.scalars(last.limit(1)).one()}
    query = f"UPDATE step SET {change} WHERE id = :id"  # noqa: S608
    with pytest.raises(DBAPIError, match="never changed"), db.session.begin_nested():
        db.session.execute(text(query), step)
    with pytest.raises(DBAPIError, match="never changed"), db.session.begin_nested():
        db.session.execute(text("DELETE FROM step"))


def test_answers_in_words_go_and_those_that_are_counted_stay(make, as_user):
    cell = make.cell(1)
    home, phone = make.household(cell), as_user(make.cadre([cell]))
    desk = as_user(make.user(Role.DISPATCHER, TOWNSHIP))
    asked, told = published(desk, questionnaire()), published(desk, notice())
    values = ["yes", "井水", "4", "女儿王芳在外地"]
    for which, value in zip(("old", "new"), (values, [*values[:3], "想装路灯"]), strict=True):
        said = {
            "id": str(uuid.uuid4()), "household_id": str(home.id), "outcome": "met",
            "started_at": now().isoformat(),
            "told": [told_of(told, f"能代缴吗（{which}）") | {"notice": told["id"]}],
            "answers": [
                {"question": question["id"], "value": one}
                for question, one in zip(asked["questions"], value, strict=True)
            ],
        }  # fmt: skip
        assert phone.post("/api/v1/visits", json=said).status_code == 201
    first = "(SELECT id FROM visit ORDER BY received_at LIMIT 1)"
    written_long_ago("answer", f"visit_id = {first}", at=now() - OLD)
    results = f"/api/v1/announcements/{asked['id']}/results?at={TOWNSHIP}"
    before = rows_of(Answer, "value"), desk.get(results).json
    assert operations.due() == dict.fromkeys(EACH | NONE, 0) | {"answers": 1}
    assert operations.run().counts == {"answers": 1}
    db.session.expire_all()
    kept = db.session.scalars(select(Answer.value).order_by(Answer.at, Answer.value)).all()
    assert kept == ["4", "yes", "—", "井水", "4", "yes", "井水", "想装路灯"]
    assert (rows_of(Answer, "value"), desk.get(results).json) == before
    for refused in ("value = '—' WHERE value = 'yes'", "value = '别的' WHERE value = '想装路灯'"):
        with pytest.raises(DBAPIError, match="never changed"), db.session.begin_nested():
            db.session.execute(text(f"UPDATE answer SET {refused}"))  # noqa: S608
    # What was asked back goes too, once the announcement is over.
    then = workdays.today() - OLD
    db.session.execute(update(Asked).values(received_at=now() - OLD))
    db.session.commit()
    assert operations.run().counts == {}
    db.session.execute(text("UPDATE announcement SET from_date = :d, until_date = :d"), {"d": then})
    written_long_ago("answer", at=now() - OLD)
    assert operations.run().counts == {"answers": 1, "asked_back": 2}
    db.session.expire_all()
    assert {(row.words, row.answer) for row in db.session.scalars(select(Asked))} == {(UNKEPT, "")}
    shown = desk.get(f"/announcements/{asked['id']}", headers=PAGE).text
    assert "文字已到期清理" in shown
    assert "王芳" not in shown
