"""Writes the report of an import as a page with its pictures, to be opened or sent anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from flask import current_app
from flask_babel import get_locale
from markupsafe import Markup

from grids.report import Report


def write(report: Report, target: Path) -> None:
    """Write FILE.html, or into a folder report.html, report.json and a picture for each village.

    In the language of the moment. Raises `OSError`.
    """
    if target.suffix.lower() in (".html", ".htm"):
        target.write_text(page(report), encoding="utf-8")
        return
    target.mkdir(parents=True, exist_ok=True)
    (target / "report.html").write_text(page(report), encoding="utf-8")
    words = json.dumps(report.as_dict(), ensure_ascii=False, indent=1)
    (target / "report.json").write_text(words, encoding="utf-8")
    for picture in report.pictures:
        (target / f"{picture.village}.svg").write_text(picture.svg, encoding="utf-8")


def page(report: Report) -> str:
    """The report as one HTML page that needs nothing else."""
    # Not render_template: this runs without a request, and with no user in the page.
    template = current_app.jinja_env.get_template("grids/report.html")
    pictures = [(picture, Markup(picture.svg)) for picture in report.pictures]  # noqa: S704
    language = str(get_locale() or "zh")
    return template.render(report=report, pictures=pictures, language=language)
