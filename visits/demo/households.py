"""Invented households of one village: who lives where, in which cell, and what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import shapely
from numpy.typing import NDArray

from grids.geometry import Floats
from grids.models import Cell
from gridserve import workdays
from gridserve.sealed import SealedPhone
from visits.demo import people
from visits.demo.bulk import Moments, copy_rows, make_ids, written
from visits.demo.territories import is_community
from visits.models import HouseholdStatus, Tag

Ints = NDArray[np.int64]

STATUSES = tuple(HouseholdStatus)
STATUS_SHARES = (0.93, 0.04, 0.026, 0.004)
# Tags as the database reads them, with the share of households that carry them.
TAG_SETS: tuple[tuple[tuple[Tag, ...], float], ...] = (
    ((Tag.POOR,), 0.05), ((Tag.EMPTY_NEST,), 0.055), ((Tag.LEFT_BEHIND,), 0.03),
    ((Tag.DISABLED,), 0.02), ((Tag.MIGRANT,), 0.03), ((Tag.CORRECTION,), 0.002),
    ((Tag.KEY,), 0.01), ((Tag.POOR, Tag.DISABLED), 0.008), ((Tag.POOR, Tag.EMPTY_NEST), 0.008),
    ((Tag.LEFT_BEHIND, Tag.EMPTY_NEST), 0.006), ((Tag.KEY, Tag.POOR), 0.004),
)  # fmt: skip
SIZE_SHARES = (0.13, 0.22, 0.21, 0.19, 0.13, 0.08, 0.04)  # of 1, 2, … persons
NOTES = (
    "", "家有狼犬，进门先打招呼", "白天多在地里，傍晚在家", "听力不好，讲话慢些",
    "子女在外务工，逢年回家",
)  # fmt: skip
REGISTERED = timedelta(days=400)  # ago: before the year of visits began
NOTE_SHARES = (0.94, 0.01, 0.03, 0.01, 0.01)
PHONE = SealedPhone("household.phone")
COLUMNS = (
    "id", "number", "village_code", "cell_id", "group_name", "address", "head_name", "phone",
    "size", "tags", "status", "do_not_disturb", "note", "point", "point_source", "accuracy_m",
    "registered_at", "last_met_at",
)  # fmt: skip


@dataclass
class Homes:
    """The households of one village, column by column."""

    village: str
    ids: list[str]
    points: Floats  # (n, 2), WGS 84
    cell: Ints  # index of the cell
    status: NDArray[np.int64]  # index in STATUSES
    tags: NDArray[np.int64]  # index in TAG_SETS, -1 for none
    addresses: list[str]
    groups: list[str]
    heads: list[str]
    phones: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    def has(self, status: HouseholdStatus) -> NDArray[np.bool_]:
        """Which households have this status."""
        return self.status == STATUSES.index(status)


def short_name(name: str) -> str:
    """The everyday name of a village: 田坝村民委员会 is 田坝村."""
    for ending, short in (("社区居民委员会", "社区"), ("居民委员会", "社区"), ("村民委员会", "村")):
        if name.endswith(ending):
            return name.removesuffix(ending) + short
    return name


def invent(
    village: str, name: str, points: Floats, group: Ints, cell: Ints, rng: np.random.Generator
) -> Homes:
    """Households at `points`, of the villagers' groups and in the cells of these numbers."""
    count = len(points)
    shares = [share for _tags, share in TAG_SETS]
    tags = rng.choice(len(TAG_SETS) + 1, count, p=[*shares, 1 - sum(shares)])
    urban = is_community(village)
    groups = [f"第{g}{'居民' if urban else '村民'}小组" for g in group.tolist()]
    doors = rng.integers(1, 400, count).tolist()
    return Homes(
        village=village, ids=make_ids(count, rng), points=points, cell=cell,
        status=rng.choice(len(STATUSES), count, p=STATUS_SHARES),
        tags=np.where(tags == len(TAG_SETS), -1, tags),
        addresses=[
            f"{name}{g}{'栋' if urban else '组'}{door}号"
            for g, door in zip(group.tolist(), doors, strict=True)
        ],
        groups=groups, heads=people.names(count, rng), phones=people.phones(count, rng),
    )  # fmt: skip


def cells_of(points: Floats, cells: Sequence[shapely.Polygon]) -> Ints:
    """The index of the cell of each point; on a shared edge the lower one, as everywhere."""
    tree = shapely.STRtree(cells)
    places = shapely.points(points)
    which, cell = tree.query(places, predicate="intersects")
    found = np.full(len(points), len(cells))
    np.minimum.at(found, which, cell)
    lost = found == len(cells)  # on the village's edge and, by rounding, outside every cell
    if lost.any():
        found[lost] = tree.nearest(places[lost])
    return found


def store(homes: Homes, cells: Sequence[Cell], last_met: Moments, rng: np.random.Generator) -> None:
    """Append the households to the database; without `cells` they are in none."""
    count = len(homes)
    cell_ids: list[str | None] = [cell.id.hex for cell in cells] or [None]
    sizes = rng.choice(len(SIZE_SHARES), count, p=SIZE_SHARES) + 1
    sizes[~homes.has(HouseholdStatus.ACTIVE)] = 0
    written_tags = ["{" + ",".join(tags) + "}" for tags, _share in TAG_SETS] + ["{}"]
    notes = rng.choice(len(NOTES), count, p=NOTE_SHARES).tolist()
    reached = rng.random(count) < 0.86
    quiet = rng.random(count) < 0.01
    registered = workdays.start_of(workdays.today() - REGISTERED)
    copy_rows(
        "household",
        COLUMNS,
        (
            (
                id_, f"{number:06}", homes.village, cell_ids[cell], group, address, head,
                PHONE.seal(phone) if has_phone else None, size, written_tags[tags],
                STATUSES[status].value, calm, NOTES[note],
                f"SRID=4326;POINT({lon} {lat})", "wgs84", None, registered.isoformat(), met,
            )
            for number, (
                id_, cell, group, address, head, phone, has_phone, size, tags, status, calm, note,
                (lon, lat), met,
            ) in enumerate(zip(
                homes.ids, homes.cell.tolist(), homes.groups, homes.addresses, homes.heads,
                homes.phones, reached.tolist(), sizes.tolist(), homes.tags.tolist(),
                homes.status.tolist(), quiet.tolist(), notes, homes.points.tolist(),
                written(last_met), strict=True,
            ), 1)
        ),
    )  # fmt: skip
