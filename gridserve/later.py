"""Words that are translated where they are shown; of modules that know nothing of requests."""

from __future__ import annotations


def N_(message: str) -> str:  # noqa: N802 - the name that translation tools look for
    """Mark `message` for translation and return it unchanged."""
    return message
