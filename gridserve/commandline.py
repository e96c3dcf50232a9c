"""What commands share: English words, plain refusals, and no transaction left open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask_babel import force_locale

from gridserve.db import db
from gridserve.errors import Problem


@contextmanager
def command() -> Iterator[None]:
    """Around a command's body, or as its decorator `@command()`.

    Problems leave with their words and 1. What was to stay must have been committed in the body.
    """
    try:
        with force_locale("en"):
            yield
    except Problem as problem:
        named = "; ".join(f"{k}: {' '.join(v)}" for k, v in (problem.errors or {}).items())
        words = " ".join(filter(None, (str(problem.detail or ""), named)))
        raise click.ClickException(words or str(problem.title)) from problem
    finally:
        db.session.rollback()
