"""Jobs on visits: figures after each change, a sweep for what was missed, the nightly check."""

from __future__ import annotations

import logging

from gridserve import events, upkeep
from gridserve.jobs import Scheduled
from visits import figures
from visits.issues import projection

log = logging.getLogger(__name__)

SCHEDULE = (
    # Finds the marks whose job was lost with Redis or with a worker.
    Scheduled("visits.figures.refresh_marked", every=30),
    # Divisions whose job died are started anew, and given up after some times.
    Scheduled("visits.division.computing.sweep", every=30),
    # A new day has new windows.
    Scheduled("visits.figures.turn_of_day", cron="1 0 * * *"),
    # Work in the charge of somebody whose membership, account or post has ended goes on.
    Scheduled("visits.staffing.operations.sweep", every=300),
    Scheduled("visits.jobs.check_consistency", cron="30 2 * * *"),
)


def check_consistency() -> int:
    """Compare all kept figures and projections with what they derive from; mend and record.

    Returns how many differences there were. Each is logged, and one event keeps the count, so
    that a fault that was mended overnight is still seen.
    """
    differences = figures.check()
    broken = projection.check()
    for difference in differences:
        log.error("figure differs: %s", difference)
    for issue_id in broken:
        log.error("issue %s differs from its steps", issue_id)
    if differences:
        figures.rebuild()
    for issue_id in broken:
        projection.rebuild(issue_id)
    count = len(differences) + len(broken)
    events.record(
        "consistency.checked",
        None,
        by=None,
        data={"figures": len(differences), "issues": len(broken)},
    )
    upkeep.done("check")
    return count
