"""Rows for tests: each factory fills in what the test does not care about, and commits."""

from __future__ import annotations

import itertools
import secrets
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from geoalchemy2.shape import from_shape
from shapely import MultiPolygon, Point, Polygon, box
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from grids.models import Assignment, Cell, Duty, Jurisdiction, Membership, Team
from grids.standins import Absence, AbsenceKind, Deputy
from gridserve import people
from gridserve.db import SRID, db, now
from gridserve.permissions import Role
from gridserve.worktime import Unit
from visits.issues import catalogue
from visits.issues import operations as issue_operations
from visits.issues.chain import Promise, Tier
from visits.issues.clock import Limit
from visits.issues.models import Category, Issue, Step
from visits.models import Household, Outcome, Visit
from visits.recording import record_visit

COUNTY, TOWNSHIP, VILLAGE = "530626", "530626101", "530626101201"
NAMES = {
    "53": "云南省",
    "5306": "昭通市",
    "530626": "绥江县",
    "530626101": "中城镇",
    "530626101201": "田坝村民委员会",
}
PASSWORD = "correct horse battery"
LONG_AGO = date(2020, 1, 1)
WEST, SOUTH, STEP = 103.95, 28.60, 0.01  # degrees; a cell of the factories is about 1 km wide
_numbers = itertools.count(1)


def _west(village: str, serial: int) -> float:
    """Where a village's `serial`-th cell begins: VILLAGE at WEST, others each on own ground."""
    away = 0.0 if village == VILLAGE else 0.5 + int(village) % 89 * 0.2
    return WEST + away + (serial - 1) * STEP


class Make:
    """Factories of rows."""

    _hash: str | None = None

    def jurisdictions(self, code: str = VILLAGE) -> str:
        """The jurisdiction `code` and all above it, where missing."""
        for digits in (2, 4, 6, 9, 12):
            part = code[:digits]
            if digits > len(code) or db.session.get(Jurisdiction, part):
                continue
            parent = {2: None, 4: part[:2], 6: part[:4], 9: part[:6], 12: part[:9]}[digits]
            db.session.add(
                Jurisdiction(
                    code=part,
                    name=NAMES.get(part, f"地区{part}"),
                    parent_code=parent,
                    year=2023,
                    source="test",
                )
            )
            db.session.flush()
        db.session.commit()
        return code

    def boundary(self, code: str, shape: Polygon) -> None:
        """Give a jurisdiction a boundary."""
        row = db.session.get_one(Jurisdiction, self.jurisdictions(code))
        row.boundary = from_shape(MultiPolygon([shape]), srid=SRID)
        db.session.commit()

    def user(
        self,
        role: Role | None = None,
        code: str | None = COUNTY,
        *,
        name: str = "张三",
        login: str | None = None,
    ) -> people.User:
        """An account, with a post where a role is given. Its password is PASSWORD."""
        if Make._hash is None:
            Make._hash = people._hasher.hash(PASSWORD)
        user = people.User(
            login=login or f"user-{next(_numbers)}", name=name, password_hash=Make._hash
        )
        db.session.add(user)
        db.session.flush()
        if role is not None:
            if code is not None:
                self.jurisdictions(code)
            db.session.add(
                people.Post(user_id=user.id, role=role, jurisdiction_code=code, from_date=LONG_AGO)
            )
        db.session.commit()
        found = db.session.scalars(
            select(people.User)
            .where(people.User.id == user.id)
            .options(selectinload(people.User.posts))
            .execution_options(populate_existing=True)
        ).one()
        for row in (*found.posts, found):  # as in a request, a person stands outside the session
            db.session.expunge(row)
        return found

    @staticmethod
    def token(user: people.User) -> str:
        """A token of `user`, as after signing in by password and code."""
        token = secrets.token_urlsafe(16)
        db.session.add(
            people.DeviceToken(
                user_id=user.id,
                token_hash=people.digest(token),
                device="test",
                proof=people.Proof.CODE,
                expires_at=now() + timedelta(days=1),
            )
        )
        db.session.commit()
        return token

    def cell(self, serial: int = 1, *, village: str = VILLAGE, **kwargs: Any) -> Cell:
        """A square cell, the `serial`-th from the west."""
        self.jurisdictions(village)
        west = _west(village, serial)
        shape = kwargs.pop("polygon", box(west, SOUTH, west + STEP, SOUTH + STEP))
        cell = Cell(
            code=f"{village}{serial:03d}",
            village_code=village,
            polygon=from_shape(shape, srid=SRID),
            **{"name": f"第{serial}网格", "from_date": LONG_AGO, **kwargs},
        )
        db.session.add(cell)
        db.session.commit()
        return cell

    def team(
        self,
        cells: list[Cell],
        members: Sequence[people.User] = (),
        *,
        since: date = LONG_AGO,
        until: date | None = None,
        code: str = VILLAGE,
    ) -> Team:
        """A team that answers for `cells` and whose members serve since then."""
        team = Team(name=f"团队{next(_numbers)}", jurisdiction_code=self.jurisdictions(code))
        db.session.add(team)
        db.session.flush()
        for cell in cells:
            db.session.add(
                Assignment(
                    team_id=team.id, cell_id=cell.id, from_date=since, to_date=until,
                    lead=not self._led(cell, since, until),
                )
            )  # fmt: skip
        for user in members:
            db.session.add(
                Membership(
                    team_id=team.id,
                    user_id=user.id,
                    duty=Duty.FULL_TIME,
                    from_date=since,
                    to_date=until,
                )
            )
        db.session.commit()
        return team

    def member(
        self, team: Team, user: people.User, duty: Duty = Duty.FULL_TIME, since: date = LONG_AGO
    ) -> Membership:
        """Somebody who serves in a team."""
        row = Membership(team_id=team.id, user_id=user.id, duty=duty, from_date=since)
        db.session.add(row)
        db.session.commit()
        return row

    def deputy(self, team: Team, a: people.User, b: people.User, since: date = LONG_AGO) -> Deputy:
        """B stands in for A in a team while A is away."""
        served = select(Membership).where(
            Membership.team_id == team.id, Membership.user_id == a.id, Membership.to_date.is_(None)
        )
        row = Deputy(
            id=uuid.uuid4(), membership_id=db.session.scalars(served).one().id, for_id=a.id,
            user_id=b.id, from_date=since,
        )  # fmt: skip
        db.session.add(row)
        db.session.commit()
        return row

    def absent(self, user: people.User, since: date, until: date | None = None) -> Absence:
        """Somebody who is away since then, until further notice or the first day back."""
        row = Absence(
            id=uuid.uuid4(), user_id=user.id, kind=AbsenceKind.LEAVE, from_date=since,
            to_date=until, said_by_id=user.id,
        )  # fmt: skip
        db.session.add(row)
        db.session.commit()
        return row

    @staticmethod
    def _led(cell: Cell, since: date, until: date | None) -> bool:
        """Whether another team leads for the cell on some day of the period."""
        at_once = func.daterange(Assignment.from_date, Assignment.to_date).op("&&")(
            func.daterange(since, until)
        )
        rows = select(Assignment.id).where(Assignment.cell_id == cell.id, Assignment.lead, at_once)
        return db.session.scalar(rows.limit(1)) is not None

    def cadre(self, cells: list[Cell], *, code: str = VILLAGE) -> people.User:
        """A cadre in a team that answers for `cells`."""
        user = self.user(Role.CADRE, code)
        self.team(cells, [user], code=code)
        return user

    def household(self, cell: Cell | None = None, **kwargs: Any) -> Household:
        """A household in the middle of `cell`."""
        village = cell.village_code if cell else self.jurisdictions(VILLAGE)
        point: dict[str, Any] = {}
        if cell is not None:
            west = _west(village, int(cell.code[-3:]))
            place = Point(west + STEP / 2, SOUTH + STEP / 2)
            point = {"point": from_shape(place, srid=SRID), "point_source": "wgs84"}
        household = Household(
            **{
                "number": f"H{next(_numbers):05d}",
                "village_code": village,
                "cell_id": cell.id if cell else None,
                "address": "田坝1号",
                "head_name": "李四",
                "phone": "13800001234",
                "size": 3,
                "tags": [],
                **point,
                **kwargs,
            }
        )
        db.session.add(household)
        db.session.commit()
        return household

    def visit(
        self,
        household: Household,
        by: people.User,
        at: datetime | None = None,
        outcome: Outcome = Outcome.MET,
    ) -> Visit:
        """A visit, recorded as the API would."""
        visit = record_visit(
            {
                "id": uuid.uuid4(),
                "household_id": household.id,
                "purpose": "regular",
                "outcome": outcome,
                "started_at": at or now(),
            },
            by=by,
        )
        db.session.commit()
        return db.session.get_one(Visit, visit.id)

    def category(self, code: str = "facility.road", limit_days: int = 5) -> Category:
        """A category of issues."""
        category = db.session.get(Category, code)
        if category is None:
            # Hours around the clock, so that tests can be run on any day of the year.
            whole = Limit(24 * limit_days, Unit.URGENT_HOUR)
            said = {
                "name": "道路", "name_en": "Roads", "promise": Promise.WITHIN_LIMIT, "limit": whole,
                "accept_limit": Limit(4, Unit.WORKING_HOUR), "handle_limit": whole,
                "review_limit": Limit(2, Unit.WORKING_DAY), "tier": Tier.TOWNSHIP, "to_cells": True,
            }  # fmt: skip
            category = catalogue.save(code, said, seen=0, by=None)
        db.session.commit()
        return category

    def issue(
        self,
        household: Household,
        by: people.User,
        at: datetime | None = None,
        category: str = "facility.road",
    ) -> Issue:
        """An issue, reported as the API would."""
        self.category(category)
        said = {
            "id": uuid.uuid4(),
            "category": category,
            "words": "路灯不亮",
            "channel": "visit",
            "household_id": household.id,
        }
        issue = issue_operations.report(said | ({"reported_at": at} if at else {}), by=by)
        db.session.commit()
        return issue

    def step(self, issue: Issue, action: str, by: people.User, **said: Any) -> Step:
        """A step, taken as the API would by somebody who has seen the last one.

        What a test does not care about is said: the answer to the resident, basis, where else.
        """
        besides = {
            "feed_back": {"answer": "已告知"},
            "decline": {"basis": "职责目录", "instead": "县水务局"},
        }
        said = besides.get(action, {}) | said
        step = issue_operations.take_step(
            issue.id, {"id": uuid.uuid4(), "action": action, "seen": issue.step_no, **said}, by=by
        )
        db.session.commit()
        return step
