"""HEIC files out of pillow-heif, in a process of its own.

It has the encoder that facecog itself must not ship, and would take pi-heif's place in this one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

PROGRAM = """
import sys
from PIL import Image
from pillow_heif import register_heif_opener
register_heif_opener()
picture = Image.open(sys.argv[1])
picture.save(sys.argv[2], format="HEIF", quality=90, exif=Image.Exif().tobytes())
"""


def heic(picture: Image.Image, folder: Path) -> bytes:
    """A picture as an iPhone writes it, HEVC inside HEIF, with an Exif item."""
    plain, encoded = folder / "plain.png", folder / "encoded.heic"
    picture.save(plain)
    subprocess.run([sys.executable, "-c", PROGRAM, plain, encoded], check=True)
    return encoded.read_bytes()
