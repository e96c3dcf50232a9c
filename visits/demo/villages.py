"""The villages one by one: cells, teams, households, visits, and samples at which issues happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context

import numpy as np
import shapely

from grids.division import Division, divide
from grids.geometry import Floats, metres_per_degree
from grids.models import Cell, CellKind, Jurisdiction, Level
from grids.operations import adopt_division, free_serials, new_cell
from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import Role
from visits.demo import history, households, issues, teams
from visits.demo.accounts import Account
from visits.demo.geography import Geography
from visits.demo.households import Homes, Ints, short_name
from visits.demo.issues import Ground, Place
from visits.demo.settlement import settle
from visits.demo.teams import Crew
from visits.models import HouseholdStatus

SMALLEST, LARGEST = 150, 250  # households of a cell
WORTH_UNDIVIDED = 10_000  # households of a county in which one village waits for its first cells
WORTH_PROCESSES = 100_000  # households from which on the other cores are worth starting


def fill(
    geography: Geography,
    count_of: dict[str, int],
    names: dict[str, str],
    accounts: list[Account],
    *,
    visits: int,
    samples: int,
    since: date,
    rng: np.random.Generator,
    done: Callable[[int], object],
) -> Ground:
    """Store what is in each village; `count_of` has its households, `names` the official names.

    Cells and teams hold from `since` on. About `samples` households and visits are kept in memory
    for issues to happen at. `done` hears the number of households stored.
    """
    calendar = history.Calendar(workdays.today())
    undivided = _undivided(count_of)
    divided = {code: count for code, count in count_of.items() if code != undivided}
    visits_of = _share_visits(divided, visits, rng)
    cadres: dict[str, list[Account]] = {}
    for account in accounts:
        if account.role is Role.CADRE and not account.unit:
            cadres.setdefault(account.scope, []).append(account)
    person = {account.id.hex: account for account in accounts}
    total = sum(count_of.values())
    ground = Ground(desks=issues.desks(accounts))
    settled = _settled(geography, count_of, rng)
    for number, (code, (points, group, division)) in enumerate(settled):
        name = short_name(names[code])
        if code == undivided:
            nowhere = np.zeros(len(points), dtype=np.int64)
            homes = households.invent(code, name, points, group, nowhere, rng)
            households.store(homes, [], np.full(len(homes), np.datetime64("NaT", "s")), rng)
            done(count_of[code])
            continue
        village = db.session.get_one(Jurisdiction, code)
        cells = adopt_division(village, division.cells, from_date=since, by=None)
        if number == 0:
            cells.append(_school(code, division.cells[0], since))
        guides = cadres[code[: Level.TOWNSHIP]]
        guide = guides[number % len(guides)]
        crews = teams.form(code, name, cells, cadres[code], guide, since, rng)
        at = households.cells_of(points, division.cells)
        homes = households.invent(code, name, points, group, at, rng)
        if number == 0 and len(homes) > 1:  # however small the county, somebody has moved away
            homes.status[1] = households.STATUSES.index(HouseholdStatus.MOVED)
        made = history.invent(homes, crews, visits_of[code], calendar, rng)
        households.store(homes, cells, made.last_met(len(homes)), rng)
        history.store(made, homes, cells, crews, calendar, rng)
        history.store_statuses(made, homes)
        share = samples * count_of[code] // total + 12
        _sample(ground, homes, made, cells, crews, person, share, rng)
        done(count_of[code])
    return ground


def _undivided(count_of: dict[str, int]) -> str:
    """The village of a large county that is left without cells and teams, for others to try it: the
    last of the first township. "" where there is none."""
    if sum(count_of.values()) < WORTH_UNDIVIDED:
        return ""
    township = min(count_of)[: Level.TOWNSHIP]
    return max(code for code in count_of if code.startswith(township))


def _settled(
    geography: Geography, count_of: dict[str, int], rng: np.random.Generator
) -> Iterator[tuple[str, tuple[Floats, Ints, Division]]]:
    """Each village's code and settlement; for a large county on all cores, ahead of the loading."""
    codes = list(geography.villages)
    arguments = (
        geography.villages.values(), [count_of[code] for code in codes], rng.spawn(len(codes))
    )  # fmt: skip
    if sum(count_of.values()) < WORTH_PROCESSES:
        yield from zip(codes, map(_settlement, *arguments), strict=True)
        return
    # Fresh processes: a fork would share the database connection.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        yield from zip(codes, pool.map(_settlement, *arguments), strict=True)


def _settlement(
    outline: shapely.Polygon, count: int, rng: np.random.Generator
) -> tuple[Floats, Ints, Division]:
    """Points and group numbers of a village's households, and its division into cells."""
    points, group = settle(outline, count, rng)
    return points, group, divide(outline, points, smallest=SMALLEST, largest=LARGEST)


def _share_visits(count_of: dict[str, int], total: int, rng: np.random.Generator) -> dict[str, int]:
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


def _sample(
    ground: Ground,
    homes: Homes,
    visits: history.Visits,
    cells: list[Cell],
    crews: list[Crew],
    person: dict[str, Account],
    most: int,
    rng: np.random.Generator,
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
    ground.places += [Place(**place(i)) for i in chosen.tolist()]  # type: ignore[arg-type]
    met = np.flatnonzero(visits.met)
    for i in rng.choice(met, min(most, len(met)), replace=False).tolist():
        ended = visits.ended[i].astype("datetime64[s]").astype(datetime)
        ground.seen.append(
            Place(
                **place(int(visits.home[i])), visit_id=visits.ids[i],  # type: ignore[arg-type]
                visitor=person[str(visits.visitor[i])], at=ended.replace(tzinfo=UTC),
            )
        )  # fmt: skip
