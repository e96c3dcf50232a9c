"""The leader's page and the two maps."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("maps", __name__, template_folder="templates")
