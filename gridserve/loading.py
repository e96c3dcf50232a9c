"""Loading the application, which takes seconds of which every process pays its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Load here what stays as long as the process does.

    The garbage collector rests meanwhile: there is next to no garbage, yet it would look through
    all that was loaded before again and again, a sixth of the time. Afterwards what was loaded is
    set aside for good: no later collection looks through it, and processes that are forked from
    here go on sharing its memory, into which the collector would write.
    """
    if gc.get_freeze_count():  # loaded before, and what came since is not for good
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
