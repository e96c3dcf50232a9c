"""The auditor's page: what was done in the jurisdiction, newest first."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, raiseload

from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.events import Event
from gridserve.http import Day, PageIn, Text, page_args, paged
from gridserve.people import Post, User
from gridserve.permissions import Permission, scopes, within
from gridserve.trail import head

bp = Blueprint("audit", __name__)

# The words for an event's action; the domain's actions are named by their first part.
ACTIONS = {
    "sign_in.done": _l("Signed in"),
    "sign_in.refused": _l("Sign-in refused"),
    "sign_in.ended": _l("Sign-in ended by its owner"),
    "sign_out.done": _l("Signed out"),
    "user.created": _l("Account made"),
    "user.disabled": _l("Account disabled"),
    "user.password_set": _l("Password given by somebody else"),
    "user.password_changed": _l("Password changed by its owner"),
    "second_factor.set_up": _l("Second step of signing in set up"),
    "second_factor.ended": _l("Second step ended by its owner"),
    "second_factor.reset": _l("Second step reset by somebody else"),
    "second_factor.recovered": _l("Recovery code used"),
    "second_factor.renewed": _l("New recovery codes made"),
    "user.enabled": _l("Account may be used again"),
    "post.given": _l("Post given"),
    "post.ended": _l("Post ended"),
    "visit": _l("Visit recorded"),
    "household": _l("Household changed"),
    "issue": _l("Step of an issue"),
    "cell": _l("Cell changed"),
    "team": _l("Team changed"),
    "member": _l("Member of a team changed"),
    "deputy": _l("Deputy changed"),
    "absence": _l("Absence changed"),
    "jurisdiction": _l("Jurisdiction changed"),
    "jurisdictions": _l("Jurisdictions imported"),
    "calendar": _l("Working calendar changed"),
    "consistency": _l("Figures checked"),
    "keys": _l("Keys changed"),
    "resident_request": _l("Resident's request"),
    "retention": _l("Old things let go"),
    "phone": _l("Name and number shown"),
    "demo": _l("Demonstration loaded"),
}


class TrailIn(PageIn):
    """Filters of the trail."""

    login = Text(most=64)
    kind = Text(most=40)
    day = Day()


def visible_events(user: User) -> Select[Event]:
    """Events in the user's jurisdictions, and those elsewhere by people who hold posts in them."""
    prefixes = scopes(user, Permission.AUDIT_READ)
    people = select(Post.user_id).where(within(Post.jurisdiction_code, prefixes))
    return select(Event).where(
        or_(
            within(Event.jurisdiction_code, prefixes),
            Event.jurisdiction_code.is_(None)
            & or_(Event.actor_id.in_(people), Event.subject_id.in_(people)),
        )
    )


@bp.get("/audit")
@requires(Permission.AUDIT_READ)
def trail() -> ResponseReturnValue:
    """Who did what, when; the trail itself can only grow."""
    args = page_args(TrailIn())
    query = visible_events(current_user).options(joinedload(Event.actor), raiseload("*"))
    if args.get("login"):
        query = query.where(Event.actor.has(User.login == args["login"].lower()))
    if args.get("kind"):
        query = query.where(Event.action.startswith(args["kind"], autoescape=True))
    if args.get("day"):
        start, end = workdays.span(args["day"], args["day"])
        query = query.where(Event.at >= start, Event.at < end)
    page = paged(query, (Event.at, Event.id), args, descending=True)
    kinds = [{"value": key, "label": words} for key, words in ACTIONS.items()]
    return render_template(
        "audit.html", page=page, args=args, kinds=kinds, words=words_of, head=head()
    )


def words_of(event: Event) -> str:
    """What an event was, in words."""
    first = event.action.partition(".")[0]
    return str(ACTIONS.get(event.action) or ACTIONS.get(first) or event.action)
