"""Measure the desk with 100,000 open issues: queues, counts, search, lists, a bulk step, ageing.

For each: the whole page on the server (p95 of several), its slowest single statement (p95; the
budget is 100 ms), and bare SQL that gives the same rows by id. One run on one database.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from flask import current_app
from sqlalchemy import event, select, text
from sqlalchemy.orm import selectinload
from work import COUNTY, TABLE, application

from grids.models import Membership
from gridserve.db import db, now
from gridserve.http import paged
from gridserve.people import Post, User
from gridserve.permissions import Role
from gridserve.sealed import SealedPhone
from visits.demo.bulk import copy_rows
from visits.demo.load import Wanted, load
from visits.issues import held, queries, queues, together
from visits.issues.chain import Action
from visits.issues.models import Issue
from visits.issues.queues import Queue
from visits.telling import sweeping

TOWNSHIP = COUNTY + "101"
OPEN, TIMES, BEGUN = 100_000, 20, date(2020, 1, 1)
BUDGET = 0.1  # seconds a statement
# Every open issue of the demonstration many times over, with other words and due times.
TWINS = """
    CREATE TEMP TABLE twin AS
    SELECT i.id AS old, gen_random_uuid() AS id, random() * 20 - 12 AS later,
        row_number() OVER () AS no,
        (SELECT string_agg(chr(19968 + (random() * 3000)::int), '') FROM generate_series(1, 12)
         WHERE i.id IS NOT NULL AND n > 0) AS more
    FROM issue AS i, generate_series(1, :times) AS n WHERE i.closed_at IS NULL
"""
CHANGED = {
    "id": "twin.id",
    "number": "left(i.number, 7) || translate(lpad(twin.no::text, 8, '0'), '01', 'XY')",
    "words": "i.words || twin.more",
    "due_mark": "i.due_mark + twin.later",
    "due_at": "i.due_at + twin.later * CASE WHEN i.limit_unit LIKE '%hour'"
    " THEN interval '1 hour' ELSE interval '1 day' END",
    "reported_at": "i.reported_at + twin.later * interval '1 hour'",
}


def copied(table: str, changed: dict[str, str], join: str) -> None:
    """Insert a row of `table` for each twin, like the old one's but for what is changed."""
    columns = db.session.scalars(
        text(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_name = :table AND is_generated = 'NEVER' ORDER BY ordinal_position"
        ),
        {"table": table},
    ).all()
    values = ", ".join(changed.get(name, f"i.{name}") for name in columns)
    db.session.execute(
        text(
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
            f"SELECT {values} FROM twin JOIN {table} AS i ON {join}"
        )
    )


def fill() -> None:
    """The demonstration county, with OPEN open issues."""
    load(Wanted(county=COUNTY, table=TABLE), lambda _words, _n: None)
    db.session.commit()
    there = db.session.scalar(text("SELECT count(*) FROM issue WHERE closed_at IS NULL"))
    db.session.execute(text(TWINS), {"times": OPEN // there})
    copied("issue", CHANGED, "i.id = twin.old")
    _give_numbers()
    copied("step", {"id": "gen_random_uuid()", "issue_id": "twin.id"}, "i.issue_id = twin.old")
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _give_numbers() -> None:
    """Each twin has a resident with another telephone number."""
    ids = db.session.scalars(text("SELECT id FROM twin ORDER BY id")).all()
    db.session.execute(text("CREATE TEMP TABLE number (id uuid, phone bytea)"))
    seal = SealedPhone("issue.resident_phone").seal
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, 10**9, len(ids)).tolist()
    copy_rows("number", ("id", "phone"),
              ((id_, seal(f"13{n:09}")) for id_, n in zip(ids, drawn, strict=True)))  # fmt: skip
    db.session.execute(
        text("UPDATE issue AS i SET resident_phone = n.phone FROM number AS n WHERE n.id = i.id")
    )


def person(role: Role, code: str) -> User:
    """Somebody new with a post of that role over a jurisdiction."""
    user = User(login=f"bench-{role}-{code}", name="bench", password_hash="-")  # noqa: S106
    db.session.add(user)
    db.session.flush()
    db.session.add(Post(user_id=user.id, role=role, jurisdiction_code=code, from_date=BEGUN))
    db.session.commit()
    return outside(User.id == user.id)


def outside(criterion: Any) -> User:
    """An account with its posts that stands outside the session, as in a request."""
    rows = select(User).where(criterion).options(selectinload(User.posts)).limit(1)
    found = db.session.scalars(rows.execution_options(populate_existing=True)).one()
    for row in (*found.posts, found):
        db.session.expunge(row)
    return found


def p95(times: list[float]) -> float:
    return sorted(times)[max(0, round(0.95 * len(times)) - 1)]


def measure(what: str, work: Callable[[], Any], bare: str, **values: Any) -> bool:
    """Print a line; gives whether the slowest statement keeps the budget."""
    whole, slowest, raw, one = [], [], [], [0.0]
    begun: list[float] = []

    def before(*_args: Any) -> None:
        begun.append(time.perf_counter())

    def after(*_args: Any) -> None:
        one[0] = max(one[0], time.perf_counter() - begun.pop())

    for number in range(TIMES + 1):
        one[0] = 0.0
        event.listen(db.engine, "before_cursor_execute", before)
        event.listen(db.engine, "after_cursor_execute", after)
        began = time.perf_counter()
        with current_app.test_request_context("/desk"):  # a list makes the address of the next page
            work()
        took = time.perf_counter() - began
        event.remove(db.engine, "before_cursor_execute", before)
        event.remove(db.engine, "after_cursor_execute", after)
        db.session.rollback()
        began = time.perf_counter()
        db.session.execute(text(bare), values).all()
        if number:  # the first one warms up
            whole.append(took)
            slowest.append(one[0])
            raw.append(time.perf_counter() - began)
        db.session.rollback()
    ours, limit = p95(slowest), p95(raw)
    print(
        f"{what:<34} page {p95(whole) * 1000:>7.1f} ms   slowest statement {ours * 1000:>6.1f} ms"
        f"   bare SQL {limit * 1000:>6.1f} ms   × {ours / limit:.1f}"
    )
    return ours <= BUDGET


BARE = """SELECT id FROM issue WHERE closed_at IS NULL AND desk_code LIKE :desk AND {}
    ORDER BY due_at, id LIMIT 51"""
COUNTS = """SELECT status, count(*) FROM issue WHERE closed_at IS NULL AND desk_code LIKE :desk
    GROUP BY status"""
BARE_QUEUE = {
    Queue.TO_ACCEPT: "status = 'reported'",
    Queue.TO_DISPATCH: "status = 'accepted'",
    Queue.OVERDUE: "due_at < now()",
    Queue.TO_REVIEW: "status = 'reviewing'",
    Queue.SUSPENDED: "status = 'suspended'",
    Queue.ESCALATED: "status = 'reported' AND length(desk_code) = 6",
    Queue.IN_HAND: "status IN ('dispatched', 'handling')",
}


def desks() -> list[bool]:
    kept = []
    for name, at in (("county", COUNTY), ("township", TOWNSHIP)):
        clerk = person(Role.DISPATCHER, at)
        code = clerk.posts[0].jurisdiction_code + "%"
        kept.append(
            measure(
                f"{name}: counts of all queues", lambda c=clerk: queues.counts(c),
                COUNTS, desk=code,
            )
        )  # fmt: skip
        for queue in Queue:
            kept.append(
                measure(
                    f"{name}: {queue}",
                    lambda c=clerk, q=queue: queues.page(c, {"queue": q, "limit": 50}),
                    BARE.format(BARE_QUEUE[queue]), desk=code,
                )
            )  # fmt: skip
        kept += searches(name, clerk)
    return kept


def searches(name: str, clerk: User) -> list[bool]:
    number, words, phone = db.session.execute(
        select(Issue.number, Issue.words, Issue.resident_phone)
        .where(
            Issue.closed_at.is_(None), Issue.resident_phone.is_not(None),
            Issue.desk_code.startswith(clerk.posts[0].jurisdiction_code),
        )
        .order_by(Issue.id).limit(1).offset(50)
    ).one()  # fmt: skip
    asked = {
        "whole number": number, "end of number": number[7:], "rare words": words[-3:],
        "common words": "停水", "nothing": "冰雹砸车", "last digits of a phone": phone[-4:],
        "address": "12号",
    }  # fmt: skip
    like = "SELECT id FROM issue WHERE words LIKE :like ORDER BY reported_at DESC LIMIT 51"
    return [
        measure(
            f"{name}: search, {what}",
            lambda q=q: queues.page(clerk, {"q": q, "limit": 50, "queue": Queue.TO_ACCEPT}),
            like, like=f"%{q}%",
        )
        for what, q in asked.items()
    ]  # fmt: skip


def lists() -> list[bool]:
    kept = []
    served = select(Membership.user_id).where(Membership.to_date.is_(None)).limit(1)
    cadre = outside(User.id == db.session.scalar(served))
    for name, user in (("leader", person(Role.LEADER, COUNTY)), ("cadre", cadre)):
        for what, asked in (("open", {"open": True}), ("overdue", {"overdue": True}),
                            ("search", {"q": "停水"})):  # fmt: skip

            def page(user: User = user, asked: dict[str, Any] = asked) -> None:
                found = paged(queries.issues(user, asked), (Issue.due_at, Issue.id), {"limit": 50})
                held.bars(found["items"])

            kept.append(
                measure(
                    f"{name}: list, {what}", page, BARE.format("due_at < now()"), desk=COUNTY + "%"
                )
            )
    return kept


# The least that stores both steps of some issues.
BARE_BULK = """
    INSERT INTO step SELECT (jsonb_populate_record(step, jsonb_build_object(
        'id', gen_random_uuid(), 'seq', seq + n, 'status_before', 'reported'))).*
    FROM step, generate_series(1, 2) AS n WHERE issue_id = ANY(:ids);
    UPDATE issue SET step_no = step_no + 2 WHERE id = ANY(:ids)
"""
# And what stores the same notices.
BARE_SWEEP = "INSERT INTO notice SELECT * FROM kept"


def bulk() -> None:
    """Accept and dispatch 50 issues at once, some times, taking it back each time."""
    clerk = person(Role.DISPATCHER, TOWNSHIP[:-1] + "2")
    with current_app.test_request_context("/desk"):
        page = queues.page(clerk, {"queue": Queue.TO_ACCEPT, "limit": 50})["items"]
    items = [
        {"id": uuid.uuid4(), "issue_id": row.issue.id, "seen": row.issue.step_no,
         "team_id": row.suggestion.team.id}
        for row in page if row.suggestion
    ]  # fmt: skip
    ids, best, bare, sent = [item["issue_id"] for item in items], (9e9, 9e9), 9e9, 0

    def seen(*_args: Any) -> None:
        nonlocal sent
        sent += 1

    for _ in range(5):
        db.session.rollback()
        event.listen(db.engine, "before_cursor_execute", seen)
        sent, began, cpu = 0, time.perf_counter(), time.process_time()
        done = together.take({"action": Action.DISPATCH, "items": items}, by=clerk)
        took = (time.perf_counter() - began, time.process_time() - cpu)
        event.remove(db.engine, "before_cursor_execute", seen)
        best = min(best, took)
        db.session.rollback()
        began = time.perf_counter()
        for statement in BARE_BULK.split(";"):
            db.session.execute(text(statement), {"ids": ids})
        bare = min(bare, time.perf_counter() - began)
        db.session.rollback()
    good = sum(each.problem is None for each in done)
    print(
        f"accepting and dispatching {good} of {len(items)} at once: {best[0] * 1000:.0f} ms"
        f" ({best[1] * 1000:.0f} ms of Python's own), {sent} statements"
        f"   bare SQL {bare * 1000:.0f} ms   × {best[0] / bare:.1f}"
    )


def ageing() -> None:
    """The first sweep, nobody having been told of anything, and one that finds nothing new."""
    for what in ("first sweep", "sweep, nothing new"):
        began, cpu = time.perf_counter(), time.process_time()
        late = sweeping.sweep()
        took = time.perf_counter() - began
        print(
            f"{what}: {late:,} issues, {took:.1f} s"
            f" ({time.process_time() - cpu:.1f} s of Python's own)"
        )
    db.session.execute(text("CREATE TEMP TABLE kept AS SELECT * FROM notice ORDER BY cause"))
    db.session.execute(text("TRUNCATE delivery, notice"))
    began = time.perf_counter()
    count = db.session.execute(text(BARE_SWEEP)).rowcount  # type: ignore[attr-defined]
    print(f"  its {count:,} notices by bare SQL: {time.perf_counter() - began:.1f} s")
    db.session.rollback()


def main() -> None:
    with application():
        began = now()
        fill()
        print(f"{OPEN:,} open issues, filled in {(now() - began).total_seconds():.0f} s")
        kept = [*desks(), *lists()]
        bulk()
        ageing()
        print(f"{sum(kept)} of {len(kept)} keep the budget of {BUDGET * 1000:.0f} ms a statement")


if __name__ == "__main__":
    main()
