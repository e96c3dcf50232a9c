"""Signing in and out over the API, who am I, health, and the API's own document."""

from __future__ import annotations

import uuid
from typing import Any

import marshmallow as ma
from flask import Blueprint as PlainBlueprint
from flask import Response, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue
from redis.exceptions import RedisError
from sqlalchemy import text

from gridserve import auth, entrance, jobs, openapi, people, signins, workdays
from gridserve.auth import current_user, public, requires
from gridserve.db import db
from gridserve.http import API, Blueprint, Moment, Schema, Text, transaction
from gridserve.permissions import GRANTS, Permission, Role

bp = Blueprint("account_api", __name__, url_prefix=API, description="Signing in")
system = PlainBlueprint("system", __name__)


class SignInIn(Schema):
    login = Text(required=True, most=64, least=1, metadata={"example": "cadre-001"})
    password = Text(required=True, load_only=True, least=1, most=128, trimmed=False)
    device = Text(load_default="API", most=80, metadata={"example": "Redmi 13C"})
    code = Text(
        load_default=None,
        load_only=True,
        most=40,
        metadata={"description": "of the second step, where one is set up"},
    )


class PasswordIn(Schema):
    old = Text(required=True, load_only=True, least=1, most=128, trimmed=False)
    password = Text(required=True, load_only=True, least=1, most=128, trimmed=False)


class TokenOut(Schema):
    token = ma.fields.String(required=True)
    expires_at = Moment(required=True)


class SessionOut(Schema):
    """A sign-in by a browser or a phone."""

    id = ma.fields.UUID(required=True)
    device = ma.fields.String(required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    current = ma.fields.Boolean(required=True, metadata={"description": "this request's own"})


class SessionList(Schema):
    items = ma.fields.List(ma.fields.Nested(SessionOut), required=True)


class PostOut(Schema):
    role = ma.fields.Enum(Role, by_value=True, required=True)
    jurisdiction = ma.fields.String(attribute="jurisdiction_code", allow_none=True, required=True)


class MeOut(Schema):
    id = ma.fields.UUID(required=True)
    login = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    posts = ma.fields.List(ma.fields.Nested(PostOut), required=True)
    permissions = ma.fields.List(ma.fields.String(), required=True)


@bp.post("/sessions")
@public
@transaction
@bp.arguments(SignInIn)
@bp.response(201, TokenOut)
def sign_in(data: dict[str, Any]) -> dict[str, Any]:
    """Sign in with login and password; the token goes into later requests' Authorization.

    Where a second step is set up, 401 with `auth.code_required` asks for `code` too.
    """
    token, row = entrance.by_password(
        data["login"], data["password"], data["device"], code=data["code"]
    )
    return {"token": token, "expires_at": row.expires_at}


@bp.get("/sessions")
@requires(Permission.ACCOUNT)
@bp.response(200, SessionList)
def list_sign_ins() -> dict[str, Any]:
    """The caller's own sign-ins that hold, the newest first."""
    here = auth.current_sign_in().id
    return {
        "items": [
            {"id": row.id, "device": row.device, "created_at": row.created_at,
             "expires_at": row.expires_at, "current": row.id == here}
            for row in signins.living(current_user)
        ]
    }  # fmt: skip


@bp.delete("/sessions/<uuid:session_id>")
@requires(Permission.ACCOUNT)
@transaction
@bp.response(204)
def end_sign_in(session_id: uuid.UUID) -> None:
    """End one of the caller's own sign-ins, at once. Again changes nothing."""
    signins.end(session_id, by=current_user)


@bp.delete("/sessions/current")
@requires(Permission.ACCOUNT, first=True)
@transaction
@bp.response(204)
def sign_out() -> None:
    """End the sign-in that this request came by."""
    people.sign_out(auth.current_sign_in())


@bp.get("/me")
@requires(Permission.ACCOUNT)
@bp.response(200, MeOut)
def me() -> dict[str, Any]:
    """Who the token belongs to, with today's posts and what they allow."""
    posts = current_user.posts_on(workdays.today())
    return {
        "id": current_user.id,
        "login": current_user.login,
        "name": current_user.name,
        "posts": posts,
        "permissions": sorted({p.value for post in posts for p in GRANTS[post.role]}),
    }


@bp.put("/me/password")
@requires(Permission.ACCOUNT, first=True)
@transaction
@bp.arguments(PasswordIn)
@bp.response(204)
def change_password(data: dict[str, Any]) -> None:
    """Choose another password; other sign-ins of one's own end.

    While the present one was given by somebody else, everything but this and signing out is refused
    with `auth.password_due`.
    """
    entrance.change_password(data["old"], data["password"])


@system.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Whether the process lives."""
    return jsonify(status="ok")


@system.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """Whether requests can be served: 503 while the database is away.

    Without Redis the site still works: jobs are found later by their sweeps.
    """
    db.session.execute(text("SELECT 1"))
    try:
        redis = bool(jobs.connect(current_app.extensions["gridserve"]).ping())
    except RedisError:
        redis = False
    return jsonify(status="ok", database=True, redis=redis)


@system.get(f"{API}/openapi.json")
@public
def openapi_document() -> ResponseReturnValue:
    """The OpenAPI 3.1 document."""
    return jsonify(openapi.document(current_app))


@system.get("/api/docs")
@public
def docs() -> ResponseReturnValue:
    """The document to browse and try."""
    return Response(render_template("docs.html"), mimetype="text/html")
