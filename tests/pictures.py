"""Pictures as Pillow has them, for tests that change them before they are sent."""

from __future__ import annotations

import io

from PIL import Image

from tests.assets import photo


def opened(name: str) -> Image.Image:
    """A photo of tests/assets.py in RGB."""
    return Image.open(io.BytesIO(photo(name))).convert("RGB")


def portrait() -> Image.Image:
    """Head and shoulders of one person who is good enough to be registered."""
    return opened("obama2.jpg").crop((0, 0, 626, 700))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
