"""How often a query code may be tried. Without Redis nobody may: codes are short."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from flask import current_app
from flask_babel import gettext as _
from redis.exceptions import RedisError

from gridserve.errors import TooMany, Unavailable
from gridserve.jobs import QUEUE, connect

WINDOW = 900  # seconds
# Wrong codes for a number, and questions from an address: many homes can share an address.
PER_NUMBER, PER_ADDRESS = 5, 60


def count(number: str, address: str) -> None:
    """Count a try before it is looked at; raises TooMany, and Unavailable where Redis is away."""
    try:
        pipe = connect(current_app.extensions["gridserve"]).pipeline()
        for key in (_number(number), _address(address)):
            pipe.set(key, 0, ex=WINDOW, nx=True)
            pipe.incr(key)
        _new, of_number, _new, of_address = pipe.execute()
    except RedisError as error:
        raise Unavailable(
            _("This cannot be looked up just now. Try again later, or call us.")
        ) from error
    if of_number > PER_NUMBER or of_address > PER_ADDRESS:
        words = _("Tried too often. Wait %(n)s minutes, or call us.", n=WINDOW // 60)
        raise TooMany(words)


def forgive(number: str) -> None:
    """Take back the count for a number whose code was right."""
    with suppress(RedisError):  # then it was counted once too often, and runs out by itself
        connect(current_app.extensions["gridserve"]).delete(_number(number))


def _number(number: str) -> str:
    return f"{QUEUE}:code:n:{hashlib.sha256(number.encode()).hexdigest()[:32]}"


def _address(address: str) -> str:
    return f"{QUEUE}:code:a:{hashlib.sha256(address.encode()).hexdigest()[:32]}"
