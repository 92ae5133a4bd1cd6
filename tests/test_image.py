"""Bytes of a picture -> upright RGB pixels."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Pixels
from facecog.errors import FacecogError, NotAPicture, TooLarge, TooManyPixels, Truncated
from facecog.image import WORKING_SIDE, decode, encode_jpeg, shrunk_jpeg
from tests.heic import heic
from tests.pictures import opened, saved

KINDS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
# Which way `decode` has to turn each EXIF orientation, written with NumPy (EXIF 2.32, 4.6.4).
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


def gradient(width: int = 48, height: int = 36) -> Pixels:
    """Red grows to the right, green downwards."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, 0 * x + 90], axis=2).astype(np.uint8)


def oriented(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and that its pixels begin, and then nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + head
        + struct.pack(">III", zlib.crc32(head), 9, 0x49444154)
    )


def test_a_picture_is_upright_rgb_of_its_own_size() -> None:
    picture = decode(saved(Image.fromarray(gradient()), "PNG"))

    assert picture.pixels.dtype == np.uint8
    assert np.array_equal(picture.pixels, gradient())
    assert (picture.size, picture.scale) == ((48, 36), 1.0)


# -- limits ---------------------------------------------------------------------------------------


def test_the_byte_limit_is_the_last_size_taken() -> None:
    data = saved(Image.fromarray(gradient()), "PNG")

    decode(data, max_bytes=len(data))
    with pytest.raises(TooLarge):
        decode(data, max_bytes=len(data) - 1)


def test_the_pixel_limit_is_the_last_size_taken() -> None:
    data = saved(Image.fromarray(gradient(48, 36)), "PNG")

    decode(data, max_pixels=48 * 36)
    with pytest.raises(TooManyPixels):
        decode(data, max_pixels=48 * 36 - 1)


@pytest.mark.parametrize("side", [7_100, 12_000, 60_000])
def test_too_many_pixels_are_refused_by_the_header_alone(side: int) -> None:
    with pytest.raises(TooManyPixels):
        decode(png_header(side, side))
    with pytest.raises(Truncated):  # that is all there is to the file
        decode(png_header(7_000, 7_000))


def test_a_baseline_jpeg_may_have_four_times_the_pixels_and_a_progressive_one_not() -> None:
    gray = Image.new("L", (400, 400), 90)

    decode(saved(gray, "JPEG"), max_pixels=40_000)
    with pytest.raises(TooManyPixels):
        decode(saved(gray, "JPEG"), max_pixels=39_999)
    with pytest.raises(TooManyPixels):
        decode(saved(gray, "JPEG", progressive=True), max_pixels=40_000)


MEASURED = """
import sys
from pathlib import Path
from random import Random
from facecog.image import decode

def peak():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) / 1024

data = Path(sys.argv[1]).read_bytes()
before = peak()
decode(data)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
def test_a_large_jpeg_is_never_held_whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("large") / "large.jpg"
    Image.new("RGB", (8000, 8000), "gray").save(file)

    measured = subprocess.run(
        [sys.executable, "-c", MEASURED, file], check=True, capture_output=True, text=True
    )

    assert float(measured.stdout) < 60  # MB; the whole picture would be 192


# -- large pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(4800, 3700), (3700, 4801), (3300, 1000)])
def test_a_large_picture_is_decoded_smaller_and_measured_as_sent(
    kind: str, size: tuple[int, int]
) -> None:
    sent = Image.new("RGB", size, "black")
    left, top = size[0] * 2 // 3, size[1] // 4
    sent.paste("white", (left, top, left + 200, top + 100))

    picture = decode(saved(sent, kind))

    assert WORKING_SIDE <= max(picture.pixels.shape) < 2 * WORKING_SIDE + 2
    assert picture.size == size
    y, x = np.nonzero(picture.pixels[:, :, 0] > 127)
    middle = ((x.mean() + 0.5) * picture.scale, (y.mean() + 0.5) * picture.scale)
    assert middle == pytest.approx((left + 100, top + 50), abs=4)


def test_a_picture_up_to_twice_the_working_side_keeps_its_pixels() -> None:
    side = 2 * WORKING_SIDE - 1

    assert decode(saved(Image.new("L", (side, 50)), "JPEG")).pixels.shape == (50, side, 3)


def test_a_large_picture_on_its_side_is_measured_upright() -> None:
    picture = decode(saved(Image.new("L", (4000, 1000)), "JPEG", exif=oriented(6)))

    assert picture.size == (1000, 4000)
    assert picture.pixels.shape == (2000, 500, 3)


@pytest.mark.parametrize("size", [(1, 6000), (6000, 1), (1, 1)])
def test_a_thread_keeps_its_pixel(size: tuple[int, int]) -> None:
    picture = decode(saved(Image.new("RGB", size, "red"), "PNG"))

    assert picture.size == size
    assert min(picture.pixels.shape[:2]) == 1
    assert tuple(picture.pixels[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("size", "finest"), [((4000, 3000), 1), ((6400, 40), 2), ((9000, 30), 3), ((4700, 9), 1)]
)
def test_a_large_picture_can_be_had_finer_and_never_of_4800_pixels(
    kind: str, size: tuple[int, int], finest: int
) -> None:
    sent = Image.new("RGB", size, "black")
    sent.paste("white", (size[0] // 2, 0, *size))

    picture = decode(saved(sent, kind, exif=oriented(6)))
    fine = picture.at(1)

    assert fine.size == picture.size == (size[1], size[0])
    # libjpeg knows halves, quarters and eighths only.
    assert fine.scale == pytest.approx(finest if kind == "PNG" else {3: 2}.get(finest, finest), 0.2)
    assert fine.pixels.shape[0] < 4800
    assert fine.pixels[-1].min() > 240
    assert fine.pixels[0].max() < 15
    assert picture.at(1) is fine
    assert picture.at(picture.scale) is picture


@pytest.mark.parametrize("side", [48, 2 * WORKING_SIDE - 1, 5000])
def test_a_picture_that_is_as_fine_as_can_be_is_decoded_once(side: int) -> None:
    assert decode(saved(Image.new("L", (side, 9)), "JPEG")).finer is None


# -- orientation ----------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG"])
def test_each_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](gradient())))
    options = {"lossless": True} if kind == "WEBP" else {}

    picture = decode(saved(stored, kind, exif=oriented(orientation), **options))

    assert picture.size == (48, 36)
    assert picture.pixels.shape == (36, 48, 3)
    difference = np.abs(picture.pixels.astype(int) - gradient())
    assert difference.mean() < (4 if kind in ("AVIF", "JPEG") else 0.01)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_means_nothing_changes_nothing(value: int) -> None:
    data = saved(Image.fromarray(gradient()), "PNG", exif=oriented(value))

    assert np.array_equal(decode(data).pixels, gradient())


# -- modes ----------------------------------------------------------------------------------------


def levels(values: NDArray[np.generic], kind: str) -> list[int]:
    """One gray row of values -> what is made of it."""
    pixels = decode(saved(Image.fromarray(values[None]), kind)).pixels[0]
    assert (pixels == pixels[:, :1]).all()
    return [int(level) for level in pixels[:, 0]]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("PNG", np.array([0, 257, 25_700, 65_535], np.uint16)),
        ("TIFF", np.array([0, 257, 25_700, 65_535], np.uint16)),
        ("TIFF", np.array([0, 257, 25_700, 65_535], np.int32)),
        ("TIFF", np.array([0, 1 / 255, 100 / 255, 1], np.float32)),
        ("TIFF", np.array([0, 1, 100, 255], np.float32)),
    ],
    ids=["16-bit PNG", "16-bit TIFF", "32-bit", "float to 1", "float to 255"],
)
def test_deep_gray_keeps_its_levels(kind: str, values: NDArray[np.generic]) -> None:
    assert levels(values, kind) == pytest.approx([0, 1, 100, 255], abs=1)


def test_sixteen_bit_gray_of_few_levels_is_not_stretched() -> None:
    assert levels(np.array([0, 100, 255], np.uint16), "PNG") == [0, 100, 255]


@pytest.mark.parametrize(("mode", "white"), [("1", 1), ("L", 255), ("CMYK", 0), ("YCbCr", None)])
def test_white_is_white_in_every_mode(mode: str, white: int | None) -> None:
    picture = Image.new("RGB", (4, 4), "white").convert(mode)
    assert white is None or np.asarray(picture).max() == white

    assert (decode(saved(picture, "TIFF")).pixels == 255).all()


def test_a_cmyk_jpeg_has_its_colours() -> None:
    picture = decode(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95))

    assert picture.pixels.mean(axis=(0, 1)) == pytest.approx((254, 0, 0), abs=6)


def test_clear_parts_are_white_and_half_clear_ones_keep_their_colour() -> None:
    layer = Image.new("RGBA", (3, 1))
    for x, alpha in enumerate((0, 1, 255)):
        layer.putpixel((x, 0), (10, 20, 30, alpha))

    pixels = decode(saved(layer, "PNG")).pixels

    assert pixels[0].tolist() == [[255, 255, 255], [10, 20, 30], [10, 20, 30]]


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_colour_that_stands_for_clear_is_white(mode: str) -> None:
    picture = Image.new("RGB", (2, 1), "black")
    picture.putpixel((1, 0), (0, 0, 255))
    picture = picture.convert(mode)
    clear = picture.getpixel((0, 0))

    pixels = decode(saved(picture, "PNG", transparency=clear)).pixels

    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == list(picture.convert("RGB").getpixel((1, 0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "MPO", "AVIF"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    red, blue = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))

    picture = decode(saved(red, kind, save_all=True, append_images=[blue]))

    assert np.abs(picture.pixels.astype(int) - np.asarray(red)).max() < 9


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"anna", b"<svg/>", b"%PDF-1.7", b"P6 1 1 255 \0\0\0"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(NotAPicture):
        decode(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_cut_off_is_refused(kind: str) -> None:
    data = saved(opened("astronaut.png"), kind)

    for part in (0.5, 0.9):
        with pytest.raises((Truncated, NotAPicture)):
            decode(data[: int(len(data) * part)])


SMALL = Image.fromarray(gradient(24, 16))
SPECIMENS = [
    *(saved(SMALL, kind) for kind in KINDS),
    *(saved(SMALL, kind, exif=oriented(6)) for kind in ("JPEG", "PNG", "WEBP", "AVIF")),
    *(saved(SMALL.convert(mode), "PNG") for mode in ("P", "LA", "1")),
    *(saved(SMALL.convert(mode), "TIFF") for mode in ("CMYK", "F", "LAB")),
    saved(SMALL, "TIFF", compression="tiff_lzw"),
    saved(SMALL, "GIF", save_all=True, append_images=[SMALL.rotate(90)]),
]


@pytest.mark.parametrize("specimen", SPECIMENS, ids=range(len(SPECIMENS)))
@pytest.mark.filterwarnings("ignore")  # Pillow's own, of what it reads past
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(specimen: bytes) -> None:
    random = Random(0)
    for _ in range(80):
        data = bytearray(specimen)
        for _ in range(random.randint(1, 4)):
            # Mostly in the header, where it does most.
            data[int(random.random() ** 2 * len(data))] = random.choice(
                (0, 255, random.getrandbits(8))
            )

        with suppress(FacecogError):
            picture = decode(bytes(data), max_pixels=1_000_000)
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.shape[2:] == (3,)


@pytest.mark.parametrize("box", [b"iloc", b"pitm"])
def test_a_damaged_avif_is_refused(box: bytes) -> None:
    data = saved(SMALL, "AVIF")
    assert box in data

    with pytest.raises(Truncated):
        decode(data.replace(box, box[:-1] + b"?"))


def test_an_item_that_is_not_named_in_utf8_is_refused() -> None:
    data = saved(SMALL, "AVIF")
    spoilt = data.replace(b"av01Color\0", b"av01Col\xffr\0")

    assert spoilt != data
    with pytest.raises(Truncated):
        decode(spoilt)


def test_a_damaged_heic_does_not_end_the_process(tmp_path: Path) -> None:
    file = tmp_path / "damaged.heic"
    whole = heic(SMALL, tmp_path)
    spoilt = whole.replace(b"Exif\0", b"\xffxif\0", 1)
    assert spoilt != whole
    file.write_bytes(spoilt)
    program = "import sys; from facecog.image import decode; decode(open(sys.argv[1], 'rb').read())"

    ended = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True)

    assert (ended.returncode, "Truncated" in ended.stderr) == (1, True)


def test_a_width_past_all_counting_is_refused() -> None:
    data = bytearray(saved(Image.new("L", (8, 8)), "TIFF"))
    width = data.index(struct.pack("<HHI", 256, 4, 1)) + 8
    data[width : width + 4] = struct.pack("<I", 2**31 - 1)

    with pytest.raises((TooManyPixels, Truncated)):
        decode(bytes(data))


# -- writing --------------------------------------------------------------------------------------


def test_a_crop_is_kept_as_a_small_jpeg_without_metadata() -> None:
    written = Image.open(io.BytesIO(encode_jpeg(Image.fromarray(gradient(1000, 600)))))

    assert (written.format, written.mode, written.size) == ("JPEG", "RGB", (512, 307))
    assert set(written.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert np.abs(np.asarray(written).astype(int) - gradient(512, 307)).mean() < 3
    assert Image.open(io.BytesIO(encode_jpeg(Image.fromarray(gradient())))).size == (48, 36)


def test_a_crop_has_nothing_of_what_else_was_in_the_file() -> None:
    told = {"comment": b"Anna", "dpi": (301, 301), "icc_profile": b"profile"}

    kept = encode_jpeg(decode(saved(Image.fromarray(gradient()), "JPEG", **told)).image)

    assert Image.open(io.BytesIO(kept)).info.keys() <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
    }
    assert b"Anna" not in kept
    assert b"profile" not in kept


def test_a_jpeg_is_scaled_down_and_never_up() -> None:
    whole = encode_jpeg(Image.fromarray(gradient(500, 300)))

    small = Image.open(io.BytesIO(shrunk_jpeg(whole, 100)))

    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (100, 60))
    assert np.abs(np.asarray(small).astype(int) - gradient(100, 60)).mean() < 4
    assert shrunk_jpeg(whole, 500) == whole
    with pytest.raises(Truncated):
        shrunk_jpeg(whole[: len(whole) // 2], 100)
