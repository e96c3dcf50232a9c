"""How alike two reports are, in words and place. Pure: imports neither Flask nor SQLAlchemy.

Chinese is written without spaces, so words are compared by pairs of neighbouring characters
(decision 0022 says why not by trigrams of the database).
"""

from __future__ import annotations

import unicodedata

# At this distance, in metres, being near counts for nothing any more.
FAR_M = 600.0
NEAR_M = 300.0
# What each says of two reports being one, out of 1; and from what on they are shown.
WORDS, PLACE, CATEGORY = 0.5, 0.3, 0.2
SHOWN_FROM = 0.35
# Without a distance: nearness of the same household, the same cell, only the same village.
SAME_HOUSEHOLD, SAME_CELL, SAME_VILLAGE = 1.0, 0.4, 0.2


def pairs(text: str) -> frozenset[str]:
    """The pairs of neighbouring letters, digits or characters in `text`, width and case aside."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found, before = set(), ""
    for each in plain:
        if not each.isalnum():
            before = ""
            continue
        if before:
            found.add(before + each)
        before = each
    return frozenset(found)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """What of the shorter one is in the other, from 0 to 1: a few words are often all there is."""
    least = min(len(one), len(other))
    return len(one & other) / least if least else 0.0


def nearness(metres: float | None, *, household: bool = False, cell: bool = False) -> float:
    """How near two places are, from 0 to 1: by household, else by distance, else by the cell."""
    if household:
        return SAME_HOUSEHOLD
    if metres is not None:
        return max(0.0, 1 - metres / FAR_M)
    return SAME_CELL if cell else SAME_VILLAGE


def score(words: float, place: float, *, category: bool) -> float:
    """How likely two reports are of one thing, from 0 to 1."""
    return WORDS * words + PLACE * place + CATEGORY * category
