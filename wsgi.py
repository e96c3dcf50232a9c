"""The WSGI entry: `gunicorn wsgi:app`."""

from gridserve.app import create_app

app = create_app()
