"""Single sign-on: an OpenID Connect provider says who somebody is (decision 0034).

The only file that knows Authlib, which keeps state, nonce and PKCE, and checks what comes back.
It is loaded where a provider is set. Nothing here touches the database; a provider is asked with a
limit of five seconds for each answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import current_app, request, session
from flask_babel import gettext as _
from joserfc.errors import JoseError
from requests import HTTPError, RequestException
from werkzeug import Response

from gridserve.config import Config
from gridserve.errors import BadRequest, Unauthorized
from gridserve.provider import ProviderAway, ProviderRefused

NAME = "provider"
PATIENCE_SECONDS = 5.0
# So long nobody waits again for a provider that did not answer: waiting would hold every thread.
AWAY_SECONDS = 10.0
LONGEST_LOGIN = 64
# Signed with a key that only the provider has; the others are signed with what we have too, or not.
SIGNATURES = {
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
}


class Provider:
    """The provider that the settings name."""

    def __init__(self, config: Config) -> None:
        self.issuer, self.claim = config.oidc_issuer, config.oidc_claim
        self.label = config.oidc_label
        self._away_until = 0.0
        self._client = FlaskOAuth2App(
            FlaskIntegration(NAME),
            name=NAME,
            client_id=config.oidc_client_id,
            client_secret=config.oidc_client_secret,
            server_metadata_url=self.issuer.rstrip("/") + "/.well-known/openid-configuration",
            client_kwargs={
                "scope": config.oidc_scope,
                "code_challenge_method": "S256",
                "default_timeout": PATIENCE_SECONDS,
            },
        )

    def send_there(self, back: str) -> Response:
        """Send the browser to the provider, which sends it to the address `back`."""
        for key in [key for key in session if key.startswith("_state_")]:
            del session[key]  # of several begun the last one counts, and the cookie stays small
        with self._answering():
            self._metadata()
            return cast(Response, self._client.authorize_redirect(back))

    def login(self) -> str:
        """The login that the provider vouches for, from the present request.

        Errors: BadRequest where it was not begun in this browser, Unauthorized where the person
        did not sign in there, ProviderRefused, ProviderAway.
        """
        if not self._client.framework.get_state_data(session, request.args.get("state")):
            raise BadRequest(
                _("This sign-on was not begun in this browser, or long ago. Begin once more.")
            )
        with self._answering():
            accepted = {
                "iss": {"essential": True, "value": self._metadata()["issuer"]},
                "aud": {"essential": True, "value": self._client.client_id},
            }
            token = self._client.authorize_access_token(claims_options=accepted)
            said = token["userinfo"]
            if self.claim not in said:
                more = self._client.userinfo(token=token)
                if more["sub"] != said["sub"]:
                    raise ValueError("somebody else's userinfo")
                said = {**more, **said}
        login = said.get(self.claim)
        readable = isinstance(login, str) and login.strip() and login.isprintable()
        if not readable or len(login) > LONGEST_LOGIN:
            raise ProviderRefused(
                _("The sign-on service does not say who you are here (“%(claim)s” is missing).",
                  claim=self.claim)
            )  # fmt: skip
        return cast(str, login)

    def check(self) -> None:
        """Ask the provider for its addresses. Errors: ProviderAway, ProviderRefused."""
        with self._answering():
            self._metadata()

    def _metadata(self) -> Mapping[str, Any]:
        """What the provider says of itself: asked once in the life of a process."""
        found = self._client.load_server_metadata()
        if found.get("issuer") != self.issuer:
            self._client.server_metadata = {}  # asked anew the next time
            raise ValueError(f"the provider calls itself {found.get('issuer')!r}")
        offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        found["id_token_signing_alg_values_supported"] = sorted(SIGNATURES.intersection(offered))
        return cast(Mapping[str, Any], found)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Say in our terms what goes wrong with a provider; all of it is written to the log."""
        if time.monotonic() < self._away_until:
            raise self._away()
        try:
            yield
        except HTTPError as error:
            current_app.logger.warning("sign-on provider: %r", error)
            raise self._away() from error
        except RequestException as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            current_app.logger.warning("sign-on provider does not answer: %r", error)
            raise self._away() from error
        except OAuthError as error:
            current_app.logger.warning("sign-on refused by the provider: %r", error)
            if error.error in ("access_denied", "login_required", "interaction_required"):
                raise Unauthorized(_("You did not sign in there.")) from error
            raise self._refused() from error
        except (AuthlibBaseError, JoseError, ValueError, TypeError, LookupError, AttributeError,
                RuntimeError) as error:  # fmt: skip  # whatever it may send instead of an answer
            current_app.logger.warning("sign-on not believed: %r", error)
            raise self._refused() from error

    @staticmethod
    def _away() -> ProviderAway:
        return ProviderAway(
            _("The sign-on service does not answer. Try again later, or sign in with the account "
              "and password of this site.")
        )  # fmt: skip

    @staticmethod
    def _refused() -> ProviderRefused:
        return ProviderRefused(
            _("What the sign-on service answered cannot be used. Begin once more; if it stays, "
              "tell your administrator.")
        )  # fmt: skip
