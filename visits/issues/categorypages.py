"""The pages of the catalogue: all categories by family, one with its history and its form."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.http import loaded, transaction
from gridserve.permissions import Permission, may
from gridserve.tables import writing
from gridserve.worktime import Unit
from visits.categories import rows as exported
from visits.categoryfile import COLUMNS
from visits.issues import catalogue
from visits.issues.categoryapi import CategoryIn
from visits.issues.chain import Promise, Tier
from visits.issues.clock import Limit
from visits.issues.models import Category, Issue
from visits.labels import amount, category_name, label, unit_name

LIMITS = ("limit", "accept_limit", "handle_limit", "review_limit")
LISTS = ("", "cells", "inactive")

bp = Blueprint("categories", __name__, template_folder="../templates")


@bp.get("/categories")
@requires(Permission.CATEGORY_READ)
def listing() -> ResponseReturnValue:
    """All categories in use by family; those for cells; those out of use."""
    words = request.args.get("q", "").strip()[:40]
    chosen = request.args.get("list", "")
    chosen = chosen if chosen in LISTS else ""
    everything = db.session.scalars(select(Category).order_by(Category.code)).all()
    shown = [row for row in everything if _is_on(row, chosen) and _has(row, words)]
    return render_template(
        "issues/categories.html", families=_families(everything, shown), words=words,
        chosen=chosen, counts={each: sum(_is_on(r, each) for r in everything) for each in LISTS},
        may_write=catalogue.may_keep(current_user), promised=_promised,
        may_import=may(current_user, Permission.IMPORT),
    )  # fmt: skip


def _is_on(row: Category, chosen: str) -> bool:
    return not row.active if chosen == "inactive" else row.active and (
        row.to_cells or chosen != "cells"
    )  # fmt: skip


def _has(row: Category, words: str) -> bool:
    said = f"{row.code} {row.name} {row.name_en}".casefold()
    return all(word in said for word in words.casefold().split())


def _families(everything: Sequence[Category], shown: Sequence[Category]) -> list[dict[str, Any]]:
    """The families with the categories of theirs that are shown, groups before what is in them."""
    above = {row.code: row for row in everything}

    def path(row: Category) -> list[Category]:
        way = [row]
        while way[0].parent_code in above and len(way) <= catalogue.DEEPEST:
            way.insert(0, above[way[0].parent_code])
        return way

    found: dict[str, dict[str, Any]] = {}
    for way in sorted((path(row) for row in shown), key=lambda way: [row.code for row in way]):
        top = way[0]
        family = found.setdefault(top.code, {"top": top, "rows": []})
        group = category_name(way[1]) if len(way) > 2 else ""
        family["rows"].append({"row": way[-1], "group": group, "is_top": way[-1] is top})
    return list(found.values())


def _promised(limit: Limit) -> str:
    return amount(limit.amount, limit.unit)


@bp.get("/categories.xlsx")
@requires(Permission.CATEGORY_READ)
def download() -> ResponseReturnValue:
    """The catalogue as a table, which can be imported again."""
    from gridserve.tables import books

    table = io.BytesIO(books.rows(COLUMNS, exported()))
    return send_file(
        table, mimetype=writing.XLSX, as_attachment=True, download_name="事项目录.xlsx"
    )


@bp.get("/categories/new")
@requires(Permission.CATEGORY_WRITE)
def new() -> ResponseReturnValue:
    """The form for a new category."""
    return _form(None)


@bp.get("/categories/<code>")
@requires(Permission.CATEGORY_READ)
def show(code: str) -> ResponseReturnValue:
    """One category: what holds for it, its history and, for who keeps it, the form."""
    return _form(catalogue.find(code))


@bp.post("/categories/new")
@requires(Permission.CATEGORY_WRITE)
@transaction
def make() -> ResponseReturnValue:
    """Add a category."""
    return _store(None, request.form.get("code", "").strip())


@bp.post("/categories/<code>")
@requires(Permission.CATEGORY_WRITE)
@transaction
def change(code: str) -> ResponseReturnValue:
    """Say a category anew."""
    return _store(catalogue.find(code), code)


def _store(row: Category | None, code: str) -> ResponseReturnValue:
    try:
        with db.session.begin_nested():
            said = _said()
            seen = said.pop("seen")
            catalogue.save(catalogue.checked_code(code), said, seen=seen, by=current_user)
    except Problem as problem:
        if row is not None:
            db.session.refresh(row)
        return _form(row, problem), problem.status
    flash(_("Stored. Issues that were reported before keep what held then."))
    return redirect(url_for("categories.show", code=code))


def _said() -> dict[str, Any]:
    """The form as CategoryIn."""
    form = request.form
    said: dict[str, Any] = {
        name: form[name] for name in ("name", "name_en", "promise", "level", "materials", "basis")
        if name in form
    }  # fmt: skip
    said["name_en"] = said.get("name_en") or said.get("name", "")
    said["parent"] = form.get("parent") or None
    said |= {name: name in form for name in ("to_cells", "sensitive", "about_staff", "active")}
    for name in LIMITS:
        count = form.get(f"{name}_amount", "").strip()
        if count:  # a stage that says nothing is as usual
            number = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 0
            said[name] = {"amount": number, "unit": form.get(f"{name}_unit", "")}
    seen = form.get("seen", "")
    said["seen"] = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 7 else 0
    return loaded(CategoryIn(), said)


def _form(row: Category | None, problem: Problem | None = None) -> str:
    versions = catalogue.history(row.code) if row else []
    others = db.session.scalars(
        select(Category).where(Category.active).order_by(Category.code)
    ).all()
    below = {other.parent_code for other in others}
    return render_template(
        "issues/category.html", row=row, problem=problem, limits=_limit_fields(row),
        said=request.form if problem else {}, promises=Promise, tiers=Tier, units=Unit,
        unit_name=unit_name, promised=_promised,
        parents=[o for o in others if o is not row and (o.code in below or not o.parent_code)],
        parent=db.session.get(Category, row.parent_code) if row and row.parent_code else None,
        history=list(zip(versions, map(_words, catalogue.changes(versions)), strict=True)),
        open_issues=_open_issues(row), may_write=catalogue.may_keep(current_user),
    )  # fmt: skip


def _limit_fields(row: Category | None) -> list[dict[str, Any]]:
    words = (
        (_("The whole, from report to closing"), _("Required")),
        (_("For the desk to accept it"), _("As usual where empty")),
        (_("For the team to handle it"), _("The whole where empty")),
        (_("For the desk to review it"), _("As usual where empty")),
    )
    return [
        {"name": name, "label": said, "note": note if row is None else "",
         "limit": getattr(row, name) if row else None}
        for name, (said, note) in zip(LIMITS, words, strict=True)
    ]  # fmt: skip


def _open_issues(row: Category | None) -> dict[int, int]:
    """How many open issues keep which version."""
    if row is None:
        return {}
    counted = (
        select(Issue.category_version, func.count())
        .where(Issue.category_code == row.code, Issue.closed_at.is_(None))
        .group_by(Issue.category_version)
    )
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _words(changed: dict[str, tuple[Any, Any]]) -> list[str]:
    """What a version changed, in words."""
    names = {
        "parent_code": _("Family or group"), "name": _("Name"), "name_en": _("English name"),
        "promise": _("Promise"), "limit": _("Time limit"), "accept_limit": _("Accepting"),
        "handle_limit": _("Handling"), "review_limit": _("Reviewing"),
        "tier": _("To be solved in"), "materials": _("Materials"), "basis": _("Basis"),
        "to_cells": _("May be given to cells"), "sensitive": _("Sensitive"),
        "about_staff": _("Complaint about staff"), "active": _("In use"),
    }  # fmt: skip
    return [f"{names[n]}: {_shown(a)} → {_shown(b)}" for n, (a, b) in changed.items()]


def _shown(value: Any) -> str:
    if isinstance(value, Limit):
        return _promised(value)
    if isinstance(value, Promise | Tier):
        return label(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "、".join(str(value).splitlines()) if value else "–"
