"""The second step of signing in: a code that changes every half minute (TOTP, RFC 6238), made by an
app on one's phone, or one of ten recovery codes for the day on which that phone is gone.

The secret is sealed under GRIDSERVE_DATA_KEY; of recovery codes only digests are kept, and each is
good once. So is each code: whoever looked over a shoulder comes too late.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import uuid
from datetime import datetime, timedelta

import pyotp
import segno
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ARRAY, BigInteger, ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column

from gridserve import events
from gridserve.db import Base, db, now, reference
from gridserve.errors import NotFound, Unauthorized
from gridserve.people import User
from gridserve.sealed import SealedText

STEP = 30  # seconds for which a code is shown
DRIFT = 1  # steps by which a phone's clock may be off
SET_UP_WITHIN = timedelta(hours=1)
RECOVERIES, GROUPS, GROUP = 10, 4, 4
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # about 79 bits for a recovery code
ISSUER = "GridServe"  # what the app on the phone writes over the code


class CodeWrong(Unauthorized):
    """Not the present code, one that was used already, or no recovery code that is left."""

    code, title = "auth.code_wrong", _l("The code is not right")


class SecondFactor(Base):
    """The secret that an account shares with an app; without `confirmed_at` not in use yet."""

    __tablename__ = "second_factor"
    __table_args__ = reference()

    id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    secret: Mapped[str] = mapped_column(SealedText("second_factor.secret"))
    begun_at: Mapped[datetime] = mapped_column(default=now)
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)  # of the last code that was used
    recovery: Mapped[list[str]] = mapped_column(ARRAY(String(64)), default=list)  # those left


def of(user_id: uuid.UUID) -> SecondFactor | None:
    """What `user_id` has set up, or None."""
    row = db.session.get(SecondFactor, user_id)
    return row if row is not None and row.confirmed_at is not None else None


def begun(user_id: uuid.UUID) -> SecondFactor | None:
    """What is being set up and waits for its first code, or None."""
    row = db.session.get(SecondFactor, user_id)
    waits = row is not None and row.confirmed_at is None and row.begun_at > now() - SET_UP_WITHIN
    return row if waits else None


def begin(user: User) -> None:
    """Make a secret for `user`; it is in use once a code of it has come back."""
    row = _locked(user.id)
    if row is not None and row.confirmed_at is not None:
        return
    if row is not None:
        db.session.delete(row)
        db.session.flush()
    db.session.add(SecondFactor(id=user.id, secret=pyotp.random_base32()))


def address(row: SecondFactor, login: str) -> str:
    """The secret as apps read it from a picture."""
    return pyotp.TOTP(row.secret, interval=STEP).provisioning_uri(name=login, issuer_name=ISSUER)


def picture(address_: str) -> str:
    """A QR code as SVG to stand in a page."""
    return segno.make(address_, error="m").svg_inline(scale=5, border=3, light="white")


def confirm(user: User, code: str) -> list[str]:
    """Take what was begun into use; gives the recovery codes, which are shown only now.

    Raises CodeWrong, and NotFound where nothing was begun.
    """
    row = _locked(user.id)
    if row is None or begun(user.id) is None:
        raise NotFound(_("Begin anew: that picture is too old."))
    _take_code(row, code)
    row.confirmed_at = now()
    events.record("second_factor.set_up", user.id, by=user.id)
    return _new_recovery(row)


def spend(user: User, said: str) -> None:
    """Take a code, or a recovery code, of `user`; it is good only once. Raises CodeWrong."""
    row = _locked(user.id)
    if row is None or row.confirmed_at is None:
        raise CodeWrong(_("No second step is set up."))
    plain = _plain(said)
    if len(plain) < GROUPS * GROUP:
        _take_code(row, plain)
        return
    kept = _digest(plain)
    if kept not in row.recovery:
        raise CodeWrong(_("This recovery code is not right, or was used before."))
    row.recovery = [each for each in row.recovery if each != kept]
    events.record("second_factor.recovered", user.id, by=user.id,
                  data={"left": len(row.recovery)})  # fmt: skip


def renew(user: User) -> list[str]:
    """Ten new recovery codes; those of before are good for nothing more."""
    row = _locked(user.id)
    if row is None or row.confirmed_at is None:
        raise NotFound(_("No second step is set up."))
    events.record("second_factor.renewed", user.id, by=user.id)
    return _new_recovery(row)


def end(user: User, *, by: User | None) -> bool:
    """Forget what `user` has set up; whether there was something. `by` is None on the command line.

    Somebody else does this for who has lost phone and recovery codes.
    """
    row = _locked(user.id)
    if row is None:
        return False
    db.session.delete(row)
    own = by is not None and by.id == user.id
    events.record("second_factor.ended" if own else "second_factor.reset", user.id,
                  by=by.id if by else None)  # fmt: skip
    return True


def _locked(user_id: uuid.UUID) -> SecondFactor | None:
    query = select(SecondFactor).where(SecondFactor.id == user_id).with_for_update()
    return db.session.scalar(query.execution_options(populate_existing=True))


def _take_code(row: SecondFactor, said: str) -> None:
    made, present = pyotp.TOTP(row.secret, interval=STEP), int(time.time()) // STEP
    for step in range(present - DRIFT, present + DRIFT + 1):
        if step > row.last_step and hmac.compare_digest(made.generate_otp(step), _plain(said)):
            row.last_step = step
            return
    raise CodeWrong(
        _(
            "Enter the six digits that the app shows now; each code is good once. The phone's "
            "clock must be right."
        )
    )


def _new_recovery(row: SecondFactor) -> list[str]:
    codes = ["".join(secrets.choice(ALPHABET) for _n in range(GROUPS * GROUP))
             for _m in range(RECOVERIES)]  # fmt: skip
    row.recovery = [_digest(code) for code in codes]
    return ["-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP)) for code in codes]


def _plain(said: str) -> str:
    """What was typed, without what stands between; only what can be compared is left."""
    return "".join(c for c in said.lower() if c.isascii() and c.isalnum())


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
