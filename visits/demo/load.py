"""Puts the demonstration county together: real codes and names, all else invented from the seed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select, text

from grids.commands import SOURCE
from grids.division import divide
from grids.geometry import metres_per_degree
from grids.importing import import_jurisdictions
from grids.models import Cell, CellKind, Jurisdiction, Level
from grids.operations import adopt_division, free_serials, new_cell
from gridserve import events, workdays
from gridserve.db import SRID, db
from gridserve.errors import Conflict, Invalid
from gridserve.people import User
from gridserve.permissions import Role
from visits import categories, figures
from visits.demo import accounts as demo_accounts
from visits.demo import chain, history, households, issues, teams
from visits.demo.accounts import Account
from visits.demo.geography import Geography
from visits.demo.geography import invent as invent_geography
from visits.demo.households import Homes, short_name
from visits.demo.issues import Ground, Place
from visits.demo.settlement import settle
from visits.demo.teams import Crew
from visits.models import Household, HouseholdStatus

# Where the county lies and how large it is; others are put on a spot that follows from the code.
PLACES = {"530626": ((103.95, 28.60), 750.0)}
KM2_PER_VILLAGE = 17.5
SMALLEST, LARGEST = 150, 250  # households of a cell
SETTLED_DAYS = 400  # cells, teams and posts are older than the oldest visit
ISSUES_AT_ONCE = 5_000
NASTY_NAME = "<img src=x onerror=alert(1)>"
NASTY_WORDS = "</script><script>alert(1)</script> 门前路灯不亮"

Step = Callable[[str, int], object]


@dataclass(frozen=True)
class Wanted:
    """What to invent."""

    county: str = "530626"
    table: Path = Path()
    households: int = 30_000
    visits: int = 60_000
    issues: int = 2_000
    cadres: int = 120
    seed: int = 1


def is_loaded(county: str) -> bool:
    """Whether the county has households already."""
    return bool(
        db.session.scalar(
            select(
                select(Household.id).where(Household.village_code.like(county + "%")).exists()
            )
        )
    )


def load(wanted: Wanted, step: Step = lambda what, households: None) -> list[Account]:
    """Load the county in the session's transaction and give its accounts; the caller commits.

    `step` hears of each stage and of the households done. Raises `Conflict` where the county has
    households, `Invalid` and `BadInput` where the code table cannot be used. Everything invented
    lies before the present day, so the same seed gives the same rows all day long.
    """
    if is_loaded(wanted.county):
        raise Conflict(
            f"County {wanted.county} has households already: the demonstration needs a county "
            "without any. Choose another with --county, or an empty database."
        )
    rng = np.random.default_rng(wanted.seed)
    step("Codes and names", 0)
    codes, names = _codes(wanted)
    step("Outlines", 0)
    centre, area = PLACES.get(wanted.county) or _spot(wanted.county, sum(map(len, codes.values())))
    geography = invent_geography(codes, centre, area, rng)
    count_of = geography.households(wanted.households)
    accounts = _named(demo_accounts.plan(wanted.county, count_of, wanted.cadres, rng))
    with ThreadPoolExecutor(1) as pool:
        hashing = pool.submit(demo_accounts.hashes, accounts)
        _store_boundaries(wanted.county, geography)
        categories.store()
        db.session.flush()
        since = workdays.today() - timedelta(days=SETTLED_DAYS)
        step("Passwords", 0)
        demo_accounts.add(accounts, hashing.result(), since)
    step("Households and visits", 0)
    ground = _villages(wanted, geography, count_of, names, accounts, since, rng, step)
    step("Issues", 0)
    end = workdays.start_of(workdays.today())
    _issues(wanted.issues, ground, end, rng)
    step("Figures", 0)
    db.session.execute(text("ANALYZE jurisdiction, cell, household, visit, issue, step"))
    figures.refresh()
    events.record(
        "demo.loaded", None, by=None, jurisdiction=wanted.county,
        data={"households": wanted.households, "visits": wanted.visits, "issues": wanted.issues,
              "seed": wanted.seed},
    )  # fmt: skip
    db.session.flush()
    return accounts


def _codes(wanted: Wanted) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Villages by township, and the names of all, imported from the code table."""
    report = import_jurisdictions(wanted.table, county=wanted.county, year=2023, source=SOURCE)
    if not report.stored:
        fault = report.faults[0]
        raise Invalid(
            f"The code table is damaged: {fault.file}, row {fault.row}: {fault.reason}. "
            "Install it anew with `make setup`."
        )
    rows = db.session.execute(
        select(Jurisdiction.code, Jurisdiction.name)
        .where(Jurisdiction.code.like(wanted.county + "%"))
        .order_by(Jurisdiction.code)
    ).all()
    villages: dict[str, list[str]] = {}
    for code, _name in rows:
        if len(code) == Level.VILLAGE:
            villages.setdefault(code[: Level.TOWNSHIP], []).append(code)
    if not villages:
        raise Invalid(f"County {wanted.county} has no villages in the code table: choose another.")
    return villages, {row.code: row.name for row in rows}


def _spot(county: str, villages: int) -> tuple[tuple[float, float], float]:
    """An invented place in the middle of the country for a county that is not in PLACES."""
    number = int(county)
    return (100.0 + number % 97 * 0.15, 25.0 + number % 61 * 0.15), KM2_PER_VILLAGE * villages


def _named(accounts: list[Account]) -> list[Account]:
    """The accounts, with the county in their logins where somebody here has one of them already."""
    taken = db.session.scalar(
        select(func.count()).select_from(User).where(User.login.in_([a.login for a in accounts]))
    )
    if taken:
        for account in accounts:
            account.login = f"{account.scope[: Level.COUNTY]}-{account.login}"
    return accounts


def _store_boundaries(county: str, geography: Geography) -> None:
    outlines = {county: geography.county, **geography.townships, **geography.villages}
    for row in db.session.scalars(select(Jurisdiction).where(Jurisdiction.code.in_(outlines))):
        row.boundary = from_shape(shapely.MultiPolygon([outlines[row.code]]), srid=SRID)


def _villages(
    wanted: Wanted, geography: Geography, count_of: dict[str, int], names: dict[str, str],
    accounts: list[Account], since: date, rng: np.random.Generator, step: Step,
) -> Ground:
    """Cells, teams, households and visits, one village after the other; samples for issues."""
    calendar = history.Calendar(workdays.today())
    visits_of = _share_visits(count_of, wanted.visits, rng)
    cadres: dict[str, list[Account]] = {}
    for account in accounts:
        if account.role is Role.CADRE:
            cadres.setdefault(account.scope, []).append(account)
    person = {account.id.hex: account for account in accounts}
    ground = Ground(desks=issues.desks(accounts))
    for number, (code, outline) in enumerate(geography.villages.items()):
        name = short_name(names[code])
        points, group = settle(outline, count_of[code], rng)
        division = divide(outline, points, smallest=SMALLEST, largest=LARGEST)
        village = db.session.get_one(Jurisdiction, code)
        cells = adopt_division(village, division.cells, from_date=since, by=None)
        if number == 0:
            cells.append(_school(code, division.cells[0], since))
        guides = cadres[code[: Level.TOWNSHIP]]
        guide = guides[number % len(guides)]
        crews = teams.form(code, name, cells, cadres[code], guide, since, rng)
        at = households.cells_of(points, division.cells)
        homes = households.invent(code, name, points, group, at, rng)
        if number == 0:
            _awkward(homes)
        visits = history.invent(homes, crews, visits_of[code], calendar, rng)
        households.store(homes, cells, visits.last_met(len(homes)), rng)
        history.store(visits, homes, cells, crews, calendar, rng)
        share = 4 * wanted.issues * count_of[code] // max(1, wanted.households) + 12
        _sample(ground, homes, visits, cells, crews, person, share, rng)
        step("Households and visits", count_of[code])
    return ground


def _share_visits(
    count_of: dict[str, int], total: int, rng: np.random.Generator
) -> dict[str, int]:
    """Visits of each village; some villages are simply better looked after."""
    weight = np.array([count_of[code] for code in count_of]) * rng.lognormal(0, 0.3, len(count_of))
    counts = rng.multinomial(total, weight / weight.sum())
    return dict(zip(count_of, counts.tolist(), strict=True))


def _school(village: str, inside: shapely.Polygon, since: date) -> Cell:
    """A dedicated cell where nobody lives: on the coverage map it is without data."""
    spot = inside.representative_point()
    square = np.array([(-60, -50), (70, -60), (60, 55), (-65, 60)]) / metres_per_degree(spot.y)
    grounds = shapely.Polygon(square + np.array([spot.x, spot.y])).intersection(inside)
    polygon = max(shapely.get_parts(grounds), key=lambda part: part.area)
    code = f"{village}{free_serials(village, 1)[0]:03}"
    cell = new_cell(
        code, polygon, name="中心学校", from_date=since, by=None, kind=CellKind.DEDICATED
    )
    db.session.flush()
    return cell


def _awkward(homes: Homes) -> None:
    """Households that show what must not go wrong: a name that is markup, one that moved away."""
    if len(homes) >= 2:
        homes.heads[0] = NASTY_NAME
        homes.status[0] = households.STATUSES.index(HouseholdStatus.ACTIVE)
        homes.status[1] = households.STATUSES.index(HouseholdStatus.MOVED)


def _sample(
    ground: Ground, homes: Homes, visits: history.Visits, cells: list[Cell], crews: list[Crew],
    person: dict[str, Account], most: int, rng: np.random.Generator,
) -> None:
    """Keep some of the village's households and visits, at which issues can happen."""

    def place(i: int) -> dict[str, object]:
        lon, lat = homes.points[i].tolist()
        return {
            "household_id": homes.ids[i], "village": homes.village,
            "cell_id": cells[int(homes.cell[i])].id.hex, "crew": crews[int(homes.cell[i])],
            "address": homes.addresses[i], "head": homes.heads[i], "phone": homes.phones[i],
            "point": f"SRID=4326;POINT({lon} {lat})",
        }  # fmt: skip

    lived_in = np.flatnonzero(homes.has(HouseholdStatus.ACTIVE))
    chosen = rng.choice(lived_in, min(most, len(lived_in)), replace=False)
    first = [0] if homes.heads[:1] == [NASTY_NAME] else []
    ground.places += [Place(**place(i)) for i in [*first, *chosen.tolist()]]  # type: ignore[arg-type]
    met = np.flatnonzero(visits.met)
    for i in rng.choice(met, min(most, len(met)), replace=False).tolist():
        ended = visits.ended[i].astype("datetime64[s]").astype(datetime)
        ground.seen.append(
            Place(
                **place(int(visits.home[i])), visit_id=visits.ids[i],  # type: ignore[arg-type]
                visitor=person[str(visits.visitor[i])], at=ended.replace(tzinfo=UTC),
            )
        )  # fmt: skip


def _issues(count: int, ground: Ground, end: datetime, rng: np.random.Generator) -> None:
    """Invent and store the issues; the first one has words that are markup."""
    inventor = issues.Inventor(ground, end, rng)
    batch: list[chain.Chain] = []
    for number, made in enumerate(inventor.chains(count)):
        if number == 0:
            made.issue.words = made.steps[0].words = NASTY_WORDS
        batch.append(made)
        if len(batch) == ISSUES_AT_ONCE:
            chain.store(batch)
            batch = []
    chain.store(batch)
