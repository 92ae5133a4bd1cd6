"""Who was not let in is in the audit: by id, never by what was typed, and never so often as to
flood it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from facecog.acting import Role
from facecog.config import Settings
from facecog.service import Facecog
from facecog.store import Store, trail
from facecog.store.audit import Keeping
from facecog.web.access import Access
from facecog.web.app import create_app
from tests.test_access import Clock
from tests.test_sign_in import CODE, ELSEWHERE, OTHER, PASSWORD, sign_in, welcome
from tests.test_trail import Broken


@pytest.fixture
def anna(facecog: Facecog) -> str:
    return facecog.accounts.add("Anna", PASSWORD, Role.OWNER).id


def door_of(facecog: Facecog, settings: Settings, access: Access | None = None) -> FlaskClient:
    app = create_app(facecog, settings, access or Access(clock=Clock()))
    app.testing = False
    return app.test_client()


@pytest.fixture
def door(facecog: Facecog, settings: Settings, anna: str) -> FlaskClient:
    return door_of(facecog, settings)


def refused(facecog: Facecog) -> list[dict[str, Any]]:
    facecog.audit.settle()
    lines = facecog._store.audit.lines()
    return [line.details for line in lines if line.action == "access.refused"]


def test_a_wrong_password_is_told_with_the_account(
    door: FlaskClient, facecog: Facecog, anna: str
) -> None:
    answer = sign_in(door, password=OTHER)

    assert refused(facecog) == [{"how": "password", "account": anna}]
    (line,) = [one for one in facecog._store.audit.lines() if one.action == "access.refused"]
    assert (line.actor, line.request_id) == ("nobody", answer.headers["X-Request-ID"])
    assert facecog.audit.check().fault is None


def test_nothing_that_was_typed_is_in_it(door: FlaskClient, facecog: Facecog) -> None:
    sign_in(door, name="Marked Eve", password="marked secret")
    door.get("/api/subjects", headers={"x-api-key": "fc_marked"})

    assert refused(facecog) == [{"how": "password"}, {"how": "key"}]
    assert "arked" not in str(list(facecog._store.audit.lines()))


def test_whoever_is_signed_in_and_does_not_know_the_password_is_named(
    door: FlaskClient, facecog: Facecog, anna: str
) -> None:
    sign_in(door)
    door.put("/api/session/password", json={"now": OTHER, "password": OTHER})

    assert refused(facecog) == [{"how": "password", "account": anna}]
    lines = [one.actor for one in facecog._store.audit.lines() if one.action == "access.refused"]
    assert lines == [f"account:{anna}"]


def test_a_key_that_was_revoked_is_told_by_its_id(door: FlaskClient, facecog: Facecog) -> None:
    key, secret = facecog.keys.add("door", Role.RECOGNISER)
    facecog.keys.revoke(key.id)

    answer = door.get("/api/subjects", headers={"x-api-key": secret})

    assert answer.status_code == 401
    assert refused(facecog) == [{"how": "key", "key": key.id}]


def test_wrong_codes_are_told(facecog: Facecog, settings: Settings) -> None:
    welcome(door_of(facecog, settings, Access(local=False, welcome=CODE)), "AAAA-AAAA")
    lan = door_of(facecog, settings, Access(CODE))
    lan.post("/access", data={"code": "AAAA-AAAA"})
    lan.get("/api/subjects", headers={"Authorization": "Bearer AAAA-AAAA"})

    assert refused(facecog) == [{"how": "welcome"}, {"how": "code"}, {"how": "code"}]


def test_guesses_that_are_not_looked_at_leave_no_line(door: FlaskClient, facecog: Facecog) -> None:
    passwords = [sign_in(door, password=OTHER).status_code for _ in range(50)]
    keys = [
        door.get("/api/session", headers={"x-api-key": "fc_x"}, environ_base=ELSEWHERE).status_code
        for _ in range(50)
    ]

    assert (passwords.count(403), keys.count(401)) == (5, 5)
    assert [line["how"] for line in refused(facecog)] == ["password"] * 5 + ["key"] * 5


def test_who_is_let_in_leaves_none(door: FlaskClient, facecog: Facecog) -> None:
    sign_in(door)

    assert refused(facecog) == []


@pytest.mark.parametrize(("level", "lines"), [("changes", 1), ("off", 0)])
def test_it_is_recorded_like_signing_in(
    facecog: Facecog, door: FlaskClient, level: str, lines: int
) -> None:
    Keeping(level).of(facecog._store._engine)  # type: ignore[arg-type]
    facecog._store.trail._keeping = Keeping(level)  # type: ignore[arg-type]
    sign_in(door, password=OTHER)

    assert len(refused(facecog)) == lines


# -- the audit cannot be written ----------------------------------------------------------------


def test_where_it_cannot_be_written_the_answer_is_the_same_and_at_once(
    door: FlaskClient, facecog: Facecog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "AGAIN", 0.02)
    monkeypatch.setattr(trail, "PATIENCE", 600.0)  # a test that waited for it would not end
    with monkeypatch.context() as broken:
        Broken(broken)
        assert sign_in(door, password=OTHER).status_code == 403
        facecog._store.trail.flush(0.5)
        assert sign_in(door, password=OTHER).status_code == 403
        assert sign_in(door).status_code == 303  # and whoever knows the password is let in

    assert len(refused(facecog)) == 2  # written once there is room


def test_what_waits_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trail, "ROOM", 3)
    monkeypatch.setattr(trail, "GATHERING", 60.0)
    for _ in range(5):
        store.trail.add_refusal("access.refused", how="key")
    store.trail.flush()

    assert [line.action for line in store.audit.lines()] == ["access.refused"] * 3
    assert caplog.text.count("a line of the audit is lost: access.refused") == 2
