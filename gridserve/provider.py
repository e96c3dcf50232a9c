"""The provider of sign-on that the settings name, where they name one (gridserve/openid.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l

from gridserve.config import Config
from gridserve.errors import Problem

if TYPE_CHECKING:
    from gridserve.openid import Provider


class ProviderAway(Problem):
    """No usable answer from the provider. Not a fault of ours, so nothing of the 500s."""

    status, code, title = 424, "auth.provider_away", _l("The sign-on service does not answer")


class ProviderRefused(Problem):
    """What came back from the provider is not to be believed, or does not say who it is."""

    status, code, title = 401, "auth.provider_refused", _l("The sign-on did not succeed")


def provider() -> Provider | None:
    """The provider of this installation, where one is set."""
    return cast("Provider | None", current_app.extensions["gridserve.provider"])


def init_app(app: Flask) -> None:
    """Know the provider, and let the sign-in page know it."""
    config: Config = app.extensions["gridserve"]
    found = None
    if config.oidc_issuer:
        from gridserve.openid import Provider  # loads Authlib

        found = Provider(config)
    app.extensions["gridserve.provider"] = found
