"""Imports over the API: send a file, look at its report, confirm it; templates to fill in."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve import claims
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.http import API, Blueprint, large, paged, transaction
from gridserve.imports import operations
from gridserve.imports.models import Import
from gridserve.imports.schemas import (
    CheckIn,
    ConfirmIn,
    FileIn,
    ImportOut,
    ImportPage,
    ImportsIn,
    SendIn,
)
from gridserve.permissions import Permission
from gridserve.tables.raw import LARGEST

bp = Blueprint("imports_api", __name__, url_prefix=API, description="Imports of files")
LARGEST_BODY = LARGEST + 64 * 1024  # the file and what is said with it


@bp.get("/imports")
@requires(Permission.IMPORT)
@bp.arguments(ImportsIn, location="query")
@bp.response(200, ImportPage)
def list_imports(args: dict[str, Any]) -> dict[str, Any]:
    """Imports, newest first."""
    query = operations.visible_imports(current_user)
    if args.get("kind"):
        query = query.where(Import.kind == args["kind"])
    return paged(query, (Import.created_at, Import.id), args, descending=True)


@bp.post("/imports")
@requires(Permission.IMPORT)
@transaction
@large(LARGEST_BODY)
@bp.arguments(SendIn, location="query")
@bp.arguments(FileIn, location="files")
@bp.response(202, ImportOut)
def send_import(said: dict[str, Any], files: dict[str, Any]) -> Import:
    """Send a file; a job checks it. Sending it again gets the same import."""
    file = files["file"]
    options: dict[str, Any] = {k: said[k] for k in ("system", "repair") if k in said}
    row = operations.send(
        said["id"], said["kind"], file_name(file.filename), file.read(LARGEST + 1), options,
        by=current_user,
    )  # fmt: skip
    db.session.refresh(row, ["by"])
    return row


def file_name(said: str | None) -> str:
    """The last part of a file's name, without what cannot be stored."""
    last = (said or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable()).strip()[-120:]


@bp.get("/imports/<uuid:import_id>")
@requires(Permission.IMPORT)
@bp.response(200, ImportOut)
def get_import(import_id: uuid.UUID) -> Import:
    """One import with its report; ask again every second while its state is a job's."""
    row = operations.find(current_user, import_id)
    if row.at_work:
        row.doing = claims.said(row)  # type: ignore[attr-defined]
    return row


@bp.post("/imports/<uuid:import_id>/check")
@requires(Permission.IMPORT)
@transaction
@bp.arguments(CheckIn)
@bp.response(202, ImportOut)
def check_again(said: dict[str, Any], import_id: uuid.UUID) -> Import:
    """Have the file checked again with other options, such as its coordinate system."""
    row = operations.find(current_user, import_id, lock=True)
    operations.check_again(row, said, by=current_user)
    return row


@bp.post("/imports/<uuid:import_id>/confirm")
@requires(Permission.IMPORT)
@transaction
@bp.arguments(ConfirmIn)
@bp.response(202, ImportOut)
def confirm(said: dict[str, Any], import_id: uuid.UUID) -> Import:
    """Have what was checked stored."""
    row = operations.find(current_user, import_id, lock=True)
    operations.confirm(row, said["digest"], skip_bad=said["skip_bad"], by=current_user)
    return row
