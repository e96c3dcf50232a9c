"""Teams that never orphan work: deputies and absences, replacements, people who leave."""

from __future__ import annotations

import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from grids.models import Assignment, Duty, Membership, Team
from grids.permissions import in_scope
from grids.standins import Absence, Deputy
from gridserve import people as accounts
from gridserve import workdays
from gridserve.db import db, now
from gridserve.events import Event
from gridserve.people import Post
from gridserve.permissions import Permission, Role
from tests.factories import COUNTY, LONG_AGO, TOWNSHIP, VILLAGE
from visits.issues import projection
from visits.issues.models import Issue, Step
from visits.models import Household, Visit
from visits.permissions import sees_names, visible_households
from visits.staffing import operations

OTHER_VILLAGE = f"{TOWNSHIP}202"


def day(offset: int = 0):
    return workdays.today() + timedelta(days=offset)


def iso(offset: int = 0) -> str:
    return day(offset).isoformat()


def new_id() -> str:
    return str(uuid.uuid4())


def send(client, path, status=201, **body):
    if "id" not in body and not path.split("?")[0].endswith(("/end", "/lead")):
        body["id"] = new_id()
    answer = client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.json


@pytest.fixture
def place(make, as_user):
    """A cell with a team of a leader, a full-time A and a guide; B serves in the next village."""
    make.category()
    cell, far = make.cell(1), make.cell(1, village=OTHER_VILLAGE)
    leader, a = make.user(Role.CADRE, VILLAGE, name="组长"), make.user(Role.CADRE, VILLAGE)
    guide = make.user(Role.CADRE, TOWNSHIP, name="指导员")
    team = make.team([cell], [])
    for user, duty in ((leader, Duty.LEADER), (a, Duty.FULL_TIME), (guide, Duty.GUIDE)):
        make.member(team, user, duty)
    b = make.user(Role.CADRE, OTHER_VILLAGE, name="李四")
    make.team([far], [b], code=OTHER_VILLAGE)
    return SimpleNamespace(
        cell=cell, far=far, team=team, leader=leader, a=a, guide=guide, b=b,
        household=make.household(cell), desk=make.user(Role.DISPATCHER, TOWNSHIP, name="赵调度"),
        admin=as_user(make.user(Role.ADMINISTRATOR, TOWNSHIP, name="管理员")),
    )  # fmt: skip


def membership(team, user):
    return db.session.scalars(
        select(Membership).where(
            Membership.team_id == team.id, Membership.user_id == user.id,
            Membership.to_date.is_(None),
        )
    ).one()  # fmt: skip


def visit(client, household, offset=0, status=201):
    started = (now() + timedelta(days=offset, seconds=-1)).isoformat()
    said = {"household_id": str(household.id), "outcome": "met", "started_at": started}
    return send(client, "/visits", status, **said)


def dispatched(make, place, **said):
    issue = make.issue(place.household, place.leader)
    make.step(issue, "accept", place.desk)
    make.step(issue, "dispatch", place.desk, team_id=place.team.id, **said)
    return issue


def handler(client, issue):
    return client.get(f"/api/v1/issues/{issue.id}").json["handler"]


def test_while_a_is_away_b_does_what_a_could_and_it_is_logged_for_a(make, as_user, place):
    a, b = as_user(place.a), as_user(place.b)
    path = f"/api/v1/households/{place.household.id}"
    assert b.get(path).status_code == 404
    row = membership(place.team, place.a)
    send(place.admin, f"/teams/{place.team.id}/members/{row.id}/deputies",
         user=str(place.b.id), from_date=iso(-20))  # fmt: skip
    assert b.get(path).status_code == 404  # a deputy of somebody who is there does nothing
    send(a, "/absences", kind="training", from_date=iso(-1), to_date=iso(1))
    seen = b.get(path).json
    assert (seen["head_name"], seen["phone"]) == ("李四", "13800001234")
    made = visit(b, place.household)
    assert (made["in_scope"], made["team_id"], made["for_id"]) == (
        True, str(place.team.id), str(place.a.id)
    )  # fmt: skip
    assert VILLAGE in [j["code"] for j in b.get("/api/v1/jurisdictions").json["items"]]
    reported = send(b, "/issues", category="facility.road", words="坑", visit_id=made["id"])
    assert reported["steps"][0]["for"] == {"id": str(place.a.id), "name": "张三"}
    # A day on which A was there: kept, but out of scope and for nobody.
    early = visit(b, place.household, -1)
    assert (early["in_scope"], early["for_id"]) == (True, str(place.a.id))
    assert a.get(path).status_code == 200  # A is away, not shut out


def test_the_day_after_the_absence_b_sees_nothing_and_late_visits_still_count(make, as_user, place):
    b = as_user(place.b)
    make.deputy(place.team, place.a, place.b)
    make.absent(place.a, day(-5), day())
    assert b.get(f"/api/v1/households/{place.household.id}").status_code == 404
    assert b.get("/api/v1/households").json["items"] == []
    late = visit(b, place.household, -2)  # made while A was away, sent when A was back
    assert (late["in_scope"], late["for_id"]) == (True, str(place.a.id))
    assert visit(b, place.household, -9, 404)["code"] == "household.not_found"


@pytest.mark.parametrize(
    ("a_away", "deputy", "b_away", "expected"),
    [
        (False, False, False, ("张三", None)),
        (False, True, False, ("张三", None)),
        (True, True, False, ("李四", "张三")),
        (True, False, False, ("组长", None)),
        (True, True, True, ("组长", None)),
    ],
)
def test_who_is_in_charge_of_new_work(make, as_user, place, a_away, deputy, b_away, expected):
    if deputy:
        make.deputy(place.team, place.a, place.b)
    if a_away:
        make.absent(place.a, day())
    if b_away:
        make.absent(place.b, day())
    found = handler(as_user(place.desk), dispatched(make, place))
    assert (found["name"], found["for"] and found["for"]["name"]) == expected


def test_with_nobody_there_the_desk_sees_to_it(make, as_user, place):
    issue = dispatched(make, place)
    for user in (place.a, place.leader, place.guide):
        make.absent(user, day())
    desk = as_user(place.desk)
    seen = desk.get(f"/api/v1/issues/{issue.id}").json
    assert (seen["handler"], seen["actions"]) == (
        None, ["sign", "return", "transfer", "extend", "merge", "comment"],
    )  # fmt: skip
    step = {"action": "return", "seen": seen["step_no"], "words": "全队不在岗"}
    send(desk, f"/issues/{issue.id}/steps", **step)


def test_work_goes_to_b_when_the_absence_begins_and_back_when_it_ends(make, as_user, place):
    issue, desk, b = dispatched(make, place), as_user(place.desk), as_user(place.b)
    make.deputy(place.team, place.a, place.b)
    assert handler(desk, issue)["name"] == "张三"
    away = make.absent(place.a, day())
    assert handler(desk, issue)["name"] == "李四"
    sign = {"action": "sign", "seen": 3}
    signed = send(b, f"/issues/{issue.id}/steps", **sign)
    assert (signed["actor"]["name"], signed["for"]["name"]) == ("李四", "张三")
    page = desk.get(f"/issues/{issue.id}", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert "李四（代张三）" in page
    send(as_user(place.a), f"/absences/{away.id}/end", 200)
    assert handler(desk, issue)["name"] == "张三"
    assert b.get(f"/api/v1/issues/{issue.id}").status_code == 404
    assert projection.check() == []


def test_who_signs_is_in_charge_and_a_colleague_is_no_deputy_by_chance(make, as_user, place):
    issue = dispatched(make, place)
    make.deputy(place.team, place.a, place.leader)
    make.step(issue, "sign", place.leader)
    assert issue.handler_id == place.leader.id
    other = dispatched(make, place)
    make.absent(place.a, day())
    step = make.step(other, "sign", place.leader)
    assert (step.for_id, other.handler_id) == (place.a.id, place.a.id)


def test_a_replacement_moves_open_work_and_old_visits_stay(make, as_user, place):
    mine, done = dispatched(make, place), dispatched(make, place)
    make.step(mine, "sign", place.a)
    make.step(done, "sign", place.a)
    make.step(done, "feed_back", place.a, words="好了")
    make.step(done, "pass_review", place.desk)
    old = make.visit(place.household, place.a)
    new, row = make.user(Role.CADRE, VILLAGE, name="王五"), membership(place.team, place.a)
    path = f"/teams/{place.team.id}/members/{row.id}/replace"
    said = {"id": new_id(), "user": str(new.id)}
    preview = send(place.admin, f"{path}?dry_run=true", 200, **said)
    assert (preview["issues"], preview["numbers"]) == (1, [mine.number])
    assert membership(place.team, place.a).to_date is None  # nothing was stored
    first, again = send(place.admin, path, **said), send(place.admin, path, **said)
    assert first == again
    assert (first["issues"], first["membership"]["duty"]) == (1, "full_time")
    assert (first["old"]["to_date"], first["membership"]["from_date"]) == (iso(), iso())
    whole = as_user(new).get(f"/api/v1/issues/{mine.id}").json
    assert whole["handler"]["name"] == "王五"
    last = whole["steps"][-1]
    assert (last["action"], last["actor"]["name"], last["handler"]["name"]) == (
        "hand_over", "管理员", "王五"
    )  # fmt: skip
    db.session.expire_all()
    assert db.session.get(Visit, old.id).visitor_id == place.a.id
    assert db.session.get(Issue, done.id).handler_id is None
    assert as_user(place.a).get("/api/v1/households").json["items"] == []
    trail = {e.action for e in db.session.scalars(select(Event))}
    assert {"member.ended", "member.added", "issue.hand_over"} <= trail
    assert projection.check() == []


def test_who_leaves_leaves_the_work_to_the_leader(make, place):
    issue = dispatched(make, place)
    row = membership(place.team, place.a)
    left = send(place.admin, f"/teams/{place.team.id}/members/{row.id}/end", 200)
    assert left["issues"] == 1
    db.session.refresh(issue)
    assert issue.handler_id == place.leader.id


def test_the_last_one_cannot_leave_open_work_behind(make, place):
    issue = dispatched(make, place)
    for user in (place.leader, place.guide):
        row = membership(place.team, user)
        send(place.admin, f"/teams/{place.team.id}/members/{row.id}/end", 200)
    path = f"/teams/{place.team.id}/members/{membership(place.team, place.a).id}"
    assert send(place.admin, f"{path}/end", 409)["code"] == "team.holds_work"
    assert send(place.admin, f"/teams/{place.team.id}/end", 409)["code"] == "team.holds_work"
    make.step(issue, "return", place.a, words="不归我们")
    send(place.admin, f"{path}/end", 200)
    assert send(place.admin, f"/teams/{place.team.id}/end", 200)["to_date"] == iso()
    gone = send(place.admin, f"/teams/{place.team.id}/members", 409, user=str(place.a.id),
                duty="leader")  # fmt: skip
    assert gone["code"] == "team.ended"


@pytest.mark.parametrize("why", ["disabled", "post", "planned end"])
def test_work_of_who_cannot_act_any_more_is_swept_to_the_leader(make, place, why):
    issue = dispatched(make, place)
    if why == "disabled":
        db.session.execute(text("UPDATE account SET active = false WHERE id = :id"),
                           {"id": place.a.id})  # fmt: skip
    elif why == "post":
        db.session.execute(text("UPDATE post SET to_date = :day WHERE user_id = :id"),
                           {"id": place.a.id, "day": day()})  # fmt: skip
    else:
        membership(place.team, place.a).to_date = day()
    db.session.commit()
    assert operations.sweep() == 1
    assert operations.sweep() == 0
    step = db.session.scalars(select(Step).order_by(Step.seq.desc())).first()
    assert (step.action, step.data["why"], step.data["by"]) == ("hand_over", "account", "system")
    db.session.refresh(issue)
    assert issue.handler_id == place.leader.id
    assert projection.check() == []


def test_a_planned_replacement_moves_the_work_on_its_day(make, place):
    issue, new = dispatched(make, place), make.user(Role.CADRE, VILLAGE, name="王五")
    row = membership(place.team, place.a)
    path = f"/teams/{place.team.id}/members/{row.id}/replace"
    planned = send(place.admin, path, user=str(new.id), on=iso(3))
    assert planned["issues"] == 0
    db.session.execute(text("UPDATE membership SET from_date = from_date - 3 WHERE "
                            "replaces_id IS NOT NULL"))  # fmt: skip
    db.session.execute(text("UPDATE membership SET to_date = to_date - 3"))
    db.session.commit()
    db.session.expire_all()
    assert operations.sweep() == 1
    db.session.commit()
    db.session.refresh(issue)
    assert issue.handler_id == new.id


def test_a_team_is_made_filled_and_given_cells(make, place):
    made = {"id": new_id(), "name": "新团队", "jurisdiction": VILLAGE}
    team = send(place.admin, "/teams", **made)
    assert send(place.admin, "/teams", **made) == team
    assert send(place.admin, "/teams", 409, **{**made, "name": "别的"})["code"] == (
        "request.id_taken"
    )
    path = f"/teams/{team['id']}"
    member = {"id": new_id(), "user": str(place.a.id), "duty": "part_time"}
    first = send(place.admin, f"{path}/members", **member)
    assert send(place.admin, f"{path}/members", **member) == first
    twice = send(place.admin, f"{path}/members", 409, user=str(place.a.id), duty="other")
    assert twice["code"] == "member.serves_already"
    changed = place.admin.patch(f"/api/v1{path}/members/{first['id']}", json={"duty": "leader"})
    assert (changed.status_code, changed.json["duty"]) == (200, "leader")
    rows = db.session.scalars(select(Membership).where(Membership.team_id == uuid.UUID(team["id"])))
    assert {(r.duty, r.from_date, r.to_date) for r in rows} == {
        (Duty.PART_TIME, day(), day()), (Duty.LEADER, day(), None)
    }  # fmt: skip
    renamed = place.admin.patch(f"/api/v1{path}", json={"name": "一队"})
    assert renamed.json["name"] == "一队"
    whole = place.admin.get(f"/api/v1{path}").json
    assert [(m["duty"], m["away"], m["deputy"]) for m in whole["members"]] == [
        ("leader", False, None)
    ]


def leads(cell, on):
    rows = db.session.execute(
        select(Team.name, Assignment.lead)
        .join(Team, Team.id == Assignment.team_id)
        .where(
            Assignment.cell_id == cell.id, Assignment.from_date <= on,
            Assignment.to_date.is_(None) | (Assignment.to_date > on),
        )
    )  # fmt: skip
    return dict(rows.all())


def test_of_several_teams_one_leads_whatever_is_done(make, place):
    one, two = place.team, make.team([])
    names = one.name, two.name
    given = {"id": new_id(), "cell": place.cell.code, "lead": True, "to_date": iso(10)}
    first = send(place.admin, f"/teams/{two.id}/cells", **given)
    assert send(place.admin, f"/teams/{two.id}/cells", **given) == first
    assert first["cells"][0]["id"] == given["id"]
    assert leads(place.cell, day(-1)) == {names[0]: True}
    assert leads(place.cell, day()) == {names[0]: False, names[1]: True}
    assert leads(place.cell, day(10)) == {names[0]: True}
    twice = send(place.admin, f"/teams/{two.id}/cells", 409, cell=place.cell.code)
    assert twice["code"] == "team.holds_cell"
    support = db.session.scalars(
        select(Assignment).where(
            Assignment.team_id == one.id, ~Assignment.lead, Assignment.from_date == day()
        )
    ).one()
    send(place.admin, f"/teams/{one.id}/cells/{support.id}/lead", 200, on=iso(2))
    assert leads(place.cell, day(1)) == {names[0]: False, names[1]: True}
    assert leads(place.cell, day(2)) == {names[0]: True, names[1]: False}
    send(place.admin, f"/teams/{two.id}/cells/{given['id']}/end", 200)
    for offset in (-1, 0, 1, 2, 11):
        assert leads(place.cell, day(offset))[names[0]] is True, offset


@pytest.mark.parametrize(
    ("path", "said", "status", "pointer"),
    [
        ("members", {"user": "nobody", "duty": "leader"}, 422, "/user"),
        ("members", {"user": "outsider", "duty": "leader"}, 422, "/user"),
        ("members", {"user": "b", "duty": "leader", "from_date": -40}, 422, "/from_date"),
        ("members", {"user": "b", "duty": "leader", "to_date": 0}, 422, "/to_date"),
        ("members/A/deputies", {"user": "a"}, 422, "/user"),
        ("members/A/replace", {"user": "a"}, 422, "/user"),
        ("cells", {"cell": "530626101201999"}, 404, None),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(make, place, path, said, status, pointer):
    users = {"a": place.a.id, "b": place.b.id, "nobody": uuid.uuid4(),
             "outsider": make.user(Role.CADRE, "530626102201").id}  # fmt: skip
    said = {k: iso(v) if isinstance(v, int) else str(users.get(v, v)) for k, v in said.items()}
    path = path.replace("A", str(membership(place.team, place.a).id))
    answer = send(place.admin, f"/teams/{place.team.id}/{path}", status, **said)
    assert pointer is None or pointer in answer["errors"]


def test_only_administrators_of_the_place_keep_teams(make, as_user, place):
    path = f"/teams/{place.team.id}"
    elsewhere = as_user(make.user(Role.ADMINISTRATOR, "530626102"))
    assert send(elsewhere, f"{path}/end", 404)["code"] == "team.not_found"
    for user in (place.a, place.desk, make.user(Role.LEADER, COUNTY)):
        assert send(as_user(user), f"{path}/end", 403)["code"] == "auth.forbidden"
    assert (
        send(as_user(place.a), "/absences", 404, kind="leave", user=str(place.leader.id))["code"]
        == "person.not_found"
    )


def test_an_absence_is_said_once_and_why_is_not_told_to_everybody(make, as_user, place):
    a = as_user(place.a)
    said = {"id": new_id(), "kind": "illness"}
    first = send(a, "/absences", **said)
    assert send(a, "/absences", **said) == first
    assert (first["kind"], first["from_date"], first["to_date"]) == ("illness", iso(), None)
    assert send(a, "/absences", 409, kind="leave")["code"] == "absence.overlaps"
    seen = as_user(place.leader).get("/api/v1/absences").json["items"]
    assert [(x["user"]["name"], x["kind"]) for x in seen] == [("张三", None)]
    assert place.admin.get("/api/v1/absences").json["items"][0]["kind"] == "illness"
    assert send(a, f"/absences/{said['id']}/end", 200)["to_date"] == iso()
    assert a.get("/api/v1/absences").json["items"] == []
    trail = db.session.scalars(select(Event).where(Event.action == "absence.said")).one()
    assert "illness" not in str(trail.data)


def test_what_a_person_sees_agrees_row_by_row_for_stand_ins_too(make, place):
    make.deputy(place.team, place.a, place.b)
    homes = [place.household, make.household(place.far), make.household(make.cell(2))]
    for away in (False, True):
        if away:
            make.absent(place.a, day())
        for user in (place.a, place.b, place.leader, place.desk):
            seen = set(db.session.scalars(visible_households(user).with_only_columns(Household.id)))
            criterion = in_scope(
                user, Permission.HOUSEHOLD_READ, Household.village_code, Household.cell_id
            )
            for home in homes:
                one = select(Household.id).where(Household.id == home.id, criterion)
                assert (db.session.scalar(one) is not None) == (home.id in seen)
                if home.id in seen:
                    assert sees_names(user, home) == (user is not place.desk)
    assert {h.id for h in homes[:2]} == set(
        db.session.scalars(visible_households(place.b).with_only_columns(Household.id))
    )


def refused(row, constraint):
    savepoint = db.session.begin_nested()
    db.session.add(row)
    with pytest.raises(IntegrityError, match=constraint):
        db.session.flush()
    savepoint.rollback()


def test_the_database_itself_refuses_two_at_once(make, place):
    row = make.deputy(place.team, place.a, place.b)
    other = membership(place.team, place.leader)
    for extra, name in (
        (Deputy(id=uuid.uuid4(), membership_id=row.membership_id, for_id=row.for_id,
                user_id=place.leader.id, from_date=day()), "ex_deputy_period"),
        (Deputy(id=uuid.uuid4(), membership_id=other.id, for_id=place.b.id,
                user_id=place.leader.id, from_date=LONG_AGO), "fk_deputy_membership_id"),
        (Deputy(id=uuid.uuid4(), membership_id=row.membership_id, for_id=place.a.id,
                user_id=place.a.id, from_date=LONG_AGO), "ck_deputy_two"),
    ):  # fmt: skip
        refused(extra, name)
    make.absent(place.a, day(-3), day(3))
    again = {"user_id": place.a.id, "kind": "leave", "said_by_id": place.a.id}
    refused(Absence(id=uuid.uuid4(), from_date=day(), **again), "ex_absence_period")


def test_warnings_say_what_is_missing(make, place):
    bare, led_by_nobody = make.cell(2), make.cell(3)
    make.team([led_by_nobody], [place.b])
    make.absent(place.leader, day())
    empty = make.team([])
    accounts.disable(db.session.get(accounts.User, place.guide.id))
    db.session.commit()
    found = place.admin.get(f"/api/v1/teams/warnings?jurisdiction={VILLAGE}").json["items"]
    by_kind = {each["kind"]: each for each in found}
    assert by_kind["cells_without_team"]["cases"] == [f"田坝村 · {bare.name}"]
    assert by_kind["cells_without_leader"]["cases"] == [f"田坝村 · {led_by_nobody.name}"]
    assert by_kind["leaders_away"]["cases"] == [f"田坝村 · {place.cell.name}"]
    assert by_kind["cannot_act"]["cases"] == [f"{place.team.name} · 指导员"]
    assert by_kind["teams_without_cells"]["cases"] == [f"田坝村 · {empty.name}"]
    assert by_kind["teams_without_members"]["cases"] == [f"田坝村 · {empty.name}"]
    assert "too_many_households" not in by_kind
    make.deputy(place.team, place.leader, place.b)
    found = place.admin.get(f"/api/v1/teams/warnings?jurisdiction={VILLAGE}").json["items"]
    assert "leaders_away" not in {each["kind"] for each in found}


def test_a_unit_answers_for_categories_instead_of_cells(make, place, as_user):
    make.category("welfare")
    unit = send(place.admin, "/teams", name="民政办", jurisdiction=TOWNSHIP)["id"]
    path = f"/api/v1/teams/{unit}/categories"
    refused = place.admin.put(path, json={"categories": ["welfare", "nothing"]})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["/categories"])
    desk = as_user(place.desk)
    assert desk.put(path, json={"categories": ["welfare"]}).status_code == 403
    for _again in range(2):
        answer = place.admin.put(path, json={"categories": ["welfare"]})
        assert answer.json == {"categories": ["welfare"]}
    assert desk.get(path).json == {"categories": ["welfare"]}
    found = place.admin.get(f"/api/v1/teams/warnings?jurisdiction={TOWNSHIP}").json["items"]
    assert "teams_without_cells" not in {each["kind"] for each in found}
    page(place.admin, f"/teams/{unit}", 302, do="answer", category="facility.road")
    assert desk.get(path).json["categories"] == ["facility.road", "welfare"]
    assert "facility.road" in page(place.admin, f"/teams/{unit}")
    page(place.admin, f"/teams/{unit}", 422, do="answer", category="nothing")
    page(place.admin, f"/teams/{unit}", 302, do="answer_no_more", category="welfare")
    assert place.admin.put(path, json={"categories": []}).json == {"categories": []}
    assert desk.put("/api/v1/teams/" + new_id() + "/categories", json={}).status_code == 403


def page(client, path, status=200, **form):
    headers = {"Accept": "text/html"}
    answer = (
        client.post(path, data=form, headers=headers) if form else client.get(path, headers=headers)
    )
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def test_the_pages_show_and_change_a_team(make, as_user, place):
    issue = dispatched(make, place)
    path, row = f"/teams/{place.team.id}", membership(place.team, place.a)
    make.absent(place.leader, day())
    roster = page(place.admin, f"/teams?jurisdiction={TOWNSHIP}")
    for words in (place.team.name, "专职网格员", "今日不在岗", "网格长不在岗且无在岗 B 岗的网格"):
        assert words in roster
    assert "新建团队" not in page(as_user(place.a), f"/teams?jurisdiction={VILLAGE}")
    new = make.user(Role.CADRE, VILLAGE, name="王五")
    said = {"member": row.id, "user": new.id, "id": new_id()}
    preview = page(place.admin, path, do="preview", **said)
    assert issue.number in preview
    assert membership(place.team, place.a).to_date is None
    page(place.admin, path, 302, do="replace", **said)
    assert "接替 张三" in page(place.admin, path)
    page(place.admin, path, 302, do="deputy", member=said["id"], user=place.b.id, id=new_id())
    assert "李四" in page(place.admin, path)
    refused_page = page(place.admin, path, 409, do="add", user=new.id, duty="other", id=new_id())
    assert "已在本团队任职" in refused_page
    assert "添加成员" not in page(as_user(place.b), f"/teams/{place.team.id}", 404)
    page(place.admin, "/teams", 302, id=new_id(), name="二队", jurisdiction=VILLAGE)
    assert "二队" in page(place.admin, f"/teams?jurisdiction={VILLAGE}")


def test_a_cadre_says_an_absence_by_one_tap_and_ends_it(make, as_user, place):
    a, path = as_user(place.a), f"/people/{place.a.id}"
    make.deputy(place.team, place.a, place.b)
    page(a, path, 302, kind="illness", id=new_id())
    mine = page(a, path)
    assert "病假" in mine
    assert "今日代岗" in mine
    assert "病假" not in page(as_user(place.leader), path)
    away = db.session.scalars(select(Absence)).one()
    page(a, path, 302, absence=away.id)
    db.session.expire_all()
    assert db.session.scalars(select(Absence)).one().to_date == day()
    page(as_user(place.leader), path, 404, kind="leave", id=new_id())
    page(as_user(make.user(Role.CADRE, "530626102201")), path, 404)


def test_an_id_stands_for_what_was_said_with_it(make, place):
    admin = place.admin
    team, user = f"/teams/{place.team.id}", str(make.user(Role.CADRE, VILLAGE).id)
    member = send(admin, f"{team}/members", user=user, duty="part_time", from_date=iso(-3))
    said = {"id": member["id"], "user": user, "duty": "part_time"}
    assert send(admin, f"{team}/members", **said) == member  # a day left out is no other day
    for other in ({"duty": "guide"}, {"from_date": iso(-2)}):
        assert send(admin, f"{team}/members", 409, **{**said, **other})["code"] == (
            "request.id_taken"
        )
    away = {"id": new_id(), "user": user, "kind": "leave", "from_date": iso(5)}
    send(admin, "/absences", **away)
    refused = send(admin, "/absences", 409, **{**away, "from_date": iso(6)})
    assert refused["code"] == "request.id_taken"
    held = {"id": new_id(), "cell": place.far.code, "from_date": iso(-1)}
    send(admin, f"{team}/cells", **held)
    refused = send(admin, f"{team}/cells", 409, **{**held, "from_date": iso()})
    assert refused["code"] == "request.id_taken"


def test_who_has_left_a_township_is_no_longer_put_down_as_away_there(make, as_user, place):
    user = make.user(Role.CADRE, VILLAGE)
    there = Post(
        user_id=user.id, role=Role.CADRE, jurisdiction_code=f"{COUNTY}102", from_date=day()
    )
    make.jurisdictions(f"{COUNTY}102")
    db.session.add(there)
    db.session.execute(
        update(Post)
        .where(Post.user_id == user.id, Post.jurisdiction_code == VILLAGE)
        .values(to_date=day())
    )
    db.session.commit()
    said = {"user": str(user.id), "kind": "illness", "from_date": iso(2)}
    assert send(place.admin, "/absences", 404, **said)["code"] == "person.not_found"
    other = as_user(make.user(Role.ADMINISTRATOR, f"{COUNTY}102"))
    assert send(other, "/absences", **said)["kind"] == "illness"
    page = place.admin.get(f"/people/{user.id}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "因病" not in page.text
    assert "病假" not in page.text


def test_what_is_not_seen_does_not_make_another_name(make, place):
    made = send(place.admin, "/teams", name="\u202e一\u200b队\ufeff", jurisdiction=VILLAGE)
    assert made["name"] == "一队"


def test_a_deputy_of_a_later_member_begins_with_the_member(make, place):
    team, user = f"/teams/{place.team.id}", str(make.user(Role.CADRE, VILLAGE).id)
    later = send(place.admin, f"{team}/members", user=user, duty="guide", from_date=iso(7))
    path, said = f"{team}/members/{later['id']}/deputies", {"user": str(place.b.id)}
    refused = send(place.admin, path, 422, **said, to_date=iso(3))
    assert list(refused["errors"]) == ["/to_date"]
    assert send(place.admin, path, **said, to_date=iso(9))["from_date"] == iso(7)


def test_a_form_with_another_field_than_its_own_is_refused(make, place):
    row = membership(place.team, place.a)
    form = {"do": "duty", "member": str(row.id), "to_date": iso(3)}
    answer = place.admin.post(f"/teams/{place.team.id}", data=form)
    assert answer.status_code == 422
