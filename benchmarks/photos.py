"""The photographs that speed is measured on: a webcam's frame, a large photo, a group.

Made of the test photographs (tests/assets.py), so the same everywhere.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import count

from PIL import Image, ImageOps
from tests import assets

# The head and shoulders of one person in a photograph: left, top, right, bottom.
HEADS = {
    "obama.jpg": (155, 41, 755, 791),
    "obama2.jpg": (63, 60, 563, 685),
    "obama3.jpg": (317, 267, 1117, 1267),
    "biden.jpg": (180, 180, 790, 942),
    "astronaut.png": (130, 10, 318, 245),
}
FRAME = (640, 480)
SCENE = (0, 150, 1434, 1225)  # of SHOWN: head and shoulders with what is behind them
TILE = (320, 400)  # pixels of one head in a group
# The one who is looked for, in a photo that the frame was not made of.
KNOWN = "obama.jpg"
SHOWN = "obama3.jpg"


def known() -> bytes:
    """A photo of the person in `frame()`, to be registered."""
    return assets.photo(KNOWN)


def frame() -> bytes:
    """What a webcam sends: 640 x 480, one face about 110 pixels wide."""
    return jpeg(_scene(FRAME))


def large(megapixels: float, progressive: bool = False) -> bytes:
    """The same scene with so many megapixels, 4 wide to 3 high."""
    side = (megapixels * 1e6 / 12) ** 0.5
    return jpeg(_scene((round(4 * side), round(3 * side))), progressive)


def group(faces: int, columns: int = 5, rows: int = 2) -> bytes:
    """So many people in rows, the photo of a group: each head about 400 pixels high."""
    scene = Image.new("RGB", (TILE[0] * columns, TILE[1] * rows), (120, 124, 130))
    for place in range(faces):
        row, column = divmod(place, columns)
        scene.paste(_tile(place), (TILE[0] * column, TILE[1] * row))
    return jpeg(scene)


def distinct(photo: bytes) -> Iterator[bytes]:
    """One JPEG in files that all differ, by a comment in each."""
    for number in count():
        comment = f"photo {number}".encode()
        yield photo[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + photo[2:]


def jpeg(picture: Image.Image, progressive: bool = False) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, progressive=progressive)
    return out.getvalue()


def _scene(size: tuple[int, int]) -> Image.Image:
    return Image.open(io.BytesIO(assets.photo(SHOWN))).convert("RGB").resize(size, box=SCENE)


def _tile(place: int) -> Image.Image:
    """The people in turn, every other time mirrored."""
    names = list(HEADS)
    head = _head(names[place % len(names)]).resize(TILE)
    return ImageOps.mirror(head) if place // len(names) % 2 else head


def _head(name: str) -> Image.Image:
    return Image.open(io.BytesIO(assets.photo(name))).convert("RGB").crop(HEADS[name])
