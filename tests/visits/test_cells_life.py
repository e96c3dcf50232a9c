"""Any sequence of changes of cells keeps the ground whole and everybody answered for."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import shapely
from geoalchemy2.shape import to_shape
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from shapely import box
from sqlalchemy import func, select, text

from grids.models import Assignment, Cell, Change, ChangeKind, Jurisdiction
from grids.operations import adopt_division
from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, VILLAGE, WEST
from visits import figures
from visits.issues import projection
from visits.issues.models import Issue
from visits.models import Household, Visit

GROUND = box(WEST, SOUTH, WEST + 3 * STEP, SOUTH + STEP)
DAYS = 12  # the ground was divided that long ago
share = st.integers(1, 9).map(lambda n: n / 10)
pick = st.integers(0, 999)

# Households and open issues that are not in exactly one basic cell of today that covers their
# point, or of whose cell no team, or more than one, leads.
UNANSWERED = text("""
    SELECT count(*) FROM (
        SELECT cell_id, point FROM household UNION ALL
        SELECT cell_id, point FROM issue WHERE closed_at IS NULL
    ) AS what
    LEFT JOIN cell AS c ON c.id = what.cell_id AND c.kind = 'basic' AND c.from_date <= :today
        AND (c.to_date IS NULL OR c.to_date > :today) AND ST_Covers(c.polygon, what.point)
    WHERE c.id IS NULL OR (
        SELECT count(*) FROM assignment AS a WHERE a.cell_id = c.id AND a.lead
        AND a.from_date <= :today AND (a.to_date IS NULL OR a.to_date > :today)) <> 1
""")
# Open issues that a team of the village holds which does not answer for their cell today.
ASTRAY = text("""
    SELECT count(*) FROM issue AS i WHERE i.closed_at IS NULL AND i.team_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM assignment AS a WHERE a.cell_id = i.cell_id
        AND a.team_id = i.team_id AND a.from_date <= :today
        AND (a.to_date IS NULL OR a.to_date > :today))
""")
TWO_LEAD = text("""
    SELECT count(*) FROM assignment AS a JOIN assignment AS b ON a.cell_id = b.cell_id
    AND a.id < b.id AND a.lead AND b.lead
    AND daterange(a.from_date, a.to_date) && daterange(b.from_date, b.to_date)
""")
# Visits that count in another cell than the household did on their day, or by a team that did not
# answer for it.
MISJUDGED = text("""
    SELECT count(*) FROM visit AS v JOIN cell AS c ON c.id = v.cell_id
    WHERE v.in_scope AND NOT EXISTS (SELECT FROM assignment AS a WHERE a.cell_id = v.cell_id
        AND a.team_id = v.team_id AND a.from_date <= CAST(v.started_at AT TIME ZONE :zone AS date)
        AND (a.to_date IS NULL OR a.to_date > CAST(v.started_at AT TIME ZONE :zone AS date)))
""")


class Life(RuleBasedStateMachine):
    """A village of three cells, its teams and households, and a clerk who changes the cells."""

    make: Any
    as_user: Any

    def __init__(self) -> None:
        super().__init__()
        # Each run takes back its rows, as each test does.
        db.session.remove()
        self.attempt: Any = db.engine.begin_nested()  # type: ignore[attr-defined]
        self.today = workdays.today()

    def teardown(self) -> None:
        db.session.remove()
        self.attempt.rollback()

    @initialize()
    def settle(self) -> None:
        make = self.make
        village = db.session.get_one(Jurisdiction, make.jurisdictions(VILLAGE))
        make.boundary(VILLAGE, GROUND)
        thirds = [
            box(WEST + n * STEP, SOUTH, WEST + (n + 1) * STEP, SOUTH + STEP) for n in range(3)
        ]
        since = self.today - timedelta(days=DAYS)
        cells = adopt_division(village, thirds, from_date=since, by=None)
        db.session.commit()
        self.cadres = [make.cadre([cell]) for cell in cells]
        self.teams = list(db.session.scalars(select(Assignment.team_id).order_by(Assignment.id)))
        self.desk = make.user(Role.DISPATCHER, COUNTY)
        self.clerk = self.as_user(make.user(Role.ADMINISTRATOR, COUNTY))
        for n in range(9):
            home = make.household(cells[n // 3], **self.place(n / 9 + 0.04, (n % 3) / 3 + 0.1))
            make.visit(home, self.cadres[n // 3], at=workdays.start_of(since + timedelta(days=n)))
            if n % 2:
                issue = make.issue(home, self.cadres[n // 3])
                make.step(issue, "accept", self.desk)
                team = select(Assignment.team_id).where(Assignment.cell_id == home.cell_id)
                if n % 4 == 1:
                    make.step(issue, "dispatch", self.desk, team_id=db.session.scalar(team))

    @staticmethod
    def place(x: float, y: float) -> dict[str, str]:
        point = f"SRID=4326;POINT({WEST + x * 3 * STEP} {SOUTH + y * STEP})"
        return {"point": point, "point_source": "wgs84"}

    def valid(self, kind: str = "basic") -> list[Cell]:
        rows = select(Cell).where(Cell.to_date.is_(None), Cell.kind == kind).order_by(Cell.code)
        return list(db.session.scalars(rows.execution_options(populate_existing=True)))

    def on(self, cells: list[Cell], back: int) -> str:
        first = max(cell.from_date for cell in cells)
        return max(first, self.today - timedelta(days=back)).isoformat()

    def send(self, what: str, *allowed: int, **body: Any) -> Any:
        path = f"/api/v1/cells/{what}".rstrip("/")
        answer = self.clerk.post(path, json={"id": str(uuid.uuid4()), **body})
        assert answer.status_code in (201, *allowed), answer.json
        db.session.expire_all()
        return answer.json

    def pair(self, chosen: int) -> list[Cell]:
        """Two neighbours, or fewer where there are none."""
        cells = self.valid()
        one = cells[chosen % len(cells)]
        shape = to_shape(one.polygon)
        near = [
            c for c in cells
            if c is not one and shape.intersection(to_shape(c.polygon)).length > 1e-6
        ]  # fmt: skip
        return [one, near[chosen % len(near)]] if near else [one]

    def line(self, cells: list[Cell], x: float, lean: float) -> dict[str, Any]:
        west, south, east, north = shapely.union_all(
            [to_shape(cell.polygon) for cell in cells]
        ).bounds
        lon, aside = west + x * (east - west), (lean - 0.5) * (east - west)
        ends = [[lon - aside, south - 0.001], [lon + aside, north + 0.001]]
        return {"type": "LineString", "coordinates": ends}

    @rule(chosen=pick, x=share, lean=share, back=st.integers(0, 5))
    def split(self, chosen: int, x: float, lean: float, back: int) -> None:
        cells = self.valid()
        if len(cells) > 12:
            return
        cell = cells[chosen % len(cells)]
        line = self.line([cell], x, lean)
        self.send("split", 422, cell=cell.code, line=line, on=self.on([cell], back))

    @rule(chosen=pick, back=st.integers(0, 5))
    def merge(self, chosen: int, back: int) -> None:
        if len(pair := self.pair(chosen)) == 2:
            codes = [cell.code for cell in pair]
            self.send("merge", 422, cells=codes, on=self.on(pair, back))

    @rule(chosen=pick, x=share, lean=share, back=st.integers(0, 5))
    def redraw(self, chosen: int, x: float, lean: float, back: int) -> None:
        if len(pair := self.pair(chosen)) == 2:
            codes = [cell.code for cell in pair]
            line = self.line(pair, x, lean)
            self.send("redraw", 422, cells=codes, line=line, on=self.on(pair, back))

    @rule(x=share, y=share)
    def add(self, x: float, y: float) -> None:
        west, south = WEST + x * 2.5 * STEP, SOUTH + y * 0.8 * STEP
        area = box(west, south, west + STEP / 10, south + STEP / 10)
        self.send("", village=VILLAGE, name="学校", polygon=shapely.geometry.mapping(area))

    @rule(chosen=pick)
    def retire(self, chosen: int) -> None:
        cells = self.valid("dedicated")
        if cells:
            self.send(f"{cells[chosen % len(cells)].code}/retire")
        refused = self.send("retire", 409, village=VILLAGE)
        assert refused["code"] == "cell.in_use"

    @rule()
    def undo(self) -> None:
        done = select(Change.undoes_id).where(Change.undoes_id.is_not(None))
        last = db.session.scalar(
            select(Change.id)
            .where(Change.kind != ChangeKind.UNDO, Change.id.not_in(done))
            .order_by(Change.at.desc())
            .limit(1)
        )
        if last is not None:
            self.send("undo", 409, change=str(last))

    @rule(chosen=pick, team=st.integers(0, 2), lead=st.booleans())
    def assign(self, chosen: int, team: int, lead: bool) -> None:
        """Another team helps in a cell from today; or it takes the lead from who had it."""
        cells = self.valid()
        cell = cells[chosen % len(cells)]
        here = select(Assignment).where(Assignment.cell_id == cell.id, Assignment.to_date.is_(None))
        rows = list(db.session.scalars(here))
        if any(row.team_id == self.teams[team] for row in rows):
            return
        if lead:
            for row in rows:
                if row.lead and row.from_date == self.today:
                    return
                if row.lead:
                    row.to_date = self.today
                    db.session.flush()
                    again = {"team_id": row.team_id, "cell_id": cell.id, "lead": False}
                    db.session.add(Assignment(from_date=self.today, **again))
        new = {"team_id": self.teams[team], "cell_id": cell.id, "lead": lead}
        db.session.add(Assignment(from_date=self.today, **new))
        db.session.commit()

    @rule(chosen=pick, ago=st.integers(0, 8))
    def visit(self, chosen: int, ago: int) -> None:
        homes = list(db.session.scalars(select(Household).order_by(Household.number)))
        moment = workdays.start_of(self.today - timedelta(days=ago))
        self.make.visit(homes[chosen % len(homes)], self.cadres[chosen % 3], at=moment)

    @invariant()
    def ground_is_whole_every_day(self) -> None:
        cells = list(db.session.scalars(select(Cell).where(Cell.kind == "basic")))
        days = {cell.from_date for cell in cells} | {self.today}
        for day in days:
            shapes = [to_shape(cell.polygon) for cell in cells if cell.held_on(day)]
            assert shapely.union_all(shapes).symmetric_difference(GROUND).area < 1e-12
            assert abs(sum(shape.area for shape in shapes) - GROUND.area) < 1e-12
        db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        db.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))

    @invariant()
    def everybody_is_answered_for(self) -> None:
        values = {"today": self.today}
        assert db.session.scalar(UNANSWERED, values) == 0
        assert db.session.scalar(ASTRAY, values) == 0
        assert db.session.scalar(TWO_LEAD) == 0
        assert db.session.scalar(MISJUDGED, {"zone": "Asia/Shanghai"}) == 0
        counts = [db.session.scalar(select(func.count()).select_from(t)) for t in (Issue, Visit)]
        assert counts[0] == 4
        assert counts[1] >= 9

    @invariant()
    def what_was_recorded_replays_to_the_map_of_today(self) -> None:
        first = select(Cell.code).order_by(Cell.code).limit(3)
        shown = set(db.session.scalars(first))
        given = set(shown)
        for change in db.session.scalars(select(Change).order_by(Change.at)):
            ended, made = change.result["ended"], [c["code"] for c in change.result["cells"]]
            assert shown >= set(ended)
            if change.kind is not ChangeKind.UNDO:
                assert not given & set(made)  # codes are never given again
            given |= set(made)
            shown = shown - set(ended) | set(made)
        assert shown == {cell.code for cell in (*self.valid(), *self.valid("dedicated"))}

    @invariant()
    def figures_agree(self) -> None:
        figures.refresh_marked()
        assert figures.check() == []
        assert projection.check() == []


def test_any_sequence_of_changes_keeps_the_ground_whole(make, as_user):
    class Here(Life):
        pass

    Here.make, Here.as_user = make, staticmethod(as_user)
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=6, stateful_step_count=12, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
