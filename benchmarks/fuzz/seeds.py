"""Whole files that the damaged ones are made of: one portrait in every format, and odd files.

The odd ones are those beside this checkout, where it has them: tests/assets.py says where.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from tests.assets import SHARED
from tests.heic import heic
from tests.pictures import portrait, saved

ODD = ("odd_made", "odd_pillow")
SIDE = (160, 180)  # pixels of the portrait: its face is large enough, and it is soon decoded


def seeds(scratch: Path) -> dict[str, bytes]:
    """Name -> file. `scratch` is a folder for what is made on the way."""
    made = generated(scratch)
    for folder in (SHARED / name for name in ODD):
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        made |= {f"{folder.name}/{file.name}": file.read_bytes() for file in files}
    return made


def generated(scratch: Path) -> dict[str, bytes]:
    """One portrait as cameras, phones, the web and attackers write it."""
    small = portrait().resize(SIDE)
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "Camera", 0x8769: {0x9003: "2024:01:01 00:00:00"}})
    frames = {"save_all": True, "append_images": [small.rotate(90), small.rotate(180)]}
    return {
        "plain.jpg": saved(small, "JPEG"),
        "exif.jpg": saved(small, "JPEG", exif=exif.tobytes()),
        "progressive.jpg": saved(small, "JPEG", progressive=True),
        "cmyk.jpg": saved(small.convert("CMYK"), "JPEG"),
        "plain.png": saved(small, "PNG", exif=exif.tobytes()),
        "palette.png": saved(small.convert("P"), "PNG"),
        "alpha.png": saved(small.convert("LA"), "PNG"),
        "plain.webp": saved(small, "WEBP", exif=exif.tobytes()),
        "lossless.webp": saved(small.convert("RGBA"), "WEBP", lossless=True),
        "animated.webp": saved(small, "WEBP", **frames),
        "animated.gif": saved(small, "GIF", **frames),
        "animated.png": saved(small, "PNG", **frames),
        "plain.bmp": saved(small, "BMP"),
        "plain.tiff": saved(small, "TIFF", exif=exif.tobytes()),
        "lzw.tiff": saved(small, "TIFF", compression="tiff_lzw"),
        "jpeg.tiff": saved(small, "TIFF", compression="jpeg"),
        "plain.avif": saved(small, "AVIF"),
        "plain.jp2": saved(small, "JPEG2000"),
        "plain.heic": heic(small, scratch),
        "two.mpo": saved(small, "MPO", **frames),
    }
