"""The WSGI entry: `gunicorn wsgi:app`."""

from gridserve import keyuse, logs
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db

config = Config.from_env()
logs.begin(config.log)
app = create_app(config)
with app.app_context():
    keyuse.require(db.engine)
    db.engine.dispose()  # no connection is shared by the processes that are forked from here
