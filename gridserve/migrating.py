"""The database's tables brought to another version; the only file that knows Flask-Migrate.

It and Alembic take a while to load, so who needs a migration imports this file where it is needed.
"""

from __future__ import annotations

import flask_migrate
from flask import current_app
from geoalchemy2 import alembic_helpers

from gridserve.db import db
from gridserve.installation import MIGRATIONS


def upgrade(revision: str = "head") -> None:
    """Go up to `revision`. Errors: ExtensionsMissing."""
    flask_migrate.upgrade(directory=_known(), revision=revision)


def downgrade(revision: str = "-1") -> None:
    """Go down to `revision`, or by so many steps."""
    flask_migrate.downgrade(directory=_known(), revision=revision)


def check() -> None:
    """Say what the tables have otherwise than the models, and end the program with code 1 then."""
    flask_migrate.check(directory=_known())


def _known() -> str:
    """The folder of migrations, after the application was made known to Flask-Migrate."""
    flask_migrate.Migrate(
        current_app,
        db,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
    )
    return str(MIGRATIONS)
