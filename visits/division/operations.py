"""What is done with drafts of a division: ask, adjust, adopt, drop. Nothing commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import shapely
from flask_babel import gettext as _
from geoalchemy2.shape import from_shape, to_shape

from grids import cutting
from grids.coverage import knit
from grids.division import number_cells
from grids.fit import overlap
from grids.geometry import BadGeometry
from grids.models import Jurisdiction
from grids.operations import LAST_SERIAL, adopt_division, lock_villages
from gridserve import events, workdays
from gridserve.db import SRID, db
from gridserve.errors import Conflict, Forbidden, Invalid
from gridserve.people import User
from gridserve.permissions import Permission, may
from visits import figures
from visits.division.ground import Ground, check_ground, find_village, settled, survey, taken
from visits.division.models import Draft, DraftStatus, Made
from visits.division.states import (
    cells_with,
    figures_of,
    multi,
    plain,
    shapes,
    state_of,
    store,
    summary,
)
from visits.operations import IdTaken, digest
from visits.placing import assign_households

MOST_ADJUSTMENTS = 200
EARLIEST = timedelta(days=31)  # decided at a meeting, typed later; not longer ago than that


class DraftChanged(Conflict):
    """Somebody changed the draft since it was read."""

    code = "division.changed"


class NotReady(Conflict):
    """It is still computed, or was adopted or dropped before."""

    code = "division.not_ready"


class GroundChanged(Conflict):
    """The village has another boundary by now."""

    code = "division.ground_changed"


def ask(said: dict[str, Any], *, by: User | None) -> tuple[Draft, bool]:
    """Ask for a division, once, however often it is sent; says whether it is a repeat.

    `said` is id, village, smallest, largest and optionally lines (a GeoJSON MultiLineString).
    The draft is `computing` until `visits.division.computing` has worked it out. Raises
    NoSuchVillage, Forbidden outside the administrator's scope, NoBoundary, IdTaken.
    """
    fingerprint = digest(said)
    known = db.session.get(Draft, said["id"])
    if known is not None:
        if known.said != fingerprint or known.created_by != (by.id if by else None):
            raise IdTaken(_("This id is already used for another division; make a new one."))
        return known, True
    village = find_village(said["village"])
    if by is not None and not may(by, Permission.GROUND_WRITE, village.code):
        raise Forbidden(_("This village lies outside your jurisdiction."))
    if said["smallest"] > said["largest"]:
        words = _("The smallest size is above the largest.")
        raise Invalid(errors={"/smallest": [words]})
    check_ground(village)
    draft = Draft(
        id=said["id"], village_code=village.code, smallest=said["smallest"],
        largest=said["largest"], lines=said.get("lines"), status=DraftStatus.COMPUTING,
        created_by=by.id if by else None, said=fingerprint,
    )  # fmt: skip
    db.session.add(draft)
    db.session.flush()
    asked = {name: said[name] for name in ("smallest", "largest")}
    _record("division.asked", draft, by, asked | {"lines": bool(draft.lines)})
    return draft, False


def keep(draft: Draft, ground: Ground, cells: Sequence[shapely.Polygon]) -> None:
    """Store what was worked out for a draft: it is ready to be looked at."""
    found = figures_of(ground, cells)
    store(draft, 0, Made.COMPUTED, cells, found)
    draft.ground = ground.digest
    if ground.derived:
        draft.territory = from_shape(multi(ground.area), srid=SRID)
    draft.clusters = ground.clusters()
    draft.status, draft.progress = DraftStatus.READY, 100
    draft.version += 1
    _record("division.computed", draft, None, summary(found))


def adjust(draft: Draft, said: dict[str, Any], *, by: User) -> None:
    """Split a cell of a draft by a line, merge neighbours, or redraw a common edge.

    `said` is kind, cells (serials), line, and the version that was seen. Serials are given anew.
    Raises DraftChanged, NotReady, GroundChanged, and Invalid with the place of a fault.
    """
    _check_ready(draft, said["version"])
    kind, serials = Made(said["kind"]), list(dict.fromkeys(said["cells"]))
    ground = _ground(draft)
    cells = shapes(state_of(draft))
    if draft.step is None or draft.step >= MOST_ADJUSTMENTS:
        raise Invalid(_("After %(n)s adjustments ask for a new division.", n=MOST_ADJUSTMENTS))
    if unknown := [serial for serial in serials if not 1 <= serial <= len(cells)]:
        words = _("This draft has no cell %(serial)s.", serial=f"{unknown[0]:03}")
        raise Invalid(errors={"/cells": [words]})
    rest = [cell for serial, cell in enumerate(cells, 1) if serial not in serials]
    made = _changed(kind, [cells[serial - 1] for serial in serials], said.get("line"))
    if len(rest) + len(made) > LAST_SERIAL:
        raise Invalid(errors={"/line": [_("A village has at most 999 cells.")]})
    whole = knit([*rest, *made])
    ordered = [whole[i] for i in number_cells(whole)]
    found = figures_of(ground, ordered)
    draft.step += 1
    draft.version += 1
    store(draft, draft.step, kind, ordered, found)
    _record(f"division.{kind}", draft, by, {"serials": serials} | summary(found))


def undo(draft: Draft, version: int, *, by: User) -> None:
    """Take the last adjustment of a draft back; raises DraftChanged, NotReady, Conflict."""
    _check_ready(draft, version)
    if not draft.step:
        raise Conflict(_("There is no adjustment to take back: this is the draft as computed."))
    db.session.delete(state_of(draft))
    draft.step -= 1
    draft.version += 1
    _record("division.undone", draft, by, {})


def adopt(draft: Draft, said: dict[str, Any], *, by: User | None) -> None:
    """Make the cells of a draft the village's, from a day on, with its households in them.

    `said` is the version that was seen and optionally the day (`on`; today). To adopt again what
    is adopted from that day changes nothing. Raises DraftChanged, NotReady, GroundChanged,
    Invalid for the day, Conflict where the village has basic cells by now.
    """
    on = said.get("on") or workdays.today()
    if draft.status == DraftStatus.ADOPTED and draft.adopted_on == on:
        return
    _check_ready(draft, said["version"])
    if by is not None and not workdays.today() - EARLIEST <= on <= workdays.today():
        words = _(
            "Give a day within the last %(days)s days, not in the future.", days=EARLIEST.days
        )
        raise Invalid(errors={"/on": [words]})
    village = lock_villages([draft.village_code])[draft.village_code]
    db.session.refresh(village)
    ground = _ground(draft)
    state = state_of(draft)
    polygons = shapes(state)
    if ground.derived:
        # One village of a township at a time: what two work out might overlap.
        db.session.get(Jurisdiction, village.parent_code, with_for_update={"key_share": True})
        others = taken(village)
        if others is not None and overlap(ground.area, others):
            raise GroundChanged(_changed_words())
        village.boundary = from_shape(multi(ground.area), srid=SRID)
        db.session.flush()
        _record("jurisdiction.boundary_derived", draft, by, {})
    cells = adopt_division(village, polygons, from_date=on, by=by)
    assigned = assign_households([village.code], on=max(on, workdays.today()))
    figures.mark(cell.id for cell in cells)
    found = figures_of(ground, polygons)
    state.cells = [
        cell | {"code": made.code}
        for cell, made in zip(cells_with(polygons, found), cells, strict=True)
    ]
    state.figures = plain(found) | {"assigned": assigned}
    draft.status, draft.adopted_on, draft.progress = DraftStatus.ADOPTED, on, 100
    draft.version += 1
    told = {"from_date": on.isoformat(), "assigned": assigned, "derived": ground.derived}
    _record("division.adopted", draft, by, told | summary(found))
    db.session.flush()


def drop(draft: Draft, *, by: User) -> None:
    """Put a draft away; raises NotReady where it was adopted."""
    if draft.status == DraftStatus.ADOPTED:
        raise NotReady(_("This division was adopted: its cells are the village's."))
    if draft.status != DraftStatus.DROPPED:
        draft.status, draft.failure = DraftStatus.DROPPED, None
        draft.version += 1
        _record("division.dropped", draft, by, {})


def _check_ready(draft: Draft, version: int) -> None:
    if draft.status != DraftStatus.READY:
        words = {
            DraftStatus.COMPUTING: _("This division is still being worked out; wait for it."),
            DraftStatus.FAILED: _("This division could not be worked out; ask for a new one."),
            DraftStatus.ADOPTED: _("This division was adopted: change its cells instead."),
            DraftStatus.DROPPED: _("This division was dropped; ask for a new one."),
        }
        raise NotReady(words[draft.status])
    if version != draft.version:
        raise DraftChanged(_("Somebody changed this draft. Look at it again, then decide."))


def _ground(draft: Draft) -> Ground:
    """What the draft divides, with the households of now; raises GroundChanged."""
    village = find_village(draft.village_code)
    if (draft.territory is None) == (village.boundary is None):
        raise GroundChanged(_changed_words())
    if draft.territory is not None:
        area: Any = to_shape(draft.territory)
        return settled(village, area, derived=True)
    ground = survey(village)
    if ground.digest != draft.ground:
        raise GroundChanged(_changed_words())
    return ground


def _changed_words() -> str:
    return _(
        "The village's boundary was changed since this was worked out; ask for a new division."
    )


def _changed(kind: Made, old: Sequence[shapely.Polygon], line: Any) -> list[shapely.Polygon]:
    """The cells in place of `old`; raises Invalid."""
    least, most = {Made.SPLIT: (1, 1), Made.MERGE: (2, cutting.MOST_PIECES), Made.REDRAW: (2, 2)}[
        kind
    ]
    if not least <= len(old) <= most:
        words = _("Give %(least)s to %(most)s different cells.", least=least, most=most)
        raise Invalid(errors={"/cells": [words]})
    if kind is not Made.MERGE and line is None:
        raise Invalid(errors={"/line": [_("Draw the line.")]})
    try:
        if kind is Made.MERGE:
            return [cutting.join(old)]
        drawn = cutting.read_line(line)
        if kind is Made.SPLIT:
            return cutting.cut(old[0], drawn)
        return cutting.redraw(old[0], old[1], drawn)
    except BadGeometry as bad:
        reasons = [_(fault.msgid, **fault.values) for fault in bad.faults]
        raise Invalid(errors={"/cells" if kind is Made.MERGE else "/line": reasons}) from bad


def _record(action: str, draft: Draft, by: User | None, data: dict[str, Any]) -> None:
    events.record(
        action, draft.id, by=by.id if by else None, jurisdiction=draft.village_code, data=data
    )
