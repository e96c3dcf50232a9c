"""The administrator's overview of the ground."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from gridserve.auth import requires
from gridserve.permissions import Permission

bp = Blueprint("grids", __name__, template_folder="templates")


@bp.get("/admin")
@requires(Permission.GROUND_WRITE)
def home() -> ResponseReturnValue:
    """What there is below each township, and what is missing."""
    return redirect("/")
