"""When a household is due for a visit 到期: so many days after it was last met, the fewest that
one of its tags asks for. One that was never met is due from the day on which it was registered.

Said twice, for one row and as an expression in queries; a test holds both to the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Date, and_, case, cast, func, literal
from sqlalchemy.dialects.postgresql import array

from gridserve import workdays
from gridserve.config import Config, ConfigError
from visits.models import Household, HouseholdStatus, Tag

# The names that stand beside those of tags in GRIDSERVE_VISIT_DAYS: every household, and any tag
# that is not named.
ORDINARY, TAGGED = "ordinary", "tagged"


def check(config: Config) -> None:
    """Raise ConfigError where the intervals name something else than tags, or leave one open."""
    known = {ORDINARY, TAGGED, *Tag}
    unknown = sorted(config.visit_days.keys() - known)
    missing = sorted({ORDINARY, TAGGED} - config.visit_days.keys())
    if unknown or missing:
        raise ConfigError(
            f"GRIDSERVE_VISIT_DAYS must say ordinary and tagged, and may name {', '.join(Tag)}: "
            f"{', '.join(unknown or missing)} is {'not known' if unknown else 'missing'}"
        )


def days_between(tags: Iterable[str], said: Mapping[str, int]) -> int:
    """After how many days a household with these tags is due again: the shortest interval."""
    return min([said[ORDINARY], *(said.get(tag, said[TAGGED]) for tag in tags)])


def due_day(
    tags: Iterable[str], met: date | None, registered: date, said: Mapping[str, int]
) -> date:
    """The day from which a household is due that was last met on `met`; None: never."""
    return registered if met is None else met + timedelta(days=days_between(tags, said))


def due_on(household: Any) -> date:
    """The day from which a household (or a row with its columns) is due."""
    met: datetime | None = household.last_met_at
    return due_day(
        household.tags,
        None if met is None else workdays.day_of(met),
        workdays.day_of(household.registered_at),
        _said(),
    )


def interval_column() -> ColumnElement[int]:
    """After how many days the households of a query are due again."""
    said = _said()
    shorter: dict[int, list[str]] = {}
    for tag in Tag:
        shorter.setdefault(days_between([tag], said), []).append(tag.value)
    # The first that fits is the shortest.
    return case(
        *(
            (Household.tags.overlap(cast(array(tags), Household.tags.type)), count)
            for count, tags in sorted(shorter.items())
        ),
        else_=said[ORDINARY],
    )


def due_column() -> ColumnElement[date]:
    """The day from which the households of a query are due."""
    last = day_column(Household.last_met_at) + interval_column()
    return func.coalesce(last, day_column(Household.registered_at), type_=Date)


def is_due(day: date) -> ColumnElement[bool]:
    """Whether a household is lived in and due on `day`, as it stands now."""
    due = due_column() <= literal(day, Date)
    return and_(Household.status == HouseholdStatus.ACTIVE, due)


def day_column(moment: Any) -> ColumnElement[date]:
    """The local day of a moment in a query."""
    return cast(func.timezone(workdays.zone().key, moment), Date)


def _said() -> Mapping[str, int]:
    config: Config = current_app.extensions["gridserve"]
    return config.visit_days
