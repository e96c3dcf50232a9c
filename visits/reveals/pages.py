"""The forms that have a name and phone shown, and the list of what was shown."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import joinedload

from gridserve.auth import current_user, requires
from gridserve.http import PageIn, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, may
from visits import queries
from visits.issues import queries as issue_queries
from visits.issues.models import Issue
from visits.issues.words import place_name
from visits.models import Household
from visits.reveals import operations
from visits.reveals.models import Reveal
from visits.reveals.permissions import may_reveal, reviewed_reveals
from visits.reveals.schemas import RevealIn
from visits.reveals.words import PURPOSES
from visits.telling.words import UNUSUAL

bp = Blueprint("reveals", __name__, template_folder="../templates")


def offer(subject: Household | Issue) -> dict[str, Any]:
    """What a page of a household or issue needs to show it in full, or to offer that."""
    ever = may(current_user, Permission.REVEAL, subject.village_code)
    row = operations.shown(current_user, subject) if ever else None
    can = ever and row is None and may_reveal(current_user, subject)
    return {
        "revealed": row,
        "until": row and row.at + operations.SHOWN,
        "may": can,
        "left": operations.left(current_user) if can else None,
        "purposes": [{"value": key, "label": words} for key, words in PURPOSES.items()],
        "new_id": uuid.uuid4(),
    }


@bp.post("/households/<uuid:household_id>/reveal")
@requires(Permission.REVEAL)
@transaction
def show_household(household_id: uuid.UUID) -> ResponseReturnValue:
    """Have the name and phone of a household shown, then its page again."""
    home = queries.household(current_user, household_id)
    operations.reveal(home, _said(), by=current_user)
    return redirect(url_for("visits.household", household_id=household_id))


@bp.post("/issues/<uuid:issue_id>/reveal")
@requires(Permission.REVEAL)
@transaction
def show_resident(issue_id: uuid.UUID) -> ResponseReturnValue:
    """Have the name and phone of who reported an issue shown, then its page again."""
    issue = issue_queries.issue(current_user, issue_id)
    operations.reveal(issue, _said(), by=current_user)
    return redirect(url_for("issues.show", issue_id=issue_id))


@bp.get("/reveals")
@requires(Permission.REVEAL_REVIEW)
def listing() -> ResponseReturnValue:
    """Who had what shown, and for what: without the names and numbers themselves."""
    args = page_args(PageIn())
    query = reviewed_reveals(current_user).options(
        joinedload(Reveal.user), joinedload(Reveal.household), joinedload(Reveal.issue)
    )
    return render_template(
        "reveals/list.html",
        page=paged(query, (Reveal.at, Reveal.id), args, descending=True),
        purposes=PURPOSES, unusual=UNUSUAL, place_name=place_name,
    )  # fmt: skip


def _said() -> dict[str, Any]:
    form = {name: request.form.get(name, "") for name in ("id", "purpose", "words")}
    return loaded(RevealIn(), form, _("Choose what it is for, and say it in a few words."))
