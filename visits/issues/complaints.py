"""Complaints about staff: what is said of whom, and which desk gets them."""

from __future__ import annotations

import uuid
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import Level
from grids.permissions import WIDE_ROLES, holds_on
from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Invalid
from gridserve.people import Post, User
from visits.issues.models import Category


def checked(said: dict[str, Any], category: Category) -> dict[str, Any]:
    """The columns `about_staff` and `about_id`; raises Invalid where they do not fit together."""
    about = said.get("about")
    if said.get("anonymous") and (said.get("resident_name") or said.get("resident_phone")):
        words = _("Leave name and phone empty, or do not make it anonymous.")
        raise Invalid(errors={"/anonymous": [words]})
    if not category.about_staff:
        if about:
            words = _("Only a complaint about staff names whom it is about.")
            raise Invalid(errors={"/about": [words]})
        return {"about_staff": False, "about_id": None}
    if said.get("settled"):
        words = _("A complaint about staff is never settled on the spot.")
        raise Invalid(errors={"/settled": [words]})
    if about and db.session.get(User, about) is None:
        raise Invalid(errors={"/about": [_("No such person.")]})
    return {"about_staff": True, "about_id": about}


def desk_of(village_code: str, about: uuid.UUID | None) -> str:
    """The desk of a new issue: the township's, and the county's where somebody of the township's
    own desk, leaders or administrators is complained about."""
    if about is not None:
        codes = select(func.coalesce(Post.jurisdiction_code, "")).where(
            Post.user_id == about, Post.role.in_(WIDE_ROLES), holds_on(Post, workdays.today())
        )
        if any(len(code) <= Level.TOWNSHIP for code in db.session.scalars(codes)):
            return village_code[: Level.COUNTY]
    return village_code[: Level.TOWNSHIP]
