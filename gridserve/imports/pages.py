"""The import wizard: choose and send, look at the report, confirm; the history; templates."""

from __future__ import annotations

import io
import re
import uuid
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from gridserve import claims
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.errors import Invalid, NotFound, Problem
from gridserve.http import PageIn, large, page_args, paged, transaction
from gridserve.imports import operations, passwords
from gridserve.imports.kinds import all_kinds, kinds_of
from gridserve.imports.models import Import, ImportState
from gridserve.imports.routes import LARGEST_BODY, file_name
from gridserve.permissions import Permission
from gridserve.tables import reading, writing
from gridserve.tables.raw import LARGEST
from gridserve.tables.reading import Fault

bp = Blueprint("imports", __name__)
SHOWN = 100  # faults on the page; the sheet has more
STATES = {
    ImportState.CHECKING: _l("being checked"),
    ImportState.CHECKED: _l("waits for confirmation"),
    ImportState.IMPORTING: _l("being stored"),
    ImportState.DONE: _l("done"),
    ImportState.FAILED: _l("cannot be used"),
    ImportState.DROPPED: _l("dropped"),
}
SYSTEMS = (
    ("wgs84", _l("WGS 84 (GPS, phones)")),
    ("cgcs2000", "CGCS2000 (国家2000)"),
    ("gcj02", _l("GCJ-02 (Amap, Tencent, WeChat)")),
    ("bd09", _l("BD-09 (Baidu)")),
)
NUMBERED = re.compile(r"EPSG:[0-9]{4,5}")  # a projection that was offered for a map


@bp.get("/imports")
@requires(Permission.IMPORT)
def listing() -> ResponseReturnValue:
    """What may be imported, the form to send a file, and what was imported before."""
    return _listing()


def _listing(problem: Problem | None = None) -> str:
    kinds = kinds_of(current_user)
    asked = request.values.get("kind", "")
    chosen = next((kind for kind in kinds if kind.key == asked), kinds[0] if kinds else None)
    given = {k: v for k, v in request.args.items() if k in ("limit", "cursor")}
    page = paged(
        operations.visible_imports(current_user), (Import.created_at, Import.id),
        page_args(PageIn(), given), descending=True,
    )  # fmt: skip
    return render_template(
        "imports/list.html", kinds=kinds, chosen=chosen, page=page, problem=problem, states=STATES,
        all_kinds=all_kinds(), systems=SYSTEMS, new_id=uuid.uuid4(), most=LARGEST // 1024 // 1024,
    )  # fmt: skip


@bp.post("/imports")
@requires(Permission.IMPORT)
@transaction
@large(LARGEST_BODY)
def send() -> ResponseReturnValue:
    """Take the file and go to its import."""
    try:
        with db.session.begin_nested():  # a refusal takes back its own writes and keeps the page
            row = _sent()
    except Problem as problem:
        return _listing(problem), problem.status
    return redirect(url_for("imports.show", import_id=row.id))


def _sent() -> Import:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid(_("Choose a file first."))
    try:
        id_ = uuid.UUID(request.form.get("id", ""))
    except ValueError:
        id_ = uuid.uuid4()
    return operations.send(
        id_, request.form.get("kind", "")[:24], file_name(file.filename), file.read(LARGEST + 1),
        _options(), by=current_user,
    )  # fmt: skip


def _options() -> dict[str, Any]:
    """What the form says of how the file is to be read."""
    form = request.form
    options: dict[str, Any] = {}
    if form.get("system") in dict(SYSTEMS) or NUMBERED.fullmatch(form.get("system", "")):
        options["system"] = form["system"]
    if form.get("layer"):
        options["layer"] = form["layer"][:120]
    for name in ("repair", "swapped"):
        if form.get(name):
            options[name] = form[name] == "1"
    return options


@bp.get("/imports/<uuid:import_id>")
@requires(Permission.IMPORT)
def show(import_id: uuid.UUID) -> ResponseReturnValue:
    """One import: what a job is doing, the report to decide on, or what came of it."""
    return _shown(import_id)


def _shown(import_id: uuid.UUID, problem: Problem | None = None) -> str:
    row = operations.find(current_user, import_id)
    report: dict[str, Any] = row.report or {}
    has_file = db.session.scalar(select(Import.content.is_not(None)).where(Import.id == row.id))
    return render_template(
        "imports/show.html", row=row, kind=all_kinds().get(row.kind), report=report,
        faults=report.get("faults", [])[:SHOWN], doing=claims.said(row) if row.at_work else "",
        own=row.by_id == current_user.id, has_file=has_file, state=STATES[row.state],
        systems=_systems(report), problem=problem, chosen=_chosen(row, report),
    )  # fmt: skip


def _systems(report: dict[str, Any]) -> list[tuple[str, Any]]:
    """The coordinate systems to choose from: the projections in which a map may be, and degrees."""
    named: dict[str, str] = (report.get("question") or {}).get("named", {})
    zones = [(one, f"{words} ({one})") for one, words in named.items() if words]
    return [*zones, *SYSTEMS]


def _chosen(row: Import, report: dict[str, Any]) -> str:
    """The coordinate system to offer: what would fit, else what was said."""
    question = report.get("question") or {}
    likely: list[str] = question.get("choices", [])
    said: str = row.options.get("system") or ""
    return likely[0] if likely and question.get("option") == "system" else said


@bp.post("/imports/<uuid:import_id>")
@requires(Permission.IMPORT)
@transaction
def act(import_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm, check again with other options, or drop."""
    try:
        with db.session.begin_nested():
            row = operations.find(current_user, import_id, lock=True)
            action = request.form.get("action")
            if action == "confirm":
                skip = request.form.get("skip_bad") == "1"
                operations.confirm(row, request.form.get("digest", ""), skip_bad=skip,
                                   by=current_user)  # fmt: skip
            elif action == "check":
                operations.check_again(row, _options(), by=current_user)
            elif action == "drop":
                operations.drop(row, by=current_user)
                flash(_("The import was dropped; nothing was stored."))
    except Problem as problem:
        return _shown(import_id, problem), problem.status
    return redirect(url_for("imports.show", import_id=import_id))


@bp.get("/imports/<uuid:import_id>/faults.xlsx")
@requires(Permission.IMPORT)
def faults(import_id: uuid.UUID) -> ResponseReturnValue:
    """The faulty rows as a sheet to mend and send again; for its sender only."""
    from gridserve.tables import books

    row = operations.find(current_user, import_id)
    kind = all_kinds().get(row.kind)
    found = [Fault(**{k: f[k] for k in ("row", "column", "reason", "mend")})
             for f in (row.report or {}).get("faults", [])]  # fmt: skip
    if row.by_id != current_user.id or row.content is None or kind is None or not found:
        raise NotFound(_("There are no rows to mend here, or the file is gone."))
    if kind.columns:
        sheet = books.faults(reading.read(row.content, kind.columns), found)
    else:
        sheet = books.listed(found)
    return _xlsx(sheet, f"待改-{row.file_name.rpartition('.')[0][:60]}.xlsx")


@bp.post("/imports/<uuid:import_id>/passwords")
@requires(Permission.IMPORT)
@transaction
def hand_out(import_id: uuid.UUID) -> ResponseReturnValue:
    """The first passwords of new accounts, made now, shown once and kept nowhere."""
    row = operations.find(current_user, import_id, lock=True)
    return _xlsx(passwords.hand_out(row, by=current_user), _("first passwords") + ".xlsx")


@bp.get("/imports/templates/<kind>.xlsx")
@requires(Permission.IMPORT)
def template(kind: str) -> ResponseReturnValue:
    """An empty table to fill in."""
    from gridserve.tables import books

    found = {one.key: one for one in kinds_of(current_user)}.get(kind)
    if found is None or not found.columns:
        raise NotFound(_("There is no such template for you."))
    sheet = books.template(found.columns, [str(line) for line in found.about])
    return _xlsx(sheet, f"模板-{found.label}.xlsx")


def _xlsx(sheet: bytes, name: str) -> Response:
    return send_file(
        io.BytesIO(sheet), mimetype=writing.XLSX, as_attachment=True, download_name=name
    )
