"""Settings from FACECOG_* variables."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from facecog.config import Settings, variable
from facecog.errors import InvalidSetting


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings().models_folder == Path("data/models")


def test_each_setting_is_read_from_its_variable() -> None:
    given = {
        "FACECOG_HOME": "/srv/faces",
        "FACECOG_MODELS": "/srv/models",
        "FACECOG_ENGINE": "deepface",
        "FACECOG_MODEL": "mine",
        "FACECOG_PRECISION": "fast",
        "FACECOG_PROVIDERS": "cuda",
        "FACECOG_DEEPFACE_MODEL": "ArcFace",
        "FACECOG_DEEPFACE_DETECTOR": "retinaface",
        "FACECOG_DATABASE_URL": "postgresql://anna@localhost/faces",
        "FACECOG_COLLECTION": "staff",
        "FACECOG_KEY": "old",
        "FACECOG_KEY_FILE": "/run/secrets/old",
        "FACECOG_NEW_KEY": "new",
        "FACECOG_NEW_KEY_FILE": "/run/secrets/new",
        "FACECOG_FPIR": "0.01",
        "FACECOG_FMR": "1e-5",
        "FACECOG_QUALITY": "strict",
        "FACECOG_UNDO_HOURS": "0",
        "FACECOG_AUDIT": "changes",
        "FACECOG_AUDIT_DAYS": "30",
        "FACECOG_MAX_BYTES": "1000",
        "FACECOG_MAX_PIXELS": "2000",
        "FACECOG_ACCESS": "open",
        "FACECOG_TOKEN": "fc_secret",
        "FACECOG_TLS_CERTIFICATE": "/srv/tls/fullchain.pem",
        "FACECOG_TLS_KEY": "/srv/tls/key.pem",
        "FACECOG_LOG": "json",
        "FACECOG_THREADS": "3",
        "FACECOG_QUEUE": "5",
        "FACECOG_HOSTS": "faces.example.org",
        "FACECOG_ORIGINS": "https://app.example.org",
        "FACECOG_PROXIES": "127.0.0.1",
        "FACECOG_RATE": "600/minute",
    }

    settings = Settings.from_environment({**given, "HOME": "/root", "PATH": "/bin"})

    assert settings == Settings(
        home=Path("/srv/faces"),
        models=Path("/srv/models"),
        engine="deepface",
        model="mine",
        precision="fast",
        providers="cuda",
        deepface_model="ArcFace",
        deepface_detector="retinaface",
        database_url="postgresql://anna@localhost/faces",
        collection="staff",
        key="old",
        key_file=Path("/run/secrets/old"),
        new_key="new",
        new_key_file=Path("/run/secrets/new"),
        fpir=0.01,
        fmr=1e-5,
        quality="strict",
        undo_hours=0,
        audit="changes",
        audit_days=30,
        max_bytes=1000,
        max_pixels=2000,
        access="open",
        token="fc_secret",
        tls_certificate=Path("/srv/tls/fullchain.pem"),
        tls_key=Path("/srv/tls/key.pem"),
        log="json",
        threads=3,
        queue=5,
        hosts="faces.example.org",
        origins="https://app.example.org",
        proxies="127.0.0.1",
        rate="600/minute",
    )
    assert settings.models_folder == Path("/srv/models")
    assert "fc_secret" not in repr(settings)
    assert set(given) == {variable(option.name) for option in fields(Settings)}


def test_an_empty_variable_counts_as_not_set() -> None:
    empty = {variable(option.name): "" for option in fields(Settings)}

    assert Settings.from_environment({**empty, "FACECOG_UNHEARD_OF": ""}) == Settings()


def test_a_tilde_is_the_users_home() -> None:
    settings = Settings.from_environment({"FACECOG_HOME": "~/faces"})

    assert settings.home == Path.home() / "faces"


@pytest.mark.parametrize("name", ["FACECOG_HOMES", "FACECOG_", "FACECOG_home"])
def test_an_unknown_setting_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InvalidSetting, match=f"no setting {name}\\."):
        Settings.from_environment({name: "1"})


@pytest.mark.parametrize("name", ["FACECOG_MAX_BYTES", "FACECOG_MAX_PIXELS"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e6", "20 MB", "many", " ", "²"])
def test_a_number_that_is_none_is_refused_with_the_name_and_the_value(
    name: str, value: str
) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environment({name: value})

    assert str(caught.value) == f"{name} is a whole number above 0, not {value!r}."


@pytest.mark.parametrize("value", ["-1", "1.5", "8761", "a day", " "])
def test_hours_out_of_bounds_are_refused_with_the_bounds(value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environment({"FACECOG_UNDO_HOURS": value})

    said = f"FACECOG_UNDO_HOURS is a whole number from 0 to 8,760, not {value!r}."
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("name", "most"), [("FACECOG_THREADS", "1,000"), ("FACECOG_QUEUE", "10,000")]
)
@pytest.mark.parametrize("value", ["-1", "1.5", "10001", "all"])
def test_threads_and_places_out_of_bounds_are_refused(name: str, most: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environment({name: value})

    assert str(caught.value) == f"{name} is a whole number from 0 to {most}, not {value!r}."


@pytest.mark.parametrize("name", ["FACECOG_FPIR", "FACECOG_FMR"])
@pytest.mark.parametrize("value", ["0", "-0.1", "0.6", "1", "1 %", "1/1000", "few", "nan", "inf"])
def test_a_rate_that_is_none_is_refused_with_the_name_and_the_value(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Settings.from_environment({name: value})

    assert str(caught.value) == f"{name} is a number above 0 and at most 0.5, not {value!r}."


def test_each_setting_says_what_it_does() -> None:
    assert all(option.metadata["help"].endswith(".") for option in fields(Settings))
