"""When the jobs on pictures run."""

from gridserve.jobs import Scheduled

SCHEDULE = (
    # Finds the pictures whose job was lost.
    Scheduled("visits.photos.thumbnails.make_missing", every=60),
    Scheduled("visits.photos.tidying.tidy", cron="50 3 * * *"),
)
