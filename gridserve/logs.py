"""What is written down of each request, job and fault: a line each, with an id, without their data.

A line names the route's pattern and not its address, the account's id and not a name, the kind of a
fault and not the values that it speaks of. So logs may be kept, sent on and read by who runs the
machines. The id goes with the answer, with its problem and with the jobs that it asked for.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, has_app_context, request

from gridserve.db import sqlstate

if TYPE_CHECKING:
    from gridserve.config import Config

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
# Crockford's: no letter that is heard or read as another one or as a digit.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PACKAGES = ("gridserve", "grids", "visits", "maps")
# What these say is of our code; the words of other faults may quote what somebody typed.
SAID = (AttributeError, AssertionError, ImportError, NameError, OSError, TypeError)
log = logging.getLogger("gridserve.requests")


def new_id() -> str:
    """An id that can be read out over the telephone: 7K3M-9QXT-2BCD."""
    chance = secrets.randbits(60)
    letters = "".join(LETTERS[chance >> bits & 31] for bits in range(0, 60, 5))
    return f"{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def current_id() -> str | None:
    """The id of the request that is being answered, or that asked for the job that runs."""
    return g.get("request_id") if has_app_context() else None


class Plain(logging.Formatter):
    """Lines for people; with the id where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        said = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        parts = (_moment(record), record.levelname, current_id(), _words(record), said)
        lines = [" ".join(part for part in parts if part)]
        if record.exc_info and record.exc_info[1]:
            lines.extend(told(record.exc_info[1]))
        return "\n  ".join(lines)


class Json(logging.Formatter):
    """One JSON object a line, for programs that gather logs."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _words(record),
            "id": current_id(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line["fault"] = list(told(record.exc_info[1]))
        return json.dumps(line, ensure_ascii=False)


FORMS: dict[str, type[logging.Formatter]] = {"text": Plain, "json": Json}


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _words(record: logging.LogRecord) -> str:
    """What the line says; the web server's own lines without the address that they quote."""
    if record.name == "gunicorn.error" and record.levelno >= logging.WARNING:
        for words in ("Error handling request", "Invalid request"):
            if str(record.msg).startswith(words):
                return words
    return record.getMessage()


def told(error: BaseException) -> Iterator[str]:
    """Where a fault came from, line by line, and of what kind each in its chain was."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    for one in reversed(chain):
        for frame in traceback.extract_tb(one.__traceback__):
            yield f"{frame.filename}:{frame.lineno} in {frame.name}"
        yield kind(one)


def kind(error: BaseException) -> str:
    """What kind of fault it was; of the database its state and the rule that was broken."""
    name = type(error).__name__
    state = sqlstate(error) or getattr(error, "sqlstate", None)
    if state:
        said: Any = getattr(getattr(error, "orig", error), "diag", None)
        rule = getattr(said, "constraint_name", None) or getattr(said, "table_name", None)
        return " ".join(filter(None, (name, state, rule)))
    return f"{name}: {error}" if isinstance(error, SAID) else name


def begin(form: str) -> None:
    """Write to standard error as `form` says, for a process that serves or works."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(FORMS[form]())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for package in PACKAGES:
        logging.getLogger(package).setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings quote whole addresses
    web = logging.getLogger("gunicorn.error")
    web.handlers.clear()
    web.propagate = True


def init_app(app: Flask) -> None:
    """Give each request its id, answer it, and write the line."""
    config: Config = app.extensions["gridserve"]

    @app.before_request
    def _begin() -> None:
        given = request.headers.get(HEADER, "") if config.proxies else ""
        g.request_id = given if GIVEN.fullmatch(given) else new_id()
        g.began = time.perf_counter()

    # Registered before those of others, it is the last to run, when all is decided.
    @app.after_request
    def _end(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        sign_in = g.get("sign_in")
        fields = {
            "method": request.method,
            "route": route(),
            "status": response.status_code,
            "ms": round((time.perf_counter() - g.began) * 1000, 1),
            "by": str(sign_in.user_id) if sign_in else None,
        }
        log.info("request", extra={"fields": fields})
        return response

    def log_exception(exc_info: Any) -> None:
        # Flask's own line would hold the address.
        app.logger.error("fault in %s", route(), exc_info=exc_info)

    app.log_exception = log_exception  # type: ignore[method-assign]


def route() -> str:
    """The pattern of the present request's address, `-` where there is none."""
    return request.url_rule.rule if request.url_rule else "-"
