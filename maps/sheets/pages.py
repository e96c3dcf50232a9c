"""Pages of registers and sheets: looked at on screen, taken as documents."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from grids.models import short_name
from gridserve import workdays
from gridserve.auth import current_user, requires
from gridserve.db import now
from gridserve.http import page_args, paged
from gridserve.permissions import Permission
from maps import places
from maps.crumbs import choices, crumbs, others
from maps.sheets import issueregister, registers, visitregister
from maps.sheets.kinds import TOWNSHIP
from maps.sheets.registers import Span
from maps.sheets.schemas import RegisterArguments, RegisterPageIn

bp = Blueprint("sheets", __name__, template_folder="../templates")


@bp.get("/sheets/issues")
@requires(Permission.ISSUE_READ)
def issues() -> ResponseReturnValue:
    """The register of issues on screen."""
    return _register(
        issueregister, "issues", _("Register of issues"),
        lambda row: url_for("issues.show", issue_id=row["id"]),
    )  # fmt: skip


@bp.get("/sheets/visits")
@requires(Permission.VISIT_READ)
def visits() -> ResponseReturnValue:
    """The register of visits on screen."""
    return _register(
        visitregister, "visits", _("Register of visits"),
        lambda row: url_for("visits.household", household_id=row["id"]), least=TOWNSHIP,
    )  # fmt: skip


def _register(
    module: ModuleType, kind: str, title: str, address: Callable[[dict[str, Any]], str], *,
    least: int = 0,
) -> ResponseReturnValue:  # fmt: skip
    args = page_args(RegisterPageIn())
    today = workdays.today()
    last = args.get("to") or today
    first = args.get("from") or last.replace(day=1)
    place = places.find(current_user, args.get("jurisdiction"))
    said = {"jurisdiction": place.code, "from": first.isoformat(), "to": last.isoformat()}
    page_args(RegisterArguments(), {**said, "jurisdiction": place.code or "00"})  # the same bounds
    found = _page(module, args, Span(place, first, last, now())) if place.digits >= least else None
    return render_template(
        "sheets/register.html", title=title, kind=kind, said=said, found=found, address=address,
        columns=[column for column in module.COLUMNS if column.screen],
        place=short_name(place.name), today=today, new_id=uuid.uuid4,
        crumbs=crumbs(place, f"sheets.{kind}", **{k: said[k] for k in ("from", "to")}),
        others=others(place, f"sheets.{kind}"), choices=choices(place),
        formula=module.FORMULA, as_of=now(), counted=registers.COUNTED,
        on_paper=registers.ON_PAPER,
    )  # fmt: skip


def _page(module: ModuleType, args: dict[str, Any], span: Span) -> dict[str, Any]:
    """A page of rows and how many there are in all: three queries."""
    wanted = module.ids(current_user, span)
    page = paged(wanted, module.KEYS, args)
    rows = list(module.rows(current_user, span, page["items"])) if page["items"] else []
    return {"rows": rows, "next": page["next"], "count": registers.count(wanted, registers.COUNTED)}
