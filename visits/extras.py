"""What a visit brings along besides its own row.

Each package that keeps more of what a phone says of a visit (photos, answers, …) adds a function
to STORES. It gets all visits that were stored just now, each with what was sent (VisitIn), and
stores its part for all of them at once, in the same transaction. Repeats never come here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from gridserve.people import User
from visits.announcements import heard
from visits.models import Visit
from visits.photos.operations import attach_to_visits

Pairs = Sequence[tuple[Visit, dict[str, Any]]]

STORES: tuple[Callable[[Pairs, User], None], ...] = (heard.store, attach_to_visits)


def store(pairs: Pairs, by: User) -> None:
    """Let each package store its part of these new visits."""
    for keep in STORES:
        keep(pairs, by)


def not_fitting(pairs: Pairs) -> dict[uuid.UUID, list[str]]:
    """By visit, in plain words, what it brought that could not be stored: of new visits and of
    repeats alike."""
    return heard.not_fitting(pairs)
