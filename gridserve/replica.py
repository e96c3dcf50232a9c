"""Reading maps and figures from a streaming replica, but never less than one wrote oneself.

Where GRIDSERVE_REPLICA_URL is set, views that are marked with `@from_replica` ask the replica. What
somebody wrote is remembered, as a place in the write-ahead log, for as long as a replica may be
behind; whoever wrote something that it does not have yet is answered by the primary. So is
everybody while the replica is away, or too far behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g
from prometheus_client import Counter
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gridserve.config import Config
from gridserve.db import REPLICA, db, sqlstate
from gridserve.jobs import connect

View = TypeVar("View", bound=Callable[..., Any])
MOST_BEHIND = 60.0  # seconds
REMEMBERED = 600  # seconds: longer than a replica may be behind
REST = 10.0  # seconds for which a process does not ask a replica that failed
# What ends a query there and not here: the connection is lost, or what it read was cleaned away.
LOST = ("08", "57", "40", "53")
STATE = """
    SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()::text,
        extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float
"""
READS = Counter(
    "gridserve_reads", "Maps and figures by the server asked", ("server",), registry=None
)
_rests: dict[str, float] = {}  # until when, by the replica's address


def from_replica(view: View) -> View:
    """Let a view that only reads ask the replica. Stands below `@requires`: who may is asked of the
    primary, so that rights end at once."""

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        config: Config = current_app.extensions["gridserve"]
        if not config.replica_url:
            return view(*args, **kwargs)
        if _has_enough(config):
            g.from_replica = True
            try:
                answer = view(*args, **kwargs)
            except DBAPIError as error:
                if (sqlstate(error) or "08")[:2] not in LOST:
                    raise
                _rest(config)
            else:
                READS.labels("replica").inc()
                return answer
            finally:
                g.pop("from_replica")
                _let_go()
        READS.labels("primary").inc()
        return view(*args, **kwargs)

    wrapper.from_replica = True  # type: ignore[attr-defined]  # read by the test
    return cast(View, wrapper)


def _let_go() -> None:
    """End the reading there; that the connection is lost by now changes nothing."""
    try:
        db.session.rollback()
    except DBAPIError:
        db.session().invalidate()


def wrote() -> None:
    """Remember how far the log was when the present person had written something."""
    config: Config = current_app.extensions["gridserve"]
    sign_in = g.get("sign_in")
    if not config.replica_url or sign_in is None:
        return
    place = db.session.scalar(text("SELECT pg_current_wal_insert_lsn()::text"))
    db.session.rollback()
    try:
        connect(config).set(_key(sign_in), str(place), ex=REMEMBERED)
    except RedisError:
        _rest(config)  # nobody knows what was written: the primary does


def _has_enough(config: Config) -> bool:
    """Whether the replica answers, is not far behind, and has what this person wrote."""
    if time.monotonic() < _rests.get(config.replica_url, 0):
        return False
    try:
        kept = connect(config).get(_key(g.sign_in))
        here = _number(db.session.scalar(text("SELECT pg_current_wal_lsn()::text")))
        db.session.rollback()  # its connection is free while the map is drawn
        with db.engines[REPLICA].connect() as connection:
            recovering, there, age = connection.execute(text(STATE)).one()
    except (RedisError, SQLAlchemyError):
        db.session.rollback()
        _rest(config)
        return False
    if not recovering:  # it was promoted: what it has now is no copy of the primary
        return False
    own = _number(kept.decode() if isinstance(kept, bytes) else kept)
    reached = _number(there)
    fresh = reached >= here or (age is not None and age <= MOST_BEHIND)
    return fresh and reached >= own


def _key(sign_in: Any) -> str:
    return f"gridserve:wrote:{sign_in.user_id}"


def _number(place: Any) -> int:
    """A place in the log, such as 16/B374D848, as a number that grows."""
    high, _slash, low = str(place or "0/0").partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _rest(config: Config) -> None:
    _rests[config.replica_url] = time.monotonic() + REST
