"""Teams 网格团队 for the invented villages: 1+3+N from the cadres that there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil

import numpy as np

from grids.models import Assignment, Cell, Duty, Membership, Team
from gridserve.db import db
from visits.demo.accounts import Account
from visits.demo.bulk import make_id

CELLS_PER_TEAM = 5
# Of a team's visits, the share of a member relative to the others'.
WORK = {
    Duty.LEADER: 2.0, Duty.FULL_TIME: 5.0, Duty.PART_TIME: 3.0, Duty.GUIDE: 0.7, Duty.OTHER: 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Crew:
    """A team with those who serve in it."""

    id: uuid.UUID
    members: tuple[Account, ...]
    duties: tuple[Duty, ...]

    @property
    def shares(self) -> list[float]:
        """Each member's share of the visits; sums to 1."""
        total = sum(WORK[duty] for duty in self.duties)
        return [WORK[duty] / total for duty in self.duties]

    @property
    def in_charge(self) -> Account:
        """Whose charge new issues are, as visits/issues/charge.py has it: the full-time member."""
        full = (m for m, d in zip(self.members, self.duties, strict=True) if d is Duty.FULL_TIME)
        return next(full, self.members[0])

    @property
    def handlers(self) -> list[Account]:
        """Those who handle issues: all but the guide, who backs and does not do."""
        return [m for m, d in zip(self.members, self.duties, strict=True) if d is not Duty.GUIDE]


def form(
    village: str,
    name: str,
    cells: Sequence[Cell],
    cadres: Sequence[Account],
    guide: Account,
    since: date,
    rng: np.random.Generator,
) -> list[Crew]:
    """Make the teams of a village and give each cell to one; the crew of every cell, in order.

    The first cadre leads all of the village's teams and the others are dealt out; the township's
    guide is in each.
    """
    count = max(1, min(ceil(len(cells) / CELLS_PER_TEAM), len(cadres) - 1))
    crews: list[Crew] = []
    for number in range(count):
        dealt = list(cadres[1 + number :: count])
        duties = [Duty.FULL_TIME, Duty.PART_TIME, Duty.PART_TIME, *[Duty.OTHER] * len(dealt)]
        crews.append(
            Crew(
                make_id(rng), (cadres[0], *dealt, guide),
                (Duty.LEADER, *duties[: len(dealt)], Duty.GUIDE),
            )
        )  # fmt: skip
        title = f"{name}网格团队" if count == 1 else f"{name}第{number + 1}网格团队"
        db.session.add(Team(id=crews[-1].id, name=title, jurisdiction_code=village))
    db.session.flush()
    crew_of = [crews[i * count // len(cells)] for i in range(len(cells))]
    for crew in crews:
        db.session.add_all(
            Membership(team_id=crew.id, user_id=member.id, duty=duty, from_date=since)
            for member, duty in zip(crew.members, crew.duties, strict=True)
        )
    db.session.add_all(
        Assignment(team_id=crew.id, cell_id=cell.id, from_date=since, lead=True)
        for crew, cell in zip(crew_of, cells, strict=True)
    )
    db.session.flush()
    return crew_of
