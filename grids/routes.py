"""Jurisdictions, cells and teams over the API."""

from __future__ import annotations

from gridserve.http import API, Blueprint

bp = Blueprint("grids_api", __name__, url_prefix=API, description="Ground: jurisdictions, cells, teams")
