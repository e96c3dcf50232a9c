"""The roster of teams, the page of one team with its forms, and the page of a person."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from grids import absences, holding, overview, queries, staffing
from grids.models import Duty, Jurisdiction, Level, Team
from grids.schemas import CodeIn
from grids.standins import AbsenceKind
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, Problem
from gridserve.http import PageIn, form_id, loaded, page_args, paged, transaction
from gridserve.permissions import Permission, may
from visits.issues.models import Category
from visits.masking import masked_phone
from visits.staffing import operations, people, remits, roster
from visits.staffing.schemas import (
    AbsenceIn,
    CellIn,
    DeputyIn,
    MemberIn,
    MemberPatch,
    OnIn,
    ReplaceIn,
    TeamIn,
    TeamPatch,
)
from visits.staffing.warnings import WORDS, warnings

bp = Blueprint("staffing", __name__, template_folder="../templates")

DUTIES = tuple(Duty)


class RosterIn(PageIn):
    jurisdiction = CodeIn()


@bp.get("/teams")
@requires(Permission.GROUND_READ)
def teams() -> ResponseReturnValue:
    """The roster: what is missing, who is away today, and the teams by village with duties."""
    args = page_args(RosterIn())
    return _roster(args)


@bp.post("/teams")
@requires(Permission.GROUND_WRITE)
@transaction
def make() -> ResponseReturnValue:
    """Make a team from the roster, then show it."""
    try:
        with db.session.begin_nested():
            team = staffing.create_team(_said(TeamIn()), by=current_user)
    except Problem as problem:
        args = {"limit": 60, "jurisdiction": request.form.get("jurisdiction")}
        return _roster(args, problem), problem.status
    flash(_("Team made. Next: add its members and give it cells."))
    return redirect(url_for("staffing.team", team_id=team.id))


def _roster(args: dict[str, Any], problem: Problem | None = None) -> str:
    code = args.get("jurisdiction") or overview.start(current_user)
    here = queries.jurisdiction(current_user, code) if code else None
    today = workdays.today()
    wide = here is None or here.level < Level.TOWNSHIP
    found = queries.teams(current_user, {"jurisdiction": code} if code else {}, today)
    if wide:  # the units of just this place; the others are below it
        found = found.where(Team.jurisdiction_code == code)
    page = paged(found, (Team.jurisdiction_code, Team.name, Team.id), args)
    queries.with_standins(page["items"], today)
    away = people.absences(current_user, code, today).limit(60)
    return render_template(
        "staffing/roster.html", here=here, crumbs=_crumbs(code), page=page, day=today,
        villages=roster.names(page["items"]), duties=DUTIES, phone=masked_phone,
        remits=remits.by_team(team.id for team in page["items"]),
        places=overview.below(current_user, code, today) if wide else [],
        warnings=warnings(current_user, code, today), words=WORDS,
        away=people.with_kinds(current_user, db.session.scalars(away).all()),
        may_write=here is not None and may(current_user, Permission.GROUND_WRITE, here.code),
        problem=problem, new_id=uuid.uuid4, Level=Level, said=request.form if problem else {},
    )  # fmt: skip


def _crumbs(code: str) -> list[dict[str, str]]:
    path: list[Jurisdiction] = queries.path(current_user, code)
    return [
        {"name": row.short_name, "href": url_for("staffing.teams", jurisdiction=row.code)}
        for row in path
    ]


@bp.get("/teams/<uuid:team_id>")
@requires(Permission.GROUND_READ)
def team(team_id: uuid.UUID) -> ResponseReturnValue:
    """One team: members from–to, deputies, cells on a small map; forms for who keeps it."""
    return _team(team_id)


@bp.post("/teams/<uuid:team_id>")
@requires(Permission.GROUND_WRITE)
@transaction
def change(team_id: uuid.UUID) -> ResponseReturnValue:
    """Change a team from its page; a replacement is shown first and done when confirmed."""
    do = request.form.get("do", "")
    preview = None
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            if do == "preview":
                said = _said(ReplaceIn())
                preview = operations.preview_replace(
                    team_id, form_id("member"), said, by=current_user
                ) | {"on": said.get("on") or workdays.today()}
            else:
                done = _DO.get(do, _nothing)(team_id)
    except Problem as problem:
        return _team(team_id, problem=problem), problem.status
    if preview is not None:
        return _team(team_id, preview=preview)
    flash(str(done))
    return redirect(url_for("staffing.team", team_id=team_id))


def _team(
    team_id: uuid.UUID, *, problem: Problem | None = None, preview: dict[str, Any] | None = None
) -> str:
    today = workdays.today()
    found = queries.team(current_user, team_id, today)
    code = found.jurisdiction_code
    writes = may(current_user, Permission.GROUND_WRITE, code) and found.to_date is None
    return render_template(
        "staffing/team.html", team=found, crumbs=_crumbs(code), day=today, may_write=writes,
        history=roster.history(found.id), deputies=roster.deputies(found.id, today),
        open_issues=roster.open_issues(current_user, found.id), duties=DUTIES,
        candidates=roster.candidates(code, today) if writes else [],
        cells=roster.free_cells(current_user, found, today) if writes else [],
        remits=remits.remits(found.id), categories=_categories() if writes else [],
        drawing=roster.drawing(found), problem=problem, preview=preview, phone=masked_phone,
        said=request.form if problem or preview else {}, new_id=uuid.uuid4,
    )  # fmt: skip


def _categories() -> Sequence[Category]:
    rows = select(Category).where(Category.active).order_by(Category.code)
    return db.session.scalars(rows).all()


def _nothing(team_id: uuid.UUID) -> str:
    raise Invalid(_("Some values cannot be used."))


def _said(schema: ma.Schema) -> dict[str, Any]:
    """The form's fields that the API's schema knows, as the API would get them."""
    form = {name: request.form[name] for name in schema.fields if request.form.get(name)}
    return loaded(schema, form)


def _on() -> Any:
    return _said(OnIn()).get("on") or workdays.today()


def _add(team_id: uuid.UUID) -> str:
    staffing.add_member(
        staffing.locked_team(team_id, current_user), _said(MemberIn()), by=current_user
    )
    return _("Member added.")


def _duty(team_id: uuid.UUID) -> str:
    said = _said(MemberPatch())
    if "duty" not in said:
        raise Invalid(errors={"/duty": [_("Required.")]})
    on = said.get("on") or workdays.today()
    operations.change_duty(team_id, form_id("member"), said["duty"], on, by=current_user)
    return _("Duty changed.")


def _end(team_id: uuid.UUID) -> str:
    left = operations.leave(team_id, form_id("member"), _on(), by=current_user)
    return _("Membership ended. %(n)s open issues went to the team's leader.", n=left["issues"])


def _replace(team_id: uuid.UUID) -> str:
    made = operations.replace(team_id, form_id("member"), _said(ReplaceIn()), by=current_user)
    return _("Replaced. %(n)s open issues moved along.", n=made["issues"])


def _deputy(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    row = staffing.member(team, form_id("member"))
    staffing.add_deputy(team, row, _said(DeputyIn()), by=current_user)
    return _("Deputy named.")


def _end_deputy(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    staffing.end_deputy(team, form_id("deputy"), _on(), by=current_user)
    return _("Deputy ended.")


def _give(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    holding.assign(team, _said(CellIn()), by=current_user)
    return _("Cell assigned.")


def _take(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    holding.end_assignment(team, form_id("assignment"), _on(), by=current_user)
    return _("The team answers for this cell no longer.")


def _lead(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    holding.lead(team, form_id("assignment"), _on(), by=current_user)
    return _("The team leads for this cell.")


def _answer(team_id: uuid.UUID) -> str:
    _say_remits(team_id, lambda held: held | {request.form.get("category", "")})
    return _("The desk is told so from now on.")


def _answer_no_more(team_id: uuid.UUID) -> str:
    _say_remits(team_id, lambda held: held - {request.form.get("category", "")})
    return _("The team answers for this category no longer.")


def _say_remits(team_id: uuid.UUID, changed: Callable[[set[str]], set[str]]) -> None:
    team = staffing.locked_team(team_id, current_user)
    held = {category.code for category in remits.remits(team.id)}
    remits.answer_for(team, sorted(changed(held)), by=current_user)


def _rename(team_id: uuid.UUID) -> str:
    team = staffing.locked_team(team_id, current_user)
    staffing.rename_team(team, _said(TeamPatch())["name"], by=current_user)
    return _("Team renamed.")


def _close(team_id: uuid.UUID) -> str:
    operations.end_team(team_id, workdays.today(), by=current_user)
    return _("Team ended.")


_DO: dict[str, Callable[[uuid.UUID], str]] = {
    "add": _add, "duty": _duty, "end": _end, "replace": _replace, "deputy": _deputy,
    "end_deputy": _end_deputy, "give": _give, "take": _take, "lead": _lead, "rename": _rename,
    "close": _close, "answer": _answer, "answer_no_more": _answer_no_more,
}  # fmt: skip


@bp.get("/people/<uuid:user_id>")
@requires(Permission.GROUND_READ)
def person(user_id: uuid.UUID) -> ResponseReturnValue:
    """A person's cells, teams, deputies and absences; one's own page says an absence by a tap."""
    return _person(user_id)


@bp.post("/people/<uuid:user_id>")
@requires(Permission.GROUND_READ)
@transaction
def say(user_id: uuid.UUID) -> ResponseReturnValue:
    """Say an absence, or end one, for oneself or as an administrator."""
    try:
        with db.session.begin_nested():
            if "absence" in request.form:
                absences.end(form_id("absence"), _on(), by=current_user)
                done = _("Back in office.")
            else:
                said = _said(AbsenceIn()) | {"user": user_id}
                absences.say(said, by=current_user)
                done = _("Absence recorded. The deputies stand in while it lasts.")
    except Problem as problem:
        return _person(user_id, problem), problem.status
    flash(done)
    return redirect(url_for("staffing.person", user_id=user_id))


def _person(user_id: uuid.UUID, problem: Problem | None = None) -> str:
    found, today = people.person(current_user, user_id), workdays.today()
    standings = people.standings(user_id, today)
    return render_template(
        "staffing/person.html", person=found, own=found.id == current_user.id, day=today,
        phone=masked_phone(found.phone), memberships=people.memberships(user_id),
        cells=people.cells_held(user_id, today), kinds=tuple(AbsenceKind),
        open_issues=people.open_issues(current_user, user_id),
        mine=[s for s in standings if s.a.id == user_id],
        others=[s for s in standings if s.b.id == user_id],
        absences=people.with_kinds(current_user, people.absences_of(user_id, today)),
        may_say=roster.may_say(current_user, user_id), problem=problem, new_id=uuid.uuid4,
    )  # fmt: skip
