"""Bytes of a picture -> upright RGB pixels, with limits that are checked before decoding."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pi_heif import HeifImageFile, register_heif_opener
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    Jpeg2KImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from facecog.domain import Picture, PixelSize
from facecog.errors import NotAPicture, TooLarge, TooManyPixels, Truncated

register_heif_opener(thumbnails=False)
# What Pillow says of each odd tag of a file would let whoever sends one write into the log. Its own
# bomb warning comes at 89 megapixels; our limit is checked right after the header.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000

# Formats that cameras, phones and the web make. Everything else Pillow reads stays shut:
# each format is attack surface. (MPO, two JPEGs in one file as some phones make it, opens as JPEG.)
PLUGINS = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    WebPImagePlugin.WebPImageFile,
    GifImagePlugin.GifImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    AvifImagePlugin.AvifImageFile,
    HeifImageFile,
    Jpeg2KImagePlugin.Jpeg2KImageFile,
)
FORMATS = tuple(plugin.format for plugin in PLUGINS)

# A larger picture is decoded at an integer fraction of its size, never below this long side.
WORKING_SIDE = 1600
# Decoded again where a face has too few pixels at that: the same with this long side, so that at
# most 23 megapixels are held, and a photo of 12 is held whole.
CLOSE_SIDE = 2400

# The long side of a crop that is kept.
CROP_SIDE = 512

# What Pillow's decoders raise on damaged files.
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    RuntimeError,
    struct.error,
)
DAMAGED = "This picture is damaged or cut off; send it again."

EXIF_ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = (5, 6, 7, 8)


def decode(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture: its first frame, upright, in RGB.

    Args:
        data: a file of one of FORMATS.
        max_bytes: refuse more bytes than this.
        max_pixels: refuse more pixels than this, by the header, before any decoding.

    Raises:
        TooLarge, TooManyPixels: above a limit.
        NotAPicture: not a file of a supported format.
        Truncated: the header is fine, the pixels are not.
    """
    if len(data) > max_bytes:
        raise TooLarge(f"The picture has more than {max_bytes / 1e6:g} MB.")
    opened = _open(data)
    _refuse_many_pixels(opened, max_pixels)
    picture = _read(opened, WORKING_SIDE)
    if picture.scale > _shrink(picture.size, CLOSE_SIDE):
        return replace(picture, finer=cache(lambda: _read(_open(data), CLOSE_SIDE)))
    return picture


def encode_jpeg(image: Image.Image, longest: int = CROP_SIDE) -> bytes:
    """Write an RGB image as a JPEG without metadata.

    Args:
        longest: a larger picture is scaled down to this long side.
    """
    out = io.BytesIO()
    if max(image.size) > longest:
        image = image.copy()
        image.thumbnail((longest, longest))
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def whole_jpeg(jpeg: bytes) -> bytes:
    """A JPEG of ours as it is, by its first and last bytes. Raises: Truncated."""
    if not (jpeg.startswith(b"\xff\xd8") and jpeg.endswith(b"\xff\xd9")):
        raise Truncated(DAMAGED)
    return jpeg


def shrunk_jpeg(jpeg: bytes, longest: int) -> bytes:
    """A JPEG of ours, scaled down to this long side; as it is where it is no larger.

    Raises:
        Truncated: the file was damaged since.
    """
    opened = _open(jpeg)
    if max(opened.size) <= longest:
        return whole_jpeg(jpeg)
    try:
        opened.thumbnail((longest, longest))  # by draft mode: decoded no larger than it takes
    except DAMAGE:
        raise Truncated(DAMAGED) from None
    out = io.BytesIO()
    opened.save(out, "JPEG", quality=85)
    return out.getvalue()


def _open(data: bytes) -> Image.Image:
    """Read the header alone."""
    if not data:
        raise NotAPicture("The picture is empty.")
    if data[4:8] == b"ftyp" and not _items_are_named_in_utf8(data):
        raise Truncated(DAMAGED)
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise NotAPicture(
            "This is not a picture that can be read. Send a JPEG, PNG, WebP, HEIC or AVIF file."
        ) from None
    except Image.DecompressionBombError:
        raise TooManyPixels("The picture has too many pixels.") from None
    except DAMAGE:
        raise Truncated(DAMAGED) from None


def _items_are_named_in_utf8(data: bytes) -> bool:
    """Whether pi_heif can look at a file: 1.4 ends the whole process where this is not so."""
    try:
        for names in _item_names(data):
            names.decode()
    except UnicodeDecodeError:
        return False
    return True


def _item_names(data: bytes) -> Iterator[bytes]:
    """The type and names of each item of an ISO media file (ISO/IEC 14496-12, 8.11.6: "infe")."""
    place = data.find(b"infe")
    while place >= 4:
        size, start = int.from_bytes(data[place - 4 : place], "big"), place + 4
        if size == 1:  # a longer one follows
            size, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        end = place - 4 + size if size else len(data)
        version = data[start : start + 1]
        if version <= b"\x03":
            yield data[start + (10 if version == b"\x03" else 8) : end]
        place = data.find(b"infe", place + 4)


def _refuse_many_pixels(opened: Image.Image, max_pixels: int) -> None:
    """By the header alone.

    A baseline JPEG decoded at 1/2, 1/4 or 1/8 needs memory for that fraction alone, so it may have
    four times as many pixels. A progressive one is held in memory whole.
    """
    width, height = opened.size
    if opened.format in ("JPEG", "MPO") and not opened.info.get("progressive"):
        max_pixels *= 4
    if width * height > max_pixels:
        raise TooManyPixels(f"The picture has more than {max_pixels / 1e6:g} megapixels.")


def _read(opened: Image.Image, side: int) -> Picture:
    """Decode the first frame, a large one at an integer fraction not below this long side."""
    stored = PixelSize(*opened.size)
    loaded = _load(opened, side)
    orientation = _orientation(opened)  # now: Pillow turns a TIFF as it loads, and drops its tag
    upright = _turned(_rgb(loaded), orientation)
    upright.info = {}  # what else is in the file goes nowhere: Pillow would copy a comment
    size = PixelSize(*reversed(stored)) if orientation in QUARTER_TURNS else stored
    return Picture(upright, size)


def _load(opened: Image.Image, side: int) -> Image.Image:
    width, height = opened.size
    shrink = _shrink(opened.size, side)
    if shrink > 1 and isinstance(opened, ImageFile.ImageFile):
        opened.draft(opened.mode, (max(1, width // shrink), max(1, height // shrink)))
    try:
        opened.load()
    except Image.DecompressionBombError:
        raise TooManyPixels("A frame of this picture has too many pixels.") from None
    except DAMAGE:
        raise Truncated(DAMAGED) from None
    shrink = _shrink(opened.size, side)
    # The smaller side keeps at least one pixel; a palette cannot be averaged before conversion.
    if 1 < shrink <= min(opened.size) and opened.mode in ("L", "RGB", "RGBA", "CMYK"):
        return opened.reduce(shrink)
    return opened


def _shrink(size: tuple[int, int], side: int) -> int:
    return max(1, max(size) // side)


def _orientation(opened: Image.Image) -> int:
    """The EXIF orientation tag (1 to 8, EXIF 2.32 section 4.6.4), 1 when it is absent or broken."""
    try:
        value = opened.getexif().get(EXIF_ORIENTATION, 1)
    except (*DAMAGE, KeyError):
        return 1
    return value if value in UPRIGHT else 1


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _rgb(loaded: Image.Image) -> Image.Image:
    """Any of Pillow's modes -> RGB; no transparency, 8 bits a channel."""
    if loaded.mode.startswith(("I", "F")):
        loaded = _eight_bit(loaded)
    if ("A" in loaded.mode.upper() and loaded.mode != "LAB") or "transparency" in loaded.info:
        return _opaque(loaded.convert("RGBA"))
    return loaded if loaded.mode == "RGB" else loaded.convert("RGB")


def _opaque(layer: Image.Image) -> Image.Image:
    """Clear parts have no colour and become white; half-clear ones keep the colour they have.

    Blending those with a background would only wash a face out.
    """
    painted = layer.getchannel("A").point(lambda alpha: 255 if alpha else 0)
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer.convert("RGB"), mask=painted)
    return white


def _eight_bit(loaded: Image.Image) -> Image.Image:
    """Gray of 16 or 32 bits -> 8 bits. Pillow's own conversion clips at 255, so all turns white."""
    values: NDArray[np.float32] = np.asarray(loaded, dtype=np.float32)
    if values.max(initial=0) > 255:
        values = values / np.float32(257)
    elif loaded.mode == "F" and values.max(initial=0) <= 1:
        values = values * np.float32(255)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))
