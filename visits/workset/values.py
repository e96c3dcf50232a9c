"""How values are written in a workset, to stay small on a weak line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gridserve import workdays


def filled(**values: Any) -> dict[str, Any]:
    """The values that say something: without null, false, nought, and empty words and lists."""
    return {key: value for key, value in values.items() if value}


def local(moment: datetime | None) -> str | None:
    """A time to the minute, with the offset of here."""
    if moment is None:
        return None
    return moment.astimezone(workdays.zone()).replace(second=0, microsecond=0).isoformat()


def shortened(words: str, most: int) -> str:
    """The first `most` characters; an ellipsis says that there are more."""
    return words if len(words) <= most else words[: most - 1] + "…"
