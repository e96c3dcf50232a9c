"""Alembic's entry: run the migrations on the application's database."""

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from gridserve.db import ExtensionsMissing
from gridserve.local.postgres import EXTENSIONS

extension = current_app.extensions["migrate"]


def ensure_extensions(connection: Connection) -> None:
    """Make the extensions that are missing, or say who has to."""
    for name in EXTENSIONS:
        try:
            connection.execute(text(f"CREATE EXTENSION IF NOT EXISTS {name}"))
            connection.commit()
        except DBAPIError as error:
            raise ExtensionsMissing(
                f"The database has no extension {name} and this account may not make it. As its "
                f"superuser run in that database: "
                + " ".join(f"CREATE EXTENSION {one};" for one in EXTENSIONS)
                + " Packages on Debian: postgresql-postgis, postgresql-contrib."
            ) from error


def run() -> None:
    """Run each migration in a transaction of its own."""
    with extension.db.engine.connect() as connection:
        # Rather fail and be repeated than queue up behind a long query and block everyone.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        ensure_extensions(connection)
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            transaction_per_migration=True,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
