"""Commands for accounts: create, give and end posts, disable, give a new password."""

from __future__ import annotations

from collections.abc import Callable

import click
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gridserve import passwords, people, secondfactor, workdays
from gridserve.commandline import command
from gridserve.db import FOREIGN_KEY_VIOLATION, UNIQUE_VIOLATION, db, sqlstate
from gridserve.people import User
from gridserve.permissions import Role, apart

_ASK = click.option(
    "--ask-password", is_flag=True,
    help="Ask for the password; without this a random one is made and shown once.",
)  # fmt: skip
_CHOSEN = click.option(
    "--chosen", is_flag=True,
    help="With --ask-password: its owner types it, and need not change it when signing in.",
)  # fmt: skip


def _password(ask: bool, chosen: bool) -> str:
    if chosen and not ask:
        raise click.UsageError("--chosen goes with --ask-password.")
    if not ask:
        return passwords.random_password()
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _find(login: str) -> User:
    user = db.session.scalar(select(User).where(User.login == login.strip().lower()))
    if user is None:
        raise click.ClickException(f"No account has the login {login!r}.")
    return user


def _commit() -> None:
    """Commit, or say plainly what the database refused."""
    try:
        db.session.commit()
    except IntegrityError as error:
        raise _refusal(error) from error


def _refusal(error: IntegrityError) -> Exception:
    reasons = {
        UNIQUE_VIOLATION: "The login is taken. Choose another one.",
        FOREIGN_KEY_VIOLATION: "No such jurisdiction is stored. Import jurisdictions first, or "
                               "mend the code.",
    }  # fmt: skip
    reason = reasons.get(sqlstate(error) or "")
    return click.ClickException(reason) if reason else error


_WHERE = (
    click.option("--role", type=click.Choice([r.value for r in Role]), required=True),
    click.option("--jurisdiction", metavar="CODE", help="Where the post is: 2 to 12 digits."),
    click.option("--everywhere", is_flag=True, help="The post is over the whole installation."),
)


def _post(command_: Callable[..., None]) -> Callable[..., None]:
    """The options by which a post is named."""
    for option in reversed(_WHERE):
        command_ = option(command_)
    return command_


def _one_place(jurisdiction: str | None, everywhere: bool) -> None:
    if everywhere == (jurisdiction is not None):
        raise click.UsageError("Say where the post is: --jurisdiction CODE, or --everywhere.")


@click.group("user")
def user_group() -> None:
    """Accounts of people."""


@user_group.command("create")
@click.argument("login")
@click.option("--name", required=True, help="The person's name.")
@_post
@click.option("--phone", help="The person's phone number.")
@_ASK
@_CHOSEN
@command()
def create(
    login: str, name: str, role: str, jurisdiction: str | None, everywhere: bool,
    phone: str | None, ask_password: bool, chosen: bool,
) -> None:  # fmt: skip
    """Create an account LOGIN with one post, from today."""
    _one_place(jurisdiction, everywhere)
    for value, most, what in ((login, 64, "login"), (name, 64, "name"), (phone or "", 20, "phone")):
        if len(value.strip()) > most or (what != "phone" and not value.strip()):
            raise click.UsageError(f"The {what} takes 1 to {most} characters.")
    password = _password(ask_password, chosen)
    try:
        user = people.create_user(login, name.strip(), phone=phone)
        passwords.give(user, password, chosen=chosen)
        people.appoint(user, Role(role), jurisdiction, workdays.today())
    except IntegrityError as error:
        raise _refusal(error) from error
    shown = user.login
    _commit()
    click.echo(f"Account {shown} created.")
    _show(password, ask_password, chosen)


def _with_posts(login: str) -> User:
    user = _find(login)
    db.session.refresh(user, ["posts"])
    return user


@user_group.command("appoint")
@click.argument("login")
@_post
@command()
def appoint(login: str, role: str, jurisdiction: str | None, everywhere: bool) -> None:
    """Give LOGIN one more post, from today."""
    _one_place(jurisdiction, everywhere)
    user = _with_posts(login)
    if not apart({post.role for post in people.held(user)} | {Role(role)}):
        raise click.ClickException(
            "Administrator, auditor and the roles that work with households are held by different "
            "accounts. Make another one, or end the other posts first."
        )
    people.appoint(user, Role(role), jurisdiction, workdays.today())
    shown = user.login
    _commit()
    click.echo(f"Account {shown} is {role} of {jurisdiction or 'everywhere'} from today.")


@user_group.command("end-post")
@click.argument("login")
@_post
@command()
def end_post(login: str, role: str, jurisdiction: str | None, everywhere: bool) -> None:
    """End a post of LOGIN at once, on every device. The account stays."""
    _one_place(jurisdiction, everywhere)
    user = _with_posts(login)
    wanted = (Role(role), jurisdiction)
    posts = [p for p in people.held(user) if (p.role, p.jurisdiction_code) == wanted]
    if not posts:
        raise click.ClickException(f"{user.login} holds no such post.")
    for post in posts:
        people.end_post(post, workdays.today())
    shown = user.login
    _commit()
    click.echo(f"Account {shown} is no longer {role} of {jurisdiction or 'everywhere'}.")


@user_group.command("disable")
@click.argument("login")
@command()
def disable(login: str) -> None:
    """End all rights of LOGIN at once, on every device. What the person did stays."""
    people.disable(_find(login))
    _commit()
    click.echo(f"Account {login.strip().lower()} disabled; all its sign-ins have ended.")


@user_group.command("reset-password")
@click.argument("login")
@_ASK
@_CHOSEN
@command()
def reset_password(login: str, ask_password: bool, chosen: bool) -> None:
    """Give LOGIN a new password; all its sign-ins end."""
    user = _find(login)
    password = _password(ask_password, chosen)
    passwords.give(user, password, chosen=chosen)
    _commit()
    click.echo(f"Account {login.strip().lower()} has a new password; all its sign-ins have ended.")
    _show(password, ask_password, chosen)


@user_group.command("reset-second-factor")
@click.argument("login")
@command()
def reset_second_factor(login: str) -> None:
    """Forget the second step of LOGIN, who has lost phone and recovery codes."""
    user = _find(login)
    if not secondfactor.end(user, by=None):
        raise click.ClickException(f"{user.login} has set up no second step.")
    people.end_sign_ins(user)
    db.session.commit()
    click.echo(
        f"Account {login.strip().lower()} signs in by its password; its sign-ins have ended."
    )


def _show(password: str, asked: bool, chosen: bool) -> None:
    if not asked:
        click.echo(f"Password, shown only now: {password}")
    if not chosen:
        click.echo("It is good for the first sign-in, where another one is to be chosen.", err=True)


COMMANDS: tuple[click.Command, ...] = (user_group,)
