"""Puts the demonstration county together: real codes and names, all else invented from the seed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select, text

from grids.commands import SOURCE
from grids.importing import import_jurisdictions
from grids.models import Jurisdiction, Level
from gridserve import events, workdays
from gridserve.db import SRID, db
from gridserve.errors import Conflict, Invalid
from gridserve.people import User
from visits import categories, figures
from visits.demo import accounts as demo_accounts
from visits.demo import chain, issues, standins, units, villages, voices
from visits.demo.accounts import Account
from visits.demo.geography import Geography
from visits.demo.geography import invent as invent_geography
from visits.demo.issues import Ground
from visits.models import Household

# Where the county lies and how large it is; others are put on a spot that follows from the code.
PLACES = {"530626": ((103.95, 28.60), 750.0)}
KM2_PER_VILLAGE = 17.5
SETTLED_DAYS = 400  # cells, teams and posts are older than the oldest visit
ISSUES_AT_ONCE = 5_000

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
            select(select(Household.id).where(Household.village_code.like(county + "%")).exists())
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
        categories.store_default()
        db.session.flush()
        since = workdays.today() - timedelta(days=SETTLED_DAYS)
        step("Passwords", 0)
        demo_accounts.add(accounts, hashing.result(), since)
    step("Households and visits", 0)
    ground = villages.fill(
        geography, count_of, names, accounts, visits=wanted.visits, samples=4 * wanted.issues,
        since=since, rng=rng, done=lambda households: step("Households and visits", households),
    )  # fmt: skip
    ground.units = units.form(accounts, names, since, rng)
    standins.name(wanted.county)
    step("Issues", 0)
    end = workdays.start_of(workdays.today())
    _issues(wanted.issues, ground, end, rng)
    voices.announce(wanted.county)
    voices.look_unusual(wanted.county)
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
    below: dict[str, list[str]] = {}
    for code, _name in rows:
        if len(code) == Level.VILLAGE:
            below.setdefault(code[: Level.TOWNSHIP], []).append(code)
    if not below:
        raise Invalid(f"County {wanted.county} has no villages in the code table: choose another.")
    return below, {row.code: row.name for row in rows}


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


def _issues(count: int, ground: Ground, end: datetime, rng: np.random.Generator) -> None:
    """Invent and store the issues."""
    inventor = issues.Inventor(ground, end, rng)
    batch: list[chain.Chain] = []
    for made in inventor.chains(count):
        batch.append(made)
        if len(batch) == ISSUES_AT_ONCE:
            chain.store(batch)
            batch = []
    chain.store(batch)
