"""The catalogue of problems, and the one place where an error becomes an answer.

Programs get RFC 9457 problem+json, people get a page. A code never changes; words are translated.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, current_app, jsonify, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError
from werkzeug.exceptions import HTTPException

from gridserve import logs
from gridserve.db import (
    CHECK_VIOLATION,
    DISK_FULL,
    FOREIGN_KEY_VIOLATION,
    RINGS,
    UNIQUE_VIOLATION,
    db,
    sqlstate,
)
from gridserve.words import translated

Errors = dict[str, list[str]]


class Problem(Exception):
    """Something that the caller should know; `detail` says what, where and how to mend it."""

    status = 500
    code = "server.error"
    title: Any = _l("Something went wrong here")

    def __init__(self, detail: Any = None, *, errors: Errors | None = None, **extra: Any) -> None:
        super().__init__(str(detail or self.code))
        self.headers: dict[str, str] = {}
        self.detail = detail
        self.errors = errors
        self.extra = extra


class BadRequest(Problem):
    status, code, title = 400, "request.bad", _l("The request cannot be read")


class Unauthorized(Problem):
    status, code, title = 401, "auth.required", _l("Please sign in")


class Forbidden(Problem):
    status, code, title = 403, "auth.forbidden", _l("Your post does not allow this")


class NotFound(Problem):
    status, code, title = 404, "request.not_found", _l("Not found")


class MethodNotAllowed(Problem):
    status, code, title = 405, "request.method", _l("This address does not take that method")


class TooSlow(Problem):
    status, code, title = 408, "request.too_slow", _l("The request did not arrive whole")


class Conflict(Problem):
    status, code, title = 409, "request.conflict", _l("This does not fit what is stored")


class Changed(Problem):
    status, code, title = 412, "request.changed", _l("It has changed since you saw it")


class TooLarge(Problem):
    status, code, title = 413, "request.too_large", _l("The request is too large")


class NotJson(Problem):
    status, code, title = 415, "request.not_json", _l("The body must be JSON")


class Invalid(Problem):
    status, code, title = 422, "request.invalid", _l("Some values cannot be used")


class TooMany(Problem):
    status, code, title = 429, "request.too_many", _l("Too many attempts")


class Unavailable(Problem):
    status, code, title = 503, "server.unavailable", _l("Not available for a moment")


HTTP_CODES: dict[int, type[Problem]] = {
    kind.status: kind
    for kind in (
        BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, Conflict, TooLarge,
        NotJson, Invalid, TooMany, Unavailable,
    )
}  # fmt: skip


def pointers(messages: Any, prefix: str = "") -> Errors:
    """Flatten marshmallow's nested messages to JSON pointer → messages."""
    if isinstance(messages, dict):
        found: Errors = {}
        for key, value in messages.items():
            name = str(key).encode("utf-8", "replace").decode()  # a lone surrogate has no UTF-8
            part = "" if key == "_schema" else "/" + name.replace("~", "~0").replace("/", "~1")
            found.update(pointers(value, prefix + part))
        return found
    listed = messages if isinstance(messages, list) else [messages]
    return {prefix or "/": [translated(m) for m in listed]}


def wants_page() -> bool:
    """Whether the caller is a person with a browser rather than a program."""
    if request.path.startswith(("/api/", "/tiles/")):
        return False
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "text/html"


def problem_response(problem: Problem) -> Response:
    """The answer that tells of `problem`: a page or problem+json."""
    detail = str(problem.detail) if problem.detail else ""
    if wants_page():
        response = Response(
            render_template(
                "error.html",
                status=problem.status,
                title=str(problem.title),
                detail=detail,
                code=problem.code,
                errors=problem.errors,
                request_id=logs.current_id(),
            ),
            status=problem.status,
            mimetype="text/html",
        )
    else:
        body: dict[str, Any] = {
            "type": f"urn:gridserve:problem:{problem.code}",
            "title": str(problem.title),
            "status": problem.status,
            "code": problem.code,
        }
        if detail:
            body["detail"] = detail
        if problem.errors:
            body["errors"] = problem.errors
        # Only of faults: a repeat of anything else gets the same answer to the letter.
        if problem.status >= 500 and (request_id := logs.current_id()):
            body["request_id"] = request_id
        body.update(problem.extra)
        response = jsonify(body)
        response.status_code = problem.status
        response.mimetype = "application/problem+json"
    response.headers.update(problem.headers)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status == 503:
        response.headers["Retry-After"] = "2"
    return response


def _from_http(error: HTTPException) -> Problem:
    """A werkzeug or webargs error as a problem of the catalogue."""
    status = error.code or 500
    kind = HTTP_CODES.get(status)
    data = getattr(error, "data", None) or {}
    messages = data.get("messages")
    if status == 422 and messages:
        # webargs groups messages by where the value came from; the pointer names the value only
        merged: Errors = {}
        for part in messages.values() if isinstance(messages, dict) else [messages]:
            merged.update(pointers(part))
        return Invalid(_("Mend the values named under “errors” and send it again."), errors=merged)
    if kind is not None:
        return kind(error.description if status in (400, 409) else None)
    problem = Problem(None)
    problem.status, problem.code, problem.title = status, f"http.{status}", error.name
    return problem


def of_database(error: Exception) -> Problem | None:
    """What the database refused, in the caller's terms; None where it is a fault of ours."""
    state = sqlstate(error) or ""
    if state == DISK_FULL:
        return Unavailable(
            _(
                "The server's disk is full. Nothing was lost; whoever runs the installation has to "
                "make room. Try again then."
            )
        )
    if isinstance(error, OperationalError) and (not state or state[:2] in ("08", "57", "53")):
        return Unavailable(_("The database does not answer just now. Nothing was lost; try again."))
    if state in (*RINGS, "55P03"):
        return Unavailable(_("Somebody else is changing the same thing. Try again."))
    if state == UNIQUE_VIOLATION:
        return Conflict(_("Something with this code or number is already stored."))
    if state == FOREIGN_KEY_VIOLATION:
        return Conflict(_("Something that this refers to is not, or no longer, stored."))
    if state == CHECK_VIOLATION and (problem := _guarded(error)):
        return problem
    if isinstance(error, IntegrityError | DataError) or state[:2] in ("22", "23"):
        return Invalid(_("The database refused a value."))
    return None


def _guarded(error: Exception) -> Problem | None:
    """What a guard of the field refused, where the application has words for it."""
    said: Any = getattr(getattr(error, "orig", None), "diag", None)
    name = getattr(said, "constraint_name", None) or ""
    for prefix, problem in current_app.extensions["gridserve.refusals"].items():
        if name.startswith(prefix):
            found: Problem = problem(said.message_primary or "")
            return found
    return None


def init_app(app: Flask) -> None:
    """Register the one handler."""

    @app.errorhandler(Problem)
    def _problem(error: Problem) -> Response:
        return problem_response(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.code is not None and error.code < 400:
            return current_app.make_response(error.get_response())
        response = problem_response(_from_http(error))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after"):
                response.headers[name] = value
        return response

    @app.errorhandler(ValidationError)
    def _validation(error: ValidationError) -> Response:
        return problem_response(Invalid(errors=pointers(error.messages)))

    @app.errorhandler(StatementError)
    def _database(error: StatementError) -> Response:
        db.session.rollback()
        problem = of_database(error)
        if problem is None:
            raise error
        current_app.logger.warning("database refused: %s", logs.kind(error))
        return problem_response(problem)

    @app.errorhandler(TimeoutError)
    def _slow(error: TimeoutError) -> Response:
        return problem_response(TooSlow(_("The body stopped coming. Send it again.")))

    @app.errorhandler(500)
    def _server(error: HTTPException) -> Response:
        return problem_response(
            Problem(_("It was written down. Try again, or tell your administrator."))
        )
