"""Many at once, each request sent twice, over real HTTP: everything is stored once."""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection

import pytest
from sqlalchemy import func, select, text
from werkzeug.serving import make_server

from grids.models import Assignment, Membership, Team
from gridserve import workdays
from gridserve.db import db, now
from gridserve.http import transaction
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, VILLAGE, Make
from tests.pictures import noise, sha
from visits import figures
from visits.issues import projection
from visits.photos.models import Photo, Upload

CADRES = 500 if os.environ.get("PHONES_FULL") else 150


@pytest.fixture
def port(committed) -> Iterator[int]:
    """The application served by threads on a free port."""
    server = make_server("127.0.0.1", 0, committed, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def post(port, token, path, body):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", f"/api/v1{path}", json.dumps(body), headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def put(port, token, data, headers=None, address=None):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", **(headers or {})}
    connection.request("PUT", f"/api/v1/photos/{address or sha(data)}", data, headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


def visit(household, **changes):
    return {
        "id": str(uuid.uuid4()),
        "household_id": str(household),
        "outcome": "met",
        "started_at": (now() - timedelta(minutes=5)).isoformat(),
        **changes,
    }


def test_visits_of_many_cadres_sent_twice_are_stored_once(committed, port):
    make = Make()
    cell = make.cell()
    cadres = [make.user(Role.CADRE, VILLAGE) for _ in range(CADRES)]
    make.team([cell], cadres)
    households = [make.household(cell).id for _ in range(20)]
    tokens = [make.token(cadre) for cadre in cadres]
    jobs = [(t, visit(households[n % 20])) for n, t in enumerate(tokens)]
    db.session.remove()

    def send_twice(job):
        token, body = job
        with ThreadPoolExecutor(2) as both:  # the repeat crosses the first one on its way
            return list(both.map(lambda _n: post(port, token, "/visits", body), range(2)))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send_twice, jobs))
    assert {status for pair in answers for status, _body in pair} == {201}
    assert all(first == second for first, second in answers)
    counted = db.session.execute(text("SELECT count(*), count(DISTINCT visitor_id) FROM visit"))
    assert tuple(counted.one()) == (CADRES, CADRES)
    figures.refresh_marked()
    db.session.commit()
    assert figures.check() == []


def test_of_two_dispatchers_at_once_one_is_told_to_look_again(committed, port):
    make = Make()
    cell = make.cell()
    issue = make.issue(make.household(cell), make.cadre([cell])).id
    tokens = [make.token(make.user(Role.DISPATCHER, TOWNSHIP)) for _ in range(8)]
    db.session.remove()

    def accept(token):
        body = {"id": str(uuid.uuid4()), "action": "accept", "seen": 1}
        return post(port, token, f"/issues/{issue}/steps", body)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(accept, tokens))
    assert sorted(status for status, _body in answers) == [201] + [409] * 7
    codes = {json.loads(body).get("code") for status, body in answers if status == 409}
    assert codes == {"issue.stale_step"}
    assert projection.check() == []


def test_a_mark_made_while_figures_are_counted_is_not_lost(committed):
    make = Make()
    cell = make.cell()
    cadre = make.cadre([cell])
    first, second = make.household(cell), make.household(cell)
    make.visit(first, cadre)
    figures.refresh_marked()  # not yet committed: a refresh under way
    with committed.app_context():
        from visits.models import Household

        again = Make()
        again.visit(db.session.get_one(Household, second.id), cadre)
    db.session.commit()
    assert figures.check() == []  # the marked cell is under way and left out
    assert figures.refresh_marked() == 1
    db.session.commit()
    assert figures.check() == []
    kept = db.session.execute(
        text("SELECT DISTINCT met, households FROM coverage_day WHERE day = :today"),
        {"today": workdays.today()},
    ).all()
    assert [tuple(row) for row in kept] == [(2, 2)]


def test_two_administrators_replace_one_person_at_once_and_one_wins(committed, port):
    make = Make()
    cell, old = make.cell(), make.user(Role.CADRE, VILLAGE)
    team = make.team([cell], [old])
    heirs = [make.user(Role.CADRE, VILLAGE).id for _ in range(2)]
    admins = [make.token(make.user(Role.ADMINISTRATOR, TOWNSHIP)) for _ in range(2)]
    row = db.session.scalars(select(Membership)).one()
    path = f"/teams/{team.id}/members/{row.id}/replace"
    db.session.remove()

    def replace(n):
        body = {"id": str(uuid.uuid4()), "user": str(heirs[n])}
        status, answer = post(port, admins[n], path, body)
        return status, json.loads(answer).get("code")

    with ThreadPoolExecutor(2) as both:
        answers = sorted(both.map(replace, range(2)))
    assert answers == [(201, None), (409, "member.ended")]
    assert (
        len(db.session.scalars(select(Membership).where(Membership.to_date.is_(None))).all()) == 1
    )


def test_two_administrators_give_a_cell_its_lead_at_once_and_one_leads(committed, port):
    make = Make()
    cell = make.cell()
    teams = [make.team([]).id for _ in range(3)]
    admins = [make.token(make.user(Role.ADMINISTRATOR, TOWNSHIP)) for _ in range(3)]
    code = cell.code
    db.session.remove()

    def give(n):
        body = {"id": str(uuid.uuid4()), "cell": code, "lead": True}
        return post(port, admins[n], f"/teams/{teams[n]}/cells", body)[0]

    with ThreadPoolExecutor(3) as all_:
        answers = list(all_.map(give, range(3)))
    assert set(answers) <= {201, 409}
    rows = db.session.scalars(
        select(Assignment).where(
            Assignment.to_date.is_(None) | (Assignment.to_date > Assignment.from_date)
        )
    ).all()
    assert len(rows) == answers.count(201)
    assert sum(row.lead for row in rows) == 1


def test_teams_that_share_cells_end_at_once(committed, port):
    make = Make()
    cells = [make.cell(serial).code for serial in (1, 2, 3)]
    token = make.token(make.user(Role.ADMINISTRATOR, TOWNSHIP))
    teams = [make.team([], []).id for _ in range(2)]
    db.session.remove()
    # Each team has the cells in another order of ids.
    for turn, team in enumerate(teams):
        ids = sorted((str(uuid.uuid4()) for _ in cells), reverse=bool(turn))
        for cell, id_ in zip(cells, ids, strict=True):
            body = {"id": id_, "cell": cell}
            assert post(port, token, f"/teams/{team}/cells", body)[0] == 201
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda team: post(port, token, f"/teams/{team}/end", {}), teams))
    assert [status for status, _body in answers] == [200, 200]


def test_a_double_tap_makes_one_team_and_one_absence_and_gets_one_answer(committed, port):
    make = Make()
    cadre = make.user(Role.CADRE, VILLAGE)
    admin, own = make.token(make.user(Role.ADMINISTRATOR, TOWNSHIP)), make.token(cadre)
    db.session.remove()
    for path, token, body in (
        ("/teams", admin, {"name": "新团队", "jurisdiction": VILLAGE}),
        ("/absences", own, {"kind": "leave"}),
    ):
        body["id"] = str(uuid.uuid4())
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _n, *to: post(port, *to), range(6), *(
                [one] * 6 for one in (token, path, body))))  # fmt: skip
        assert {status for status, _body in answers} == {201}
        assert len({body for _status, body in answers}) == 1


def test_who_is_ended_by_the_database_begins_anew_and_hears_nothing_of_it(committed):
    make = Make()
    teams = [make.team([], []).id for _ in range(2)]
    db.session.remove()
    meet, tries = threading.Barrier(2), []

    @transaction
    def lock_both(order):
        tries.append(order)
        db.session.get_one(Team, teams[order[0]], with_for_update=True)
        if tries.count(order) == 1:
            meet.wait(10)  # each has one and now wants the other's
        db.session.get_one(Team, teams[order[1]], with_for_update=True)
        return order

    def ask(order):
        with committed.test_request_context("/"):
            return lock_both(order)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(ask, [(0, 1), (1, 0)])) == [(0, 1), (1, 0)]
    assert len(tries) > 2


def step_as(port, token, issue, action, seen, **said):
    body = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **said}
    status, answer = post(port, token, f"/issues/{issue}/steps", body)
    return status, json.loads(answer), body


def test_50_clerks_and_cadres_on_the_same_20_issues(committed, port):
    """Everybody grabs the same issues at once, merging them in both directions too."""
    make = Make()
    cell = make.cell()
    cadres = [make.user(Role.CADRE, TOWNSHIP) for _ in range(24)]
    teams = [make.team([cell] if n == 0 else [], cadres[n::2], code=TOWNSHIP).id for n in range(2)]
    clerks = [make.user(Role.DISPATCHER, TOWNSHIP) for _ in range(26)]
    household = make.household(cell)
    issues = [str(make.issue(household, cadres[0]).id) for _ in range(20)]
    tokens = [make.token(user) for user in clerks + cadres]
    db.session.remove()
    due = (now() + timedelta(days=9)).isoformat()
    choices = {
        "accept": {}, "dispatch": {"team_id": str(teams[0])}, "sign": {},
        "return": {"words": "退"}, "comment": {"words": "备注"},
        "feed_back": {"words": "好了", "answer": "已告知"}, "pass_review": {},
        "fail_review": {"words": "再办"}, "extend": {"words": "延", "due_at": due},
        "transfer": {"words": "转", "team_id": str(teams[1])}, "merge": {},
    }  # fmt: skip

    def work(n):
        chance = random.Random(n)
        answers = []
        for _turn in range(5):
            place = chance.randrange(20)
            known = {"step_no": 1, "status": "reported"}
            for _try in range(2):  # somebody was faster: look at the present state, try once more
                names = list(choices) if known["status"] != "reported" else ["accept", "merge"]
                action = chance.choices(names, [1 if a == "merge" else 4 for a in names])[0]
                said = dict(choices[action])
                if action == "merge":  # in both directions: neighbours into one another
                    said["into"] = issues[place ^ 1]
                found = step_as(port, tokens[n], issues[place], action, known["step_no"], **said)
                answers.append((issues[place], *found))
                if found[1].get("code") != "issue.stale_step":
                    break
                known = found[1]["current"]
        return answers

    with ThreadPoolExecutor(50) as crowd:
        answers = [each for part in crowd.map(work, range(50)) for each in part]
    statuses = {status for _issue, status, _answer, _body in answers}
    assert statuses <= {201, 403, 404, 409, 422}, statuses
    assert {201, 409} <= statuses
    told = [(issue, body["seen"]) for issue, status, _answer, body in answers if status == 201]
    assert len(set(told)) == len(told)  # of those who saw the same step, one went on
    rows = db.session.execute(text("SELECT issue_id::text, seq - 1 FROM step WHERE seq > 1")).all()
    assert sorted(map(tuple, rows)) == sorted(told)  # none lost, none doubled
    assert projection.check() == []


def test_pictures_sent_twice_at_once_are_kept_once(committed, port):
    make = Make()
    token = make.token(make.cadre([make.cell()]))
    db.session.remove()

    def send_twice(n):
        data = noise(n, (60, 40))
        half = len(data) // 2
        parts = {} if n % 2 else {"Content-Range": f"bytes {half}-{len(data) - 1}/{len(data)}"}
        if parts:  # the last piece crosses itself
            first = {"Content-Range": f"bytes 0-{half - 1}/{len(data)}"}
            assert put(port, token, data[:half], first, sha(data))[0] == 202
        piece = data[half:] if parts else data
        with ThreadPoolExecutor(2) as both:
            return list(both.map(lambda _n: put(port, token, piece, parts, sha(data)), range(2)))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send_twice, range(40)))
    for pair in answers:
        assert sorted(status for status, _said in pair) == [200, 201], pair
        assert pair[0][1] == pair[1][1]
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 40
    assert db.session.scalar(select(func.count()).select_from(Upload)) == 0
