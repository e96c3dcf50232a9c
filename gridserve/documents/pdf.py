"""HTML to PDF, for documents on paper; the only file that knows WeasyPrint.

The same HTML gives the same bytes: nothing in the file says when it was made.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask_babel import get_locale


class Outside(ValueError):
    """A document asked for something that does not come with it."""


def render(template: str, **values: Any) -> bytes:
    """The PDF of a template, in the language that is spoken here.

    What pages know of the request, such as who asks, it does not know: there is none.
    """
    page = current_app.jinja_env.get_template(template)
    return from_html(page.render(**values, locale=str(get_locale())))


def from_html(html: str) -> bytes:
    """The PDF of a page of HTML that brings its styles and pictures (data:) with it.

    Nothing is fetched, neither from the network nor from a disk: Outside is raised instead.
    """
    from PIL import ImageFile
    from weasyprint import HTML  # takes a second, and only jobs need it
    from weasyprint.urls import FatalURLFetchingError

    # Importing it lets the whole process take half a picture for a picture.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        data: bytes = HTML(string=html, url_fetcher=_fetcher()).write_pdf()
    except FatalURLFetchingError as error:  # no Exception: it would end the worker
        raise Outside(str(error)) from error
    return data


def _fetcher() -> Any:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher

    class Refuses(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.startswith("data:"):
                raise FatalURLFetchingError(f"not part of the document: {url[:80]}")
            return super().fetch(url, headers)

    return Refuses(allowed_protocols=("data",))
