"""A year of invented visits to the households of one village, some cells well looked after and
some badly."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from grids.geometry import Floats, metres_per_degree
from grids.models import Cell
from gridserve import workdays
from visits.demo.bulk import Moments, copy_rows, make_ids, written
from visits.demo.households import Homes, Ints
from visits.demo.teams import Crew
from visits.demo.words import visit_notes
from visits.models import HouseholdStatus, Outcome, Purpose

DAYS = 365
TAGGED_WEIGHT = 4.0  # visits to a tagged household for one to another
# How diligently cells are visited, with the share of cells; and the share that was given up lately.
DILIGENCE = ((1.7, 0.22), (1.0, 0.40), (0.55, 0.20), (0.2, 0.13), (0.03, 0.05))
GIVEN_UP, GIVEN_UP_DAYS = 0.1, 110
# More visits before Spring Festival and in the slack season, few while rice and maize come in.
BY_MONTH = (1.5, 1.3, 1.0, 0.9, 0.75, 0.8, 0.95, 0.9, 0.75, 0.85, 1.05, 1.25)
WEEKEND = 0.4
# Hours in which visits begin, with their shares: morning, midday, afternoon, evening.
HOURS = ((8.5, 11.5, 0.4), (11.5, 14.0, 0.08), (14.0, 17.5, 0.36), (18.0, 20.5, 0.16))
OUTCOMES = tuple(Outcome)
PURPOSES = tuple(Purpose)
PURPOSE_SHARES = (0.74, 0.12, 0.06, 0.08)
COLUMNS = (
    "id", "household_id", "visitor_id", "cell_id", "team_id", "in_scope", "purpose", "outcome",
    "started_at", "ended_at", "typed_at", "received_at", "notes", "point", "point_source",
    "accuracy_m", "said",
)  # fmt: skip


class Calendar:
    """The year that ends with the day before `today`: when days begin, how busy they are."""

    def __init__(self, today: date) -> None:
        days = [today - timedelta(days=n) for n in range(DAYS, 0, -1)]
        utc = [workdays.start_of(d).timestamp() for d in [*days, today]]
        self.starts: Moments = np.array(utc, np.int64).astype("datetime64[s]")
        self.end = self.starts[-1]
        busy = [BY_MONTH[d.month - 1] * (WEEKEND if d.weekday() >= 5 else 1.0) for d in days]
        self.until = np.cumsum(busy) / sum(busy)  # share of the year's visits up to each day

    def moments(self, share: Floats, rng: np.random.Generator) -> Moments:
        """Times at which these shares of the year's visits have been made."""
        day = np.minimum(np.searchsorted(self.until, share, side="right"), DAYS - 1)
        first, last, parts = (np.array(column) for column in zip(*HOURS, strict=True))
        block = rng.choice(len(HOURS), len(share), p=parts)
        hour = rng.uniform(first[block], last[block])
        moments: Moments = self.starts[day] + (hour * 3600).astype("timedelta64[s]")
        return moments


@dataclass
class Visits:
    """The visits to one village's households, column by column, by household and time."""

    ids: list[str]
    home: Ints  # index of the household
    started: Moments
    ended: Moments
    outcome: Ints  # index in OUTCOMES
    visitor: NDArray[np.str_]  # account ids

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def met(self) -> NDArray[np.bool_]:
        """Which visits met somebody."""
        return self.outcome == OUTCOMES.index(Outcome.MET)

    def last_met(self, homes: int) -> Moments:
        """When each of the `homes` was last met; not-a-time for never."""
        never = np.iinfo(np.int64).min
        last = np.full(homes, never)
        np.maximum.at(last, self.home[self.met], self.started[self.met].astype(np.int64))
        moments: Moments = last.astype("datetime64[s]")  # the least integer is not-a-time
        return moments


def invent(
    homes: Homes, crews: Sequence[Crew], count: int, calendar: Calendar, rng: np.random.Generator
) -> Visits:
    """`count` visits to the village's households, by the crew of each household's cell."""
    paces, shares = (np.array(column) for column in zip(*DILIGENCE, strict=True))
    pace = rng.choice(paces, len(crews), p=shares)
    given_up = rng.random(len(crews)) < GIVEN_UP
    weight = pace[homes.cell] * np.where(homes.tags >= 0, TAGGED_WEIGHT, 1.0)
    weight *= rng.lognormal(0.0, 0.4, len(homes))
    weight[homes.has(HouseholdStatus.VACANT)] *= 0.3
    weight[homes.has(HouseholdStatus.MOVED)] *= 0.6
    weight[homes.has(HouseholdStatus.DEMOLISHED)] = 0.0
    total = weight.sum()
    times = rng.multinomial(count if total else 0, weight / (total or 1.0))
    home = np.repeat(np.arange(len(homes)), times)
    # Spread over the year as by an interval, from a random day on.
    nth = np.arange(len(home)) - np.repeat(np.cumsum(times) - times, times)
    turn = nth + rng.uniform(0.0, 0.8, len(home)) + np.repeat(rng.random(len(homes)), times)
    share = (turn / np.maximum(times[home], 1)) % 1.0
    share[given_up[homes.cell[home]]] *= calendar.until[DAYS - GIVEN_UP_DAYS]
    started = calendar.moments(share, rng)
    order = np.lexsort((started, home))
    home, started = home[order], started[order]
    outcome = _outcomes(homes, home, rng)
    met = outcome == OUTCOMES.index(Outcome.MET)
    minutes = np.where(met, rng.uniform(6, 35, len(home)), rng.uniform(1, 3, len(home)))
    return Visits(
        ids=make_ids(len(home), rng), home=home, started=started,
        ended=started + (minutes * 60).astype("timedelta64[s]"), outcome=outcome,
        visitor=_visitors(homes.cell[home], crews, rng),
    )  # fmt: skip


def _outcomes(homes: Homes, home: Ints, rng: np.random.Generator) -> Ints:
    """What came of each visit; the last one to a household that moved away found it gone."""
    met, nobody = OUTCOMES.index(Outcome.MET), OUTCOMES.index(Outcome.NOBODY_HOME)
    refused, moved = OUTCOMES.index(Outcome.REFUSED), OUTCOMES.index(Outcome.MOVED)
    chance = rng.random(len(home))
    outcome = np.where(chance < 0.8, met, np.where(chance < 0.975, nobody, refused))
    outcome[homes.has(HouseholdStatus.VACANT)[home]] = nobody
    last = np.append(home[1:] != home[:-1], True)[: len(home)]
    outcome[last & homes.has(HouseholdStatus.MOVED)[home]] = moved
    return outcome


def _visitors(cell: Ints, crews: Sequence[Crew], rng: np.random.Generator) -> NDArray[np.str_]:
    visitor = np.empty(len(cell), "U32")
    for number, crew in enumerate(crews):
        here = np.flatnonzero(cell == number)
        members = np.array([member.id.hex for member in crew.members])
        visitor[here] = rng.choice(members, len(here), p=crew.shares)
    return visitor


def store(
    visits: Visits,
    homes: Homes,
    cells: Sequence[Cell],
    crews: Sequence[Crew],
    calendar: Calendar,
    rng: np.random.Generator,
) -> None:
    """Append the visits to the database."""
    count = len(visits)
    # Mostly typed at the door and sent at once; sometimes in the evening, or without signal.
    late = np.where(rng.random(count) < 0.2, rng.uniform(60, 300, count), rng.uniform(0, 8, count))
    typed = np.minimum(visits.ended + (late * 60).astype("timedelta64[s]"), calendar.end)
    wait = np.where(rng.random(count) < 0.12, rng.uniform(600, 50_000, count), 2.0)
    received = np.minimum(typed + wait.astype("timedelta64[s]"), calendar.end)
    lon, lat, accuracy = _fixes(visits, homes, rng)
    cell_ids = [cell.id.hex for cell in cells]
    team_ids = [crew.id.hex for crew in crews]
    purposes = rng.choice(len(PURPOSES), count, p=PURPOSE_SHARES).tolist()
    copy_rows(
        "visit",
        COLUMNS,
        (
            (
                id_, homes.ids[home], visitor, cell_ids[cell], team_ids[cell], True,
                PURPOSES[purpose].value, OUTCOMES[outcome].value, started, ended, typed_at,
                received_at, words,
                None if unsure is None else f"SRID=4326;POINT({x} {y})",
                None if unsure is None else "wgs84", unsure,
                # Nobody sent these visits, so no repeat of a sent one can be equal to them.
                hashlib.sha256(id_.encode()).hexdigest(),
            )
            for (
                id_, home, visitor, cell, purpose, outcome, started, ended, typed_at, received_at,
                words, x, y, unsure,
            ) in zip(
                visits.ids, visits.home.tolist(), visits.visitor.tolist(),
                homes.cell[visits.home].tolist(), purposes, visits.outcome.tolist(),
                written(visits.started), written(visits.ended), written(typed), written(received),
                visit_notes(visits.met, rng), lon, lat, accuracy, strict=True,
            )
        ),
    )  # fmt: skip


def store_statuses(visits: Visits, homes: Homes) -> None:
    """Keep that a household that moved away was lived in until a visit found it gone."""
    gone = np.flatnonzero(visits.outcome == OUTCOMES.index(Outcome.MOVED))
    days = [
        workdays.day_of(moment.replace(tzinfo=UTC))
        for moment in visits.started[gone].astype("datetime64[s]").astype(datetime)
    ]
    rows = (
        (homes.ids[home], day, HouseholdStatus.ACTIVE.value)
        for home, day in zip(visits.home[gone].tolist(), days, strict=True)
    )
    copy_rows("household_status", ("household_id", "to_date", "status"), rows)


def _fixes(
    visits: Visits, homes: Homes, rng: np.random.Generator
) -> tuple[list[float], list[float], list[float | None]]:
    """Longitude, latitude and accuracy in metres where a position was given: for a third."""
    places = homes.points[visits.home]
    accuracy = np.round(rng.lognormal(2.7, 0.5, len(visits)), 1)
    latitude = float(places[:, 1].mean()) if len(places) else 0.0
    drift = rng.normal(0, 0.5, places.shape) * accuracy[:, None] / metres_per_degree(latitude)
    places = np.round(places + drift, 6)
    given = rng.random(len(visits)) < 0.33
    return (
        places[:, 0].tolist(), places[:, 1].tolist(),
        [value if here else None
         for value, here in zip(accuracy.tolist(), given.tolist(), strict=True)],
    )  # fmt: skip
