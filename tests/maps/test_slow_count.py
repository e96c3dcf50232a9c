"""All figures of coverage equal a slow count in plain Python, written from their definitions and
not from the code, over random histories: moves between cells, changes of status, visits at any
time of day, tags. Kept figures, marked cells and windows that are not kept all agree."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from maps.coverage import ANY, Count, coverage, summed
from maps.coverage import cells as coverage_of_cells
from maps.places import Place
from tests.factories import COUNTY, VILLAGE
from visits import figures
from visits.counting import FIGURES, window_start
from visits.models import (
    CoverageDay,
    CoverageMark,
    Household,
    HouseholdStatus,
    Outcome,
    StatusStay,
    Stay,
    Tag,
    Visit,
)

CELLS = 3
DAYS = {"ordinary": 180, "tagged": 30}  # as GRIDSERVE_VISIT_DAYS is unless it is set


@dataclass
class Home:
    """A household and all that ever held for it; days are counted back from today."""

    cell: int
    moved_from: int | None
    moved_ago: int
    status: HouseholdStatus
    was: HouseholdStatus | None
    changed_ago: int
    tags: list[Tag]
    registered_ago: int
    do_not_disturb: bool  # counts for nothing: decision 0036
    visits: list[tuple[int, time, Outcome]] = field(default_factory=list)


# Days between visits: about an interval, so that deadlines are met and missed by one.
GAPS = (0, 1, 7, 29, 30, 30, 31, 179, 180, 180, 181)
CLOCK = (time(0, 0), time(0, 1), time(7, 59), time(8, 1), time(15), time(23, 59))
LONGEST = 420  # days


def invented(chance: random.Random) -> list[Home]:
    """Random households."""
    return [
        Home(
            cell=chance.randrange(CELLS),
            moved_from=chance.choice([None, None, *range(CELLS)]),
            moved_ago=chance.randint(1, LONGEST),
            status=chance.choice([HouseholdStatus.ACTIVE] * 6 + list(HouseholdStatus)),
            was=chance.choice([None] * 4 + list(HouseholdStatus)),
            changed_ago=chance.randint(1, LONGEST),
            tags=chance.sample(list(Tag), chance.choice([0, 1, 1, 2])),
            registered_ago=chance.randint(0, LONGEST),
            do_not_disturb=chance.random() < 0.2,
            visits=list(visits_of(chance)),
        )
        for _ in range(30)
    ]


def visits_of(chance: random.Random) -> Iterator[tuple[int, time, Outcome]]:
    ago = chance.randint(0, LONGEST)
    while ago >= 0 and chance.random() < 0.85:
        outcome = chance.choice([Outcome.MET] * 6 + [Outcome.NOBODY_HOME])
        yield ago, time(0) if ago == 0 else chance.choice(CLOCK), outcome
        ago -= chance.choice(GAPS)


def counted(
    homes: list[Home], cell: int, first: date, last: date, tag: str | None
) -> dict[str, int]:
    """The definitions of domain terms, household by household and day by day."""
    today = workdays.today()
    found = dict.fromkeys(FIGURES, 0)
    for home in homes:
        left = today - timedelta(days=home.moved_ago)
        where = home.moved_from if home.moved_from is not None and last < left else home.cell
        changed = today - timedelta(days=home.changed_ago)
        status = home.was if home.was is not None and last < changed else home.status
        if where != cell or (tag == ANY and not home.tags) or (tag not in (None, ANY, *home.tags)):
            continue
        met = sorted(
            today - timedelta(days=ago) for ago, _at, outcome in home.visits
            if outcome is Outcome.MET
        )  # fmt: skip
        found["registered"] += status is not HouseholdStatus.DEMOLISHED
        if status is not HouseholdStatus.ACTIVE:
            continue
        found["households"] += 1
        within = [day for day in met if first <= day <= last]
        found["met"] += bool(within)
        before = [day for day in met if day < first]
        since = before[-1] if before else today - timedelta(days=home.registered_ago)
        deadline = since + timedelta(days=DAYS["tagged" if home.tags else "ordinary"])
        if deadline < first:
            found["overdue"] += 1
            found["caught_up"] += bool(within)
        elif deadline <= last:
            found["due"] += 1
            found["in_time"] += bool(within) and within[0] <= deadline
    return found


def store(homes: list[Home], cells: list, cadre) -> None:
    today = workdays.today()
    for row in (Visit, Stay, StatusStay, CoverageDay, CoverageMark, Household):
        db.session.execute(delete(row))
    for n, home in enumerate(homes):
        met = [
            datetime.combine(today - timedelta(days=ago), at, tzinfo=workdays.zone())
            for ago, at, outcome in home.visits if outcome is Outcome.MET
        ]  # fmt: skip
        row = Household(
            number=f"{n}", village_code=VILLAGE, cell_id=cells[home.cell].id, address="x",
            head_name="x", size=1, status=home.status, tags=[tag.value for tag in home.tags],
            registered_at=datetime.combine(
                today - timedelta(days=home.registered_ago), time(12), tzinfo=workdays.zone()
            ),
            last_met_at=max(met, default=None), do_not_disturb=home.do_not_disturb,
        )  # fmt: skip
        db.session.add(row)
        db.session.flush()
        if home.moved_from is not None:
            db.session.add(Stay(
                household_id=row.id, cell_id=cells[home.moved_from].id,
                next_id=cells[home.cell].id, to_date=today - timedelta(days=home.moved_ago),
            ))  # fmt: skip
        if home.was is not None:
            day = today - timedelta(days=home.changed_ago)
            db.session.add(StatusStay(household_id=row.id, to_date=day, status=home.was))
        for ago, at, outcome in home.visits:
            moment = datetime.combine(today - timedelta(days=ago), at, tzinfo=workdays.zone())
            make_visit(row, cells[home.cell], cadre, moment, outcome)
    db.session.flush()


def make_visit(home: Household, cell, cadre, moment: datetime, outcome: Outcome) -> None:
    db.session.add(Visit(
        id=uuid.uuid4(), household_id=home.id, visitor_id=cadre.id, cell_id=cell.id,
        in_scope=True, purpose="regular", outcome=outcome, started_at=moment,
        received_at=moment, said="x", notes="",
    ))  # fmt: skip


def test_every_figure_equals_a_slow_count(make):
    cells = [make.cell(n + 1) for n in range(CELLS)]
    cadre = make.user(Role.CADRE, COUNTY)
    place = Place(VILLAGE, "x")

    def agree(homes, first, last, tag=None):
        found = coverage(place, "cell", first, last, due=True, tag=tag)
        told = {r.area.code: {name: getattr(r, name) for name in FIGURES} for r in found.rows}
        truly = [counted(homes, n, first, last, tag) for n in range(CELLS)]
        assert [told[cell.code] for cell in cells] == truly, (first, last, tag)
        assert [getattr(found, n) for n in FIGURES] == [sum(t[n] for t in truly) for n in FIGURES]
        plain = coverage(place, "cell", first, last, tag=tag)  # not asked for what was due
        assert [(r.met, r.households, r.registered) for r in plain.rows] == [
            (t["met"], t["households"], t["registered"]) for t in truly
        ]
        for due, part, whole in ((False, "met", "households"), (True, "in_time", "due")):
            count = Count(place, first, last, last, due, tag)  # as the map of many cells asks
            pairs = [(t[part], t[whole]) for t in truly]
            assert [row[2:] for row in coverage_of_cells(count, part, whole)] == pairs
            whole_of_it = summed(count, part, whole, 60)
            assert (whole_of_it.met, whole_of_it.due) == (found.met, found.due if due else None)
            assert whole_of_it.low == sum(of > 0 and 100 * n < 60 * of for n, of in pairs)
            assert whole_of_it.elsewhere == found.elsewhere == 0

    @settings(
        max_examples=8,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.randoms(), st.sampled_from(figures.WINDOWS), st.integers(0, 12),
        st.integers(0, LONGEST), st.integers(1, 200),
    )  # fmt: skip
    def check(chance, window, kept, ago, days):
        homes = invented(chance)
        store(homes, cells, cadre)
        today = workdays.today()
        last = figures.kept_days()[kept]
        other = today - timedelta(days=ago)
        agree(homes, window_start(last, window), last)  # nothing kept yet
        figures.refresh(day=last)
        db.session.add(CoverageMark(cell_id=cells[0].id))
        db.session.execute(delete(CoverageDay).where(CoverageDay.cell_id == cells[0].id))
        agree(homes, window_start(last, window), last)  # all kept but one that is marked
        db.session.execute(delete(CoverageMark))
        figures.refresh({cells[0].id}, last)
        assert figures.check() == []
        agree(homes, window_start(last, window), last)
        for tag in (None, ANY, Tag.POOR):
            agree(homes, window_start(other, days), other, tag)

    check()
