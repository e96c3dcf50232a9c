"""What a password must be: long enough, and not what somebody who guesses tries first.

Nothing is said about capitals, digits and marks: such rules make passwords alike, not strong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from flask_babel import gettext as _

LONGEST = 128
LEFT = 4  # characters beside what everybody knows
LEFT_OF_OWN = 6  # characters beside one's own login, name or phone
COMMON = Path(__file__).parent / "data" / "common-passwords.txt"
# Written for one another, which whoever guesses knows too.
LEET = str.maketrans("@4$5013!", "aassoiei")


def fault(password: str, least: int, own: Iterable[str | None] = ()) -> str | None:
    """What is wrong with `password` for the person who is called `own`; None where nothing is."""
    if len(password) < least:
        return _("A password needs at least %(n)s characters.", n=least)
    if len(password) > LONGEST:
        return _("A password may have at most %(n)s characters.", n=LONGEST)
    if _little_beside(password, filter(None, own), LEFT_OF_OWN):
        return _("A password must not be your account, your name or your phone number.")
    if len(set(password)) < 5 or any(
        _little_beside(each, common(), LEFT) for each in (password, password.translate(LEET))
    ):
        return _(
            "This password is among the first that are tried. Put together a few words that only "
            "you would put together."
        )
    return None


@functools.cache
def common() -> tuple[str, ...]:
    """The known passwords and parts of such, the longest first."""
    lines = COMMON.read_text("utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def _little_beside(password: str, known: Iterable[str], left: int) -> bool:
    """Whether fewer than `left` characters are in `password` besides what is `known`."""
    bare = _bare(password)
    rest = bare
    for word in map(_bare, known):
        if len(word) >= 2:
            rest = rest.replace(word, " ")
    return rest != bare and len(rest.replace(" ", "")) < left


def _bare(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
