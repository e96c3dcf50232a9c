"""The WSGI entry: `gunicorn wsgi:app`."""

from gridserve import keyuse
from gridserve.app import create_app
from gridserve.db import db

app = create_app()
with app.app_context():
    keyuse.require(db.engine)
    db.engine.dispose()  # no connection is shared by the processes that are forked from here
