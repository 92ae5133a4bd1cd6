"""The app that `flask run` and every WSGI server find."""

from facecog.web.app import create_app

app = create_app()
