"""Deputies, absences and a replacement for the invented teams, so that the roster has a life."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, select

from grids.models import Duty, Level, Membership, Team
from grids.standins import Absence, AbsenceKind, Deputy
from gridserve import workdays
from gridserve.db import db

# Whose deputy (B岗) is who, by duty, within a team.
PAIRS = ((Duty.LEADER, Duty.FULL_TIME), (Duty.FULL_TIME, Duty.PART_TIME))
AWAY_DAYS = 5


def name(county: str) -> None:
    """Give the county's teams deputies; a cadre is at a training, a leader suddenly ill, and in a
    third team somebody is replaced today."""
    today = workdays.today()
    found = db.session.execute(
        select(Membership, Team.jurisdiction_code)
        .join(Team, Team.id == Membership.team_id)
        .where(Team.jurisdiction_code.startswith(county))
        .order_by(
            func.length(Team.jurisdiction_code).desc(),  # units after the villages' teams
            Team.jurisdiction_code,
            Team.name,
            Membership.from_date,
            Membership.id,
        )
    ).all()
    teams: dict[uuid.UUID, list[Membership]] = {}
    township = {row.id: code[: Level.TOWNSHIP] for row, code in found}
    for row, _code in found:
        teams.setdefault(row.team_id, []).append(row)
    crews = list(teams.values())
    for number, crew in enumerate(crews):
        for duty, instead in PAIRS if number % 8 != 1 else PAIRS[1:]:
            a, b = _with(crew, duty), _with(crew, instead)
            if a is not None and b is not None and a.user_id != b.user_id:
                db.session.add(
                    Deputy(
                        id=uuid.uuid5(a.id, "deputy"), membership_id=a.id, for_id=a.user_id,
                        user_id=b.user_id, from_date=a.from_date,
                    )
                )  # fmt: skip
    trained = next((m for c in crews if (m := _with(c, Duty.FULL_TIME))), None)
    ill = next((m for c in crews[1:] if (m := _with(c, Duty.LEADER))), None)
    if trained is not None:
        _away(trained, AbsenceKind.TRAINING, 1, AWAY_DAYS)
    if ill is not None and trained is not None and ill.user_id != trained.user_id:
        _away(ill, AbsenceKind.ILLNESS, 0, None)
    leaves = next((m for c in crews[2:] if (m := _with(c, Duty.OTHER))), None)
    if leaves is not None:
        here = {m.user_id for m in teams[leaves.team_id]}
        near = (
            m for m, code in reversed(found)
            if len(code) == Level.VILLAGE and code.startswith(township[leaves.id])
        )  # fmt: skip
        heir = next((m.user_id for m in near if m.user_id not in here), None)
        if heir is not None:
            leaves.to_date = today
            db.session.add(
                Membership(
                    id=uuid.uuid5(leaves.id, "successor"), team_id=leaves.team_id, user_id=heir,
                    duty=leaves.duty, from_date=today, replaces_id=leaves.id,
                )
            )  # fmt: skip
    db.session.flush()


def _with(crew: Sequence[Membership], duty: Duty) -> Membership | None:
    return next((member for member in crew if member.duty is duty), None)


def _away(member: Membership, kind: AbsenceKind, since: int, days: int | None) -> None:
    first = workdays.today() - timedelta(days=since)
    db.session.add(
        Absence(
            id=uuid.uuid5(member.id, kind), user_id=member.user_id, kind=kind, from_date=first,
            to_date=first + timedelta(days=days) if days else None, said_by_id=member.user_id,
        )
    )  # fmt: skip
