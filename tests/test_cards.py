"""Model cards, ours and the user's own, up to a face recognised with the user's own file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facecog import Facecog, Settings, open_facecog
from facecog.decision import Calibration, Tail
from facecog.engines.cards import BUILT_IN, SFACE, YUNET, all_cards, read_card
from facecog.engines.fetch import check
from facecog.errors import InvalidCard, ModelUnavailable
from tests.assets import MODELS, photo

POINT = """
[[operating_points]]
fmr = 1e-5
threshold = 0.467
"""
MINIMAL = 'name = "mine"\nfile = "mine.onnx"\nlicence = "my own"\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose models folder has the detector."""
    (tmp_path / "home" / "models").mkdir(parents=True)
    shutil.copy(MODELS / YUNET.file, tmp_path / "home" / "models")
    return tmp_path / "home"


def put_card(home: Path, text: str, name: str = "mine.toml") -> Path:
    path = home / "models" / name
    path.write_text(text)
    return path


@contextmanager
def opened(home: Path) -> Iterator[Facecog]:
    with closing(open_facecog(Settings(home=home, model="mine"))) as facecog:
        yield facecog


def test_each_built_in_card_can_be_fetched_checked_and_used_within_its_licence() -> None:
    for card in BUILT_IN:
        assert len(card.sha256 or "") == 64
        assert card.licence
        assert card.source == card.packages[0].requirement
        assert card.url is not None
        assert card.size == (MODELS / card.file).stat().st_size
        check(card, MODELS)


def test_a_card_says_everything_of_a_model(home: Path) -> None:
    path = put_card(
        home,
        MINIMAL
        + 'sha256 = "00"\ndimension = 512\nchannels = "BGR"\nmean = 127.5\nscale = 0.0078125\n'
        + 'note = "from a friend"\n'
        + POINT
        + "[[operating_points]]\nfmr = 1e-3\nthreshold = 0.359\n",
    )

    card = read_card(path)

    assert (card.name, card.task, card.file, card.licence) == (
        "mine",
        "embed",
        "mine.onnx",
        "my own",
    )
    assert (card.dimension, card.channels, card.mean, card.scale) == (512, "BGR", 127.5, 1 / 128)
    tail = Tail(((1e-3, 0.359), (1e-5, 0.467)))
    assert card.calibration == Calibration("mine", (tail,), data="its card")
    assert (card.sha256, card.note, card.source) == ("00", "from a friend", "yours")


def test_a_whole_number_will_do_for_a_mean(home: Path) -> None:
    assert read_card(put_card(home, f"{MINIMAL}mean = 127\n{POINT}")).mean == 127


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("this is no TOML", "not a model card"),
        ("name = '\udcff'", "not a model card"),
        ("file = 'f'\nlicence = 'l'" + POINT, "does not say its name"),
        ("name = 'n'\nlicence = 'l'" + POINT, "file"),
        ("name = 'n'\nfile = 'f'" + POINT, "licence"),
        (MINIMAL + "colour = 'red'" + POINT, "unknown field colour"),
        (MINIMAL + "task = 'detect'" + POINT, "unknown field task"),
        (MINIMAL + "url = 'http://127.0.0.1/'" + POINT, "unknown field url"),
        ("name = 5\nfile = 'f'\nlicence = 'l'" + POINT, "name is not text"),
        (MINIMAL + "dimension = '128'" + POINT, "dimension is not a whole number"),
        (MINIMAL + "dimension = 128.0" + POINT, "dimension is not a whole number"),
        (MINIMAL + "scale = '1/255'" + POINT, "scale is not a number"),
        (MINIMAL + "mean = true" + POINT, "mean is not a number"),
        (MINIMAL + "channels = 'GRB'" + POINT, "channels is RGB or BGR"),
        (MINIMAL, "operating_points"),
        (MINIMAL + "operating_points = 0.4", "not a model card"),
        (MINIMAL + "operating_points = [0.4]", "not a model card"),
        (MINIMAL + "[[operating_points]]\nfmr = 1e-5", "threshold"),
        (MINIMAL + POINT + "name = 'strict'", "name"),
        (MINIMAL + "[[operating_points]]\nfmr = 1e-5\nthreshold = '0.4'", "not a model card"),
        (MINIMAL + "[[operating_points]]\nfmr = 1e-5\nthreshold = 46.7", "from -1 to 1"),
        (MINIMAL + "[[operating_points]]\nfmr = 1e-5\nthreshold = nan", "from -1 to 1"),
        (MINIMAL + "[[operating_points]]\nfmr = -1\nthreshold = 0.4", "between 0 and 1"),
        (MINIMAL + "[[operating_points]]\nfmr = 1\nthreshold = 0.4", "between 0 and 1"),
        (MINIMAL + "[[operating_points]]\nfmr = nan\nthreshold = 0.4", "between 0 and 1"),
        (MINIMAL + "[[operating_points]]\nfmr = 1e-5\nthreshold = 0", "a threshold above 0"),
        (MINIMAL + POINT + POINT, "a lower fmr needs a higher threshold"),
        (MINIMAL + POINT + POINT.replace("1e-5", "1e-3"), "a lower fmr needs a higher threshold"),
    ],
)
def test_a_bad_card_is_refused_with_its_path_and_the_reason(
    home: Path, text: str, words: str
) -> None:
    path = home / "models" / "mine.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(InvalidCard) as caught:
        all_cards(home / "models")

    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("name", [SFACE.name, YUNET.name, "other"])
def test_two_cards_of_one_name_are_refused(home: Path, name: str) -> None:
    put_card(home, MINIMAL.replace("mine", "other") + POINT, "a.toml")
    put_card(home, MINIMAL.replace("mine", name, 1) + POINT, "b.toml")

    with pytest.raises(InvalidCard, match=f"b.toml: there is already a model named {name}"):
        all_cards(home / "models")


def test_without_a_models_folder_there_are_the_built_in_cards(tmp_path: Path) -> None:
    assert list(all_cards(tmp_path / "absent").values()) == list(BUILT_IN)


@pytest.mark.parametrize("place", ["in the models folder", "elsewhere"])
def test_a_face_is_recognised_with_a_model_of_the_users_own(
    home: Path, tmp_path: Path, place: str
) -> None:
    file = home / "models" / "mine.onnx" if place == "in the models folder" else tmp_path / "e.onnx"
    shutil.copy(MODELS / SFACE.file, file)
    named = "mine.onnx" if place == "in the models folder" else file.as_posix()
    put_card(home, f'name = "mine"\nfile = "{named}"\nlicence = "my own"\ndimension = 128\n{POINT}')

    with opened(home) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))
        found = facecog.identify(photo("obama2.jpg"))
        stranger = facecog.identify(photo("astronaut.png"))

    assert found.best is not None
    assert found.best.name == "Anna"
    assert stranger.best is None
    assert (found.operation.model, found.operation.calibration) == ("mine", "its card")
    assert found.faces[0].score is not None
    assert found.faces[0].score > 0.467 > found.operation.threshold > stranger.faces[0].score


def test_a_model_that_is_not_there_is_asked_for_by_its_path(home: Path) -> None:
    put_card(home, MINIMAL + POINT)

    with pytest.raises(ModelUnavailable, match="put its file at") as caught, opened(home):
        pass

    assert str(home / "models" / "mine.onnx") in str(caught.value)


def tagged(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer, shorter than 128 bytes or a number below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    length = (
        bytes([len(value)])
        if len(value) < 128
        else bytes([len(value) & 127 | 128, len(value) >> 7])
    )
    return bytes([number << 3 | 2]) + length + value


def onnx_model(operator: bytes, outputs: int = 1, side: int = 112) -> bytes:
    """An ONNX file whose outputs are each `operator` of the input (1, 3, side, side)."""
    shape = b"".join(
        tagged(1, b"\x08" + bytes([n]) if n < 128 else b"\x08\x80\x01") for n in (1, 3, side, side)
    )
    value = tagged(2, tagged(1, tagged(1, 1) + tagged(2, shape)))
    nodes = b"".join(
        tagged(1, tagged(1, b"x") + tagged(2, b"y%d" % i) + tagged(4, operator))
        for i in range(outputs)
    )
    ends = b"".join(
        tagged(12, tagged(1, b"y%d" % i) + tagged(2, tagged(1, tagged(1, 1))))
        for i in range(outputs)
    )
    graph = nodes + tagged(2, b"g") + tagged(11, tagged(1, b"x") + value) + ends
    return tagged(1, 8) + tagged(7, graph) + tagged(8, tagged(1, b"") + tagged(2, 13))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "cannot be loaded"),
        (b"hello, I am no model", "cannot be loaded"),
        (onnx_model(b"Flatten")[:-9], "cannot be loaded"),
        (onnx_model(b"NoSuchOperator"), "cannot be loaded"),
        (onnx_model(b"Flatten"), "gives 37632 numbers, its card says 128"),
        (onnx_model(b"Flatten", side=64), "does not take the input its card says"),
        (onnx_model(b"Flatten", outputs=2), "does not give one row of numbers"),
        (onnx_model(b"GlobalAveragePool"), "does not give one row of numbers"),
    ],
)
def test_a_file_that_is_not_what_its_card_says_is_one_clear_line(
    home: Path, file: bytes, words: str
) -> None:
    (home / "models" / "mine.onnx").write_bytes(file)
    put_card(home, f"{MINIMAL}dimension = 128\n{POINT}")

    with pytest.raises(ModelUnavailable, match=words) as caught, opened(home):
        pass

    assert "mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_need_not_state_the_dimension(home: Path) -> None:
    (home / "models" / "mine.onnx").write_bytes(onnx_model(b"Flatten"))
    put_card(home, MINIMAL + POINT)

    with opened(home) as facecog:
        assert facecog.enrol("Anna", photo("obama.jpg")).added
