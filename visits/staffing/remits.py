"""For which categories a unit 部门、站所 answers: it has no cells, and the desk is told of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import joinedload

from grids.models import Team
from gridserve import events
from gridserve.db import db
from gridserve.errors import Invalid
from gridserve.people import User
from visits.issues.models import Category, Remit


def remits(team_id: uuid.UUID) -> Sequence[Category]:
    """The categories for which a team answers, each with all below it, in the order of codes."""
    return by_team([team_id]).get(team_id, [])


def by_team(team_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Category]]:
    """The same for several teams, in one query; one that answers for none is missing."""
    rows = (
        select(Remit)
        .where(Remit.team_id.in_(list(team_ids)))
        .options(joinedload(Remit.category))
        .order_by(Remit.category_code)
    )
    found: dict[uuid.UUID, list[Category]] = {}
    for row in db.session.scalars(rows):
        found.setdefault(row.team_id, []).append(row.category)
    return found


def answer_for(team: Team, codes: Sequence[str], *, by: User) -> None:
    """Let a locked team answer for just these categories. Raises Invalid for an unknown one."""
    wanted = set(codes)
    known = set(db.session.scalars(select(Category.code).where(Category.code.in_(wanted))))
    if wanted - known:
        words = _("No such category: %(code)s.", code=min(wanted - known))
        raise Invalid(errors={"/categories": [words]})
    held = {category.code for category in remits(team.id)}
    if wanted == held:
        return
    gone = Remit.category_code.in_(held - wanted)
    db.session.execute(delete(Remit).where(Remit.team_id == team.id, gone))
    db.session.add_all(Remit(team_id=team.id, category_code=code) for code in wanted - held)
    db.session.flush()
    data = {"name": team.name, "categories": sorted(wanted)}
    events.record("team.remit", team.id, by=by.id, jurisdiction=team.jurisdiction_code, data=data)
