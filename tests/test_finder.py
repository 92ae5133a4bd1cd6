"""At which sizes a picture is looked at for faces, and what is found so. On the real models."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from facecog.domain import Box, Face, Picture, Pixels, PixelSize
from facecog.engines.cards import YUNET
from facecog.engines.finder import THIRD, UPRIGHT_LOOKS, UPRIGHT_SIDE, Finder, canvas
from facecog.engines.onnx import OnnxEngine
from facecog.engines.prepare import prepared
from facecog.engines.runtime import Network
from facecog.image import decode
from facecog.service import Facecog
from tests.assets import MODELS, SHARED, photo
from tests.pictures import opened, saved

GROUPS = SHARED / "dlib_detect"


class Watched(Network):
    """Remembers the sizes, (width, height), of what it was fed."""

    def __init__(self, model: Path | bytes) -> None:
        super().__init__(YUNET, model)
        self.fed: list[tuple[int, int]] = []

    def run(self, pixels: Pixels, outputs: tuple[str, ...] = ()) -> list[NDArray[np.float32]]:
        self.fed.append((pixels.shape[1], pixels.shape[0]))
        return super().run(pixels, outputs)


@pytest.fixture
def watched() -> Watched:
    return Watched(prepared(YUNET, MODELS))


def head(width: int) -> Image.Image:
    """Obama's head and shoulders; his face is this wide."""
    whole = opened("obama.jpg").crop((180, 0, 800, 600))
    return whole.resize((round(whole.width * width / 239), round(whole.height * width / 239)))


def scene(size: tuple[int, int], *heads: tuple[int, tuple[int, int]]) -> Image.Image:
    """A gray picture with heads in it: how wide the face of each is, and where it begins."""
    made = Image.new("RGB", size, (110, 120, 110))
    for width, place in heads:
        made.paste(head(width), place)
    return made


def picture(of: Image.Image) -> Picture:
    return Picture(of, PixelSize(*of.size))


def jpeg(of: Image.Image) -> bytes:
    return saved(of, "JPEG", quality=92)


# -- how often, and how large ---------------------------------------------------------------------


def test_a_frame_with_a_face_is_looked_at_once_at_half_its_size(watched: Watched) -> None:
    (face,) = Finder(watched).find(picture(scene((640, 480), (120, (100, 100)))))

    assert watched.fed == [(320, 256)]
    assert face.box[2] == pytest.approx(120, rel=0.1)


@pytest.mark.parametrize(
    ("size", "first"),
    [((640, 480), 320), ((1000, 600), 512), ((1280, 720), 640), ((3000, 90), 640)],
)
def test_the_first_look_is_at_half_the_picture_between_320_and_640(
    watched: Watched, size: tuple[int, int], first: int
) -> None:
    Finder(watched).find(picture(scene(size)))

    assert watched.fed[0][0] == first


def test_nothing_is_looked_for_larger_then_small_and_no_more(watched: Watched) -> None:
    assert Finder(watched).find(picture(scene((900, 600)))) == []

    assert [max(size) for size in watched.fed] == [480, 928, THIRD]


def test_a_small_face_is_looked_at_by_itself(watched: Watched) -> None:
    (face,) = Finder(watched).find(picture(scene((640, 480), (80, (100, 100)))))

    assert watched.fed == [(320, 256), (UPRIGHT_SIDE, UPRIGHT_SIDE)]
    assert face.box[2] == pytest.approx(80, rel=0.1)


@pytest.mark.parametrize("angle", [-40, -25, 25, 40])
def test_a_tilted_face_is_looked_at_upright_until_its_landmarks_are_right(
    watched: Watched, angle: int
) -> None:
    upright = scene((600, 600), (200, (60, 40)))
    tilted = upright.rotate(angle, Image.Resampling.BICUBIC)

    (true,) = Finder(watched).find(picture(upright))
    (found,) = Finder(watched).find(picture(tilted))

    turn = np.radians(angle)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    where = (true.landmarks - 299.5) @ turned.T + 299.5
    eyes = float(np.linalg.norm(true.landmarks[0] - true.landmarks[1]))
    assert np.linalg.norm(found.landmarks - where, axis=1).mean() < 0.15 * eyes
    assert len(watched.fed) <= 3 + UPRIGHT_LOOKS


def test_a_closer_look_that_finds_nothing_keeps_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = picture(scene((640, 480), (80, (100, 100))))
    blind = Finder(Watched(prepared(YUNET, MODELS)))
    (far,) = blind.look(shown.image, 0.5)
    looks = iter([[far], []])
    monkeypatch.setattr(blind, "look", lambda *_: next(looks))

    (kept,) = blind.find(shown)

    assert (kept.landmarks == far.landmarks).all()


def test_a_detector_of_fixed_size_is_fed_that_size() -> None:
    shipped = Watched(MODELS / YUNET.file)

    for size in ((640, 480), (2000, 300)):
        Finder(shipped).find(picture(scene(size)))
    (face,) = Finder(shipped).find(picture(scene((640, 480), (120, (100, 100)))))

    assert set(shipped.fed) == {(640, 640)}
    assert face.box[2] == pytest.approx(120, rel=0.1)


# -- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 32, 60, 100, 200, 300])
def test_a_face_of_any_size_is_found_in_a_frame(engine: OnnxEngine, width: int) -> None:
    (face,) = engine.detect(picture(scene((640, 480), (width, (40, 20)))))

    assert face.box.width == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize(
    ("size", "small"), [((640, 480), 36), ((1280, 960), 36), ((2000, 1500), 60)]
)
def test_a_small_face_beside_a_large_one_is_found(
    engine: OnnxEngine, size: tuple[int, int], small: int
) -> None:
    wide, high = size
    both = scene(size, (wide // 5, (0, 0)), (small, (wide * 3 // 4, high * 3 // 4)))

    large, other = engine.detect(picture(both))

    assert (large.box.width, other.box.width) == pytest.approx((wide / 5, small), rel=0.15)


def test_a_face_that_fills_a_large_picture_is_found(engine: OnnxEngine) -> None:
    close = head(1200).crop((300, 200, 1800, 2000))

    assert len(engine.detect(picture(close))) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (31, 33), (7, 900)])
def test_a_picture_of_an_odd_shape_has_no_face(engine: OnnxEngine, size: tuple[int, int]) -> None:
    assert engine.detect(picture(Image.new("RGB", size, "gray"))) == ()


@pytest.mark.skipif(not GROUPS.is_dir(), reason="the larger set is not beside this checkout")
@pytest.mark.parametrize("scale", [1, 0.5, 0.25])
def test_every_face_of_the_group_photos_is_found(engine: OnnxEngine, scale: float) -> None:
    with (GROUPS / "boxes.csv").open(newline="") as opened:
        boxes = [row for row in csv.DictReader(opened) if row["ignore"] == "0"]
    found = {path: shrunk(engine, GROUPS / path, scale) for path in {row["path"] for row in boxes}}

    assert len(boxes) == 43
    for row in boxes:
        left, top, width, height = (float(row[side]) for side in ("left", "top", "width", "height"))
        middles = [
            (face.box.x + face.box.width / 2, face.box.y + face.box.height / 2)
            for face in found[row["path"]]
        ]
        assert any(
            left < x / scale < left + width and top < y / scale < top + height for x, y in middles
        )


def shrunk(engine: OnnxEngine, file: Path, scale: float) -> tuple[Face, ...]:
    with Image.open(file) as opened:
        size = round(opened.width * scale), round(opened.height * scale)
        return engine.detect(picture(opened.convert("RGB").resize(size)))


# -- large photos ---------------------------------------------------------------------------------


def test_a_small_face_of_a_large_photo_is_made_of_its_own_pixels(engine: OnnxEngine) -> None:
    places = [(x, y) for x in (100, 1700, 3300) for y in (200, 1500, 2600)]
    photograph = scene((4000, 3000), *((60, place) for place in places))

    found = engine.embed(decode(jpeg(photograph)))

    assert len(found) == len(places)
    (alone,) = engine.embed(picture(scene((400, 300), (60, (100, 100)))))
    (large,) = engine.embed(decode(photo("obama.jpg")))
    for face in found:
        assert face.box.width == pytest.approx(60, rel=0.15)
        assert alike(face, alone) > 0.9
        assert alike(face, large) > 0.7
        assert face.quality.measures["sharpness"] == pytest.approx(
            alone.quality.measures["sharpness"], rel=0.3
        )


def test_a_large_face_of_a_large_photo_is_decoded_once(engine: OnnxEngine) -> None:
    def again() -> Picture:
        raise AssertionError("decoded again")

    half = scene((2000, 1500), (500, (200, 100)))

    (face,) = engine.embed(Picture(half, PixelSize(4000, 3000), again))

    assert face.box.width == pytest.approx(1000, rel=0.1)


def test_a_crop_is_kept_as_large_as_the_photo_holds_it(real_facecog: Facecog) -> None:
    photograph = jpeg(scene((4000, 3000), (200, (1000, 1000))))

    sample = real_facecog.enrol("Anna", photograph).sample

    assert decode(photograph).scale == 2
    kept = decode(real_facecog.crop(sample.id))
    assert max(kept.size) == 512


def alike(a: Face, b: Face) -> float:
    assert a.template
    assert b.template
    return float(a.template.vector @ b.template.vector)


# -- what the network is fed ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [(640, 480), (333, 77), (1, 1), (31, 32)])
def test_a_canvas_is_of_whole_strides_and_black_beside_the_picture(size: tuple[int, int]) -> None:
    seen = canvas(Image.new("RGB", size, (200, 200, 200)), 0.5)

    width, height = (max(1, round(side / 2)) for side in size)
    assert seen.shape[0] % 32 == seen.shape[1] % 32 == 0
    assert (seen[:height, :width] == 200).all()
    assert not seen[height:].any()
    assert not seen[:, width:].any()


def test_half_a_picture_is_the_mean_of_four_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    means = pixels.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))

    assert np.abs(canvas(Image.fromarray(pixels), 0.5) - means).max() <= 1


def test_a_face_is_moved_with_its_landmarks(engine: OnnxEngine) -> None:
    whole = scene((640, 480), (120, (100, 100)))
    (face,) = engine.detect(picture(whole))
    (moved,) = engine.detect(
        Picture(whole.resize((320, 240), Image.Resampling.BOX), PixelSize(640, 480))
    )

    assert Box(*moved.box) == pytest.approx(face.box, abs=4)
    assert moved.landmarks == pytest.approx(face.landmarks, abs=4)
