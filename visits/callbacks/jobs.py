"""The timetable of hints and samples."""

from __future__ import annotations

from gridserve.jobs import Scheduled

SCHEDULE = (
    # No request asks for it: nobody waits for a hint, and phones send hundreds of visits at once.
    Scheduled("visits.hints.finding.recent", every=120),
    Scheduled("visits.hints.finding.sweep", cron="50 3 * * *"),
    Scheduled("visits.callbacks.sampling.draw_due", cron="30 5 * * *"),
)
