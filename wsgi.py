"""The WSGI entry: `gunicorn wsgi:app`."""

from importlib import import_module

from sqlalchemy.orm import configure_mappers

from gridserve.loading import loading

# What only some pages need, and load when they are asked for: Folium, openpyxl, GDAL.
LATE = ("maps.drawweeks", "gridserve.tables.books", "grids.mapfile")

# Once, before the processes are forked that serve; otherwise the first visitor of each waits for it.
with loading():
    from gridserve import keyuse, logs
    from gridserve.app import create_app
    from gridserve.config import Config
    from gridserve.db import db

    config = Config.from_env()
    logs.begin(config.log)
    app = create_app(config)
    for name in LATE:
        import_module(name)
    configure_mappers()
    with app.app_context():
        keyuse.require(db.engine)
        db.engine.dispose()  # no connection is shared by the processes that are forked from here
