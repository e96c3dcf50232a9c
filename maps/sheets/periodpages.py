"""Pages of the sheets of a month and a quarter, and of objections to a quarter."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids.models import Team, short_name
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import db, now
from gridserve.errors import Invalid, NotFound
from gridserve.http import page_args, transaction, trimmed
from gridserve.permissions import Permission, may
from maps import places
from maps.crumbs import choices, crumbs
from maps.places import Place
from maps.sheets import brief as briefs
from maps.sheets import comparison as comparing
from maps.sheets import publicsheet
from maps.sheets.kinds import TOWNSHIP, end_of_month, month_name
from maps.sheets.pages import bp
from maps.sheets.schemas import MonthPageIn, QuarterPageIn
from visits.objections import operations as objecting
from visits.objections.operations import quarter_name

BACK = 12  # months and quarters to choose from


@bp.get("/sheets/brief")
@requires(Permission.DOCUMENTS)
def monthly() -> ResponseReturnValue:
    """The brief of a month on screen."""
    place, month = _asked_month()
    moment = now()
    return render_template(
        "sheets/brief.html", brief=briefs.brief(current_user, place, month, moment),
        formula=briefs.FORMULA, **_shared(place, "sheets.monthly", "brief", month, moment),
    )  # fmt: skip


@bp.get("/sheets/public")
@requires(Permission.DOCUMENTS)
def public() -> ResponseReturnValue:
    """The public sheet of a township and month on screen."""
    place, month = _asked_month()
    moment, found = now(), None
    last = end_of_month(month)
    over = last < workdays.today()
    if place.digits == TOWNSHIP and over:
        found = publicsheet.sheet(place, month, last, moment)
    return render_template(
        "sheets/public.html", sheet=found, over=over, shown=publicsheet.shown,
        headings=publicsheet.headings(), notes=publicsheet.words(found) if found else [],
        formula=publicsheet.FORMULA, **_shared(place, "sheets.public", "public", month, moment),
    )  # fmt: skip


def _asked_month() -> tuple[Place, date]:
    args = page_args(MonthPageIn())
    place = places.find(current_user, args.get("jurisdiction"))
    before = (workdays.today().replace(day=1) - timedelta(days=1)).replace(day=1)
    return place, args.get("month") or before


def _shared(place: Place, endpoint: str, kind: str, month: date, moment: Any) -> dict[str, Any]:
    months, first = [], workdays.today().replace(day=1)
    for _n in range(BACK + 1):
        months.append({"value": month_name(first), "label": month_name(first)})
        first = (first - timedelta(days=1)).replace(day=1)
    return {
        "place": short_name(place.name), "crumbs": crumbs(place, endpoint,
                                                          month=month_name(month)),
        "choices": choices(place), "months": months, "as_of": moment, "new_id": uuid.uuid4,
        "said": {"jurisdiction": place.code, "month": month_name(month)}, "kind": kind,
    }  # fmt: skip


def last_quarter() -> date:
    """The first day of the last quarter that is over."""
    today = workdays.today()
    this = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    return _before(this)


def _before(quarter: date) -> date:
    return (quarter - timedelta(days=80)).replace(day=1)


@bp.get("/sheets/comparison")
@requires(Permission.FIGURES_READ)
def comparison() -> ResponseReturnValue:
    """The comparison of a quarter: all teams for those who keep it, its own figures for a team."""
    args = page_args(QuarterPageIn())
    quarter, moment = args.get("quarter") or last_quarter(), now()
    own = objecting.own_teams(current_user)
    wide = may(current_user, Permission.DOCUMENTS)
    place = places.find(current_user, args.get("jurisdiction")) if wide else _township_of(own)
    found, teams, said = None, [], []
    window = objecting.window(place.code, quarter)
    if place.digits == TOWNSHIP:
        found = comparing.comparison(place, quarter, moment)
        teams = [team for team in found.teams if wide or team.id in own]
        said = list(objecting.objections(quarter, [team.id for team in teams], moment))
    quarters, one = [], last_quarter()
    for _n in range(BACK // 3):
        quarters.append({"value": quarter_name(one), "label": quarter_name(one)})
        one = _before(one)
    return render_template(
        "sheets/comparison.html", found=found, teams=teams, own=own, wide=wide,
        place=short_name(place.name), measures=comparing.MEASURES, verdicts=comparing.VERDICTS,
        told=comparing.told, notes=comparing.words(place.code, quarter), objections=said,
        open=window[0] <= moment < window[1], window=window,
        answers=may(current_user, Permission.ISSUE_URGE, place.code),
        crumbs=crumbs(place, "sheets.comparison", quarter=quarter_name(quarter)) if wide else [],
        choices=choices(place) if wide else [], quarters=quarters, formula=comparing.FORMULA,
        said={"jurisdiction": place.code, "quarter": quarter_name(quarter)}, as_of=moment,
        new_id=uuid.uuid4, kind="comparison", may_take=wide,
    )  # fmt: skip


def _township_of(own: set[uuid.UUID]) -> Place:
    """The township of the own teams, of which a cadre sees these teams' figures only."""
    team = db.session.get(Team, min(own)) if own else None
    if team is None or len(team.jurisdiction_code) < TOWNSHIP:
        raise NotFound(_("You serve in no team of a township."))
    return places.named(team.jurisdiction_code[:TOWNSHIP])


@bp.post("/sheets/comparison")
@requires(Permission.FIGURES_READ)
@transaction
def object_to() -> ResponseReturnValue:
    """Object for the own team, or answer an objection; then the quarter again."""
    form = request.form
    words = trimmed(form.get("words", ""))[:1000]
    try:
        quarter = QuarterPageIn().load({"quarter": form.get("quarter", "")})["quarter"]
        id_, team_id = uuid.UUID(form.get("id", "")), uuid.UUID(form.get("team") or form["id"])
    except (ValueError, KeyError) as error:
        raise Invalid(_("Load the page again and repeat.")) from error
    if form.get("action") == "answer":
        objecting.answer(id_, words, upheld=form.get("upheld") == "1", by=current_user)
        flash(_("Your answer is recorded."))
    else:
        objecting.object_to(id_, team_id, quarter, words, by=current_user)
        flash(_("Your objection is recorded; the leader answers it here."))
    here = form.get("jurisdiction") or None
    return redirect(url_for("sheets.comparison", quarter=quarter_name(quarter), jurisdiction=here))
