"""Choosing the real parts."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facecog import Settings, open_facecog
from facecog.bootstrap import calibration_of, chosen_card
from facecog.domain import Template
from facecog.engines.cards import SFACE
from facecog.errors import (
    DatabaseUnavailable,
    InvalidPromise,
    InvalidSetting,
    LegacyHome,
    LowQuality,
    ModelUnavailable,
    TooLarge,
    TooManyPixels,
)
from facecog.store import Store
from tests.assets import MODELS, photo
from tests.pictures import opened, saved


def test_an_empty_folder_becomes_a_home(settings: Settings) -> None:
    with closing(open_facecog(settings)) as facecog:
        assert facecog.counts() == (0, 0)
        assert facecog.model == SFACE.name
        force = facecog.in_force()
        assert force.operation.fpir == 0.001
        assert force.operation.threshold == pytest.approx(
            calibration_of(SFACE).tail().threshold(0.001), abs=1e-4
        )

    assert (settings.home / "faces.db").is_file()
    assert (settings.home / "dataset").is_dir()


def test_settings_come_from_the_environment_where_none_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FACECOG_MODELS", str(MODELS))

    open_facecog().close()

    assert (tmp_path / "home" / "faces.db").is_file()


def test_who_was_registered_is_known_after_a_restart(settings: Settings) -> None:
    with closing(open_facecog(settings)) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))

    with closing(open_facecog(settings)) as facecog:
        best = facecog.identify(photo("obama2.jpg")).best

    assert best is not None
    assert best.name == "Anna"


def test_the_owners_promise_and_calibration_outlive_a_restart(settings: Settings) -> None:
    with closing(open_facecog(settings)) as facecog:
        card = facecog.in_force()
        stricter = replace(card.calibration, margin=0.3, data="our own", made="2026-01-02")
        facecog.put_in_force(stricter)
        promised = facecog.promise(0.01)

    with closing(open_facecog(replace(settings, fpir=0.1))) as facecog:
        assert facecog.in_force().operation == promised.operation
        assert facecog.in_force().calibration == stricter
        assert facecog.roll_back_calibration().calibration == card.calibration
        assert facecog.promise(None).operation.fpir == 0.1


@pytest.mark.parametrize("setting", ["fpir", "fmr"])
def test_a_rate_that_cannot_be_promised_leaves_nothing_open(
    settings: Settings, setting: str
) -> None:
    with pytest.raises(InvalidPromise):
        open_facecog(replace(settings, **{setting: 0.7}))  # type: ignore[arg-type]

    assert not (settings.home / "faces.db-wal").exists()


@pytest.mark.parametrize(
    ("limit", "refusal"), [("max_bytes", TooLarge), ("max_pixels", TooManyPixels)]
)
def test_the_limits_of_the_settings_are_kept(
    settings: Settings, limit: str, refusal: type[Exception]
) -> None:
    small = replace(settings, **{limit: 1000})  # type: ignore[arg-type]

    with closing(open_facecog(small)) as facecog, pytest.raises(refusal):
        facecog.enrol("Anna", photo("obama.jpg"))


@pytest.mark.parametrize("quality", ["Strict", "none", ""])
def test_a_policy_that_there_is_not_is_refused_with_those_there_are(
    settings: Settings, quality: str
) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_QUALITY is strict, standard or off, not"):
        open_facecog(replace(settings, quality=quality))


def test_the_policy_of_the_settings_is_kept(settings: Settings) -> None:
    tilted = saved(opened("obama2.jpg").rotate(-20), "PNG")

    with closing(open_facecog(replace(settings, quality="strict"))) as facecog:
        facecog.enrol("Anna", photo("obama.jpg"))
        with pytest.raises(LowQuality):
            facecog.enrol("Anna", tilted)


@pytest.mark.parametrize("name", ["unheard-of", "yunet", ""])
def test_a_model_that_is_no_embedder_is_refused_with_those_there_are(
    settings: Settings, name: str
) -> None:
    with pytest.raises(InvalidSetting, match="There are: sface"):
        chosen_card(replace(settings, model=name))


def test_an_engine_that_there_is_not_is_refused_before_anything_is_made(
    settings: Settings,
) -> None:
    with pytest.raises(InvalidSetting, match="FACECOG_ENGINE is onnx or deepface, not yolo"):
        open_facecog(replace(settings, engine="yolo"))

    assert not settings.home.exists()


def test_deepface_that_is_not_installed_is_said_to_be(settings: Settings) -> None:
    with pytest.raises(ModelUnavailable, match=r"pip install 'facecog\[deepface\]'"):
        open_facecog(replace(settings, engine="deepface"))


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_original_facecogs_folder_is_refused_and_not_touched(tmp_path: Path) -> None:
    home = tmp_path / "old"
    (home / "dataset").mkdir(parents=True)
    (home / "dataset" / "1.jpg").write_bytes(b"Anna")
    with closing(sqlite3.connect(home / "faces.db")) as database:
        database.execute("CREATE TABLE faces (id TEXT, name TEXT)")
        database.execute("INSERT INTO faces VALUES ('1', 'Anna')")
        database.commit()
    before = everything(home)

    with pytest.raises(LegacyHome, match="facecog import-legacy"):
        open_facecog(Settings(home=home))  # without models: none are fetched into it

    assert everything(home) == before
    assert not (home / "models").exists()


def test_a_home_that_is_a_file_is_refused(settings: Settings) -> None:
    settings.home.write_text("no folder")

    with pytest.raises(DatabaseUnavailable, match="cannot be used"):
        open_facecog(settings)


def test_a_home_with_models_that_cannot_be_used_is_not_left_open(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for card in MODELS.iterdir():
        (models / card.name).write_bytes(b"damaged")

    with pytest.raises(ModelUnavailable, match="is damaged"):
        open_facecog(Settings(home=tmp_path / "home", models=models))

    assert not (tmp_path / "home" / "faces.db-wal").exists()  # gone with the last connection


def add_sample(home: Path, model: str) -> None:
    with closing(Store.on_sqlite(home)) as store:
        vector = np.eye(1, 128, dtype=np.float32)[0]
        store.add_sample("Anna", Template(vector, model), b"jpeg", model, "test", {})


def test_samples_of_another_model_are_warned_of(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    add_sample(settings.home, SFACE.name)
    add_sample(settings.home, "another")

    with closing(open_facecog(settings)) as facecog:
        assert facecog.gallery_size().samples == 1

    (record,) = (r for r in caplog.records if r.name.startswith("facecog"))
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("1 of 2 samples have no template of sface")


def test_samples_of_the_same_model_are_no_reason_for_a_warning(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    add_sample(settings.home, SFACE.name)

    open_facecog(settings).close()

    assert [r for r in caplog.records if r.name.startswith("facecog")] == []
