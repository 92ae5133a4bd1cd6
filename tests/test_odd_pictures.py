"""Awkward files, through the HTTP API, on the real models."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageEnhance, ImageFilter

from facecog.engines.onnx import OnnxEngine
from facecog.image import decode
from tests.assets import SHARED
from tests.heic import heic
from tests.pictures import portrait, saved
from tests.sending import multipart

REJECTED = {"not_a_picture", "truncated", "too_many_pixels", "too_large"}

# What tests/…/expected.csv calls a thing -> what register may answer: its message or its code.
ANSWERS = {
    "one_face": {"Registered Successfully"},
    "none": {"no_face"},
    "unsupported": {"not_a_picture"},
    "rejected": REJECTED,
    "too_small": {"face_too_small"},
    "low_quality": {"low_quality"},
    "two_faces": {"several_faces"},
    "80_faces": {"several_faces"},
}
FACES = {"two_faces": 2, "80_faces": 80}

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the larger set of photographs is not beside this checkout"
)


def shared_cases() -> list[tuple[Path, str]]:
    folder = SHARED / "odd_made"
    if not folder.is_dir():
        return []
    with (folder / "expected.csv").open(newline="") as opened:
        return [(folder / row["file"], row["expected"]) for row in csv.DictReader(opened)]


def wanted(expected: str) -> set[str]:
    kinds = [expected] if expected in ANSWERS else expected.split("_or_")
    return set().union(*(ANSWERS[kind] for kind in kinds))


def register(client: FlaskClient, data: bytes) -> str:
    answer = client.post("/api/register", **multipart(name="Anna", image=data))
    assert answer.is_json or answer.mimetype == "application/problem+json"
    assert answer.status_code < 500
    body = answer.get_json()
    return str(body.get("code") or body["message"])


@needs_shared
@pytest.mark.parametrize(
    ("file", "expected"), shared_cases(), ids=lambda value: getattr(value, "name", value)
)
def test_each_odd_file_is_answered_as_expected(
    real_client: FlaskClient, file: Path, expected: str
) -> None:
    assert register(real_client, file.read_bytes()) in wanted(expected)

    if expected in FACES:
        found = real_client.post("/api/detect", **multipart(image=file.read_bytes())).get_json()
        assert len(found["faces"]) == FACES[expected]


@needs_shared
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dark", "too_dark"),
        ("over", "too_bright"),
        ("blur", "blurred"),
        ("noise", "noisy"),
        ("eyes_covered", "eyes_covered"),
        ("lower_half_covered", "mouth_covered"),
    ],
)
def test_each_spoilt_file_is_refused_for_what_was_done_to_it(
    real_client: FlaskClient, name: str, reason: str
) -> None:
    data = (SHARED / "odd_made" / f"{name}.jpg").read_bytes()

    answer = real_client.post("/api/register", **multipart(name="Anna", image=data)).get_json()

    assert answer["code"] == "low_quality"
    assert answer["reasons"][0] == reason


@needs_shared
def test_pillows_own_odd_files_never_break_the_server(real_client: FlaskClient) -> None:
    answers = {}
    for file in sorted((SHARED / "odd_pillow").iterdir()):
        answers[file.name] = register(real_client, file.read_bytes())

    hoppers = {
        name: answer
        for name, answer in answers.items()
        if name.startswith("hopper") and not name.endswith(".ppm")
    }
    assert set(hoppers.values()) == {"Registered Successfully"}
    assert answers["decompression_bomb.gif"] == "too_many_pixels"
    assert answers["broken.png"] in REJECTED
    assert answers["truncated_jpeg.jpg"] == "truncated"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(
    real_client: FlaskClient, orientation: int
) -> None:
    stored_as = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = portrait()
    stored = upright.transpose(stored_as[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation

    data = saved(stored, "JPEG", exif=exif.tobytes(), quality=95)
    found = real_client.post("/api/detect", **multipart(image=data)).get_json()
    plain = saved(upright, "JPEG", quality=95)
    true = real_client.post("/api/detect", **multipart(image=plain)).get_json()

    assert found["image"] == {"width": upright.width, "height": upright.height}
    for side in ("x", "y", "width", "height"):
        assert found["faces"][0]["box"][side] == pytest.approx(true["faces"][0]["box"][side], abs=3)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("PNG", mode) for mode in ("RGB", "RGBA", "L", "LA", "P", "I;16")),
        *(("TIFF", mode) for mode in ("RGB", "CMYK", "I;16", "L")),
        *(("JPEG", mode) for mode in ("RGB", "CMYK", "L")),
        *((kind, "RGB") for kind in ("WEBP", "BMP", "GIF", "AVIF", "JPEG2000", "HEIF")),
    ],
)
def test_each_format_and_mode_keeps_the_face(
    engine: OnnxEngine, kind: str, mode: str, tmp_path: Path
) -> None:
    picture = portrait()
    if kind == "HEIF":
        data = heic(picture, tmp_path)
    elif mode == "I;16":
        gray = picture.convert("L")
        wide = Image.frombytes(
            "I;16", gray.size, b"".join(bytes((value, value)) for value in gray.tobytes())
        )
        data = saved(wide, kind)
    else:
        data = saved(picture.convert(mode), kind)

    faces = engine.embed(decode(data))

    (original,) = engine.embed(decode(saved(picture, "PNG")))
    assert len(faces) == 1
    assert faces[0].quality.ok
    assert faces[0].template is not None
    assert original.template is not None
    assert faces[0].template.vector @ original.template.vector > 0.7


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: ImageEnhance.Brightness(p).enhance(0.06), "too_dark"),
        (lambda p: p.point(lambda v: min(255, v * 6)), "too_bright"),
        (lambda p: p.filter(ImageFilter.GaussianBlur(24)), "blurred"),
    ],
)
def test_a_spoilt_photo_is_refused_with_the_reason(
    real_client: FlaskClient, spoil: object, reason: str
) -> None:
    data = saved(spoil(portrait()), "PNG")  # type: ignore[operator]

    answer = real_client.post("/api/register", **multipart(name="Anna", image=data))

    assert answer.status_code == 422
    assert answer.get_json()["code"] == "low_quality"
    assert reason in answer.get_json()["reasons"]
