"""Alembic's entry: run the migrations on the application's database."""

from alembic import context
from flask import current_app
from sqlalchemy import text

extension = current_app.extensions["migrate"]


def run() -> None:
    """Run each migration in a transaction of its own."""
    with extension.db.engine.connect() as connection:
        # Rather fail and be repeated than queue up behind a long query and block everyone.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=extension.db.metadata,
            transaction_per_migration=True,
            **extension.configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
