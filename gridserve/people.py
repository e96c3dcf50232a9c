"""Accounts, the posts that people hold, and the devices that they signed in on."""

from __future__ import annotations

import enum
import hashlib
import secrets
import uuid
from datetime import date, datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    bindparam,
    select,
    update,
)
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from gridserve import events, workdays
from gridserve.db import Asked, Base, Code, as_loaded, choice, db, now, reference
from gridserve.permissions import Role
from gridserve.sealed import SealedPhone, is_sealed_phone

_hasher = PasswordHasher()


class User(Base):
    """A person's account; what the person may do comes from the posts."""

    __tablename__ = "account"
    __table_args__ = reference(
        CheckConstraint("login = lower(login)", name="login_lower"), is_sealed_phone("phone")
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(SealedPhone("account.phone"))
    password_hash: Mapped[str] = mapped_column(String(128))
    # When somebody else made the password: its owner has to choose another one. Empty when chosen.
    password_given_at: Mapped[datetime | None]
    language: Mapped[str | None] = mapped_column(String(8))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    posts: Mapped[list[Post]] = relationship(back_populates="user", lazy="raise")

    def posts_on(self, day: date) -> list[Post]:
        """The posts held on `day`."""
        return [p for p in self.posts if p.from_date <= day and (not p.to_date or day < p.to_date)]


class Post(Base):
    """A role in a jurisdiction for a period. Without a jurisdiction: the whole installation."""

    __tablename__ = "post"
    __table_args__ = reference(
        CheckConstraint("to_date > from_date", name="period"), Index(None, "user_id")
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    role: Mapped[Role] = mapped_column(choice(Role, "role"))
    jurisdiction_code: Mapped[str | None] = mapped_column(Code(12), ForeignKey("jurisdiction.code"))
    from_date: Mapped[date] = mapped_column(Date)
    to_date: Mapped[date | None] = mapped_column(Date)  # the first day no longer held

    user: Mapped[User] = relationship(back_populates="posts", lazy="raise")


class Proof(enum.StrEnum):
    """By what somebody has shown who it is."""

    PASSWORD = "password"  # noqa: S105
    CODE = "code"  # and the password
    PROVIDER = "provider"


class Kind(enum.StrEnum):
    """From where somebody works with a sign-in; how long it lasts depends on it."""

    DESK = "desk"
    PHONE = "phone"
    PROGRAM = "program"


class DeviceToken(Base):
    """One sign-in: a browser or a phone. Only the token's hash is kept."""

    __tablename__ = "device_token"
    __table_args__ = reference(Index(None, "user_id"))

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    device: Mapped[str] = mapped_column(String(80))
    kind: Mapped[Kind] = mapped_column(choice(Kind, "kind"), default=Kind.PROGRAM)
    proof: Mapped[Proof] = mapped_column(choice(Proof, "proof"), default=Proof.PASSWORD)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="raise")


def digest(token: str) -> str:
    """The form in which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_user(login: str, name: str, *, by: User | None = None, phone: str | None = None) -> User:
    """Make an account in which nobody can sign in before it is given a password.

    `by` is None only on the command line.
    """
    user = User(login=login.strip().lower(), name=name, phone=phone, password_hash=_nobodys())
    db.session.add(user)
    db.session.flush()
    events.record("user.created", user.id, by=by.id if by else None, data={"login": user.login})
    return user


def disable(user: User, *, by: User | None = None) -> None:
    """End an account's rights at once, on every device."""
    user.active = False
    end_sign_ins(user)
    events.record("user.disabled", user.id, by=by.id if by else None)


def end_sign_ins(user: User, *, but: uuid.UUID | None = None) -> None:
    """Revoke every token of `user`; the one with the id `but` stays."""
    living = [DeviceToken.user_id == user.id, DeviceToken.revoked_at.is_(None)]
    if but is not None:
        living.append(DeviceToken.id != but)
    db.session.execute(update(DeviceToken).where(*living).values(revoked_at=now()))


def end_sign_in(token: str) -> None:
    """Revoke a sign-in by its token, where it still holds."""
    db.session.execute(
        update(DeviceToken)
        .where(DeviceToken.token_hash == digest(token), DeviceToken.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def appoint(
    user: User,
    role: Role,
    jurisdiction_code: str | None,
    from_date: date,
    *,
    by: User | None = None,
) -> Post:
    """Give `user` a post."""
    post = Post(
        user_id=user.id, role=role, jurisdiction_code=jurisdiction_code, from_date=from_date
    )
    db.session.add(post)
    events.record(
        "post.given",
        user.id,
        by=by.id if by else None,
        jurisdiction=jurisdiction_code,
        data={"role": role},
    )
    return post


def held(user: User) -> list[Post]:
    """The posts of `user` that have not ended; some may not have begun."""
    today = workdays.today()
    return [post for post in user.posts if post.to_date is None or post.to_date > today]


def end_post(post: Post, day: date, *, by: User | None = None) -> None:
    """End a post, so that it is not held on `day` any more; one that begins later is taken back."""
    if post.from_date >= day:
        db.session.delete(post)
    else:
        post.to_date = day
    events.record(
        "post.ended",
        post.user_id,
        by=by.id if by else None,
        jurisdiction=post.jurisdiction_code,
        data={"role": post.role},
    )


@cache
def _nobodys() -> str:
    """The hash of a password that nobody knows: checked when a login does not exist, so that the
    time taken does not tell which logins do. Not made at the start, for commands need none."""
    return hashed(secrets.token_urlsafe(16))


def hashed(password: str) -> str:
    """The form in which a password is kept: argon2id."""
    return _hasher.hash(password)


def password_is(user: User | None, password: str) -> bool:
    """Whether `password` is that of `user`. It takes as long where there is no such user."""
    nobodys = _nobodys()  # also where there is one, so that the first asked takes no longer
    return matches(user.password_hash if user else nobodys, password)


def matches(kept: str, password: str) -> bool:
    """Whether `password` is what was hashed to `kept`."""
    try:
        return _hasher.verify(kept, password)
    except VerificationError:
        return False


def sign_out(token: DeviceToken) -> None:
    """End this sign-in."""
    db.session.execute(
        update(DeviceToken).where(DeviceToken.id == token.id).values(revoked_at=now())
    )
    events.record("sign_out.done", token.user_id, by=token.user_id)


# Each request asks it, so it is asked of the tables: for the mapped classes SQLAlchemy works out
# anew, each time, how their rows become objects, and that takes longer than the query.
_TABLES = (DeviceToken.__table__, User.__table__, Post.__table__)
_BY_TOKEN = Asked(
    lambda: (
        select(*_TABLES)
        .join_from(DeviceToken, User, DeviceToken.user_id == User.id)
        .outerjoin(Post, Post.user_id == User.id)
        .where(
            DeviceToken.token_hash == bindparam("hash"),
            DeviceToken.revoked_at.is_(None),
            DeviceToken.expires_at > bindparam("moment"),
            User.active,
        )
    )
)


def find_token(token: str) -> DeviceToken | None:
    """The living sign-in behind a token, with its user and posts, in one query.

    What is returned stands outside the session: it stays readable for error pages after a
    rollback, and nothing done to it is ever stored.
    """
    rows = _BY_TOKEN(hash=digest(token), moment=now())
    if not rows:
        return None
    own, person = (len(table.columns) for table in _TABLES[:2])
    posts = [as_loaded(Post, row[own + person :]) for row in rows if row[own + person] is not None]
    user = as_loaded(User, rows[0][own : own + person], posts=posts)
    return as_loaded(DeviceToken, rows[0][:own], user=user)


def with_posts(user_id: uuid.UUID) -> User:
    """A person with all posts, outside the session, as one who asks."""
    wanted = select(User).where(User.id == user_id).options(joinedload(User.posts))
    user = db.session.scalars(wanted).unique().one()
    for row in (*user.posts, user):
        db.session.expunge(row)
    return user
