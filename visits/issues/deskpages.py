"""The dispatch desk: queues beside a map, several issues accepted, dispatched or urged at once."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from geoalchemy2.shape import to_shape
from shapely.geometry import mapping
from sqlalchemy import select
from sqlalchemy.orm import load_only

from grids.models import Jurisdiction
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import inside, page_args, transaction, with_etag
from gridserve.permissions import Permission, may, scopes
from visits.issues import forms, kept, queues, together
from visits.issues.chain import Action
from visits.issues.clock import Light
from visits.issues.deskschemas import DeskIn
from visits.issues.models import Category
from visits.issues.queues import Queue
from visits.issues.words import timing
from visits.labels import category_name, label
from visits.submissions import permissions as refused

bp = Blueprint("desk", __name__, template_folder="../templates")

HEADINGS: dict[Queue, Any] = {
    Queue.TO_ACCEPT: _l("To accept"),
    Queue.TO_DISPATCH: _l("To dispatch"),
    Queue.OVERDUE: _l("Overdue (all)"),
    Queue.TO_REVIEW: _l("To review"),
    Queue.SUSPENDED: _l("Suspended"),
    Queue.ESCALATED: _l("Escalated to me"),
    Queue.IN_HAND: _l("With the teams"),
}
# The queues in which several issues can be brought on at once.
_MIXED = (Action.DISPATCH, Action.ACCEPT)
BUTTONS: dict[Queue, tuple[Action, ...]] = {
    Queue.TO_ACCEPT: _MIXED,
    Queue.TO_DISPATCH: (Action.DISPATCH,),
    Queue.OVERDUE: _MIXED,
    Queue.ESCALATED: _MIXED,
}
AREAS_SHOWN = 300
# Degrees: about 50 m, less than a pixel where a township is in view.
DETAIL = 0.0005


@bp.get("/desk")
@requires(Permission.ISSUE_DESK)
def show() -> ResponseReturnValue:
    """A queue of the desk beside its map, the soonest due first."""
    return _page()


@bp.post("/desk")
@requires(Permission.ISSUE_DESK)
@transaction
def act() -> ResponseReturnValue:
    """Take a step on the issues that were chosen, then show the desk again with what became of
    each."""
    return _page(*forms.take())


@bp.get("/desk/live")
@requires(Permission.ISSUE_DESK)
def live() -> ResponseReturnValue:
    """The part of the desk that changes by itself; 304 while it has not."""
    return with_etag(Response(_part()))


@bp.post("/desk/live")
@requires(Permission.ISSUE_DESK)
@transaction
def act_live() -> ResponseReturnValue:
    """As `act`, giving the changing part only."""
    return _part(*forms.take())


@bp.get("/desk/outlines")
@requires(Permission.ISSUE_DESK)
def outlines() -> ResponseReturnValue:
    """The boundaries of what lies directly below the desk's jurisdictions, as GeoJSON."""
    rows = db.session.execute(_below().add_columns(Jurisdiction.boundary)).all()
    shapes = [
        {
            "type": "Feature",
            "properties": {"label": [row.short_name]},
            "geometry": mapping(to_shape(boundary).simplify(DETAIL)),
        }
        for row, boundary in rows
        if boundary is not None
    ]
    return with_etag(jsonify({"type": "FeatureCollection", "features": shapes}))


@bp.post("/desk/filters")
@requires(Permission.ISSUE_READ)
@transaction
def keep() -> ResponseReturnValue:
    """Keep the filters of the page that one came from under a name."""
    form = request.form
    page = "desk" if form.get("page") == "desk" else "issues"
    try:
        filter_id = uuid.UUID(form.get("id", ""))
    except ValueError as error:
        raise Invalid(errors={"/id": [_("Not a UUID.")]}) from error
    kept.keep(filter_id, page, form.get("name", ""), form, by=current_user)
    return redirect(inside(form.get("back", ""), "/desk" if page == "desk" else "/issues"))


@bp.post("/desk/filters/<uuid:filter_id>/delete")
@requires(Permission.ISSUE_READ)
@transaction
def forget(filter_id: uuid.UUID) -> ResponseReturnValue:
    """Forget a filter."""
    kept.drop(filter_id, by=current_user)
    return redirect(inside(request.form.get("back", ""), "/desk"))


def _asked() -> dict[str, Any]:
    return page_args(DeskIn())


def _shown(
    asked: dict[str, Any], outcomes: list[together.Outcome], problem: Problem | None
) -> dict[str, Any]:
    """What the changing part needs."""
    names: dict[str, Any] = {
        name: value for name, value in request.args.items() if name not in ("cursor", "lang")
    }
    return {
        "asked": asked,
        "queue": None if asked.get("q") else asked["queue"],
        "headings": HEADINGS,
        "counts": queues.counts(current_user),
        "counted": queues.COUNTED,
        "page": queues.page(current_user, asked),
        "buttons": buttons(asked),
        "timing": timing,
        "outcomes": forms.told(outcomes),
        "problem": problem,
        "here": url_for("desk.show", **names),
    }


def buttons(asked: dict[str, Any]) -> tuple[Action, ...]:
    """What can be done with several issues of a queue at once, by the one asking."""
    found = _MIXED if asked.get("q") else BUTTONS.get(asked["queue"], ())
    return (*found, Action.URGE) if may(current_user, Permission.ISSUE_URGE) else found


def _part(outcomes: Any = (), problem: Problem | None = None) -> str:
    return render_template("issues/desk_live.html", **_shown(_asked(), list(outcomes), problem))


def _page(outcomes: Any = (), problem: Problem | None = None) -> str:
    asked = _asked()
    categories = db.session.scalars(select(Category).order_by(Category.code)).all()
    areas = db.session.scalars(_below()).all()
    return render_template(
        "issues/desk.html",
        **_shown(asked, list(outcomes), problem),
        teams=forms.teams(Permission.ISSUE_DESK) if Action.DISPATCH in buttons(asked) else [],
        categories=[{"value": c.code, "label": category_name(c)} for c in categories],
        lights=[{"value": each.value, "label": label(each)} for each in Light],
        areas=[{"value": each.code, "label": each.short_name} for each in areas],
        filters=kept.of(current_user, "desk"),
        parts_kept=kept.PARTS,
        new_id=uuid.uuid4,
        refused=refused.waiting(current_user),
    )


def _below() -> Any:
    """The jurisdictions directly below those of the desk; a village itself."""
    held = [code for code in scopes(current_user, Permission.ISSUE_DESK) if code]
    within_them = Jurisdiction.parent_code.in_(held) | (
        Jurisdiction.code.in_([code for code in held if len(code) == 12])
    )
    light = load_only(Jurisdiction.code, Jurisdiction.name)
    return select(Jurisdiction).where(within_them).options(light).order_by(
        Jurisdiction.code
    ).limit(AREAS_SHOWN)  # fmt: skip
