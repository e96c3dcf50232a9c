"""Which visits of a week are confirmed with residents: a lot that can be drawn again.

Pure: imports neither Flask nor SQLAlchemy.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Iterable


def lot(seed: str, visit_id: uuid.UUID) -> str:
    """By what visits are ordered: nobody can tell it before the seed is known."""
    return hashlib.sha256(f"{seed}{visit_id}".encode()).hexdigest()


def size(households: int, share: float, minimum: int) -> int:
    """How many of so many households are called: a share, at least a minimum, at most all."""
    return min(households, max(minimum, math.ceil(round(share * households, 6))))


def drawn(
    seed: str, visits: Iterable[tuple[uuid.UUID, uuid.UUID]], share: float, minimum: int
) -> list[uuid.UUID]:
    """The visits that are drawn, in the order in which they are called.

    `visits` are (visit, household); a household is called once, however often it was visited.
    """
    order = sorted(visits, key=lambda pair: lot(seed, pair[0]))
    first: dict[uuid.UUID, uuid.UUID] = {}
    for visit, household in order:
        first.setdefault(household, visit)
    return list(first.values())[: size(len(first), share, minimum)]
