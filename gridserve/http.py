"""What endpoints share: the transaction at the edge, reading input, paging, ETags."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import marshmallow as ma
from flask import Response, g, request
from flask_babel import gettext as _
from flask_smorest import Blueprint as SmorestBlueprint
from sqlalchemy import Select, SQLColumnExpression, tuple_
from webargs.core import is_json, missing
from webargs.flaskparser import FlaskParser

from gridserve import replica
from gridserve.db import RINGS, db, sqlstate
from gridserve.errors import Changed, Invalid, pointers
from gridserve.words import UNSEEN

View = TypeVar("View", bound=Callable[..., Any])
PAGE, LONGEST_PAGE, LONGEST_CURSOR = 50, 500, 400
ATTEMPTS = 3  # of a transaction that the database ends because others wait for it
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # by the database
API = "/api/v1"


def transaction(view: View) -> View:
    """Commit when the view returns, roll back when it raises.

    Where two wait for each other in a ring the database ends one of them: that one is begun anew,
    and its sender hears nothing of it.
    """

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for left in reversed(range(ATTEMPTS)):
            try:
                answer = view(*args, **kwargs)
                db.session.commit()
            except BaseException as error:
                db.session.rollback()
                # A file that was read already is not there to be read again.
                if not left or sqlstate(error) not in RINGS or request.files:
                    raise
                g.pop("sign_in", None)  # who asks is looked up anew
            else:
                replica.wrote()
                return answer

    wrapper.transaction = True  # type: ignore[attr-defined]  # read by the guard test
    return cast(View, wrapper)


def large(most: int) -> Callable[[View], View]:
    """Let the bodies of this view have up to `most` bytes, more than those of others."""

    def mark(view: View) -> View:
        view.largest_body = most  # type: ignore[attr-defined]  # read before each request
        return view

    return mark


class Schema(ma.Schema):
    """Base of all schemas: unknown fields are errors, nothing passes that was not named."""

    class Meta:
        unknown = ma.RAISE
        ordered = True


def trimmed(text: str) -> str:
    """Words without what is not seen in them and around them."""
    return text.translate(UNSEEN).strip()


class Text(ma.fields.String):
    """Words from people: trimmed, without characters that the database cannot hold."""

    def __init__(
        self, *, most: int = 200, least: int = 0, trimmed: bool = True, **kwargs: Any
    ) -> None:
        self.trimmed = trimmed
        # A pattern as well as a length, so that the OpenAPI document says what is refused.
        rules = [ma.validate.Length(min=least or None, max=most)]
        super().__init__(validate=[*rules, *kwargs.pop("validate", [])], **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if UNSTORABLE.search(text):
            raise ma.ValidationError(_("Contains a character that cannot be stored."))
        return trimmed(text) if self.trimmed else text


class Moment(ma.fields.AwareDateTime):
    """A time in RFC 3339; it must say its offset."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not RFC3339.fullmatch(value):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        moment = super()._deserialize(value, attr, data, **kwargs)
        if not 2000 <= moment.year <= 2100:
            raise ma.ValidationError(_("Must lie between the years 2000 and 2100."))
        return moment


class Day(ma.fields.Date):
    """A day of the local calendar."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        day = super()._deserialize(value, attr, data, **kwargs)
        if not 2000 <= day.year <= 2100:
            raise ma.ValidationError(_("Must lie between the years 2000 and 2100."))
        return day


def page_args(schema: ma.Schema, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a page's address asks for; empty fields of a form and the language say nothing.

    `given` replaces the address's own parameters. Raises Invalid, which quotes what is wrong.
    """
    given = request.args if given is None else given
    asked = {k: v for k, v in given.items() if v and k != "lang"}
    try:
        return cast(dict[str, Any], schema.load(asked))
    except ma.ValidationError as error:
        errors = pointers(error.messages)
        names = [name.strip("/") for name in errors]
        faults = ", ".join(f"{name}={asked.get(name, '')[:40]}" for name in names)
        raise Invalid(
            _("The address of this page cannot be used: %(faults)s", faults=faults),
            errors=errors,
        ) from error


def loaded(schema: ma.Schema, said: Mapping[str, Any], words: str | None = None) -> dict[str, Any]:
    """What a schema reads in `said`, such as a page's form. Raises Invalid, with `words` of what to
    do where the schema's own do not say it."""
    try:
        return cast(dict[str, Any], schema.load(said))
    except ma.ValidationError as error:
        raise Invalid(words, errors=pointers(error.messages)) from error


def form_id(name: str) -> uuid.UUID:
    """The id in the field `name` of a form, which our own pages put there. Raises Invalid."""
    try:
        return uuid.UUID(request.form.get(name, ""))
    except ValueError as error:
        raise Invalid(_("The page is too old. Load it again and repeat.")) from error


def inside(target: str, otherwise: str = "/") -> str:
    """`target` where it is a path on this site, else `otherwise` (no open redirect)."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return otherwise
    if not target.isprintable():
        return otherwise
    safe = not parts.scheme and not parts.netloc and target.startswith("/")
    return target if safe and not target.startswith(("//", "/\\")) else otherwise


class Parser(FlaskParser):
    """Unknown parameters are errors everywhere, in queries too."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": ma.RAISE, "json": ma.RAISE, "form": ma.RAISE}

    def _raw_load_json(self, req: Any) -> Any:
        """The body as JSON; what cannot be read at all is a bad request and never a fault."""
        if not is_json(req.mimetype) or not req.get_data():
            return missing
        try:
            return json.loads(req.get_data(), object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "(body)", 0) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys differ: of two equal ones, which one counts would be a guess."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


class ProblemSchema(Schema):
    """RFC 9457 problem details."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    code = ma.fields.String(required=True, metadata={"description": "stable, for programs"})
    detail = ma.fields.String()
    errors = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.List(ma.fields.String()),
        metadata={"description": "JSON pointer into the request → messages"},
    )
    at = ma.fields.String(
        metadata={"description": "the page on which something is to be done first"}
    )
    current = ma.fields.Dict(
        keys=ma.fields.String(),
        metadata={"description": "what stands now, where somebody was faster"},
    )
    request_id = ma.fields.String(
        metadata={"description": "of faults: finds it in the log; X-Request-ID always does"}
    )


class Blueprint(SmorestBlueprint):
    """A smorest blueprint that reads strictly."""

    ARGUMENTS_PARSER = Parser()

    def arguments(self, schema: Any, **kwargs: Any) -> Any:
        """As smorest's, with one schema made for all requests: it keeps nothing of any."""
        return super().arguments(schema() if isinstance(schema, type) else schema, **kwargs)


class PageIn(Schema):
    """The two parameters of every list."""

    limit = ma.fields.Integer(load_default=PAGE, validate=ma.validate.Range(1, LONGEST_PAGE))
    cursor = Text(most=400)


def paged(
    query: Select[Any],
    keys: Sequence[SQLColumnExpression[Any]],
    args: dict[str, Any],
    *,
    descending: bool = False,
) -> dict[str, Any]:
    """One page of `query`, ordered by `keys` (the last one unique), as {items, next}.

    `next` is the address of the following page, or None. Pages are found by key and not by
    offset, so a row that arrives while somebody pages neither repeats nor hides another.
    """
    limit = args["limit"]
    if args.get("cursor"):
        after = _read_cursor(args["cursor"], keys)
        row = tuple_(*keys)
        query = query.where(row < tuple_(*after) if descending else row > tuple_(*after))
    query = query.order_by(*(k.desc() if descending else k for k in keys)).limit(limit + 1)
    rows = db.session.execute(query.add_columns(*keys)).all()
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        last = rows[-1][-len(keys) :]
        cursor = base64.urlsafe_b64encode(json.dumps([_write(v) for v in last]).encode()).decode()
        following = _here_with(cursor=cursor)
    return {"items": [r[0] for r in rows], "next": following}


def _write(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _read_cursor(cursor: str, keys: Sequence[Any]) -> list[Any]:
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError("too long")
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if not isinstance(values, list) or len(values) != len(keys):
            raise ValueError("wrong length")
        readers: dict[type, Callable[[str], Any]] = {
            datetime: _aware,
            date: date.fromisoformat,
            uuid.UUID: uuid.UUID,
            int: int,
        }
        return [
            readers.get(k.type.python_type, _plain)(v) for k, v in zip(keys, values, strict=True)
        ]
    except (
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        binascii.Error,
    ) as error:
        raise Invalid(errors={"/cursor": [_("Use the “next” address as it was given.")]}) from error


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("zero byte")
    return text.encode("utf-8").decode("utf-8")


def _here_with(**changes: str) -> str:
    args = [(k, v) for k, v in request.args.items(multi=True) if k not in changes]
    return request.path + "?" + urlencode([*args, *changes.items()])


def etag_of(shown: Any) -> str:
    """The entity tag of what an answer shows."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:32]


def check_unchanged(shown: Any) -> None:
    """Refuse a change by somebody who says If-Match and saw something else than `shown`."""
    # Sent zipped the tag became a weak one; it is of the content in either case.
    if request.if_match and not request.if_match.contains_weak(etag_of(shown)):
        raise Changed(_("Somebody changed it meanwhile. Read it again, then decide."))


def with_etag(response: Response) -> Response:
    """Add an ETag from the body and answer 304 where the caller has it already."""
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    return cast(Response, response.make_conditional(request))
