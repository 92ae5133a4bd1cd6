"""Fixtures: the engine on the weights that facecog fetched, and no network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facecog import Settings, open_facecog
from facecog.engines.cards import SFACE, YUNET
from facecog.service import Facecog
from tests import assets

# Where nobody answers: whether this machine has a network makes no difference.
os.environ.update(HTTP_PROXY="http://127.0.0.1:9", HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="")
# DeepFace makes a folder there as soon as it is imported.
os.environ["DEEPFACE_HOME"] = str(assets.ROOT / ".cache" / "deepface")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with what facecog fetched, and nothing of DeepFace's."""
    folder = tmp_path_factory.mktemp("models")
    for card in (YUNET, SFACE):
        (folder / card.file).symlink_to(assets.MODELS / card.file)
    return folder


@pytest.fixture
def settings(tmp_path: Path, models: Path) -> Settings:
    return Settings(home=tmp_path / "home", models=models, engine="deepface")


@pytest.fixture
def facecog(settings: Settings) -> Iterator[Facecog]:
    with closing(open_facecog(settings)) as facecog:
        yield facecog
