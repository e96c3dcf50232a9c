"""The demonstration county on a real database, and a day played on it over real HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import create_engine, select, text

from gridserve import workdays
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.installation import ROOT
from gridserve.local import Addresses
from visits import figures
from visits.demo import load
from visits.demo.commands import demo_data
from visits.demo.day import Day
from visits.issues import projection
from visits.issues.chain import TRANSITIONS, Action, Status
from visits.issues.clock import Light, light
from visits.issues.models import Category, Issue
from visits.issues.reckoning import weight_at
from visits.issues.suggestions import suggestions

TABLE = Path(__file__).parents[1] / "data" / "530626"
WANTED = load.Wanted(table=TABLE, households=1500, visits=3000, issues=120, cadres=50)
# Everything that the seed decides; cells by their codes and people by their logins.
DIGESTS = (
    """
    SELECT h.id, h.number, h.village_code, c.code, h.address, h.head_name,
           substring(h.phone from 6 for 12), h.size, h.tags, h.status, h.note,
           ST_AsText(h.point), h.last_met_at
    FROM household h JOIN cell c ON c.id = h.cell_id ORDER BY h.id
    """,
    """
    SELECT v.id, v.household_id, a.login, c.code, v.team_id, v.outcome, v.started_at, v.ended_at,
           v.received_at, v.notes, ST_AsText(v.point), v.said
    FROM visit v JOIN cell c ON c.id = v.cell_id JOIN account a ON a.id = v.visitor_id
    ORDER BY v.id
    """,
    """
    SELECT s.id, s.issue_id, s.seq, s.action, a.login, s.happened_at, s.due_at, s.words
    FROM step s JOIN account a ON a.id = s.actor_id ORDER BY s.id
    """,
)


@pytest.fixture(scope="module")
def config_here(addresses: Addresses, app: Flask, config: Config) -> Iterator[Config]:
    """The configuration of a migrated database of this module's own."""
    name = f"demo{os.urandom(6).hex()}"
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
        admin = db.engine.url.set(database="postgres")
    server = create_engine(admin, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE gridserve"))
    url = config.database_url.replace("/gridserve?", f"/{name}?")
    yield replace(config, database_url=url)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(scope="module")
def digests() -> list[list[str]]:
    """The digests of two loads from the same seed."""
    return []


@pytest.fixture(scope="module")
def accounts(
    config_here: Config, digests: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The accounts file of the county, loaded by the command; also inside the application."""
    path = tmp_path_factory.mktemp("demo") / "accounts.json"
    with create_app(config_here).app_context():
        load.load(WANTED)
        digests.append(digest())
        db.session.rollback()
        said = CliRunner().invoke(
            demo_data,
            ["--table", str(TABLE), "--accounts", str(path), "--households", "1500",
             "--issues", "120", "--cadres", "50"],
        )  # fmt: skip
        assert said.exit_code == 0, said.output
        assert "Loaded 1,500 households" in said.output
        digests.append(digest())
        db.session.commit()
        yield path
        db.session.remove()
        db.engine.dispose()


def digest() -> list[str]:
    return [
        hashlib.sha256(repr(db.session.execute(text(q)).all()).encode()).hexdigest()
        for q in DIGESTS
    ]


def rows(query: str) -> list[Any]:
    found = list(db.session.execute(text(query)).all())
    db.session.rollback()
    return found


def test_the_same_seed_gives_the_same_county(accounts: Path, digests: list[list[str]]) -> None:
    assert digests[0] == digests[1]


def test_what_is_kept_agrees_with_what_it_derives_from(accounts: Path) -> None:
    assert figures.check() == []
    assert projection.check() == []


def test_every_household_lies_in_its_cell(accounts: Path) -> None:
    assert rows("SELECT count(*) FROM household") == [(1500,)]
    assert rows("SELECT count(*) FROM household h JOIN cell c ON c.id = h.cell_id "
                "WHERE NOT ST_Covers(c.polygon, h.point)") == [(0,)]  # fmt: skip


def test_visits_are_by_the_team_of_the_cell_and_over_by_today(accounts: Path) -> None:
    assert rows("SELECT count(*), bool_and(in_scope) FROM visit") == [(3000, True)]
    assert rows(
        "SELECT count(*) FROM visit v WHERE NOT EXISTS (SELECT FROM membership m JOIN assignment a "
        "ON a.team_id = m.team_id WHERE m.user_id = v.visitor_id AND m.team_id = v.team_id "
        "AND a.cell_id = v.cell_id AND m.from_date <= v.started_at::date)"
    ) == [(0,)]
    today = workdays.start_of(workdays.today())
    first, last = rows("SELECT min(started_at), max(greatest(ended_at, typed_at, received_at)) "
                       "FROM visit")[0]  # fmt: skip
    assert 360 <= (today - first).days <= 365
    assert last <= today


def test_issues_stand_in_every_status_and_show_every_light(accounts: Path) -> None:
    assert {s for (s,) in rows("SELECT DISTINCT status FROM issue")} == set(Status)
    main_road = {
        Action.REPORT, Action.ACCEPT, Action.DECLINE, Action.DISPATCH, Action.SIGN, Action.RETURN,
        Action.FEED_BACK, Action.PASS_REVIEW, Action.FAIL_REVIEW, Action.REOPEN, Action.EVALUATE,
        Action.SUSPEND, Action.MERGE,
    }  # fmt: skip
    assert main_road <= {a for (a,) in rows("SELECT DISTINCT action FROM step")}
    still_open = Issue.closed_at.is_(None)
    weights = db.session.scalars(select(weight_at(now())).where(still_open)).all()
    assert {light(weight) for weight in weights} == set(Light)


def test_chains_follow_the_table(accounts: Path) -> None:
    steps = rows("SELECT status_before, action, status_after FROM step WHERE seq > 1")
    assert all(TRANSITIONS[(Status(b), Action(a))].to == after for b, a, after in steps)
    assert rows(
        "SELECT count(*) FROM step s JOIN step t ON t.issue_id = s.issue_id AND t.seq = s.seq + 1 "
        "WHERE t.happened_at < s.happened_at OR t.status_before <> s.status_after"
    ) == [(0,)]
    today = workdays.start_of(workdays.today())
    assert rows("SELECT max(greatest(happened_at, received_at)) FROM step")[0][0] < today


def test_awkward_cases_are_there(accounts: Path) -> None:
    assert rows("SELECT count(*) FROM household WHERE head_name LIKE '%<%'") == [(0,)]
    assert rows("SELECT count(*) FROM issue WHERE words LIKE '%<%'") == [(0,)]
    assert rows("SELECT count(*) > 0 FROM household WHERE status = 'moved'") == [(True,)]
    assert rows(
        "SELECT count(*) FROM cell c WHERE kind = 'dedicated' "
        "AND NOT EXISTS (SELECT FROM household h WHERE h.cell_id = c.id)"
    ) == [(1,)]


def test_every_cell_has_a_team_with_a_leader(accounts: Path) -> None:
    assert rows(
        "SELECT count(*) FROM cell c WHERE NOT EXISTS (SELECT FROM assignment a "
        "JOIN membership m ON m.team_id = a.team_id WHERE a.cell_id = c.id AND m.duty = 'leader')"
    ) == [(0,)]


def test_every_category_can_be_dispatched_by_every_township(accounts: Path) -> None:
    villages = [
        code for (code,) in rows(
            "SELECT min(code) FROM jurisdiction WHERE length(code) = 12 GROUP BY parent_code"
        )
    ]  # fmt: skip
    listed = db.session.scalars(select(Category).where(~Category.to_cells)).all()
    asked = [
        Issue(id=uuid.uuid4(), village_code=village, desk_code=village[:9], about_staff=False,
              category_code=category.code, cell_id=None)
        for village in villages for category in listed
    ]  # fmt: skip
    found = suggestions(asked)
    missing = [each.category_code for each in asked if each.id not in found]
    db.session.rollback()
    assert len(asked) > 100
    assert missing == []
    assert rows(
        "SELECT count(*) FROM remit r WHERE NOT EXISTS (SELECT FROM membership m "
        "WHERE m.team_id = r.team_id)"
    ) == [(0,)]


def test_accounts_are_kept_for_their_owner_only(accounts: Path) -> None:
    assert accounts.stat().st_mode & 0o777 == 0o600
    people = json.loads(accounts.read_text())
    assert {p["role"] for p in people} == {
        "administrator", "leader", "dispatcher", "cadre", "auditor"
    }  # fmt: skip
    assert len({p["password"] for p in people}) == len(people)
    assert rows("SELECT count(*) FROM account") == [(len(people),)]


def test_a_second_load_is_refused_or_quietly_left(accounts: Path) -> None:
    arguments = ["--table", str(TABLE), "--accounts", str(accounts), "--households", "100"]
    refused = CliRunner().invoke(demo_data, arguments)
    assert refused.exit_code == 1
    assert "has households already" in refused.output
    left = CliRunner().invoke(demo_data, [*arguments, "--if-missing"])
    assert (left.exit_code, left.output) == (0, "")


def test_without_the_code_table_it_says_how_to_get_it(accounts: Path) -> None:
    said = CliRunner().invoke(demo_data, ["--table", "nowhere"])
    assert said.exit_code == 1
    assert "make setup" in said.output


@contextmanager
def served(config: Config) -> Iterator[tuple[str, Callable[[], None]]]:
    """The address of a site with real web processes, and a way to kill -9 and start them anew."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {
        **os.environ, "GRIDSERVE_DATABASE_URL": config.database_url,
        "GRIDSERVE_REDIS_URL": config.redis_url, "GRIDSERVE_SECRET_KEY": config.secret_key,
        "GRIDSERVE_DATA_KEY": config.data_key[0],
        "GRIDSERVE_BLOBS": config.blobs,
    }  # fmt: skip
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        running.append(subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", address, "--workers", "2",
             "--threads", "4", "--preload", "--no-control-socket", "--log-level", "critical"],
            cwd=ROOT, env=environment, start_new_session=True,
        ))  # fmt: skip

    def kill() -> None:
        process = running.pop()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def restart() -> None:
        kill()
        start()

    start()
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://{address}/healthz", timeout=5):
                    break
            except OSError:
                time.sleep(0.1)
        yield f"http://{address}", restart
    finally:
        kill()


def a_day(url: str, accounts: Path, **changes: Any) -> Day:
    wanted: dict[str, Any] = {
        "today": workdays.start_of(workdays.today()), "cadres": 12, "visits": 48, "repeat": True,
        "seed": 1, **changes,
    }  # fmt: skip
    return Day(url, json.loads(accounts.read_text()), **wanted)


def test_a_day_played_twice_over_while_the_site_is_killed_is_there_once(
    accounts: Path, config_here: Config
) -> None:
    before = rows("SELECT count(*) FROM visit")[0][0]
    issues = rows("SELECT count(*) FROM issue")[0][0]
    with served(config_here) as (url, restart):
        assert not a_day(url, accounts).is_played()
        killed: list[str] = []

        def tell(what: str, done: int) -> None:
            if what == "Round 2: visits" and done and not killed:
                killed.append(what)
                restart()

        report = a_day(url, accounts, tell=tell).play()
        assert a_day(url, accounts).is_played()
    assert killed
    assert report.faults == []
    assert report.retries > 0
    assert (report.visits_sent, report.visits_stored) == (48, 48)
    assert report.repeats > 48
    assert report.issues_opened > 0
    assert report.issues_closed > 0
    assert rows("SELECT count(*) FROM visit") == [(before + 48,)]
    assert rows("SELECT count(*) FROM issue") == [(issues + report.issues_opened,)]
    assert projection.check() == []
    figures.refresh_marked()
    db.session.commit()
    assert figures.check() == []
