"""Looking for what makes a visit unusual, in SQL over the visits that came in since a moment.

The later one to come in of two has the hint. A position counts as that of a visit only where the
visit was typed while it took place: asked for at saving, it is where the phone was then. Looked for
again, nothing is found twice; what a run leaves out the next one or the nightly one finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from gridserve.db import db, now
from visits.hints.models import HintKind
from visits.workset.offered import LONGEST, PHRASES, PHRASES_AWAY

RECENT, SWEPT = timedelta(minutes=15), timedelta(days=3)
LEAST_TEXT = LONGEST + 1  # characters: what is shorter is offered to be tapped; 31 in the SQL
LIMITS = {
    "most": 1_000,  # hints of a kind in one run
    "text_days": 90,
    "common": 3,  # who write the same: then it is a way of speaking
    "typed_within": 15,  # minutes
    "far_m": 500, "fast_m": 1_000, "fast_kmh": 120,
    "unknown_m": 100,  # taken as accuracy where none was said
    "late_hours": 24, "late_minutes": 10, "late_count": 10,
}  # fmt: skip
SPLIT = re.compile(r"[\s，。；、！？,.;!?]+")

FRESH = """
    WITH fresh AS (
        SELECT visit.*, household.village_code, household.point AS home,
               household.accuracy_m AS home_m,
               coalesce(visit.typed_at, visit.received_at) AS typed,
               coalesce(visit.ended_at, visit.started_at) AS over,
               coalesce(visit.typed_at, visit.received_at)
                   - coalesce(visit.ended_at, visit.started_at)
                   <= make_interval(mins => :typed_within) AS at_once
        FROM visit JOIN household ON household.id = visit.household_id
        WHERE visit.received_at >= :since
    )
"""
SAME_TEXT = """
    SELECT fresh.id, other.id, fresh.village_code, fresh.notes
    FROM fresh, LATERAL (
        SELECT o.id FROM visit AS o
        WHERE md5(o.notes) = md5(fresh.notes) AND char_length(o.notes) >= 31
          AND o.notes = fresh.notes AND o.household_id <> fresh.household_id
          AND (o.received_at, o.id) < (fresh.received_at, fresh.id)
          AND o.started_at > fresh.started_at - make_interval(days => :text_days)
        ORDER BY o.started_at DESC, o.id LIMIT 1
    ) AS other
    WHERE char_length(fresh.notes) >= 31 AND :common > (
        SELECT count(DISTINCT writers.visitor_id) FROM (
            SELECT v.visitor_id FROM visit AS v
            WHERE md5(v.notes) = md5(fresh.notes) AND char_length(v.notes) >= 31
            LIMIT 500
        ) AS writers
    ) AND NOT EXISTS (SELECT FROM hint WHERE hint.visit_id = fresh.id AND hint.kind = 'same_text')
    LIMIT :most
"""
BESIDE = """
    SELECT o.id, o.point, o.accuracy_m, o.started_at, coalesce(o.ended_at, o.started_at) AS over
    FROM visit AS o
    WHERE o.visitor_id = fresh.visitor_id AND o.point IS NOT NULL
      AND coalesce(o.typed_at, o.received_at) - coalesce(o.ended_at, o.started_at)
          <= make_interval(mins => :typed_within)
      AND (o.received_at, o.id) < (fresh.received_at, fresh.id)
"""
# The visit next in time before it and after it, of those that came in earlier.
SPEED = """
    SELECT id, other_id, village_code, jsonb_build_object(
        'km', round((metres / 1000)::numeric, 1), 'minutes', round((seconds / 60)::numeric),
        'kmh', round((metres / seconds * 3.6)::numeric))
    FROM (
        SELECT fresh.id, other.id AS other_id, fresh.village_code,
               ST_Distance(fresh.point::geography, other.point::geography)
                   - coalesce(fresh.accuracy_m, :unknown_m) - coalesce(other.accuracy_m, :unknown_m)
                   AS metres,
               greatest(extract(epoch FROM CASE WHEN other.started_at <= fresh.started_at
                   THEN fresh.started_at - other.over ELSE other.started_at - fresh.over END), 60)
                   AS seconds
        FROM fresh, LATERAL (
            (BESIDE AND o.started_at <= fresh.started_at
                AND o.started_at > fresh.started_at - interval '3 hours'
             ORDER BY o.started_at DESC, o.id LIMIT 1)
            UNION ALL
            (BESIDE AND o.started_at > fresh.started_at
                AND o.started_at < fresh.started_at + interval '3 hours'
             ORDER BY o.started_at, o.id LIMIT 1)
        ) AS other
        WHERE fresh.point IS NOT NULL AND fresh.at_once
    ) AS pairs
    WHERE metres > :fast_m AND metres / seconds * 3.6 > :fast_kmh
    ORDER BY metres / seconds DESC
""".replace("BESIDE", BESIDE)
# One hint for those that somebody typed one after another, on the first of them; one a day.
LATE_BATCH = """
    SELECT DISTINCT ON (visitor_id, typed::date) id, CAST(NULL AS uuid), village_code,
        jsonb_build_object('count', count, 'hours', floor(extract(epoch FROM least_late) / 3600))
    FROM (
        SELECT fresh.*, count(*) OVER near AS count, min(typed - over) OVER near AS least_late
        FROM fresh WHERE typed - over > make_interval(hours => :late_hours)
        WINDOW near AS (PARTITION BY visitor_id ORDER BY typed
            RANGE BETWEEN CURRENT ROW AND make_interval(mins => :late_minutes) FOLLOWING)
    ) AS late
    WHERE count >= :late_count AND NOT EXISTS (
        SELECT FROM hint JOIN visit AS told ON told.id = hint.visit_id
        WHERE hint.kind = 'late_batch' AND told.visitor_id = late.visitor_id
          AND coalesce(told.typed_at, told.received_at)::date = late.typed::date
    )
    ORDER BY visitor_id, typed::date, typed, id
"""
FAR = """
    SELECT id, CAST(NULL AS uuid), village_code,
        jsonb_build_object('metres', round(metres::numeric))
    FROM (
        SELECT fresh.*, ST_Distance(point::geography, home::geography)
            - coalesce(accuracy_m, :unknown_m) - coalesce(home_m, :unknown_m) AS metres
        FROM fresh WHERE point IS NOT NULL AND home IS NOT NULL AND at_once
    ) AS placed
    WHERE metres > :far_m
"""
MOCKED = """
    SELECT id, CAST(NULL AS uuid), village_code, '{}'::jsonb FROM fresh WHERE mocked
"""
SAME_PHOTO = """
    SELECT DISTINCT ON (fresh.id) fresh.id, other.id, fresh.village_code, '{}'::jsonb
    FROM fresh
    JOIN attachment AS mine ON mine.visit_id = fresh.id
    JOIN attachment AS theirs ON theirs.sha256 = mine.sha256 AND theirs.visit_id <> fresh.id
    JOIN visit AS other ON other.id = theirs.visit_id
    WHERE other.household_id <> fresh.household_id
      AND (other.received_at, other.id) < (fresh.received_at, fresh.id)
    ORDER BY fresh.id, other.started_at DESC, other.id
"""
RULES = {
    HintKind.SAME_PHOTO: SAME_PHOTO,
    HintKind.SPEED: SPEED, HintKind.LATE_BATCH: LATE_BATCH, HintKind.FAR: FAR,
    HintKind.MOCKED: MOCKED,
}  # fmt: skip
INSERT = """
    INSERT INTO hint (id, kind, visit_id, other_id, village_code, facts, state, found_at)
    SELECT gen_random_uuid(), :kind, found.visit_id, found.other_id, found.village_code,
           found.facts, 'open', :now
    FROM (FOUND) AS found (visit_id, other_id, village_code, facts)
    ON CONFLICT DO NOTHING
"""
# What is hinted at already does not use up a run.
NEW = """
    SELECT * FROM (RULE) AS all_found (visit_id, other_id, village_code, facts)
    WHERE NOT EXISTS (SELECT FROM hint WHERE hint.visit_id = all_found.visit_id
                      AND hint.kind = :kind)
    LIMIT :most
"""
TEXTS = """
    SELECT one.visit, one.other, one.code, '{}'::jsonb
    FROM unnest(CAST(:ids AS uuid[]), CAST(:others AS uuid[]), CAST(:codes AS varchar[]))
        AS one (visit, other, code)
"""


def recent() -> int:
    """Look through the visits of the last minutes; gives how many hints are new. A job."""
    return find(now() - RECENT)


def sweep() -> int:
    """The same for the last days: what a job that never ran has missed. A job."""
    return find(now() - SWEPT)


def find(since: datetime) -> int:
    """Look through the visits that came in since then, in the session's transaction."""
    said = {"since": since, "now": now(), **LIMITS}
    count = 0
    for kind, rule in RULES.items():
        found = NEW.replace("RULE", rule)
        count += _stored(FRESH + INSERT.replace("FOUND", found), kind=kind.value, **said)
    rows = db.session.execute(text(FRESH + SAME_TEXT), said).all()
    phrases = {_plain(str(phrase)) for phrase in (*PHRASES, *PHRASES_AWAY)}
    own = [row for row in rows if _is_own(row.notes, phrases)]
    if own:
        count += _stored(
            INSERT.replace("FOUND", TEXTS), kind=HintKind.SAME_TEXT.value, now=said["now"],
            ids=[row[0] for row in own], others=[row[1] for row in own],
            codes=[row[2] for row in own],
        )  # fmt: skip
    return count


def _stored(statement: str, **values: Any) -> int:
    return int(db.session.execute(text(statement), values).rowcount)  # type: ignore[attr-defined]


def _is_own(notes: str, phrases: Iterable[str]) -> bool:
    """Whether enough of the notes is left without the phrases that the phone offers."""
    left = [part for part in SPLIT.split(notes) if part and _plain(part) not in phrases]
    return len("".join(left)) >= LEAST_TEXT


def _plain(words: str) -> str:
    return "".join(SPLIT.split(words)).casefold()
