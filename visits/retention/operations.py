"""Letting go what is older than its period: counted first, then done in small transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from flask import current_app
from sqlalchemy import func, select

from gridserve import events
from gridserve.config import Config, ConfigError
from gridserve.db import db, now
from visits.retention.kinds import KINDS
from visits.retention.models import RetentionRun

AT_ONCE = 500
FOREVER = 0  # days


def periods(config: Config | None = None) -> dict[str, int]:
    """Days by kind; FOREVER keeps. Raises ConfigError where the settings name another kind."""
    config = config or current_app.extensions["gridserve"]
    said: Mapping[str, int] = config.retention_days
    known = {kind.key: kind.days for kind in KINDS}
    if said.keys() - known.keys():
        raise ConfigError(
            f"GRIDSERVE_RETENTION_DAYS may name {', '.join(known)}: "
            f"not {', '.join(sorted(said.keys() - known.keys()))}"
        )
    return known | dict(said)


def due() -> dict[str, int]:
    """How many rows of each kind are older than their period; nothing is changed."""
    moment, days, found = now(), periods(), {}
    for kind in KINDS:
        if days[kind.key] != FOREVER:
            old = kind.old(moment - timedelta(days=days[kind.key]))
            found[kind.key] = db.session.scalar(select(func.count()).select_from(old.subquery()))
    return {key: count or 0 for key, count in found.items()}


def run(say: Callable[[str, int], object] = lambda kind, count: None) -> RetentionRun:
    """Let all go that is older than its period, and keep a record of it.

    Each batch is committed with its count: a run can be stopped at any moment, and the next one
    goes on.
    """
    days = periods()
    row = RetentionRun(days=days, counts={})
    db.session.add(row)
    db.session.commit()
    for kind in KINDS:
        if days[kind.key] == FOREVER:
            continue
        old = kind.old(row.started_at - timedelta(days=days[kind.key])).limit(AT_ONCE)
        while keys := db.session.execute(old).all():
            kind.drop(keys if len(keys[0]) > 1 else [key for (key,) in keys])
            done = row.counts.get(kind.key, 0) + len(keys)
            row.counts = {**row.counts, kind.key: done}
            db.session.commit()
            say(kind.key, len(keys))
    row.finished_at = now()
    if row.counts:
        events.record("retention.done", row.id, by=None, data=dict(row.counts))
    db.session.commit()
    return row


def nightly() -> int:
    """The job: gives how many rows went."""
    return sum(run().counts.values())
