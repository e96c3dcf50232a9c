"""What a cadre should read about visits that arrived: in plain words, judged by the day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import Row, select, text

from grids.permissions import own_cells
from gridserve import workdays
from gridserve.db import db
from gridserve.people import User
from visits import extras
from visits.models import HouseholdStatus
from visits.recording import Recorded
from visits.submissions.reading import Item

GONE = (HouseholdStatus.MOVED, HouseholdStatus.DEMOLISHED)
CELLS = text("""
    SELECT id, code, name, coalesce(to_date <= :today, false) AS ended FROM cell
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
Place = Row[uuid.UUID, str, str, bool]
Cells = dict[uuid.UUID, Place]


def tell(pairs: Sequence[tuple[Item, Recorded]], *, by: User) -> None:
    """Say of each visit that is stored how it was judged, and what the cadre should know of it."""
    today = workdays.today()
    cells = _cells(one for _item, one in pairs)
    mine: set[uuid.UUID] | None = None
    if any(one.day < today for _item, one in pairs):
        mine = own_cells(by, today)
    names = _names(one for _item, one in pairs)
    left_out = extras.not_fitting([(one.visit, one.said) for _item, one in pairs if one.visit])
    for item, one in pairs:
        visit = one.visit
        assert visit is not None
        cell = cells[visit.cell_id] if visit.cell_id else None
        item.shown = {
            "visit": {
                "in_scope": visit.in_scope,
                "for": names[visit.for_id] if visit.for_id else None,
                "cell": cell.code if cell else None,
            }
        }
        item.say = [*_said(one, cells, mine), *left_out.get(visit.id, ())]


def _said(one: Recorded, cells: Cells, mine: set[uuid.UUID] | None) -> list[str]:
    visit, home = one.visit, one.home
    assert visit is not None
    if home is None:
        return []
    said = []
    then = cells[visit.cell_id] if visit.cell_id else None
    since = cells[home.cell_id] if home.cell_id else None
    if not visit.in_scope:
        said.append(
            _("You did not answer for %(cell)s on that day: kept, and marked so.", cell=then.name)
            if then
            else _("On that day the household belonged to no cell: kept, and marked so.")
        )
    if home.status in GONE:
        words = _("This household is down as moved away; your visit counts all the same.")
        said.append(words)
    if then is not None and (since is None or since.id != then.id):
        said.append(_moved(then, since))
    elif visit.in_scope and mine is not None and then is not None and then.id not in mine:
        words = _("You no longer answer for %(cell)s; on that day you did, and the visit counts.")
        said.append(words % {"cell": then.name})
    return said


def _moved(then: Place, since: Place | None) -> str:
    if since is None:
        words = _("This household is in no cell now; the visit counts for %(then)s as of that day.")
    elif then.ended:
        words = _(
            "%(then)s has been changed, and this household is in %(since)s now; your visit counts "
            "for %(then)s as of that day."
        )
    else:
        words = _(
            "This household has moved to %(since)s; your visit counts for %(then)s as of that day."
        )
    return words % {"then": then.name, "since": since.name if since else ""}


def _cells(visits: Iterable[Recorded]) -> Cells:
    """Of each cell of the visits, then and now: id, code, name, whether it has ended."""
    places = [place for one in visits for place in (one.visit, one.home) if place is not None]
    ids = {place.cell_id for place in places} - {None}
    if not ids:
        return {}
    asked = {"ids": list(ids), "today": workdays.today()}
    return {row.id: row for row in db.session.execute(CELLS, asked)}


def _names(visits: Iterable[Recorded]) -> dict[uuid.UUID, str]:
    """Of those for whom somebody stood in."""
    ids = {one.visit.for_id for one in visits if one.visit and one.visit.for_id}
    if not ids:
        return {}
    wanted = select(User.id, User.name).where(User.id.in_(ids))
    return {row.id: row.name for row in db.session.execute(wanted)}
