"""The cadre's start page, and the list of households that a figure opens to."""

from __future__ import annotations

import marshmallow as ma
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, raiseload

from grids.models import Cell, Team
from grids.permissions import cells_of, teams_of
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, pointers
from gridserve.http import paged
from gridserve.permissions import Permission
from visits import queries
from visits.issues.models import Issue
from visits.issues.pages import due_words, light_of, place_name
from visits.masking import masked_name
from visits.models import Household, HouseholdStatus
from visits.permissions import sees_names
from visits.schemas import HouseholdsIn

bp = Blueprint("visits", __name__, template_folder="templates")

SHOWN = 20


@bp.get("/m/")
@requires(Permission.VISIT_RECORD)
def home() -> ResponseReturnValue:
    """What waits for a cadre: issues that the own teams hold, and households longest not met."""
    today = workdays.today()
    cells = db.session.scalars(
        select(Cell).where(Cell.id.in_(cells_of(current_user, today))).order_by(Cell.code)
    ).all()
    teams = db.session.scalars(
        select(Team).where(Team.id.in_(teams_of(current_user, today))).order_by(Team.name)
    ).all()
    issues = db.session.scalars(
        select(Issue)
        .where(Issue.team_id.in_(teams_of(current_user, today)), Issue.closed_at.is_(None))
        .options(joinedload(Issue.category), joinedload(Issue.village), raiseload("*"))
        .order_by(Issue.due_at)
        .limit(SHOWN)
    ).all()
    own = select(Household).where(
        Household.cell_id.in_(cells_of(current_user, today)),
        Household.status == HouseholdStatus.ACTIVE,
    )
    households = db.session.scalars(
        own.options(raiseload("*"))
        .order_by(Household.last_met_at.asc().nulls_first(), Household.number)
        .limit(SHOWN)
    ).all()
    total = db.session.scalar(select(func.count()).select_from(own.subquery())) or 0
    return render_template(
        "visits/home.html",
        cells=cells,
        teams=teams,
        issues=issues,
        households=households,
        total=total,
        light_of=light_of,
        due_words=due_words,
    )


@bp.get("/households")
@requires(Permission.HOUSEHOLD_READ)
def listing() -> ResponseReturnValue:
    """Households by jurisdiction, cell, tag, and whether they were met in a window."""
    asked = {k: v for k, v in request.args.items() if v and k != "lang"}
    try:
        args = HouseholdsIn().load(asked)
    except ma.ValidationError as error:
        raise Invalid(
            _("The address of this page has a value that cannot be used."),
            errors=pointers(error.messages),
        ) from error
    page = paged(
        queries.households(current_user, args), (Household.village_code, Household.number), args
    )

    def name(household: Household) -> str:
        seen = sees_names(current_user, household)
        return household.head_name if seen else masked_name(household.head_name)

    return render_template(
        "visits/households.html",
        page=page,
        args=args,
        name=name,
        place=place_name(args.get("jurisdiction") or args.get("cell", "")[:12]),
    )
