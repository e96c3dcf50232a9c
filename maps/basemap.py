"""The base map under ours, fetched from the one host that the settings name.

Browsers ask us for its tiles, so that its key stays here, the pages load nothing from outside and
what was fetched once is there for all. Whatever its host does, an answer comes soon.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast
from urllib.parse import quote, urlsplit

from redis import Redis
from redis.exceptions import RedisError

from gridserve.config import Config
from gridserve.jobs import connect
from maps.shifting import NotATile, needs_shift, shifted

if TYPE_CHECKING:
    from requests import Session

CONNECT, READ, WHOLE = 2.0, 3.0, 6.0  # seconds: for a connection, between bytes, for a tile
LARGEST = 512 * 1024  # bytes of a tile
AT_ONCE = 4  # fetched at once by a process: threads that wait for it serve nobody
PATIENCE = 5.0  # seconds to wait for one of these
DOWN = 30  # seconds for which a host in trouble is left alone
# A tile lies in the slot that its address hashes to, in place of what lay there: so the cache has a
# limit (256 MB at most, a fifth of it usually) and nothing has to be counted or tidied up.
SLOTS, KEPT_UP_TO = 4096, 64 * 1024
KEPT, NOTHING_KEPT = 7 * 86_400, 600  # seconds, of a tile and of there being none
TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
ANY_TYPE = {*TYPES.values(), "image/jpg", "application/octet-stream"}
log = logging.getLogger(__name__)
_turns = threading.BoundedSemaphore(AT_ONCE)
_own = threading.local()  # requests' sessions are for one thread each


class Unavailable(Exception):
    """The host does not give what can be shown, or was left alone because it did not just now."""


class NoPicture(Unavailable):
    """The host answered, but not with a picture that can be shown."""


def type_of(tile: bytes) -> str | None:
    """The content type that bytes are, by how they begin; None for what is no picture."""
    if tile[:4] == b"RIFF" and tile[8:12] != b"WEBP":
        return None
    return next((kind for begins, kind in TYPES.items() if tile.startswith(begins)), None)


def tile(config: Config, layer: int, z: int, x: int, y: int) -> bytes | None:
    """A tile of the base map's `layer` in the system of our data; None where it has none.

    Raises Unavailable.
    """
    address = config.basemap[layer]

    def plain(z: int, x: int, y: int) -> bytes | None:
        return _kept(config, (address, z, x, y), lambda: _fetched(config, address, z, x, y))

    def moved() -> bytes | None:
        try:
            return shifted(z, x, y, plain)
        except NotATile as error:
            raise Unavailable(str(error)) from error

    if config.basemap_system == "gcj02" and needs_shift(z, x, y):
        return _kept(config, (address, "moved", z, x, y), moved)
    return plain(z, x, y)


def asked(config: Config, layer: int, z: int, x: int, y: int) -> bytes | None:
    """What the host itself answers now, past what is kept and also while it is left alone; in its
    own system. Raises Unavailable."""
    return _asked(_filled(config, config.basemap[layer], z, x, y))


def _kept(
    config: Config, what: tuple[object, ...], make: Callable[[], bytes | None]
) -> bytes | None:
    """What lies in Redis under `what`, or is made and put there."""
    name = hashlib.sha256(repr(what).encode()).digest()[:16]
    slot = f"gridserve:basemap:{int.from_bytes(name) % SLOTS}"
    redis = connect(config)
    with suppress(RedisError):  # it only saves time
        found = cast(bytes | None, redis.get(slot))
        if found is not None and found[:16] == name:
            return found[16:] or None
    made = make()
    if made is None or len(made) <= KEPT_UP_TO:
        with suppress(RedisError):
            redis.set(slot, name + (made or b""), ex=KEPT if made else NOTHING_KEPT)
    return made


def _fetched(config: Config, address: str, z: int, x: int, y: int) -> bytes | None:
    redis, host = connect(config), urlsplit(address).hostname
    down = f"gridserve:basemap:down:{host}"
    if not _turns.acquire(timeout=PATIENCE):
        raise Unavailable("others wait for it")
    try:
        if _is_left_alone(redis, down):  # looked at last, so that who waited does not ask in vain
            raise Unavailable("left alone for a while")
        try:
            return _asked(_filled(config, address, z, x, y))
        except Unavailable as error:
            _leave_alone(redis, down, f"{host}: {error}")
            raise
    finally:
        _turns.release()


def _is_left_alone(redis: Redis, down: str) -> bool:
    with suppress(RedisError):
        return bool(redis.exists(down))
    return False


def _filled(config: Config, address: str, z: int, x: int, y: int) -> str:
    values = {"z": z, "x": x, "y": y, "key": quote(config.basemap_key, safe="")}
    for mark, value in values.items():
        address = address.replace(f"{{{mark}}}", str(value))
    return address


def _leave_alone(redis: Redis, down: str, why: str) -> None:
    with suppress(RedisError):
        if not redis.set(down, 1, nx=True, ex=DOWN):
            return  # said already
    log.warning("base map: %s; not asked for %s seconds", why, DOWN)


def _asked(address: str) -> bytes | None:
    """What the host answers; Unavailable says why it cannot be shown, without the address."""
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    began = time.monotonic()
    try:
        with _session().get(
            address, timeout=(CONNECT, READ), stream=True, allow_redirects=False
        ) as answer:
            if answer.status_code in (204, 404):
                return None
            if answer.status_code != 200:
                raise NoPicture(f"answered {answer.status_code}")
            kind = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
            if kind not in ANY_TYPE:
                raise NoPicture(f"sent {kind[:40] or 'no type'}, no picture")
            body = b""
            while piece := answer.raw.read1(65_536, decode_content=True):
                body += piece
                if len(body) > LARGEST:
                    raise NoPicture("sent too large a tile")
                if time.monotonic() - began > WHOLE:
                    raise Unavailable("is too slow")
    except (RequestException, HTTPError, OSError) as error:
        raise Unavailable(type(error).__name__) from error
    if not type_of(body):
        raise NoPicture(f"sent what is no picture, {len(body)} bytes")
    return body


def _session() -> Session:
    if not hasattr(_own, "session"):
        _own.session = _new_session()
    return cast("Session", _own.session)


def _new_session() -> Session:
    from requests import Session

    session = Session()
    session.headers["User-Agent"] = "GridServe"
    return session


@functools.cache
def version(layers: tuple[str, ...], system: str) -> str:
    """What changes in the addresses of tiles when the base map is another one."""
    return hashlib.sha256(repr((layers, system)).encode()).hexdigest()[:8]
