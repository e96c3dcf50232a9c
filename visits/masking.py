"""How names and phones look to those who need not know them."""

from __future__ import annotations

NOBODY = "—"  # in place of a name that was let go
UNKEPT = "—"  # in place of words that were let go (visits/retention)


def masked_name(name: str) -> str:
    """The family name's first character, then a star for each other one: 张** ."""
    if name == NOBODY:
        return name
    return name[:1] + "*" * max(len(name) - 1, 1)


def masked_phone(phone: str | None) -> str | None:
    """The first three and the last two digits; short numbers vanish whole."""
    if phone is None:
        return None
    if len(phone) < 7:
        return "*" * len(phone)
    return phone[:3] + "*" * (len(phone) - 5) + phone[-2:]
