"""Prepared files: made once, whole or not at all, and computing what the file as shipped does."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from facecog.domain import Pixels
from facecog.engines import prepare, rewriting, yunet
from facecog.engines.cards import SFACE, YUNET, Card
from facecog.engines.onnx import OnnxEngine
from facecog.engines.prepare import prepared
from facecog.engines.runtime import Network
from facecog.errors import ModelUnavailable
from facecog.image import decode
from tests import assets
from tests.assets import MODELS, photo
from tests.preparing import crops, warnings

MINE = Card("mine", "embed", "mine.onnx", "mine", mean=127.5, scale=1 / 128)
NET = """<ir_version: 8, opset_import: ["" : 13]>
g (float[1,3,112,112] x) => (float[1,4] y) {
    c = Conv <pads = [1,1,1,1], strides = [4,4]> (x, w)
    p = PRelu (c, slope)
    d = Conv <pads = [1,1,1,1], strides = [4,4]> (p, v)
    a = GlobalAveragePool (d)
    y = Flatten (a)
}"""


def net(text: str = NET, seed: int = 0) -> bytes:
    made = parser.parse_model(text)
    random = np.random.default_rng(seed)
    for name, shape in (("w", (4, 3, 3, 3)), ("v", (4, 4, 3, 3)), ("slope", (4, 1, 1))):
        value = random.normal(size=shape).astype(np.float32)
        made.graph.initializer.append(numpy_helper.from_array(value, name))
    return bytes(made.SerializeToString())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A models folder with a model of the user's own."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / MINE.file).write_bytes(net())
    return folder


def files(models: Path) -> list[Path]:
    return sorted((models / "prepared").iterdir())


def never(*_: object) -> bytes:
    raise AssertionError("prepared again")


def test_a_model_is_prepared_once(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared(MINE, models)

    monkeypatch.setattr(prepare, "exact", never)

    assert prepared(MINE, models) == first
    assert files(models) == [first]
    pixels = next(iter(prepare.drawn(112, 112)))
    (new,), (old,) = (Network(MINE, f).run(pixels) for f in (first, models / MINE.file))
    np.testing.assert_allclose(new, old, rtol=1e-4)


def test_the_name_says_card_recipe_source_and_its_own_bytes(models: Path) -> None:
    file = prepared(MINE, models)

    assert isinstance(file, Path)
    card, kind, recipe, source, own, _ = file.name.split(".")
    assert (card, kind, recipe.split("-")[0]) == ("mine", "exact", str(prepare.RECIPE))
    assert hashlib.sha256((models / MINE.file).read_bytes()).hexdigest().startswith(source)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == own


def test_a_card_of_any_name_has_a_file(models: Path) -> None:
    file = prepared(replace(MINE, name="../../Anna's [*] model " + "x" * 300), models)

    assert files(models) == [file]


@pytest.mark.parametrize("damage", [b"", b"damaged"])
def test_a_damaged_file_is_made_anew(
    models: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = prepared(MINE, models)
    assert isinstance(file, Path)
    whole = file.read_bytes()
    file.write_bytes(damage)

    assert prepared(MINE, models) == file

    assert file.read_bytes() == whole
    assert warnings(caplog) == [f"{file} is damaged, and is made anew."]


def another_file(models: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    (models / MINE.file).write_bytes(net(seed=1))
    return MINE


def another_recipe(models: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    monkeypatch.setattr(prepare, "RECIPE", prepare.RECIPE + 1)
    return MINE


def another_scale(models: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
    return replace(MINE, scale=1 / 127.5)


@pytest.mark.parametrize("change", [another_file, another_recipe, another_scale])
def test_what_comes_of_another_file_recipe_or_card_takes_its_place(
    models: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, object], Card]
) -> None:
    before = prepared(MINE, models)
    assert isinstance(before, Path)
    others = [prepared(replace(MINE, name="mine2"), models)]
    others += [models / "prepared" / f"mine.{kind}" for kind in ("fast.1.00.00.onnx", "txt")]
    for other in others[1:]:
        other.write_bytes(b"not ours to judge")
    for other in (before, *others):
        os.utime(other, (0, time.time() - 2 * 86_400))

    after = prepared(change(models, monkeypatch), models)

    assert after != before
    assert files(models) == sorted([*others, after])


def test_a_file_that_another_facecog_has_just_started_with_is_left(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = prepared(MINE, models)
    assert isinstance(theirs, Path)
    os.utime(theirs, (0, time.time() - 2 * 86_400))
    assert prepared(MINE, models) == theirs

    ours = prepared(another_recipe(models, monkeypatch), models)

    assert files(models) == sorted([theirs, ours])


def test_a_folder_that_cannot_be_written_to_makes_do_with_memory(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (models / "prepared").write_bytes(b"a file where the folder should be")

    data = prepared(MINE, models)

    assert isinstance(data, bytes)
    assert Network(MINE, data).run(next(prepare.drawn(112, 112)))[0].shape == (1, 4)
    (said,) = warnings(caplog)
    assert said.startswith("mine is prepared at each start: it cannot be kept (")


def test_a_prepared_file_can_be_read_by_whoever_can_read_other_files(models: Path) -> None:
    """An image is built by root and run by somebody else."""
    file = prepared(MINE, models)
    assert isinstance(file, Path)

    assert file.stat().st_mode == (models / MINE.file).stat().st_mode


PROGRAM = """
import sys
from pathlib import Path
from facecog.engines.prepare import prepared
from tests.test_prepare import MINE
print(prepared(MINE, Path(sys.argv[1])).name, "onnx" in sys.modules)
"""


def test_facecogs_that_start_at_once_do_not_hurt_each_other(models: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(models)]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    said = {each.communicate(timeout=120)[0].split()[0] for each in several}

    assert {file.name for file in files(models)} == said
    assert len(said) == 1


def test_a_preparation_that_is_killed_leaves_nothing_that_is_taken_for_whole(
    models: Path,
) -> None:
    program = "import os, signal\nfrom facecog.engines import prepare\n" + (
        "prepare.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program + PROGRAM, str(models)], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    (part,) = files(models)

    file = prepared(MINE, models)
    assert files(models) == sorted([file, part])

    os.utime(part, (0, time.time() - 2 * 86_400))
    prepared(replace(MINE, scale=1.0), models)
    assert part not in files(models)


DOUBLE = NET.replace("float[1,4] y", "double[1,4] y").replace(
    "y = Flatten (a)", "o = Constant <value = double {1.0}> () f = Flatten (a) "
    "g = Cast <to = 11> (f) y = Mul (g, o)"
)  # fmt: skip
WITHIN = NET.replace(
    "y = Flatten (a)",
    "t = Constant <value = bool {1}> () y = If (t) <then_branch = l () => (float[1,4] m) "
    "{ m = Flatten (a) }, else_branch = r () => (float[1,4] n) { n = Flatten (a) }>",
)


@pytest.mark.parametrize(
    ("text", "words"), [(WITHIN, "its If holds another graph"), (DOUBLE, "float64")]
)
def test_a_file_that_is_not_understood_is_run_as_it_is(
    models: Path, text: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    (models / MINE.file).write_bytes(net(text))

    assert prepared(MINE, models) == models / MINE.file

    assert not (models / "prepared").exists()
    (said,) = warnings(caplog)
    assert words in said


def test_a_file_that_would_not_compute_the_same_is_run_as_it_is(
    models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = rewriting.exact(net(), replace(MINE, mean=0.0))
    monkeypatch.setattr(rewriting, "exact", lambda *_: wrong)

    assert prepared(MINE, models) == models / MINE.file

    (said,) = warnings(caplog)
    assert said.endswith("prepared, it would not compute the same.")


def test_a_detector_whose_landmarks_moved_would_be_run_as_it_is() -> None:
    model = onnx.load_from_string(rewriting.exact((MODELS / YUNET.file).read_bytes(), YUNET))
    bias = next(t for t in model.graph.initializer if list(t.dims) == [16])
    moved = numpy_helper.to_array(bias) + np.float32(0.01)
    bias.CopyFrom(numpy_helper.from_array(moved, bias.name))
    shipped, other = (
        Network(YUNET, given) for given in (MODELS / YUNET.file, model.SerializeToString())
    )

    assert not prepare.same(shipped, other)
    assert prepare.same(shipped, shipped)


def test_a_file_that_is_missing_is_one_clear_line(models: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"mine2 cannot be loaded: .*No such file"):
        prepared(replace(MINE, name="mine2", file="absent.onnx"), models)


def test_onnx_is_not_imported_where_everything_is_prepared(models: Path) -> None:
    prepared(MINE, models)
    program = PROGRAM.replace(
        "from tests.test_prepare import MINE",
        "from facecog.engines.cards import Card\n"
        "MINE = Card('mine', 'embed', 'mine.onnx', 'mine', mean=127.5, scale=1 / 128)",
    )

    said = subprocess.run(
        [sys.executable, "-c", program, str(models)], capture_output=True, text=True, check=True
    )

    assert said.stdout.split()[1] == "False"


# -- the real models on real photos ------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs() -> dict[str, tuple[Network, Network]]:
    """Each built-in network as it was shipped, and prepared."""
    return {
        card.name: (Network(card, MODELS / card.file), Network(card, prepared(card, MODELS)))
        for card in (YUNET, SFACE)
    }


def assert_same_vectors(pair: tuple[Network, Network], faces: list[Pixels]) -> None:
    rows = [[network.run(face)[0][0].astype(np.float64) for network in pair] for face in faces]
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in rows]
    print(f"worst cosine of {len(cosines)} faces: 1 - {1 - min(cosines):.1e}")
    assert min(cosines) >= 0.99999


def test_sface_prepared_gives_the_vectors_of_the_file_as_shipped(
    pairs: dict[str, tuple[Network, Network]], engine: OnnxEngine
) -> None:
    photos = [photo(name) for name in sorted(assets.WANTED)]

    faces = crops(engine, photos)

    assert len(faces) >= 6
    assert_same_vectors(pairs["sface"], faces)


@pytest.mark.skipif(not assets.SHARED.is_dir(), reason="no shared photographs beside the checkout")
def test_sface_prepared_gives_the_vectors_of_the_file_as_shipped_on_many_people(
    pairs: dict[str, tuple[Network, Network]], engine: OnnxEngine
) -> None:
    photos = sorted((assets.SHARED / "lfw_dev").rglob("*.jpg"))[::40]

    assert_same_vectors(pairs["sface"], crops(engine, [file.read_bytes() for file in photos]))


def test_yunet_prepared_finds_what_the_file_as_shipped_finds(
    pairs: dict[str, tuple[Network, Network]],
) -> None:
    for name in sorted(assets.WANTED):
        pixels = decode(photo(name)).pixels
        canvas = np.zeros((640, 640, 3), np.uint8)
        part = pixels[:640, :640]
        canvas[: part.shape[0], : part.shape[1]] = part

        for old, new in zip(
            *(network.run(canvas, yunet.OUTPUTS) for network in pairs["yunet"]), strict=True
        ):
            np.testing.assert_allclose(new, old, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(640, 640), (480, 640), (320, 96), (32, 32)])
def test_yunet_prepared_takes_any_size_of_whole_strides(
    pairs: dict[str, tuple[Network, Network]], height: int, width: int
) -> None:
    found = pairs["yunet"][1].run(np.zeros((height, width, 3), np.uint8), yunet.OUTPUTS)

    places = [height * width // stride**2 for stride in yunet.STRIDES for _ in range(4)]
    assert [output.shape[:2] for output in found] == [(1, n) for n in places]
