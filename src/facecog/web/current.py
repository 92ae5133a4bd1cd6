"""The Facecog that the current app serves."""

from __future__ import annotations

from flask import current_app

from facecog.service import Facecog

KEY = "facecog"


def facecog() -> Facecog:
    served: Facecog = current_app.extensions[KEY]
    return served
