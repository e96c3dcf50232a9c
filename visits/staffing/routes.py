"""Teams and their people over the API."""

from __future__ import annotations

import uuid
from typing import Any

from grids import absences, holding, queries, staffing
from grids.models import Membership, Team
from grids.schemas import TeamOut
from grids.standins import Absence, Deputy
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, ProblemSchema, paged, transaction
from gridserve.permissions import Permission
from visits.life.schemas import DryRunIn
from visits.staffing import operations, people, remits
from visits.staffing.schemas import (
    AbsenceIn,
    AbsenceOut,
    AbsencePage,
    AbsencesIn,
    CellIn,
    DeputyIn,
    DeputyOut,
    LeftOut,
    MemberIn,
    MemberPatch,
    MembershipOut,
    OnIn,
    RemitIn,
    RemitOut,
    ReplacedOut,
    ReplaceIn,
    TeamIn,
    TeamPatch,
    WarningsIn,
    WarningsOut,
)
from visits.staffing.warnings import warnings

bp = Blueprint("staffing_api", __name__, url_prefix=API, description="Teams and their people")

_TEAM = "/teams/<uuid:team_id>"
_MEMBER = f"{_TEAM}/members/<uuid:membership_id>"
_missing = bp.alt_response(
    404, schema=ProblemSchema, content_type="application/problem+json",
    description="Not there, or not in the caller's scope.",
)  # fmt: skip
_previewed = bp.alt_response(200, schema=ReplacedOut, success=True, description="A preview.")


def _shown(team_id: uuid.UUID) -> Team:
    return queries.team(current_user, team_id, workdays.today())


@bp.post("/teams")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(TeamIn)
@bp.response(201, TeamOut)
def create(said: dict[str, Any]) -> Team:
    """Make a team. Its members and cells are added to it."""
    return _shown(staffing.create_team(said, by=current_user).id)


@bp.patch(_TEAM)
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(TeamPatch)
@bp.response(200, TeamOut)
def rename(said: dict[str, Any], team_id: uuid.UUID) -> Team:
    """Call a team otherwise."""
    team = staffing.locked_team(team_id, current_user)
    staffing.rename_team(team, said["name"], by=current_user)
    return _shown(team_id)


@bp.post(f"{_TEAM}/end")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(OnIn)
@bp.response(200, TeamOut)
def end(said: dict[str, Any], team_id: uuid.UUID) -> Team:
    """End a team that holds no open issues. It is kept, for the days when it was."""
    operations.end_team(team_id, said.get("on") or workdays.today(), by=current_user)
    return _shown(team_id)


@bp.post(f"{_TEAM}/members")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(MemberIn)
@bp.response(201, MembershipOut)
def add_member(said: dict[str, Any], team_id: uuid.UUID) -> Membership:
    """Let a person with a cadre's post in the township serve in a team."""
    team = staffing.locked_team(team_id, current_user)
    return staffing.add_member(team, said, by=current_user)


@bp.patch(_MEMBER)
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(MemberPatch)
@bp.response(200, MembershipOut)
def change_member(said: dict[str, Any], team_id: uuid.UUID, membership_id: uuid.UUID) -> Membership:
    """Give a member another duty from a day on, or set the last day. The old row stays."""
    if "duty" not in said:
        left = operations.leave(team_id, membership_id, said["to_date"], by=current_user)
        found: Membership = left["membership"]
        return found
    on = said.get("on") or workdays.today()
    return operations.change_duty(team_id, membership_id, said["duty"], on, by=current_user)


@bp.post(f"{_MEMBER}/end")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(OnIn)
@bp.response(200, LeftOut)
def end_member(
    said: dict[str, Any], team_id: uuid.UUID, membership_id: uuid.UUID
) -> dict[str, Any]:
    """Let a member leave; open issues in that person's charge go to the leader of the team."""
    on = said.get("on") or workdays.today()
    return operations.leave(team_id, membership_id, on, by=current_user)


@bp.post(f"{_MEMBER}/replace")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(ReplaceIn)
@bp.response(201, ReplacedOut)
def replace(
    asked: dict[str, Any], said: dict[str, Any], team_id: uuid.UUID, membership_id: uuid.UUID
) -> tuple[Any, int]:
    """Put another person into a member's place and into charge of the open issues."""
    if asked["dry_run"]:
        return operations.preview_replace(team_id, membership_id, said, by=current_user), 200
    return operations.replace(team_id, membership_id, said, by=current_user), 201


@bp.post(f"{_MEMBER}/deputies")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(DeputyIn)
@bp.response(201, DeputyOut)
def add_deputy(said: dict[str, Any], team_id: uuid.UUID, membership_id: uuid.UUID) -> Deputy:
    """Name who stands in (B岗) for a member on days when that one is away."""
    team = staffing.locked_team(team_id, current_user)
    row = staffing.member(team, membership_id)
    return staffing.add_deputy(team, row, said, by=current_user)


@bp.post(f"{_TEAM}/deputies/<uuid:deputy_id>/end")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(OnIn)
@bp.response(200, DeputyOut)
def end_deputy(said: dict[str, Any], team_id: uuid.UUID, deputy_id: uuid.UUID) -> Deputy:
    """Let a deputy stand in no longer."""
    team = staffing.locked_team(team_id, current_user)
    on = said.get("on") or workdays.today()
    return staffing.end_deputy(team, deputy_id, on, by=current_user)


@bp.post(f"{_TEAM}/cells")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(CellIn)
@bp.response(201, TeamOut)
def assign(said: dict[str, Any], team_id: uuid.UUID) -> Team:
    """Let a team answer for a cell, leading or supporting. A cell always has one lead team."""
    holding.assign(staffing.locked_team(team_id, current_user), said, by=current_user)
    return _shown(team_id)


@bp.post(f"{_TEAM}/cells/<uuid:assignment_id>/lead")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(OnIn)
@bp.response(200, TeamOut)
def lead(said: dict[str, Any], team_id: uuid.UUID, assignment_id: uuid.UUID) -> Team:
    """Let a supporting team lead for a cell from a day on."""
    team = staffing.locked_team(team_id, current_user)
    holding.lead(team, assignment_id, said.get("on") or workdays.today(), by=current_user)
    return _shown(team_id)


@bp.post(f"{_TEAM}/cells/<uuid:assignment_id>/end")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(OnIn)
@bp.response(200, TeamOut)
def end_assignment(said: dict[str, Any], team_id: uuid.UUID, assignment_id: uuid.UUID) -> Team:
    """Let a team answer for a cell no longer; where it led, the first supporting one leads."""
    team = staffing.locked_team(team_id, current_user)
    on = said.get("on") or workdays.today()
    holding.end_assignment(team, assignment_id, on, by=current_user)
    return _shown(team_id)


@bp.get(f"{_TEAM}/categories")
@requires(Permission.GROUND_READ)
@bp.response(200, RemitOut)
def list_remits(team_id: uuid.UUID) -> dict[str, Any]:
    """For which categories, each with all below it, a unit answers."""
    return {"categories": [category.code for category in remits.remits(_shown(team_id).id)]}


@bp.put(f"{_TEAM}/categories")
@requires(Permission.GROUND_WRITE)
@transaction
@bp.arguments(RemitIn)
@bp.response(200, RemitOut)
def answer_for(said: dict[str, Any], team_id: uuid.UUID) -> dict[str, Any]:
    """Let a unit answer for just these categories: the desk is told so where it dispatches."""
    team = staffing.locked_team(team_id, current_user)
    remits.answer_for(team, said["categories"], by=current_user)
    return {"categories": [category.code for category in remits.remits(team.id)]}


@bp.get("/absences")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(AbsencesIn, location="query")
@bp.response(200, AbsencePage)
def list_absences(args: dict[str, Any]) -> dict[str, Any]:
    """Who is away on a day. Why is told to the person and to administrators only."""
    day = args.get("as_of") or workdays.today()
    rows = people.absences(current_user, args.get("jurisdiction"), day)
    page = paged(rows, (Absence.from_date, Absence.id), args)
    return {**page, "items": people.with_kinds(current_user, page["items"])}


@bp.post("/absences")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(AbsenceIn)
@bp.response(201, AbsenceOut)
def say_absence(said: dict[str, Any]) -> Any:
    """Say that one is, or will be, away; an administrator also for others.

    Without a last day it is sudden: until it is ended. While it lasts the deputies stand in.
    """
    row = absences.say(said, by=current_user)
    return people.with_kinds(current_user, [people.absence(row.id)])[0]


@bp.post("/absences/<uuid:absence_id>/end")
@requires(Permission.ACCOUNT)
@transaction
@bp.arguments(OnIn)
@bp.response(200, AbsenceOut)
def end_absence(said: dict[str, Any], absence_id: uuid.UUID) -> Any:
    """End an absence: `on` is the first day back."""
    row = absences.end(absence_id, said.get("on") or workdays.today(), by=current_user)
    return people.with_kinds(current_user, [people.absence(row.id)])[0]


@bp.get("/teams/warnings")
@requires(Permission.GROUND_READ)
@_missing
@bp.arguments(WarningsIn, location="query")
@bp.response(200, WarningsOut)
def list_warnings(args: dict[str, Any]) -> dict[str, Any]:
    """What is missing in teams and cells of a jurisdiction, with the first cases of each."""
    code = queries.jurisdiction(current_user, args["jurisdiction"]).code
    return {"items": warnings(current_user, code, workdays.today())}
