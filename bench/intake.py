"""Measure finding likely duplicates and places among 100,000 issues, beside the bare SQL.

Each of many issues is looked up as if it came in anew: as the dispatcher of the county, who may see
all of them. The bare SQL takes the same candidates by place and nothing else.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import selectinload
from work import COUNTY, TABLE, application

from gridserve import workdays
from gridserve.db import db
from gridserve.people import Post, User
from gridserve.permissions import Role
from visits.demo.load import Wanted, load
from visits.intake import places, similar
from visits.issues.models import Issue

HOUSEHOLDS, INVENTED, COPIES, ASKED = 30_000, 2_000, 50, 200
BARE = """
    SELECT id, words FROM issue WHERE (cell_id = :cell OR household_id = :household)
    AND (closed_at IS NULL OR reported_at >= now() - interval '90 days')
    ORDER BY closed_at IS NULL DESC, reported_at DESC LIMIT 300
"""


def percentiles(work: Callable[[Any], Any], over: list[Any]) -> str:
    """The median and the 95th percentile of `work` on each of `over`, in ms."""
    took = []
    for each in over:
        began = time.perf_counter()
        work(each)
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return f"median {took[len(took) // 2]:7.1f} ms, p95 {took[int(len(took) * 0.95)]:7.1f} ms"


def multiply(copies: int) -> None:
    """Store each issue so many times, reported in the last 80 days; searching reads no steps."""
    own = {"id": "gen_random_uuid()", "number": "'B' || row_number() OVER ()",
           "reported_at": "now() - random() * interval '80 days'"}  # fmt: skip
    names = [column.name for column in Issue.__table__.columns]
    taken = ", ".join(own.get(name, name) for name in names)
    db.session.execute(text(
        f"INSERT INTO issue ({', '.join(names)}) SELECT {taken} FROM issue, "  # noqa: S608
        f"generate_series(2, {copies})"
    ))  # fmt: skip


def main() -> None:
    with application():
        load(
            Wanted(county=COUNTY, table=TABLE, households=HOUSEHOLDS, issues=INVENTED),
            lambda _words, _n: None,
        )
        multiply(COPIES)
        db.session.commit()
        db.session.execute(text("ANALYZE"))
        db.session.commit()
        clerk = User(login="bench", name="bench", password_hash="")
        clerk.posts = [
            Post(role=Role.DISPATCHER, jurisdiction_code=COUNTY, from_date=workdays.today())
        ]
        db.session.add(clerk)
        db.session.commit()
        clerk = db.session.scalars(
            select(User).where(User.login == "bench").options(selectinload(User.posts))
        ).one()
        issues = db.session.scalars(select(Issue).where(Issue.cell_id.is_not(None))).all()
        asked = random.Random(1).sample(issues, ASKED)  # noqa: S311 - which ones, not a secret
        print(f"{len(issues)} issues with a cell, nearly all of the last 80 days")
        print("likely duplicates  ", percentiles(lambda issue: similar.like(issue, clerk), asked))
        bare = [{"cell": i.cell_id, "household": i.household_id} for i in asked]
        print(
            "  the bare SQL     ",
            percentiles(lambda v: db.session.execute(text(BARE), v).all(), bare),
        )
        said = ["兴汶 1栋", "大沙 221号", "243号", "不存在的地方"]
        print("places while typing", percentiles(lambda q: places.places(clerk, q), said * 10))


if __name__ == "__main__":
    main()
