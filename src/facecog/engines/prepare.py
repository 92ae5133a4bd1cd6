"""Prepared models: a file as it was shipped, rewritten once so that it runs faster (rewriting/).

They are kept in the folder `prepared` beside the models, under names that say of which card, by
which recipe and of which file each was made, and what the SHA-256 of its own bytes is.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from facecog.domain import Pixels, Vector
from facecog.engines.cards import Card
from facecog.engines.fetch import DAY, damaged, sha256
from facecog.engines.runtime import Network
from facecog.errors import ModelUnavailable

log = logging.getLogger(__name__)

FOLDER = "prepared"
# To be raised whenever rewriting/ makes something else of a file.
RECIPE = 1
# What may differ of two outputs that should be the same: of an embedder the direction, and of a
# detector each number, which is a score or a length in strides.
LEAST_COSINE = 0.99999
MOST_DIFFERENCE = 1e-3
# Sides of the pictures that they are compared on, where the model leaves them open.
SIDES = {"detect": 640, "embed": 112}


class CannotPrepare(Exception):
    """The file is better run as it is; says why."""


def prepared(card: Card, models: Path) -> Path | bytes:
    """The file to run for a card, computing the same as the one that was shipped.

    It is made where it is not there yet. Where the models folder cannot be written to, what would
    be in the file is given; where the file cannot be prepared, the file as shipped.

    Raises:
        ModelUnavailable: the card's file is missing, or no model.
    """
    # `/` keeps an absolute path of a user's own card as it is.
    shipped = models / card.file
    facts = hashlib.sha256(f"{card.channels} {card.mean} {card.scale}".encode()).hexdigest()
    try:
        return kept(card, models, "exact", f"{RECIPE}-{facts[:8]}", lambda: exact(card, shipped))
    except CannotPrepare as error:
        log.warning("%s is run as it was shipped, and slower than need be: %s.", card.name, error)
        return shipped


def kept(
    card: Card, models: Path, kind: str, recipe: str, make: Callable[[], bytes]
) -> Path | bytes:
    """What is made of a card's file: from the folder, else made now and kept where that can be.

    Args:
        kind: one word; a card has one file of each kind; those before it go when unused for a day.
        recipe: what the result depends on besides the card's file; without dots.

    Raises:
        ModelUnavailable: the card's file cannot be read, or is not the one that the card means.
        CannotPrepare: `make` says so.
    """
    try:
        shipped = sha256(models / card.file)
    except OSError as error:
        raise ModelUnavailable(f"The model {card.name} cannot be loaded: {error}") from error
    if card.sha256 not in (None, shipped):
        raise damaged(card, models)
    folder, of_kind = models / FOLDER, f"{_plain(card.name)}.{kind}"
    stem = f"{of_kind}.{recipe}.{shipped[:16]}"
    if found := _whole(folder, stem):
        return found
    data = make()
    file = folder / f"{stem}.{hashlib.sha256(data).hexdigest()}.onnx"
    try:
        _write(file, data)
    except OSError as error:
        log.warning("%s is prepared at each start: it cannot be kept (%s).", card.name, error)
        return data
    _tidy(file, of_kind)
    return file


def _plain(name: str) -> str:
    """A card's name as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]


def _whole(folder: Path, stem: str) -> Path | None:
    """The file whose bytes are those that its name promises."""
    for file in sorted(folder.glob(f"{stem}.*.onnx")):
        with suppress(OSError):  # a folder that cannot be written to
            os.utime(file)  # it is in use, for _tidy
        if sha256(file) == file.name.split(".")[-2]:
            return file
        log.warning("%s is damaged, and is made anew.", file)
    return None


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all, whoever else writes it at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _tidy(file: Path, of_kind: str) -> None:
    """Remove what the file replaces, and what a preparation that was killed left behind.

    Only what no start has used for a day: another facecog may be about to load it.
    """
    for pattern in (f"{of_kind}.*.onnx", "*.part"):
        for other in file.parent.glob(pattern):
            with suppress(FileNotFoundError):  # another facecog was faster
                if other != file and time.time() - other.stat().st_mtime > DAY:
                    other.unlink()


def exact(card: Card, shipped: Path) -> bytes:
    """A card's file folded, once it is sure that it computes the same.

    Raises:
        ModelUnavailable: the file is no model that ONNX Runtime can load.
        CannotPrepare: it has what is not understood, or would not compute the same.
    """
    original = Network(card, shipped)
    from facecog.engines import rewriting  # takes a while, and only a first start needs it

    try:
        data = rewriting.exact(shipped.read_bytes(), card)
        alike = same(original, Network(card, data))
    except (ValueError, ModelUnavailable) as error:
        raise CannotPrepare(str(error)) from error
    if not alike:
        raise CannotPrepare("prepared, it would not compute the same")
    return data


def same(one: Network, other: Network, least_cosine: float = LEAST_COSINE) -> bool:
    """Whether two networks for the same card give the same of pictures that are drawn for it."""
    card = one.card
    height, width = (side if isinstance(side, int) else SIDES[card.task] for side in one.shape[2:])
    alike = _same_numbers if card.task == "detect" else partial(_same_direction, least_cosine)
    return all(
        a.shape == b.shape and alike(a.ravel(), b.ravel())
        for picture in drawn(height, width)
        for a, b in zip(one.run(picture), other.run(picture), strict=True)
    )


def _same_numbers(one: Vector, other: Vector) -> bool:
    return bool(np.all(np.abs(one - other) <= MOST_DIFFERENCE))


def _same_direction(least_cosine: float, one: Vector, other: Vector) -> bool:
    a, b = one.astype(np.float64), other.astype(np.float64)
    return bool(a @ b >= least_cosine * np.linalg.norm(a) * np.linalg.norm(b))


def drawn(height: int, width: int) -> Iterator[Pixels]:
    """Pictures of nobody: plain, with noise, and with faces drawn of ellipses; always the same."""
    random = np.random.default_rng(0)
    yield np.full((height, width, 3), 128, np.uint8)
    yield random.integers(0, 256, (height, width, 3), np.uint8)
    for _ in range(6):
        skin, ground = (tuple(random.integers(30, 256, 3).tolist()) for _ in range(2))
        face = Image.new("RGB", (100, 100), ground)
        draw = ImageDraw.Draw(face)
        draw.ellipse((15, 0, 85, 100), fill=skin)
        for box in ((27, 38, 45, 48), (55, 38, 73, 48), (44, 50, 56, 66), (34, 74, 66, 82)):
            draw.ellipse(np.add(box, random.integers(-3, 4, 4)).tolist(), fill=(60, 30, 30))
        noise = random.normal(0, 8, (height, width, 3))
        yield (np.asarray(face.resize((width, height))) + noise).clip(0, 255).astype(np.uint8)
