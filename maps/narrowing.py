"""To which issues a figure of ageing is narrowed: one set of filters for map, tables and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from visits.issues.chain import Tier
from visits.issues.models import Issue
from visits.issues.queries import held_by, in_category, of_tier


@dataclass(frozen=True)
class Narrowing:
    """A category with those below it, the level that should solve, and who holds it.

    `holder` is a team's id, or the code of the jurisdiction whose desk holds it itself.
    """

    category: str | None = None
    tier: Tier | None = None
    holder: str | None = None

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Narrowing:
        """From what was asked for (NarrowIn)."""
        return cls(args.get("category"), args.get("tier"), args.get("holder"))

    @property
    def asked(self) -> dict[str, str | None]:
        """As parts of an address, of a map and of a list alike."""
        tier = self.tier.value if self.tier else None
        return {"category": self.category, "tier": tier, "holder": self.holder}

    def where(
        self, team: ColumnElement[Any] | None = None, desk: ColumnElement[Any] | None = None
    ) -> list[ColumnElement[bool]]:
        """The criteria; `team` and `desk` are who held an issue then, if not the present ones."""
        found = []
        if self.category:
            found.append(in_category(self.category))
        if self.tier:
            found.append(of_tier(self.tier))
        if self.holder:
            team = Issue.__table__.c.team_id if team is None else team
            desk = Issue.__table__.c.desk_code if desk is None else desk
            found.append(held_by(self.holder, team, desk))
        return found


ALL = Narrowing()
