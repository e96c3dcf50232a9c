"""The WSGI entry: `gunicorn wsgi:app`."""

from importlib import import_module

from gridserve.loading import loading

# What only some pages need, and load when they are asked for: Folium, openpyxl, GDAL.
LATE = ("maps.drawweeks", "gridserve.tables.books", "grids.mapfile")

with loading():  # once, before the processes are forked that serve: no visitor waits for it
    from sqlalchemy.orm import configure_mappers

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
