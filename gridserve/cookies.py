"""The signed cookie in which a browser keeps its session."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import BadSignature


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions, of which a cookie that seems to be made later than now is as good as one of
    now: clocks are set back, and those of two web machines differ. Flask would forget it, and with
    it the sign-in; when that ends, its row in the database says."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        signer = self.get_signing_serializer(app)
        value = request.cookies.get(self.get_cookie_name(app))
        if signer is None:
            return None
        if not value:
            return self.session_class()
        try:
            kept, made = signer.loads(value, return_timestamp=True)
        except BadSignature:
            return self.session_class()
        over = datetime.now(UTC) - made > app.permanent_session_lifetime
        return self.session_class() if over else self.session_class(kept)
