"""The page of the backlog over the last weeks: a heatmap that is played, and its figures."""

from __future__ import annotations

from typing import Any

from babel.dates import format_skeleton
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from grids.models import short_name
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import page_args
from gridserve.permissions import Permission
from gridserve.replica import from_replica
from maps import aging as ageing
from maps import asked, hotspots, parts, places
from maps.bands import HEAT_CAP, HEAT_COLOURS
from maps.crumbs import crumbs, others
from maps.narrowing import Narrowing
from maps.schemas import WeeksPageIn
from maps.weeks import Week, backlog
from maps.words import category_name
from visits.issues import held
from visits.issues.chain import Tier
from visits.labels import label

bp = Blueprint("weeks", __name__)


@bp.get("/maps/aging/weeks")
@requires(Permission.FIGURES_READ)
@from_replica
def show() -> ResponseReturnValue:
    """How the open issues of a place grew and shrank, week by week."""
    from maps import drawweeks

    args = page_args(WeeksPageIn())
    place = places.find(current_user, args.get("jurisdiction"))
    narrowing, today = Narrowing.of(args), workdays.today()
    found = backlog(place, narrowing=narrowing)
    cases = asked.cases(current_user)
    kept: asked.Args = {**narrowing.asked}
    most = max(week.count for week in found.weeks)
    here = place.code or None

    def row(n: int, week: Week) -> dict[str, Any]:
        live = week.day == today
        as_of = None if live else week.day.isoformat()
        return {
            "n": n, "week": week, "label": _said(week, live=live),
            "href": url_for("maps.aging", jurisdiction=here, as_of=as_of, **kept),
            # the lists know the present only; the map of an old day has its oldest cases
            "open_href": cases.open(place.code, **kept) if live else None,
            "overdue_href": cases.open(place.code, **kept, overdue=1) if live else None,
            "width": 100 * week.count / most if most else 0,
            "late": 100 * week.overdue / week.count if week.count else 0,
        }  # fmt: skip

    rows = [row(n, week) for n, week in enumerate(found.weeks)]
    holding = hotspots.holders(place, now())
    chosen = [narrowing.holder] if narrowing.holder else []
    named = {key: held.holder_asked(current_user, key) for key in chosen} | held.holders(holding)
    kinds = ageing.categories()
    return render_template(
        "maps/weeks.html",
        map=drawweeks.weeks_map(
            found.spots, [each["label"] for each in rows], translate=_, static_url=parts.static,
            boundaries=parts.named(parts.ground(place, today)),
        ),
        jurisdiction=short_name(place.name), crumbs=crumbs(place, "weeks.show", **kept),
        others=others(place, "weeks.show"), rows=rows[::-1], first=found.weeks[0],
        last=found.weeks[-1], heat_cap=HEAT_CAP, heat_colours=HEAT_COLOURS.items(),
        back=url_for("maps.aging", jurisdiction=here, **kept),
        categories=[
            {"value": code, "label": category_name(kind)} for code, kind in kinds.items()
        ],
        tiers=[{"value": tier.value, "label": label(tier)} for tier in Tier],
        holders=[{"value": key, "label": named[key]} for key in dict.fromkeys(holding + chosen)],
        narrowing=narrowing, hidden={"jurisdiction": place.code}, as_of=now(),
        formula=ageing.FORMULA,
    )  # fmt: skip


def _said(week: Week, *, live: bool) -> str:
    return _("Today") if live else format_skeleton("MMMd", week.day, locale=get_locale())
