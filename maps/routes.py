"""Coverage and ageing figures over the API."""

from __future__ import annotations

from gridserve.http import API, Blueprint

bp = Blueprint("maps_api", __name__, url_prefix=API, description="Figures")
