"""The catalogue of categories. Said anew, a category gets a new version; what was reported before
keeps the version that it was reported under. Nothing here commits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from grids.models import Level
from gridserve import events
from gridserve.db import UNIQUE_VIOLATION, db, sqlstate
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound
from gridserve.people import User
from gridserve.permissions import Permission, scopes
from gridserve.worktime import Unit
from visits.issues.clock import Limit
from visits.issues.models import Category, CategoryVersion, Terms

# What a version says.
TERMS = (
    "parent_code", "name", "name_en", "promise", "limit", "accept_limit", "handle_limit",
    "review_limit", "tier", "materials", "basis", "to_cells", "sensitive", "about_staff",
    "active",
)  # fmt: skip
CODE = r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*"
LONGEST_CODE = 40
DEEPEST = 3  # family, group, category


class CategoryUnknown(NotFound):
    code = "category.not_found"


class StaleCategory(Conflict):
    """Somebody changed the category whom the caller had not seen."""

    code = "category.stale_version"


def may_keep(user: User) -> bool:
    """Whether `user` keeps the catalogue, which is one for the county: not from a township."""
    return any(len(scope) <= Level.COUNTY for scope in scopes(user, Permission.CATEGORY_WRITE))


def stage_limits(limit: Limit) -> dict[str, Limit]:
    """What of a whole limit each stage may take, where nobody said it."""
    if limit.unit is Unit.URGENT_HOUR:
        accept, review = Limit(2, Unit.URGENT_HOUR), Limit(24, Unit.URGENT_HOUR)
    else:
        accept, review = Limit(4, Unit.WORKING_HOUR), Limit(2, Unit.WORKING_DAY)
    return {"accept_limit": accept, "handle_limit": limit, "review_limit": review}


def terms_of(row: Terms) -> dict[str, Any]:
    """What a category or one of its versions says."""
    return {name: getattr(row, name) for name in TERMS}


def checked_code(code: str) -> str:
    """The code of a category as somebody gave it; raises Invalid."""
    if len(code) > LONGEST_CODE or not re.fullmatch(CODE, code):
        words = _("Use small Latin letters, digits and dots, such as facility.road.")
        raise Invalid(errors={"/code": [words]})
    return code


def find(code: str) -> Category:
    """One category; raises CategoryUnknown."""
    found = db.session.get(Category, code) if re.fullmatch(CODE, code) else None
    if found is None:
        raise CategoryUnknown(_("No such category."))
    return found


def history(code: str) -> Sequence[CategoryVersion]:
    """The versions of a category, the newest first."""
    return db.session.scalars(
        select(CategoryVersion)
        .where(CategoryVersion.category_code == code)
        .options(joinedload(CategoryVersion.by))
        .order_by(CategoryVersion.version.desc())
    ).all()


def changes(versions: Sequence[CategoryVersion]) -> list[dict[str, tuple[Any, Any]]]:
    """For each version, newest first, what it changed: name → (before, after)."""
    found = []
    for place, after in enumerate(versions):
        before = versions[place + 1] if place + 1 < len(versions) else None
        then = terms_of(before) if before else {}
        now_ = terms_of(after)
        found.append({n: (then[n], now_[n]) for n in TERMS if then and then[n] != now_[n]})
    return found


def save(code: str, said: Mapping[str, Any], *, seen: int | None, by: User | None) -> Category:
    """Say a category: a new one, or a new version of a known one; the same again changes nothing.

    `said` gives values of TERMS; what it leaves out stays, or is as usual. `seen` is the version
    that the caller saw, 0 for none, None where it does not matter. `by` is None on the command
    line. Raises Forbidden, StaleCategory, Invalid.
    """
    if by is not None and not may_keep(by):
        raise Forbidden(_("The catalogue is kept by an administrator of the county."))
    # Reporting goes on meanwhile: it only refers to the row.
    row = db.session.get(
        Category, code, with_for_update={"key_share": True}, populate_existing=True
    )
    terms = _usual(said) if row is None else terms_of(row) | dict(said)
    if row is not None and terms == terms_of(row):
        return row
    if seen is not None and seen != (row.version if row else 0):
        raise StaleCategory(
            _("Somebody changed this category meanwhile. Look at it again, then decide."),
            current={"version": row.version if row else 0},
        )
    _check_parent(code, terms["parent_code"])
    if row is None:
        row = Category(code=code, version=1, **terms)
    else:
        row.version += 1
        for name, value in terms.items():
            setattr(row, name, value)
    _store(row, by)
    return row


def _usual(said: Mapping[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "parent_code": None, "materials": "", "basis": "", "to_cells": False, "sensitive": False,
        "about_staff": False, "active": True,
    }  # fmt: skip
    missing = [name for name in ("name", "name_en", "promise", "limit", "tier") if name not in said]
    if missing:
        raise Invalid(errors={f"/{name}": [_("Required for a new category.")] for name in missing})
    return usual | stage_limits(said["limit"]) | dict(said)


def _check_parent(code: str, parent: str | None) -> None:
    """Raise Invalid unless the parent is there, is not below `code`, and has room below it."""
    above: list[str] = []
    here = parent
    while here is not None:
        row = db.session.get(Category, here)
        if row is None:
            raise Invalid(errors={"/parent": [_("No such category.")]})
        if here == code or len(above) > DEEPEST:
            raise Invalid(errors={"/parent": [_("A category cannot lie below itself.")]})
        above.append(here)
        here = row.parent_code
    if len(above) + _height(code) > DEEPEST:
        words = _("Categories have at most %(n)s levels: family, group, category.", n=DEEPEST)
        raise Invalid(errors={"/parent": [words]})


def _height(code: str) -> int:
    """How many levels a category makes with those below it."""
    level, height = [code], 0
    while level and height <= DEEPEST:
        height += 1
        level = list(
            db.session.scalars(select(Category.code).where(Category.parent_code.in_(level)))
        )
    return height


def _store(row: Category, by: User | None) -> None:
    """Write the category and its version; of two who make the same code one is told."""
    new = inspect(row).transient
    version = CategoryVersion(
        category_code=row.code, version=row.version, by_id=by.id if by else None, **terms_of(row)
    )
    try:
        with db.session.begin_nested():
            db.session.add(row)
            db.session.flush()
            db.session.add(version)
            db.session.flush()
    except IntegrityError as error:
        if sqlstate(error) != UNIQUE_VIOLATION:
            raise
        words = _("Somebody changed this category meanwhile. Look at it again, then decide.")
        raise StaleCategory(words) from error
    if by is not None:  # a whole table at the machine itself is one event, and not a hundred
        what = {"code": row.code, "version": row.version}
        events.record(f"category.{'made' if new else 'changed'}", None, by=by.id, data=what)
