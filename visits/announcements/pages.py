"""The pages of announcements: all, writing one, and one with its reach or results."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select

from grids.models import Jurisdiction, Level
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db, now
from gridserve.errors import Problem
from gridserve.http import PageIn, form_id, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, scopes, within
from gridserve.tables import writing
from visits.announcements import operations, queries, reach, results, words
from visits.announcements.models import Announcement, Asked, Asks, Kind
from visits.announcements.permissions import keeps, shown_within
from visits.announcements.routes import place_in
from visits.announcements.schemas import AnnouncementIn, AnnouncementsIn, AtIn, ReachedIn, ReplyIn
from visits.masking import masked_name
from visits.models import Household

LASTS = timedelta(days=30)  # as offered
PLACES_SHOWN = 1_500
QUESTIONS_OFFERED = 3  # rows without script; the page adds more

bp = Blueprint("announcements", __name__, template_folder="../templates")


@bp.get("/announcements")
@requires(Permission.ANNOUNCE)
def listing() -> ResponseReturnValue:
    """What is being told and asked, or what is over, with how far it came."""
    asked = dict(request.args.items())
    asked.setdefault("kind", Kind.NOTICE)
    asked.setdefault("current", "true")
    args = page_args(AnnouncementsIn(), asked)
    keys = (Announcement.published_at, Announcement.id)
    page = paged(queries.announcements(current_user, args), keys, args, descending=True)
    return render_template(
        "announcements/list.html", page=page, args=args, counts=queries.counts(page["items"]),
        words=words, kinds=Kind, names=_names(page["items"]),
    )  # fmt: skip


def _names(shown: list[Announcement]) -> dict[str, str]:
    codes = {code for each in shown for code in (each.at_code, *each.codes)}
    rows = db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes)))
    return {row.code: row.short_name for row in rows}


@bp.get("/announcements/new")
@requires(Permission.ANNOUNCE)
def new() -> ResponseReturnValue:
    """The form for a notice or a questionnaire."""
    return _form()


@bp.post("/announcements/new")
@requires(Permission.ANNOUNCE)
@transaction
def make() -> ResponseReturnValue:
    """Publish it."""
    try:
        with db.session.begin_nested():
            made = operations.publish(_said(), by=current_user)
    except Problem as problem:
        return _form(problem), problem.status
    flash(_("Published. Phones show it when they next load their work."))
    return redirect(url_for("announcements.show", announcement_id=made.id))


def _said() -> dict[str, Any]:
    """The form as AnnouncementIn; a question without words is left out."""
    form = request.form
    said: dict[str, Any] = {
        name: form[name] for name in ("id", "kind", "title", "words", "from", "until")
        if form.get(name)
    }  # fmt: skip
    said["places"] = form.getlist("places")
    rows = zip(
        form.getlist("q_text"), form.getlist("q_kind"), form.getlist("q_options"), strict=False
    )
    said["questions"] = [
        {
            "text": text_, "kind": kind,
            "options": [line.strip() for line in options.splitlines() if line.strip()]
            if kind == Asks.CHOICE else [],
        }
        for text_, kind, options in rows
        if text_.strip() and said.get("kind") == Kind.QUESTIONNAIRE
    ]  # fmt: skip
    return loaded(AnnouncementIn(), said)


def _form(problem: Problem | None = None) -> str:
    kind = request.values.get("kind", "")
    today = workdays.today()
    form = request.form
    rows = list(
        zip(form.getlist("q_text"), form.getlist("q_kind"), form.getlist("q_options"), strict=False)
    )
    return render_template(
        "announcements/new.html", problem=problem, said=form if problem else {},
        kind=Kind(kind) if kind in set(Kind) else Kind.NOTICE, kinds=Kind, asks=Asks, words=words,
        places=_offered(), chosen=set(form.getlist("places")),
        rows=rows + [("", "yes_no", "")] * max(1, QUESTIONS_OFFERED - len(rows)),
        new_id=uuid.uuid4, first=today, last=today + LASTS,
    )  # fmt: skip


def _offered() -> list[dict[str, Any]]:
    """The places that one may choose: counties and townships, each township with its villages."""
    rows = db.session.scalars(
        select(Jurisdiction)
        .where(
            within(Jurisdiction.code, scopes(current_user, Permission.ANNOUNCE)),
            func.length(Jurisdiction.code) >= Level.COUNTY,
        )
        .order_by(Jurisdiction.code)
        .limit(PLACES_SHOWN)
    ).all()
    found: list[dict[str, Any]] = []
    for row in rows:
        if len(row.code) == Level.VILLAGE and found and row.code.startswith(found[-1]["code"]):
            found[-1]["below"].append({"code": row.code, "name": row.short_name})
        else:
            found.append({"code": row.code, "name": row.short_name, "below": []})
    return found


@bp.get("/announcements/<uuid:announcement_id>")
@requires(Permission.ANNOUNCE)
def show(announcement_id: uuid.UUID) -> ResponseReturnValue:
    """One announcement: whom it reached or what was answered, and what came back."""
    return _page(announcement_id)


@bp.post("/announcements/<uuid:announcement_id>")
@requires(Permission.ANNOUNCE)
@transaction
def act(announcement_id: uuid.UUID) -> ResponseReturnValue:
    """Withdraw it, or answer what a household asked back."""
    try:
        with db.session.begin_nested():
            if request.form.get("do") == "withdraw":
                operations.withdraw(announcement_id, by=current_user)
                done = _("Withdrawn. What visits still bring of it is kept.")
            else:
                said = loaded(ReplyIn(), {"words": request.form.get("words", "")})
                operations.answer(form_id("asked"), said["words"], by=current_user)
                done = _("Answered. Who visited the household is told.")
    except Problem as problem:
        return _page(announcement_id, problem), problem.status
    flash(done)
    return redirect(url_for("announcements.show", announcement_id=announcement_id))


def _page(announcement_id: uuid.UUID, problem: Problem | None = None) -> str:
    announcement = queries.announcement(current_user, announcement_id)
    wanted = {name: request.args[name] for name in ("at", "cursor") if request.args.get(name)}
    args = page_args(AtIn(), {k: v for k, v in wanted.items() if k == "at"})
    at = place_in(current_user, announcement, args.get("at"))
    whole, *parts = reach.reach(announcement, at)
    about: dict[str, Any] = {}
    if announcement.kind is Kind.QUESTIONNAIRE:
        number = request.args.get("question", "1")
        n = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 1
        question = announcement.questions[min(max(n, 1), len(announcement.questions)) - 1]
        about = {
            "counted": results.overall(announcement, at), "nothing": results.Counted(),
            "texts": results.texts(announcement, at), "question": question,
            "by_place": results.by_place(announcement, at, question), "few": results.FEW,
        }  # fmt: skip
    else:
        page = page_args(PageIn(), {k: v for k, v in wanted.items() if k == "cursor"})
        query = queries.asked(current_user, announcement)
        keys = (Asked.received_at, Asked.id)
        about = {"asked": paged(query, keys, page, descending=True)}
    return render_template(
        "announcements/show.html", announcement=announcement, at=at, whole=whole, parts=parts,
        crumbs=_crumbs(announcement, at), names=_names([announcement]), problem=problem,
        may_keep=keeps(current_user, announcement), words=words, asks=Asks, kinds=Kind,
        masked=masked_name, said=request.form if problem else {}, **about,
    )  # fmt: skip


def _crumbs(announcement: Announcement, at: str) -> list[dict[str, Any]]:
    """The way from the widest place that one sees down to `at`."""
    allowed = shown_within(current_user, announcement)
    codes = [at[:n] for n in (6, 9, 12) if n <= len(at)]
    codes = [code for code in codes if any(code.startswith(prefix) for prefix in allowed)]
    rows = db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(codes)))
    names = {row.code: row.short_name for row in rows}
    return [
        {
            "name": names.get(code, code),
            "href": url_for("announcements.show", announcement_id=announcement.id, at=code),
        }
        for code in codes
    ]


@bp.get("/announcements/<uuid:announcement_id>/households")
@requires(Permission.ANNOUNCE)
def households(announcement_id: uuid.UUID) -> ResponseReturnValue:
    """The households behind a figure: told, or not yet."""
    announcement = queries.announcement(current_user, announcement_id)
    args = page_args(ReachedIn())
    at = place_in(current_user, announcement, args.get("at"))
    query = reach.households(announcement, at, told=args["told"])
    count = query.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return render_template(
        "announcements/households.html", announcement=announcement, args=args, at=at,
        page=paged(query, (Household.village_code, Household.number), args),
        count=db.session.scalar(count) or 0, masked=masked_name, place=_place(at),
    )  # fmt: skip


def _place(at: str) -> str:
    key = at if len(at) <= Level.VILLAGE else reach.cell_id(at)
    return reach.names_of([key]).get(key, (at, at))[1]


@bp.get("/announcements/<uuid:announcement_id>/answers.csv")
@requires(Permission.ANNOUNCE)
def table(announcement_id: uuid.UUID) -> ResponseReturnValue:
    """The answers as a table: a row for each household that answered, without names."""
    announcement = queries.announcement(current_user, announcement_id)
    args = page_args(AtIn())
    at = place_in(current_user, announcement, args.get("at"))
    rows = results.lines(announcement, at, words.answer)
    written = writing.csv_bytes(
        results.columns(announcement), rows, mark=writing.export_mark(current_user, now())
    )
    return send_file(
        io.BytesIO(written), mimetype="text/csv", as_attachment=True,
        download_name=f"{announcement.title}.csv",
    )  # fmt: skip
