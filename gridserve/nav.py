"""The main navigation: what each person may open."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, request, url_for

from gridserve import auth
from gridserve.permissions import may


def entries() -> list[dict[str, Any]]:
    """The pages of the navigation that the person asking may open: href, label, active.

    An entry of the composition is (endpoint, label, permission, *endpoints within the section).
    """
    user = auth.visitor()
    if user is None or not auth.ready():
        return []
    here = request.endpoint
    found = [
        {"href": url_for(endpoint), "label": label, "active": here == endpoint, "inside": inside}
        for endpoint, label, permission, *inside in current_app.extensions["gridserve.nav"]
        if may(user, permission)
    ]
    if not any(entry["active"] for entry in found):
        # a page without an entry of its own belongs to the first of its sections
        for entry in [entry for entry in found if here in entry["inside"]][:1]:
            entry["active"] = True
    return found


def init_app(app: Flask) -> None:
    """Give templates the navigation as `nav`."""

    @app.context_processor
    def _context() -> dict[str, Any]:
        return {"nav": entries()}
