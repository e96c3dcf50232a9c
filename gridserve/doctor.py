"""`gridserve doctor`: every dependency, its version, what is wrong and how to mend it."""

import os
import platform
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from gridserve.installation import KEYS, ROOT, servers, wants_local
from gridserve.local import Local, LocalError
from gridserve.local.binaries import find_postgres, find_redis
from gridserve.up import at_head, heads, is_up

ASSETS = ROOT / "gridserve" / "static" / "vendor"
ASSET_FILES = (
    "leaflet/leaflet.js", "leaflet/leaflet.css", "bootstrap/css/bootstrap.min.css",
    "swagger-ui/swagger-ui-bundle.js", "folium/leaflet_heat.min.js", "folium/pa7_hm.min.js",
    "timedimension/leaflet.timedimension.min.js",
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One thing looked at: state is ok, wrong, or idle (not running, and need not be)."""

    name: str
    state: str
    found: str
    mend: str = ""

    @property
    def wrong(self) -> bool:
        return self.state == "wrong"

    @property
    def sign(self) -> str:
        return {"ok": "✓", "wrong": "✗", "idle": "–"}[self.state]

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine(data: Path) -> list[Check]:
    """Look at everything; each failure is a finding, never an exception."""
    return list(_examine(data.absolute()))


def _examine(data: Path) -> Iterator[Check]:
    yield _python()
    yield _guarded("packages", _packages)
    yield _guarded("map files", _map_files)
    yield _guarded(
        "tables", lambda: Check("tables", "ok", f"openpyxl {metadata.version('openpyxl')}")
    )
    yield _guarded("paper", _paper)
    local = wants_local()
    if local:
        yield _guarded("postgresql", _postgres)
        yield _guarded("redis program", lambda: Check("redis program", "ok", str(find_redis())))
    yield _assets()
    yield _folder(data)
    for variable, file in KEYS.items():
        yield _key(data, variable, file)
    if local and not Local(data).made():
        yield Check("database", "idle", "not made yet; `gridserve up` makes it")
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(servers(data))
        except LocalError as error:
            yield Check("servers", "wrong", "do not start", str(error))
            return
        yield _guarded("database", _database)
        yield _guarded("migrations", _migrations)
        yield _guarded("sealed data", _sealed)
        yield _guarded("redis", _redis)
        yield _guarded("pictures", _pictures)
        yield _guarded("base map", _base_map)
        if os.environ.get("GRIDSERVE_OIDC_ISSUER"):
            yield _guarded("sign-on", _sign_on)
        yield _guarded("worker", lambda: _worker(is_up(data) or not local))


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except LocalError as error:
        return Check(name, "wrong", "missing", str(error))
    except Exception as error:  # a doctor who faints helps nobody
        words = str(error).strip().splitlines() or [type(error).__name__]
        return Check(name, "wrong", words[0], _MEND.get(name, "See the log files under var/log."))


_MEND = {
    "database": "Is the server of GRIDSERVE_DATABASE_URL running, and are name and password right?",
    "migrations": "Run: gridserve db upgrade",
    "sealed data": "Run: gridserve db upgrade",
    "redis": "Is the server of GRIDSERVE_REDIS_URL running?",
    "worker": "Run: gridserve worker",
    "sign-on": "Is GRIDSERVE_OIDC_ISSUER just as the provider says it, and can it be reached?",
    "paper": "Run: make setup (Debian: apt install libpango-1.0-0 libpangoft2-1.0-0 "
    "libharfbuzz-subset0 fonts-noto-cjk)",
    "pictures": "Can GRIDSERVE_BLOBS be written by this account, and are its key and secret right?",
}


def _python() -> Check:
    # No comparison: an older Python cannot even read this package.
    return Check("python", "ok", f"{platform.python_version()} ({sys.executable})")


def _packages() -> Check:
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in metadata.requires("gridserve") or []]
    bad = []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            bad.append(f"{one.name} is missing")
            continue
        if not one.specifier.contains(version, prereleases=True):
            bad.append(f"{one.name} {version} is not {one.specifier}")
    if bad:
        return Check("packages", "wrong", "; ".join(bad), "Run: make setup")
    return Check("packages", "ok", f"gridserve {metadata.version('gridserve')} and what it needs")


def _map_files() -> Check:
    import pyogrio
    import pyproj

    gdal = ".".join(map(str, pyogrio.__gdal_version__))
    found = f"GDAL {gdal}, PROJ {pyproj.proj_version_str}"
    missing = {"GPKG", "ESRI Shapefile"} - pyogrio.list_drivers().keys()
    if missing:
        words = f"{found}, without {', '.join(sorted(missing))}"
        return Check("map files", "wrong", words, "Run: make setup")
    pyproj.CRS("EPSG:4490")  # its table of coordinate systems is there and can be read
    return Check("map files", "ok", found)


def _paper() -> Check:
    """What documents on paper need: the libraries, and a font that has Chinese."""
    from gridserve.documents import pdf

    pdf.from_html("<p>A")  # without its libraries it says which one is missing
    found = f"WeasyPrint {metadata.version('weasyprint')}"
    listed = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, check=True)
    fonts = sorted({line.partition(",")[0] for line in listed.stdout.decode().splitlines()})
    if not fonts:
        return Check("paper", "wrong", f"{found}, no font has Chinese", _MEND["paper"])
    return Check("paper", "ok", f"{found}, {len(fonts)} Chinese fonts such as {fonts[0]}")


def _postgres() -> Check:
    found = find_postgres()
    missing = [name for name in ("btree_gist", "pg_trgm") if not found.has(name)]
    if missing:
        return Check(
            "postgresql", "wrong", f"{found.version} without {', '.join(missing)}",
            "Install the contributed extensions: apt install postgresql-contrib",
        )  # fmt: skip
    postgis = found.extension_version("postgis")
    return Check("postgresql", "ok", f"{found.version}, PostGIS {postgis} ({found.bin})")


def _assets() -> Check:
    missing = [name for name in ASSET_FILES if not (ASSETS / name).exists()]
    if missing:
        return Check("page assets", "wrong", f"missing: {', '.join(missing)}", "Run: make setup")
    return Check("page assets", "ok", f"{len(ASSET_FILES)} files looked for and found")


def _folder(data: Path) -> Check:
    place = data if data.exists() else data.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return Check(
            "folder", "wrong", f"{place} cannot be written",
            "Run as the account that made it, or choose another folder with --data",
        )  # fmt: skip
    return Check("folder", "ok", str(data))


def _key(data: Path, variable: str, file: str) -> Check:
    name = file.replace("-", " ")
    if os.environ.get(variable):
        keys = os.environ[variable].split(",") if file == "data-key" else [os.environ[variable]]
        long_enough = all(len(key.strip()) >= 32 for key in keys)
        return Check(
            name, "ok" if long_enough else "wrong", "from the environment",
            "" if long_enough else f"{variable} needs 32 characters or more",
        )  # fmt: skip
    path = data / file
    if not path.exists():
        return Check(name, "idle", "not made yet; the first command that needs it makes it")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Check(name, "wrong", f"{path} can be read by others", f"chmod 600 {path}")
    return Check(name, "ok", str(path))


def _query(sql: str) -> Any:
    from sqlalchemy import create_engine, text

    engine = create_engine(os.environ["GRIDSERVE_DATABASE_URL"])
    try:
        with engine.connect() as connection:
            return connection.execute(text(sql)).scalar_one()
    finally:
        engine.dispose()


def _database() -> Check:
    version = _query("SHOW server_version")
    return Check(
        "database", "ok", f"PostgreSQL {version}, PostGIS {_query('SELECT postgis_lib_version()')}"
    )


def _migrations() -> Check:
    newest = ", ".join(heads())
    if not at_head(os.environ["GRIDSERVE_DATABASE_URL"]):
        return Check("migrations", "wrong", f"not at {newest}", "Run: gridserve db upgrade")
    return Check("migrations", "ok", f"at {newest}")


def _sealed() -> Check:
    from gridserve import keyuse
    from gridserve.app import create_app
    from gridserve.db import db

    with create_app().app_context():
        try:
            found = keyuse.uses()
        finally:
            db.session.remove()
            db.engine.dispose()
        missing = sorted({use.key for use in found if not use.known})
        others = sum(use.count for use in found if use.cipher and not use.present)
    if missing:
        return Check(
            "sealed data", "wrong", f"nothing opens what lies under {', '.join(missing)}",
            "Put that key into GRIDSERVE_DATA_KEY, after a comma; see: gridserve keys check",
        )  # fmt: skip
    later = f", {others:,} under earlier keys: gridserve keys rotate" if others else ""
    return Check("sealed data", "ok", f"{sum(u.count for u in found):,} values{later}")


def _redis() -> Check:
    import redis

    client = redis.Redis.from_url(os.environ["GRIDSERVE_REDIS_URL"], socket_timeout=5)
    try:
        return Check("redis", "ok", str(client.info("server")["redis_version"]))
    finally:
        client.close()


def _pictures() -> Check:
    from gridserve import storage
    from gridserve.config import Config

    config = Config.from_env()
    store = storage.open_store(config)
    where = config.blobs.partition("?")[0]
    try:
        storage.check(store)
    except storage.StoreAway as away:
        return Check("pictures", "wrong", f"{where}: {away.why}", _MEND["pictures"])
    return Check("pictures", "ok", f"{where} can be written and read")


def _base_map() -> Check:
    from gridserve.app import create_app
    from gridserve.db import db

    app = create_app()
    with app.app_context():
        try:
            found: Check = app.extensions["gridserve.basemap_check"]()
        finally:
            db.session.remove()
            db.engine.dispose()
    return found


def _sign_on() -> Check:
    from gridserve.app import create_app
    from gridserve.provider import provider

    with create_app().app_context():
        found = provider()
        assert found is not None
        found.check()
    return Check("sign-on", "ok", f"{found.issuer} answers")


def _worker(expected: bool) -> Check:
    import redis
    from rq import Queue, Worker

    from gridserve.jobs import LONG, QUEUE

    client = redis.Redis.from_url(os.environ["GRIDSERVE_REDIS_URL"], socket_timeout=5)
    try:
        short, long = (Worker.count(queue=Queue(q, connection=client)) for q in (QUEUE, LONG))
    finally:
        client.close()
    if long:
        return Check("worker", "ok", f"{short} at work, {long} of them on long jobs too")
    if short:
        return Check("worker", "wrong", "none takes long jobs", _MEND["worker"])
    if expected:
        return Check("worker", "wrong", "none is registered", _MEND["worker"])
    return Check("worker", "idle", "not running; `gridserve up` starts one")
