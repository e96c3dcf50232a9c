"""Which language a person gets: asked for, else the account's, else the browser's, else ours."""

from __future__ import annotations

from flask import Flask, current_app, has_request_context, request, session
from flask_babel import Babel, get_locale

from gridserve import auth
from gridserve.config import Config

LANGUAGES = {"zh": "中文", "en": "English"}


def choose() -> str:
    """The language of the present request; outside of requests the installation's."""
    config: Config = current_app.extensions["gridserve"]
    if not has_request_context():
        return config.language
    asked = request.args.get("lang")
    if asked in LANGUAGES:
        session["lang"] = asked
        return str(asked)
    if session.get("lang") in LANGUAGES:
        return str(session["lang"])
    user = auth.visitor()
    if user is not None and user.language in LANGUAGES:
        return str(user.language)
    return request.accept_languages.best_match(LANGUAGES) or config.language


def init_app(app: Flask) -> None:
    """Set up Babel for `app`."""
    config: Config = app.extensions["gridserve"]
    # English is the language of the source, so it needs no translations of its own.
    app.config["BABEL_DEFAULT_LOCALE"] = "en"
    app.config["BABEL_DEFAULT_TIMEZONE"] = config.timezone
    Babel(app, locale_selector=choose)
    app.jinja_env.globals["languages"] = LANGUAGES
    app.jinja_env.globals["get_locale"] = get_locale
