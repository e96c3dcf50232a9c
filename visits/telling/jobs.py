"""The timetable of telling."""

from __future__ import annotations

from gridserve.jobs import Scheduled

SCHEDULE = (
    Scheduled("visits.telling.sweeping.sweep", every=300),
    Scheduled("visits.telling.sweeping.answers", every=900),
    Scheduled("visits.telling.firsthand.sweep", every=300),
    # Sends what quiet hours, a digest or a pause held back, and what a lost job left.
    Scheduled("visits.telling.posting.send", every=60),
    Scheduled("visits.telling.sweeping.forget", cron="40 3 * * *"),
)
