"""What does not fit together is found, and mended where that can be."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sqlalchemy import insert, update

from facecog.cli import main
from facecog.errors import NotAPicture
from facecog.index.memory import MemoryIndex
from facecog.store import Store, tables
from facecog.store.checking import KINDS
from facecog.store.tables import samples, subjects, templates
from tests.backups import AT
from tests.databases import MODEL, Database, add, template
from tests.pictures import saved

NOBODY = "00000000-0000-4000-8000-000000000000"


def readable(crop: bytes) -> None:
    """What the tests put for a picture."""
    if not crop.isascii():
        raise NotAPicture("no picture")


@pytest.fixture
def store(database: Database) -> Store:
    opened = database.store()
    for name in ("Anna", "Ben"):
        for photo in range(2):
            add(opened, name, f"{name} {photo}")
    return opened


def found(store: Store, model: str | None = MODEL) -> dict[str, list[str]]:
    return {one.code: list(one.ids) for one in store.check(model, readable)}


def mended(store: Store) -> dict[str, list[str]]:
    """What is left."""
    store.mend(store.check(MODEL, readable))
    return found(store)


def cover(store: Store, name: str) -> str:
    return str(store.subject_named(name).cover)


def write(store: Store, statement: Any) -> None:
    with store._engine.begin() as connection:
        connection.execute(statement)


def test_nothing_is_found_where_all_is_well(store: Store) -> None:
    store.journal.remove(cover(store, "Anna"))
    store.journal.merge(store.subject_named("Anna").id, store.subject_named("Ben").id)
    add(store.within(store.collections.add("visitors").id), "Anna", "elsewhere")

    assert found(store) == {}


def test_a_sample_without_its_crop_is_found_and_removed(store: Store) -> None:
    gone = cover(store, "Anna")
    index = MemoryIndex.of(store, MODEL)
    index.size()
    store._crops.drop([gone])

    assert found(store) == {"crop_missing": [gone]}
    assert mended(store) == {}
    assert store.subject_named("Anna").samples == 1
    assert index.size().samples == 3


def test_a_crop_that_is_none_is_found_and_removed(store: Store) -> None:
    damaged = cover(store, "Ben")
    with store._engine.begin() as connection:
        store._crops.replace(connection, damaged, b"\xff\xd8 no longer what it was")

    assert found(store) == {"crop_damaged": [damaged]}
    assert mended(store) == {}
    assert store.subject_named("Ben").samples == 1


def test_a_crop_missing_of_what_a_change_keeps_is_found_and_the_rest_can_be_undone(
    store: Store,
) -> None:
    gone = cover(store, "Anna")
    change = store.journal.delete(store.subject_named("Anna").id)
    assert change
    store._crops.drop([gone])

    assert found(store) == {"crop_missing": [gone]}
    assert mended(store) == {}
    store.journal.undo(change.id)
    assert store.subject_named("Anna").samples == 1


def test_crops_of_nobody_are_removed_when_a_check_begins(database: Database) -> None:
    first = database.store()
    with first._engine.begin() as connection:
        first._crops.put(connection, NOBODY, b"of nobody")
    first.close()

    (finding,) = database.store().check(MODEL, readable)

    assert (finding.code, finding.count, finding.ids) == ("crop_orphaned", 1, ())
    assert database.crop_ids() == set()


@pytest.mark.parametrize(
    "vector",
    [np.ones(8), np.full(8, np.nan), np.zeros(8), np.ones(4) / 2],
    ids=["too long", "not finite", "nothing", "of fewer numbers"],
)
def test_a_template_that_is_none_is_found_and_removed(store: Store, vector: Any) -> None:
    damaged = cover(store, "Anna")
    of = ("templates", "vector", damaged, store.subject_named("Anna").id, MODEL)
    stored = store._sealer.seal(vector.astype("<f4").tobytes(), *of)
    write(store, update(templates).where(templates.c.sample_id == damaged).values(vector=stored))

    assert found(store) == {"template_damaged": [f"{damaged}/{MODEL}"]}
    assert mended(store) == {"template_missing": [damaged]}
    assert MemoryIndex.of(store, MODEL).size().samples == 3


def test_what_was_altered_is_found_where_it_is_sealed(store: Store) -> None:
    anna = cover(store, "Anna")
    person = store.subject_named("Ben").id
    write(store, update(templates).where(templates.c.sample_id == anna).values(vector=bytes(40)))
    write(store, update(samples).where(samples.c.id == anna).values(origin="\x01YWx0ZXJlZA=="))
    write(store, update(subjects).where(subjects.c.id == person).values(name="\x01YWx0ZXJlZA=="))

    everything = found(store)

    assert everything["template_damaged"] == [f"{anna}/{MODEL}"]
    assert everything["sample_damaged"] == [anna]
    assert everything["name_damaged"] == [person]
    assert set(mended(store)) == {"name_damaged"}


def test_a_template_removed_from_one_model_stays_in_the_index_of_another(store: Store) -> None:
    anna = cover(store, "Anna")
    add(store, "Anna", "Anna 0", model="other")
    index = MemoryIndex.of(store, "other")
    assert index.size().samples == 1
    this = (templates.c.sample_id == anna) & (templates.c.model == MODEL)
    write(store, update(templates).where(this).values(vector=bytes(32)))

    assert "template_damaged" not in mended(store)
    assert index.size().samples == 1
    assert index.search([template("Anna 0", "other")], 1).candidates[0][0].score > 0.99


def test_samples_without_a_template_of_the_model_in_use_are_only_said(store: Store) -> None:
    (finding,) = store.check("another", readable)

    assert (finding.code, finding.count, finding.kind.fault) == ("template_missing", 4, False)


def test_a_person_without_samples_is_only_said(store: Store) -> None:
    for sample in store.samples(store.subject_named("Anna").id, 10).items:
        store.journal.remove(sample.id)

    (finding,) = store.check(MODEL, readable)

    assert (finding.code, finding.kind.fault) == ("subject_empty", False)


def test_a_wrong_key_of_a_name_is_found_and_made_anew(store: Store) -> None:
    anna = store.subject_named("Anna").id
    write(store, update(subjects).where(subjects.c.id == anna).values(name_key="somebody"))

    assert found(store) == {"name_key_wrong": [anna]}
    assert mended(store) == {}
    assert store.subject_named("Anna").id == anna


def test_two_of_one_name_stay_found(store: Store) -> None:
    anna = store.subject_named("Anna").id
    write(store, update(subjects).where(subjects.c.id == anna).values(name_key="somebody"))
    add(store, "Anna", "another")

    assert mended(store) == {"name_key_wrong": [anna]}


def test_what_was_erased_and_is_there_again_is_removed(store: Store) -> None:
    anna, kept = store.subject_named("Anna"), cover(store, "Ben")
    store.journal.remove(kept)
    for one in (anna.id, kept):
        write(store, insert(tables.tombstones).values(id=one, at=AT))

    assert found(store) == {"tombstone_alive": sorted([anna.id, kept])}
    assert mended(store) == {}
    assert store.find_named("Anna") is None
    assert not store.journal.changes(10).items
    assert store.counts() == (1, 1)


def test_a_revision_that_is_behind_is_moved(store: Store) -> None:
    write(store, update(tables.revision).values(value=1))

    assert set(found(store)) == {"revision_behind"}
    assert mended(store) == {}


def test_a_file_of_somebody_elses_is_said_and_left(database: Database) -> None:
    if database.dataset:
        store = database.store()
        strange = database.dataset / "holiday.jpg"
        strange.write_bytes(b"a beach")

        assert mended(store) == {"file_strange": ["holiday.jpg"]}
        assert strange.exists()


def test_a_reference_to_nothing_is_found(database: Database) -> None:
    """As another program may leave it; PostgreSQL allows none."""
    store = database.store()
    add(store, "Anna")
    if database.dataset:
        with closing(sqlite3.connect(database.dataset.with_name("faces.db"))) as connection:
            connection.execute("UPDATE samples SET subject_id = ?", [NOBODY])
            connection.commit()

        assert {"database_damaged", "sample_damaged"} <= set(found(store))
        assert set(mended(store)) == {"subject_empty"}


# -- the command ------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACECOG_HOME", str(tmp_path / "home"))
    store = Store.on_sqlite(tmp_path / "home")
    picture = saved(Image.new("RGB", (64, 64)), "JPEG")
    for name in ("Anna", "Ben"):
        store.add_sample(name, template(name, "sface"), picture, name, "test", {})
    store.close()
    return tmp_path / "home"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["check", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout


def test_the_command_says_that_all_is_well(home: Path) -> None:
    assert run() == (0, "all is well\n")


def test_the_command_says_what_is_wrong_mends_it_and_is_content_then(home: Path) -> None:
    crop = min((home / "dataset").iterdir())
    crop.write_bytes(b"no picture")

    status, said = run()
    assert status == 1
    assert said.splitlines()[:3] == [
        "crop_damaged: pictures cannot be opened (1)",
        f"  {crop.stem}",
        "  --mend: remove the sample; register its photo again",
    ]

    status, said = run("--mend")
    assert (status, said.splitlines()[-1]) == (0, "mended")
    assert "  done: remove the sample" in said
    assert not crop.exists()

    status, said = run("--json")
    (person,) = map(json.loads, said.splitlines())
    assert (status, person["code"], person["fault"]) == (0, "subject_empty", False)


def test_every_kind_says_what_it_is() -> None:
    assert all(kind.said for kind in KINDS.values())
