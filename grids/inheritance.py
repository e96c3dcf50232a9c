"""Who answers for new cells: the teams that answered for the old ones, from the same day."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import or_, select

from grids.models import Assignment, Cell
from gridserve.db import db

Period = tuple[date, date | None]


def pass_on(
    old: Sequence[Cell], new: Sequence[Cell], on: date, parents: Mapping[uuid.UUID, list[Cell]]
) -> None:
    """End the teams' assignments to old cells on the day and begin them for the new ones.

    `parents` says from which old cells each new one inherits. An assignment that would have begun
    on the day or later goes over with its own dates.
    """
    ids = [cell.id for cell in old]
    rows = db.session.scalars(
        select(Assignment)
        .where(
            Assignment.cell_id.in_(ids), or_(Assignment.to_date.is_(None), Assignment.to_date > on)
        )
        .order_by(Assignment.id)
        .with_for_update()
    ).all()
    periods: dict[uuid.UUID, dict[uuid.UUID, list[Period]]] = {
        cell.id: defaultdict(list) for cell in old
    }
    for row in rows:
        periods[row.cell_id][row.team_id].append((max(row.from_date, on), row.to_date))
        if row.from_date >= on:
            db.session.delete(row)  # it never held
        else:
            row.to_date = on
    for child in new:
        inherited: dict[uuid.UUID, list[Period]] = defaultdict(list)
        for parent in parents[child.id]:
            for team_id, found in periods[parent.id].items():
                inherited[team_id] += found
        db.session.add_all(
            Assignment(team_id=team_id, cell_id=child.id, from_date=first, to_date=last)
            for team_id, found in inherited.items()
            for first, last in joined(found)
        )
    db.session.flush()


def joined(periods: Iterable[Period]) -> list[Period]:
    """The same days as periods that neither overlap nor touch; None is without end."""
    found: list[Period] = []
    for first, last in sorted(periods, key=lambda period: period[0]):
        if found:
            start, end = found[-1]
            if end is None or first <= end:
                found[-1] = (start, None if end is None or last is None else max(end, last))
                continue
        found.append((first, last))
    return found
