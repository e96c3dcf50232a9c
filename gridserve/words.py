"""What the schemas' library says of a wrong value, in the reader's language.

The library speaks English only. Its sentences are recognised here and said again; sentences of our
own are in the reader's language already and pass unchanged.
"""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext as _

from gridserve.later import N_

# What is not seen and changes what is seen (direction, zero width): copied along from chats and web
# pages, it would make two equal names differ and one name look like another.
UNSEEN = dict.fromkeys([0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F),
                        *range(0x2066, 0x206A)])  # fmt: skip


_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"Missing data for required field\.", N_("Required.")),
    (r"Field may not be null\.", N_("May not be null; leave it out or give a value.")),
    (r"Unknown field\.", N_("Not known here. Check the name, or leave it out.")),
    (r"Invalid (input )?type\.", N_("Must be an object.")),
    (r"Not a valid list\.", N_("Must be a list.")),
    (r"Not a valid string\.|Not a valid utf-8 string\.", N_("Must be text.")),
    (r"Not a valid UUID\.", N_("Must be a UUID.")),
    (r"Not a valid number\.|Number too large\.|Special numeric values.*", N_("Must be a number.")),
    (r"Not a valid integer\.", N_("Must be a whole number.")),
    (r"Not a valid boolean\.", N_("Must be true or false.")),
    (r"Not a valid date\.", N_("Must be a date such as 2026-11-23.")),
    (
        r"Not a valid (aware |naive )?datetime\.",
        N_("Must be a time with its offset, such as 2026-11-23T09:30:00+08:00."),
    ),
    (r"Must be one of: (?P<choices>.*)\.", N_("Must be one of: %(choices)s.")),
    (
        r"Must be greater than or equal to (?P<low>\S+) and less than or equal to (?P<high>\S+)\.",
        N_("Must lie from %(low)s to %(high)s."),
    ),
    (r"Must be greater than or equal to (?P<low>\S+)\.", N_("Must be at least %(low)s.")),
    (
        r"Shorter than minimum length (?P<low>\d+)\.",
        N_("Must have at least %(low)s characters or entries."),
    ),
    (
        r"Longer than maximum length (?P<high>\d+)\.",
        N_("May have at most %(high)s characters or entries."),
    ),
    (
        r"Length must be between (?P<low>\d+) and (?P<high>\d+)\.",
        N_("Must have %(low)s to %(high)s characters or entries."),
    ),
    (r"Length must be (?P<n>\d+)\.", N_("Must have %(n)s characters or entries.")),
    (r"(?P<n>\d+) digits\.", N_("Must have %(n)s digits.")),
    (r"String does not match expected pattern\.", N_("Is not of the form that is expected here.")),
    (r"Invalid (input|value)\.", N_("Cannot be used here.")),
)
_PATTERNS = [(re.compile(pattern, re.DOTALL), words) for pattern, words in _SENTENCES]


def translated(message: Any) -> str:
    """`message` in the reader's language."""
    said = str(message)
    for pattern, words in _PATTERNS:
        found = pattern.fullmatch(said)
        if found:
            return str(_(words, **found.groupdict()))
    return said
