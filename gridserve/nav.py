"""The main navigation: what each person may open."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, request, url_for

from gridserve import auth
from gridserve.permissions import may


def entries() -> list[dict[str, Any]]:
    """The pages of the navigation that the person asking may open: href, label, active."""
    user = auth.visitor()
    if user is None:
        return []
    return [
        {"href": url_for(endpoint), "label": label, "active": request.endpoint == endpoint}
        for endpoint, label, permission in current_app.extensions["gridserve.nav"]
        if may(user, permission)
    ]


def init_app(app: Flask) -> None:
    """Give templates the navigation as `nav`."""

    @app.context_processor
    def _context() -> dict[str, Any]:
        return {"nav": entries()}
