"""Coverage equals an independent count in plain SQL, on the cases that go wrong."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import delete, select, text, update

from gridserve import workdays
from gridserve.db import db, now
from gridserve.permissions import Role
from maps import places
from maps.coverage import Count, cells, coverage, summed
from maps.places import Place
from tests.factories import COUNTY, STEP, TOWNSHIP, VILLAGE, WEST
from visits import figures
from visits.counting import window_start
from visits.models import CoverageDay, CoverageMark, Household, HouseholdStatus, Outcome
from visits.operations import change_household

OTHER = "530626101202"
FAR = "530626102200"

# Joins every visit and compares local dates, where the application tests for existence between
# two instants.
COUNT = text("""
    SELECT left(coalesce(x.code, x.village_code), :digits) AS part,
           count(*) AS households, sum(x.met) AS met
    FROM (
        SELECT h.id, h.village_code, c.code,
               max(CASE WHEN (v.started_at AT TIME ZONE 'Asia/Shanghai')::date
                             BETWEEN :first AND :last THEN 1 ELSE 0 END) AS met
        FROM household h
        LEFT JOIN cell c ON c.id = h.cell_id
        LEFT JOIN visit v ON v.household_id = h.id AND v.outcome = 'met'
        LEFT JOIN (
            SELECT DISTINCT ON (household_id) household_id, status FROM household_status
            WHERE to_date > :last ORDER BY household_id, to_date
        ) was ON was.household_id = h.id
        WHERE coalesce(was.status, h.status) NOT IN ('vacant', 'moved', 'demolished')
          AND left(h.village_code, length(:code)) = :code
        GROUP BY h.id, h.village_code, c.code
    ) x
    GROUP BY 1
""")


def counted(code, by, first, last):
    asked = {"digits": places.BY[by], "first": first, "last": last, "code": code}
    rows = db.session.execute(COUNT, asked)
    return {row.part: (row.met, row.households) for row in rows}


def found(code, by, first, last):
    answer = coverage(Place(code, "x"), by, first, last, as_of=workdays.today())
    return answer, {r.area.code: (r.met, r.households) for r in answer.rows}


def check(code, by, first, last):
    """The whole and every part agree with the plain count."""
    answer, parts = found(code, by, first, last)
    plain = counted(code, by, first, last)
    known = {part: figure for part, figure in plain.items() if len(part) == places.BY[by]}
    assert {part: figure for part, figure in parts.items() if figure[1]} == known
    assert answer.met == sum(met for met, _n in plain.values())
    assert answer.households == sum(n for _met, n in plain.values())
    assert answer.elsewhere == answer.households - sum(n for _met, n in known.values())
    return parts


def at(day: date, *clock: int) -> datetime:
    return datetime.combine(day, time(*clock), tzinfo=workdays.zone())


@pytest.fixture
def county(make):
    """Three villages with everything that goes wrong; visits around both edges of two windows."""
    for code in (VILLAGE, OTHER, FAR):
        make.jurisdictions(code)
    cells = [make.cell(n) for n in (1, 2, 3)]  # the third has no households
    far = make.cell(9, village=FAR)
    cadre = make.user(Role.CADRE, COUNTY)
    make.team([*cells, far], [cadre])
    today = workdays.today()
    first, last = today - timedelta(days=29), today - timedelta(days=10)
    moments = [
        at(first, 0, 0, 0), at(first, 0, 0) - timedelta(seconds=1),
        at(last, 23, 59, 59), at(last + timedelta(days=1), 0, 0, 0), now(),
    ]  # fmt: skip
    for moment in moments:
        make.visit(make.household(cells[0]), cadre, moment)
    often = make.household(cells[1])
    for moment in moments:
        make.visit(often, cadre, moment)
    nobody = make.household(cells[1])
    make.visit(nobody, cadre, at(last, 9), Outcome.NOBODY_HOME)
    make.visit(nobody, cadre, at(last, 10), Outcome.REFUSED)
    make.household(cells[1])  # never visited
    moved = make.household(cells[0])
    make.visit(moved, cadre, at(last, 12))
    change_household(
        moved, {"point": {"lon": WEST + 1.5 * STEP, "lat": 28.605, "crs": "wgs84"}}, by=cadre
    )
    for status in (HouseholdStatus.VACANT, HouseholdStatus.MOVED, HouseholdStatus.DEMOLISHED):
        gone = make.household(cells[0])
        make.visit(gone, cadre, at(last, 12))
        change_household(gone, {"status": status}, by=cadre)
    make.visit(make.household(None), cadre, at(last, 12))  # no cell
    make.household(None, village_code=OTHER)  # in a village without cells
    make.visit(make.household(far), cadre, at(first, 8))
    db.session.commit()
    assert moved.cell_id == cells[1].id
    return cells, first, last


@pytest.mark.parametrize("by", ["cell", "village", "township", "county"])
def test_any_window_equals_a_plain_count(county, by):
    _cells, first, last = county
    for start, end in ((first, last), (first, first), (last, last), (first, workdays.today())):
        check(COUNTY if by != "county" else "53", by, start, end)


@pytest.mark.parametrize("code", ["", COUNTY, TOWNSHIP, VILLAGE, OTHER])
def test_ready_windows_equal_a_plain_count_kept_marked_or_not_yet_counted(county, code):
    cells, *_ = county
    today = workdays.today()
    by = Place(code, "").below

    def all_windows():
        for days in figures.WINDOWS:
            check(code, by, window_start(today, days), today)
            if len(code) >= len(COUNTY):
                check(code, "cell", window_start(today, days), today)

    all_windows()  # nothing is kept yet: all from the base tables
    figures.refresh_marked()
    figures.refresh()
    db.session.commit()
    assert not db.session.query(CoverageMark).count()
    all_windows()  # all of the cells is kept
    db.session.add(CoverageMark(cell_id=cells[1].id))
    db.session.execute(delete(CoverageDay).where(CoverageDay.cell_id == cells[1].id))
    all_windows()  # one cell is new: it has no figures yet
    db.session.execute(delete(CoverageMark))
    assert {d.where for d in figures.check()} == {cells[1].code}


def test_the_numbers_of_the_fixture(county):
    cells, first, last = county
    parts = check(COUNTY, "cell", first, last)
    # in the first cell the visits at both edges count and those a second outside do not; the three
    # that are gone today were met, and were there, on the last day
    assert [parts[cell.code] for cell in cells] == [(2 + 3, 5 + 3), (2, 4), (0, 0)]
    parts = check(COUNTY, "cell", first, workdays.today())
    assert [parts[cell.code] for cell in cells] == [(4, 5), (2, 4), (0, 0)]


def test_a_kept_figure_is_read_until_its_cell_is_marked(county, make):
    cells, *_ = county
    today, days = workdays.today(), 30
    start = window_start(today, days)
    figures.refresh()
    db.session.execute(delete(CoverageMark))
    db.session.execute(update(CoverageDay).where(CoverageDay.cell_id == cells[0].id).values(met=0))
    code = cells[0].code
    assert found(VILLAGE, "cell", start, today)[1][code][0] == 0  # what is kept, though wrong
    db.session.add(CoverageMark(cell_id=cells[0].id))
    db.session.flush()
    assert check(VILLAGE, "cell", start, today)[code][0] > 0
    assert found(VILLAGE, "cell", start, today - timedelta(days=1))[1][code][0] > 0  # not kept


def test_a_visit_counts_the_moment_it_is_stored(county, make):
    cells, *_ = county
    today = workdays.today()
    figures.refresh_marked()
    figures.refresh()
    before = check(VILLAGE, "cell", window_start(today, 30), today)
    cadre = make.user(Role.CADRE, COUNTY)
    make.visit(
        db.session.query(Household).filter_by(cell_id=cells[1].id, last_met_at=None).first(), cadre
    )
    after = check(VILLAGE, "cell", window_start(today, 30), today)
    met, households = before[cells[1].code]
    assert after[cells[1].code] == (met + 1, households)
    figures.refresh_marked()
    assert check(VILLAGE, "cell", window_start(today, 30), today) == after


def test_cells_are_those_of_the_day_asked_for(make):
    day = workdays.today() - timedelta(days=100)
    old = make.cell(1, to_date=day)
    new = make.cell(2, from_date=day)
    make.household(new)
    place = Place(VILLAGE, "x")

    def codes(as_of):
        answer = coverage(place, "cell", as_of, as_of, as_of=as_of)
        count = Count(place, as_of, as_of, as_of)
        assert [row[0] for row in cells(count, "met", "households")] == [
            row.area.code for row in answer.rows
        ]
        assert summed(count, "met", "households", 60).elsewhere == answer.elsewhere
        return [row.area.code for row in answer.rows], answer.elsewhere

    assert codes(day - timedelta(days=1)) == ([old.code], 1)  # its household lives elsewhere now
    assert codes(day) == ([new.code], 0)


def test_a_jurisdiction_without_a_boundary_is_drawn_from_below(make):
    make.cell(1)
    make.cell(2)
    make.cell(5, village=OTHER)
    make.jurisdictions(FAR)
    day = workdays.today()
    drawn = {a.code: a.shape for a in places.shapes(Place(COUNTY, ""), "village", day)}
    assert drawn[VILLAGE].area == pytest.approx(2 * STEP**2)
    assert drawn[FAR] is None
    townships = {a.code: a.shape for a in places.shapes(Place(COUNTY, ""), "township", day)}
    assert townships[TOWNSHIP].area == pytest.approx(3 * STEP**2)
    make.boundary(VILLAGE, drawn[VILLAGE].envelope.buffer(STEP))
    drawn = {a.code: a.shape for a in places.shapes(Place(COUNTY, ""), "village", day)}
    assert drawn[VILLAGE].area > 4 * STEP**2
    townships = {a.code: a.shape for a in places.shapes(Place(COUNTY, ""), "township", day)}
    assert townships[TOWNSHIP].area > 5 * STEP**2


@pytest.mark.parametrize("turn", [figures.turn_of_day, figures.refresh_marked])
def test_a_new_day_is_kept_whole_whatever_comes_first(turn, make, monkeypatch):
    """Midnight's job, or a visit before it: with one cell alone the others would count as empty."""
    cells = [make.cell(n) for n in range(1, 4)]
    figures.rebuild()
    tomorrow = workdays.today() + timedelta(days=1)
    monkeypatch.setattr(workdays, "today", lambda: tomorrow)
    db.session.add(CoverageMark(cell_id=cells[0].id))
    db.session.commit()
    turn()
    db.session.commit()
    kept = select(CoverageDay.cell_code).where(CoverageDay.day == tomorrow).distinct()
    assert sorted(db.session.scalars(kept)) == sorted(cell.code for cell in cells)


def test_the_same_question_on_the_next_day_is_of_the_past(make, monkeypatch):
    """What was asked in the evening counts households where they are; the day after, where they
    were."""
    old, new = make.cell(1), make.cell(2)
    home, by = make.household(old), make.user(Role.CADRE, COUNTY)
    day = workdays.today()

    def counted():
        rows = coverage(Place(VILLAGE, "x"), "cell", day, day).rows
        return {row.area.code: row.households for row in rows}

    assert counted() == {old.code: 1, new.code: 0}
    monkeypatch.setattr(workdays, "today", lambda: day + timedelta(days=1))
    change_household(
        home, {"point": {"lon": WEST + 1.5 * STEP, "lat": 28.605, "crs": "wgs84"}}, by=by
    )
    db.session.commit()
    assert home.cell_id == new.id
    assert counted() == {old.code: 1, new.code: 0}
