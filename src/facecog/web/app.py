"""create_app: the Flask app around one Facecog."""

from __future__ import annotations

import hashlib
import os
from importlib.metadata import version
from pathlib import Path

from apiflask import APIFlask

from facecog.bootstrap import open_facecog
from facecog.config import Settings
from facecog.service import Facecog
from facecog.web import bodies, errors, gate, guard, logs, metrics, openapi, texts, throttle
from facecog.web.access import Access
from facecog.web.accounts import accounts
from facecog.web.api import api
from facecog.web.bodies import body_limit
from facecog.web.current import KEY
from facecog.web.door import door
from facecog.web.hosts import Hosts
from facecog.web.pages import pages
from facecog.web.plain import plain
from facecog.web.rights import rights
from facecog.web.uploads import Upload

STATIC = Path(__file__).with_name("static")
A_YEAR = 365 * 24 * 3600  # seconds


def create_app(
    facecog: Facecog | None = None,
    settings: Settings | None = None,
    access: Access | None = None,
    hosts: Hosts | None = None,
) -> APIFlask:
    """The web application.

    Args:
        facecog: opened from the settings when not given.
        settings: read from the environment when not given.
        access: who is let in while there is no account; this machine alone when not given.
        hosts: under which names it is opened; those of this machine alone, and of the settings,
            when not given.

    Raises:
        what `open_facecog` raises.
    """
    settings = settings or Settings.from_environment(os.environ)
    app = APIFlask(
        __name__,
        static_url_path=f"/static/{fingerprint(STATIC)}",
        title="facecog",
        version=version("facecog"),
        docs_path=None,
        json_errors=False,
    )
    app.request_class = Upload
    app.extensions[KEY] = facecog or open_facecog(settings)
    limit = body_limit(settings)
    app.config.update(MAX_CONTENT_LENGTH=limit, MAX_FORM_MEMORY_SIZE=limit, MAX_FORM_PARTS=20)
    app.config.update(SEND_FILE_MAX_AGE_DEFAULT=A_YEAR)
    app.config.update(AUTO_404_RESPONSE=False, SPEC_FORMAT="json")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    logs.install(app)  # first: whatever refuses a request, it is counted and has a line
    metrics.install(app)
    gate.install(app, settings)
    errors.install(app)
    guard.install(app, settings, hosts or Hosts.of_setting(settings.hosts))
    throttle.install(app, settings)
    bodies.install(app, settings)
    texts.install(app)
    (access or Access()).install(app, settings)
    app.register_blueprint(door)
    app.register_blueprint(pages)
    app.register_blueprint(plain)
    app.register_blueprint(api)
    app.register_blueprint(accounts)
    app.register_blueprint(metrics.metrics)
    app.register_blueprint(rights)
    _describe(app)
    return app


def fingerprint(folder: Path) -> str:
    """Of what the files hold. It is part of their address, so that browsers may keep them."""
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _describe(app: APIFlask) -> None:
    app.description = "Register faces, and say who is in a picture. Errors: docs/api.md."

    app.spec_processor(openapi.complete)
