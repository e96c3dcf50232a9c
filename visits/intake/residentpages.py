"""The page on which a resident looks up the own issue and says how it was; without signing in."""

from __future__ import annotations

import uuid
from typing import Any

import marshmallow as ma
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from gridserve.auth import public
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import Schema, Text, loaded, transaction
from visits.intake import resident
from visits.issues.chain import Rating
from visits.issues.words import due_words

bp = Blueprint("resident", __name__, template_folder="../templates")


class EvaluationIn(Schema):
    """What a resident says of a closed issue."""

    id = ma.fields.UUID(required=True)
    rating = ma.fields.Enum(Rating, by_value=True, required=True)
    words = Text(most=1000, load_default="")


@bp.get("/q")
@public
def ask() -> ResponseReturnValue:
    """The form for number and code."""
    return _form(request.args.get("number", "")[:24])


@bp.post("/q")
@public
@transaction
def show() -> ResponseReturnValue:
    """How the issue stands, for who knows number and code; with `rating` it is evaluated first.

    No cookie is set or needed: number and code come along each time, so no other site can act.
    """
    number, code = (request.form.get(name, "")[:24] for name in ("number", "code"))
    address = request.remote_addr or ""
    try:
        if "rating" in request.form:
            with db.session.begin_nested():
                issue = resident.evaluate(number, code, _said(), address=address)
        else:
            issue = resident.look_up(number, code, address=address)
    except Problem as problem:
        return _form(number, problem), problem.status
    return render_template(
        "intake/progress.html",
        seen=resident.progress(issue),
        code=code,
        due_words=due_words,
        ratings=list(Rating),
        new_id=uuid.uuid4,
        thanks="rating" in request.form,
    )


def _said() -> dict[str, Any]:
    form = {k: request.form.get(k, "") for k in ("id", "rating", "words")}
    return loaded(EvaluationIn(), form)


def _form(number: str, problem: Problem | None = None) -> str:
    return render_template("intake/ask.html", number=number, problem=problem)
