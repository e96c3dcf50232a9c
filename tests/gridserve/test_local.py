"""The private servers, tried with real ones: made, killed, found again, and in each other's way."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import create_engine, text

from gridserve.local import Local, LocalError, postgres, redis_server
from gridserve.local.binaries import find_postgres, installed_postgres
from gridserve.local.processes import alive
from tests.installed import small_disk

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a database that was made once and stopped; tests work on copies."""
    folder = _open_folder()
    with Local(folder / "data"), psycopg.connect(_dsn(folder / "data")) as database:
        database.execute("CREATE TABLE kept (word text)")
        database.execute("INSERT INTO kept VALUES ('before')")
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def local(made: Path) -> Iterator[Local]:
    """Servers, not yet started, on a copy of a database that holds one row."""
    folder = _open_folder()
    subprocess.run(["cp", "-a", str(made), str(folder / "data")], check=True)
    one = Local(folder / "data")
    yield one
    one.stop()
    shutil.rmtree(folder)


def _open_folder() -> Path:
    """A temporary folder that the account postgres can enter, as pytest's own is not."""
    # In memory where there is plenty: the tests copy some 60 MB each.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2_000_000_000
    folder = Path(tempfile.mkdtemp(prefix="gs-", dir=memory if roomy else None))
    folder.chmod(0o755)
    return folder


def _dsn(data: Path) -> str:
    return f"host={data / 'run'} user=gridserve dbname=gridserve"


def words(one: Local) -> list[str]:
    engine = create_engine(one.addresses.database_url)
    with engine.connect() as connection:
        found = [row[0] for row in connection.execute(text("SELECT word FROM kept ORDER BY word"))]
    engine.dispose()
    return found


def ping(one: Local) -> bool:
    client = redis.Redis.from_url(one.addresses.redis_url)
    try:
        return bool(client.ping())
    finally:
        client.close()


def test_start_makes_a_database_with_its_extensions_and_stop_leaves_no_process(made: Path) -> None:
    one = Local(made)
    addresses = one.start()
    try:
        assert one.running() == {"postgresql": True, "redis": True}
        engine = create_engine(addresses.database_url)
        with engine.connect() as connection:
            names = {r[0] for r in connection.execute(text("SELECT extname FROM pg_extension"))}
            assert {"postgis", "btree_gist", "pg_trgm"} <= names
            # Chinese has to count as letters, or a search for a name finds nothing.
            assert (
                connection.execute(text("SELECT similarity('绥江县中城镇', '绥江县')")).scalar_one()
                > 0
            )
            rows = connection.execute(text("SELECT name, setting FROM pg_settings"))
            settings = {row.name: row.setting for row in rows}
        engine.dispose()
        assert settings["listen_addresses"] == ""
        assert settings["fsync"] == "on"
        assert settings["jit"] == "off"
        assert settings["random_page_cost"] == "1.1"
        assert ping(one)
        server, queue = postgres.pid(one.places), redis_server.pid(one.places)
        assert server is not None
        assert queue is not None
        mode = stat.S_IMODE(one.places.run.stat().st_mode)
        assert mode == 0o700
    finally:
        one.stop()
    assert one.running() == {"postgresql": False, "redis": False}
    assert not alive(server)
    assert not alive(queue)


def test_starting_again_is_quick_and_reuses(local: Local) -> None:
    local.start()
    first = postgres.pid(local.places)
    began = time.monotonic()
    local.start()
    assert time.monotonic() - began < 1
    assert postgres.pid(local.places) == first
    assert words(local) == ["before"]


def test_two_users_share_and_the_last_one_stops(local: Local) -> None:
    other = Local(local.data)
    local.start()
    other.start()
    local.stop()
    assert other.running() == {"postgresql": True, "redis": True}
    other.stop()
    assert other.running() == {"postgresql": False, "redis": False}


def test_two_at_once_make_one_server(local: Local) -> None:
    script = (
        "import sys, pathlib, psycopg; from gridserve.local import Local, postgres\n"
        "one = Local(pathlib.Path(sys.argv[1])); one.start()\n"
        "print(postgres.pid(one.places), flush=True); sys.stdin.read(); one.stop()"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(local.data)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = []
    for one in both:
        assert one.stdout is not None
        said.append(one.stdout.readline())
    assert said[0] == said[1] != ""
    for one in both:
        one.communicate()
        assert one.returncode == 0
    assert not any(local.running().values())


def test_a_user_killed_outright_leaves_no_server(local: Local) -> None:
    script = (
        "import sys, pathlib, time; from gridserve.local import Local\n"
        "one = Local(pathlib.Path(sys.argv[1])); one.start()\n"
        "print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(local.data)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        assert all(local.running().values())
        user.kill()
    deadline = time.monotonic() + 10
    while any(local.running().values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert local.running() == {"postgresql": False, "redis": False}


def test_killed_servers_come_back_with_the_data(local: Local) -> None:
    local.start()
    with psycopg.connect(_dsn(local.data), autocommit=True) as database:
        database.execute("INSERT INTO kept VALUES ('committed')")
        # A backend in a long query outlives its postmaster and holds the shared memory.
        lingering = psycopg.connect(_dsn(local.data), autocommit=True)
        lingering.execute("SET statement_timeout = 0")
        lingering.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        for number in (postgres.pid(local.places), redis_server.pid(local.places)):
            assert number is not None
            os.kill(number, signal.SIGKILL)
        while any(local.running().values()):
            time.sleep(0.01)
    local.start()
    lingering.close()
    assert words(local) == ["before", "committed"]
    assert ping(local)


def test_pid_files_of_another_life_do_not_matter(local: Local) -> None:
    # As after a reboot: both numbers belong to somebody else by now.
    places = local.places
    with subprocess.Popen(["sleep", "60"], user=places.uid if os.geteuid() == 0 else None) as alien:
        pid_file = places.postgres / "postmaster.pid"
        pid_file.write_text(
            f"{alien.pid}\n{places.postgres}\n0\n5432\n{places.run}\n\n 0 0\nready\n"
        )
        places.run.mkdir(exist_ok=True)
        places.redis_pid.write_text(str(alien.pid))
        (places.run / "redis.sock").touch()
        if os.geteuid() == 0:
            for path in (pid_file, places.redis_pid, places.run / "redis.sock"):
                os.chown(path, places.uid, places.gid)
        local.start()
        assert words(local) == ["before"]
        assert alien.poll() is None
        alien.kill()


def test_a_long_path_takes_short_sockets(made: Path) -> None:
    folder = _open_folder()
    data = folder / ("网格" * 12) / "a path with spaces, and a comma"
    data.parent.mkdir()
    data.parent.chmod(0o755)
    subprocess.run(["cp", "-a", str(made), str(data)], check=True)
    said: list[str] = []
    one = Local(data, said.append)
    try:
        one.start()
        assert words(one) == ["before"]
        assert ping(one)
        assert "cannot hold sockets" in said[0]
        assert stat.S_IMODE(one.places.run.stat().st_mode) == 0o700
    finally:
        one.stop()
        shutil.rmtree(one.places.run)
        shutil.rmtree(folder)


def test_an_awkward_short_path(made: Path) -> None:
    folder = _open_folder()
    data = folder / "a b'c?d#e%f"
    subprocess.run(["cp", "-a", str(made), str(data)], check=True)
    with Local(data):
        assert words(Local(data)) == ["before"]
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as another account")
def test_a_closed_parent_moves_the_database_and_says_so() -> None:
    folder = Path(tempfile.mkdtemp(prefix="gs-"))  # 0700: the account postgres cannot enter
    said: list[str] = []
    one = Local(folder / "data", said.append)
    try:
        one.start()
        assert str(one.places.base).startswith("/var/lib/gridserve/")
        assert str(one.places.base) in said[0]
        assert Local(folder / "data").places == one.places
    finally:
        one.stop()
        shutil.rmtree(one.places.base)
        shutil.rmtree(folder)


def test_missing_programs_are_named(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDSERVE_POSTGRES_BIN", "/nowhere")
    with pytest.raises(LocalError, match=r"PostgreSQL \d+ was not found.*apt install postgresql-"):
        local.start()
    monkeypatch.delenv("GRIDSERVE_POSTGRES_BIN")
    monkeypatch.setenv("GRIDSERVE_REDIS_BIN", "/nowhere/redis-server")
    with pytest.raises(LocalError, match=r"redis-server was not found.*apt install redis-server"):
        local.start()
    assert local.running() == {"postgresql": False, "redis": False}


def test_postgis_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine's real programs, in a folder that has no extensions beside it.
    real = installed_postgres()[0]
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("postgres", "initdb", "pg_ctl"):
        (programs / name).symlink_to(real.bin / name)
    monkeypatch.setenv("GRIDSERVE_POSTGRES_BIN", str(programs))
    with pytest.raises(LocalError, match=f"PostGIS.*postgresql-{real.major}-postgis-3"):
        find_postgres()


def test_data_of_another_version_is_not_touched(local: Local) -> None:
    version = local.places.postgres / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(LocalError, match="PostgreSQL 9 was not found"):
        local.start()
    assert version.read_text() == "9\n"
    version.write_text(f"{find_postgres().major}\n")


def test_a_folder_with_other_things_is_not_touched(local: Local) -> None:
    places = local.places
    shutil.rmtree(places.postgres)
    places.postgres.mkdir()
    if os.geteuid() == 0:
        os.chown(places.postgres, places.uid, places.gid)
    (places.postgres / "thesis.txt").write_text("mine")
    with pytest.raises(LocalError, match="holds no PostgreSQL data"):
        local.start()
    assert (places.postgres / "thesis.txt").read_text() == "mine"
    shutil.rmtree(places.postgres)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second account")
def test_another_account_is_told_whose_it_is(local: Local) -> None:
    script = (
        "import os, sys, json, pathlib; from gridserve.local import Local, LocalError\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: Local(pathlib.Path(sys.argv[1])).start()\n"
        "except LocalError as error: print(json.dumps(str(error)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(local.data)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "made by another account" in json.loads(done.stdout)


def test_a_full_disk_is_said() -> None:
    with (
        small_disk("20m") as folder,
        pytest.raises(LocalError, match=r"is full: \d+ MB are free"),
    ):
        Local(folder / "data").start()
