"""Accounts, sessions and API keys: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from facecog import passwords
from facecog.accounts import Accounts, role_named
from facecog.acting import Role
from facecog.errors import (
    AccountNotFound,
    AccountTaken,
    ApiKeyWrong,
    Busy,
    CollectionNotFound,
    InvalidExpiry,
    InvalidName,
    InvalidPassword,
    InvalidRole,
    KeyNotFound,
    LastOwner,
    WrongPassword,
)
from facecog.keys import Keys
from facecog.store import Store, rows
from facecog.store.accounts import IDLE, LONGEST, NOTED
from tests.databases import Database

PASSWORD, OTHER = "correct horse battery", "staple staple staple"
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def opened(database: Database) -> Store:
    return database.store()


@pytest.fixture
def accounts(opened: Store) -> Accounts:
    return Accounts(opened)


@pytest.fixture
def keys(opened: Store) -> Keys:
    return Keys(opened)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[timedelta]]:
    """How much later it is; to be changed by tests."""
    passed, now = [timedelta()], rows.now
    monkeypatch.setattr(rows, "now", lambda: now() + passed[0])
    yield passed


# -- accounts -----------------------------------------------------------------------------------


def test_who_has_an_account_signs_in_and_out(accounts: Accounts) -> None:
    assert not accounts.are_there()
    made = accounts.add("Anna Maria", PASSWORD, Role.OWNER)
    assert accounts.are_there() and made.seen_at is None

    token = accounts.sign_in(" anna maria", PASSWORD)
    signed_in = accounts.signed_in(token)

    assert signed_in and signed_in.name == "Anna Maria"
    assert str(signed_in.actor) == f"account:{made.id}"
    assert accounts.of_id(made.id).seen_at
    accounts.sign_out(token)
    assert accounts.signed_in(token) is None


@pytest.mark.parametrize(
    ("name", "password"),
    [("Anna", OTHER), ("Ben", PASSWORD), ("Anna", PASSWORD + " "), ("", ""), ("\0", "\ud800")],
)
def test_what_does_not_go_together_lets_nobody_in(
    accounts: Accounts, name: str, password: str
) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)

    with pytest.raises(WrongPassword, match="do not go together"):
        accounts.sign_in(name, password)


def test_the_same_password_is_right_however_a_keyboard_composes_it(accounts: Accounts) -> None:
    accounts.add("Anna", "pa\u0308sswo\u0308rter", Role.OWNER)

    assert accounts.sign_in("Anna", "p\u00e4ssw\u00f6rter")


def test_neither_password_nor_token_is_in_the_database(
    accounts: Accounts, database: Database
) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    token = accounts.sign_in("Anna", PASSWORD)

    with database.engine.connect() as connection:
        kept = [
            str(value)
            for table in ("accounts", "sessions")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
            for value in row
        ]
    assert any(value.startswith("$argon2id$") for value in kept)
    assert not any(PASSWORD in value or token in value for value in kept)


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201])
def test_a_password_has_a_length(accounts: Accounts, password: str) -> None:
    with pytest.raises(InvalidPassword):
        accounts.add("Anna", password, Role.OWNER)
    assert accounts.listed() == []


def test_names_are_names_and_are_there_once(accounts: Accounts) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)

    with pytest.raises(AccountTaken):
        accounts.add("ANNA", OTHER, Role.AUDITOR)
    with pytest.raises(InvalidName):
        accounts.add(" ", PASSWORD, Role.OWNER)
    with pytest.raises(InvalidRole):
        role_named("admin")
    with pytest.raises(AccountNotFound):
        accounts.named("Ben")
    with pytest.raises(AccountNotFound):
        accounts.remove(NOWHERE)


def test_there_is_always_an_owner(accounts: Accounts) -> None:
    with pytest.raises(LastOwner):
        accounts.add("Anna", PASSWORD, Role.AUDITOR)  # the first
    assert accounts.listed() == []
    anna = accounts.add("Anna", PASSWORD, Role.OWNER)
    ben = accounts.add("Ben", PASSWORD, Role.ENROLLER)

    with pytest.raises(LastOwner):
        accounts.remove(anna.id)
    with pytest.raises(LastOwner):
        accounts.change_role(anna.id, Role.RECOGNISER)
    accounts.change_role(ben.id, Role.OWNER)
    accounts.remove(anna.id)
    assert [(one.name, one.role) for one in accounts.listed()] == [("Ben", Role.OWNER)]


def test_of_two_owners_who_remove_each_other_one_stays(database: Database) -> None:
    first, second = (Accounts(database.store()) for _ in range(2))
    ids = [first.add(name, PASSWORD, Role.OWNER).id for name in ("Anna", "Ben")]

    def remove(accounts: Accounts, account_id: str) -> bool:
        try:
            accounts.remove(account_id)
            return True
        except LastOwner:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, (first, second), ids)) == [False, True]


def test_the_first_account_is_made_once(accounts: Accounts) -> None:
    def made(name: str) -> bool:
        try:
            accounts.add_first(name, PASSWORD)
            return True
        except AccountTaken:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(made, ("Anna", "Ben", "Carl", "Dora"))) == [False] * 3 + [True]


def test_another_role_counts_at_once(accounts: Accounts) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    ben = accounts.add("Ben", PASSWORD, Role.OWNER)
    token = accounts.sign_in("Ben", PASSWORD)

    accounts.change_role(ben.id, Role.AUDITOR)

    signed_in = accounts.signed_in(token)
    assert signed_in and signed_in.actor.role is Role.AUDITOR


def test_a_role_and_a_password_change_together_or_not_at_all(accounts: Accounts) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    ben = accounts.add("Ben", PASSWORD, Role.RECOGNISER)

    with pytest.raises(InvalidPassword):
        accounts.change(ben.id, Role.OWNER, "short")
    assert accounts.of_id(ben.id).role is Role.RECOGNISER

    accounts.change(ben.id, Role.OWNER, OTHER)
    signed_in = accounts.signed_in(accounts.sign_in("Ben", OTHER))
    assert signed_in and signed_in.actor.role is Role.OWNER


def test_another_password_signs_out_everywhere_else(accounts: Accounts) -> None:
    anna = accounts.add("Anna", PASSWORD, Role.OWNER)
    here, there = accounts.sign_in("Anna", PASSWORD), accounts.sign_in("Anna", PASSWORD)

    with pytest.raises(WrongPassword):
        accounts.change_own_password(anna.id, OTHER, OTHER, here)
    assert accounts.signed_in(there)
    accounts.change_own_password(anna.id, PASSWORD, OTHER, here)
    assert accounts.signed_in(here) and not accounts.signed_in(there)

    accounts.change_password(anna.id, PASSWORD)
    assert not accounts.signed_in(here)


def test_signing_out_everywhere_ends_only_ones_own(accounts: Accounts) -> None:
    for name in ("Anna", "Ben"):
        accounts.add(name, PASSWORD, Role.OWNER)
    annas = [accounts.sign_in("Anna", PASSWORD) for _ in range(2)]
    bens = accounts.sign_in("Ben", PASSWORD)

    accounts.sign_out(annas[0], everywhere=True)

    assert not any(map(accounts.signed_in, annas))
    assert accounts.signed_in(bens)


def test_who_is_removed_is_signed_out(accounts: Accounts, database: Database) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    ben = accounts.add("Ben", PASSWORD, Role.ENROLLER)
    token = accounts.sign_in("Ben", PASSWORD)

    accounts.remove(ben.id)

    assert accounts.signed_in(token) is None
    assert database.rows("sessions") == 0


def test_a_session_ends_when_idle_and_in_the_end_in_any_case(
    accounts: Accounts, database: Database, later: list[timedelta]
) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    used, idle = accounts.sign_in("Anna", PASSWORD), accounts.sign_in("Anna", PASSWORD)
    day = timedelta(days=1)

    later[0] = IDLE - day
    assert accounts.signed_in(used)
    later[0] = IDLE
    assert accounts.signed_in(used) and not accounts.signed_in(idle)
    while later[0] < LONGEST - day:
        later[0] += day
        assert accounts.signed_in(used)
    later[0] = LONGEST
    assert not accounts.signed_in(used)

    accounts.sign_in("Anna", PASSWORD)
    assert database.rows("sessions") == 1  # those that are over are forgotten


# -- passwords ----------------------------------------------------------------------------------


def test_a_password_is_hashed_anew_when_the_parameters_change(
    accounts: Accounts, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.add("Anna", PASSWORD, Role.OWNER)
    stronger = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", stronger)

    token = accounts.sign_in("Anna", PASSWORD)

    with database.engine.connect() as connection:
        kept = connection.execute(text("SELECT password_hash FROM accounts")).scalar_one()
    assert "m=64,t=2,p=1" in kept
    assert accounts.signed_in(token) and accounts.sign_in("Anna", PASSWORD)


@pytest.mark.usefixtures("real_hasher")
def test_a_name_that_is_not_there_takes_as_long(store: Store) -> None:
    accounts = Accounts(store)
    accounts.add("Anna", PASSWORD, Role.OWNER)
    with pytest.raises(WrongPassword):
        accounts.sign_in("Anna", OTHER)  # the first of all

    def taken(name: str) -> float:
        began = time.process_time()
        with pytest.raises(WrongPassword):
            accounts.sign_in(name, OTHER)
        return time.process_time() - began

    known, unknown = (min(taken(name) for _ in range(5)) for name in ("Anna", "Ben"))
    assert 0.5 < known / unknown < 2


@pytest.mark.usefixtures("real_hasher")
def test_the_hash_is_argon2id_with_64_mib() -> None:
    assert passwords.hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_few_are_hashed_at_once_and_the_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, at_once, most = Event(), 0, 0

    class Slow:
        def hash(self, password: bytes) -> str:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            go_on.wait(30)
            at_once -= 1
            return "hash"

    monkeypatch.setattr(passwords, "hasher", Slow())
    monkeypatch.setattr(passwords, "PATIENCE", 0.05)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(passwords.hashed, PASSWORD) for _ in range(8)]
        while sum(one.done() for one in asked) < 8 - passwords.AT_ONCE:
            time.sleep(0.01)
        go_on.set()
        errors = [one.exception() for one in asked]

    assert most == passwords.AT_ONCE
    assert [type(error) for error in errors if error] == [Busy] * (8 - passwords.AT_ONCE)


# -- keys ---------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_lets_in(keys: Keys, database: Database) -> None:
    key, secret = keys.add("door", Role.RECOGNISER)

    assert secret.startswith("fc_") and len(secret) >= 46
    who = keys.actor_of(secret)
    assert (str(who), who.role, who.collection) == (f"key:{key.id}", Role.RECOGNISER, None)
    with database.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM api_keys"))
    assert not any(secret in str(value) for value in row)


@pytest.mark.parametrize("shown", ["fc_", "fc_" + "A" * 43, "", "\ud800", "fc_\0"])
def test_what_is_no_key_lets_nobody_in(keys: Keys, shown: str) -> None:
    keys.add("door", Role.RECOGNISER)

    with pytest.raises(ApiKeyWrong, match="not an API key"):
        keys.actor_of(shown)


def test_a_key_can_be_revoked_and_stays_in_the_list(keys: Keys) -> None:
    key, secret = keys.add("door", Role.RECOGNISER)

    revoked = keys.revoke(key.id)
    again = keys.revoke(key.id)

    assert revoked.revoked_at == again.revoked_at
    assert [one.revoked_at for one in keys.listed()] == [revoked.revoked_at]
    with pytest.raises(ApiKeyWrong, match="revoked"):
        keys.actor_of(secret)
    with pytest.raises(KeyNotFound):
        keys.revoke(NOWHERE)


def test_a_key_expires(keys: Keys, later: list[timedelta]) -> None:
    secrets = {days: keys.add("door", Role.RECOGNISER, days=days)[1] for days in (0, 1, 30)}

    later[0] = timedelta(days=1)
    with pytest.raises(ApiKeyWrong, match="expired"):
        keys.actor_of(secrets[1])
    assert keys.actor_of(secrets[30])
    later[0] = timedelta(days=30_000)
    assert keys.actor_of(secrets[0])
    for days in (-1, 3651):
        with pytest.raises(InvalidExpiry):
            keys.add("door", Role.RECOGNISER, days=days)


def test_its_last_use_is_written_down_once_a_minute(keys: Keys, later: list[timedelta]) -> None:
    _, secret = keys.add("door", Role.RECOGNISER)
    assert keys.listed()[0].used_at is None

    keys.actor_of(secret)
    first = keys.listed()[0].used_at
    later[0] = NOTED - timedelta(seconds=5)
    keys.actor_of(secret)
    assert keys.listed()[0].used_at == first
    later[0] = NOTED
    keys.actor_of(secret)
    used = keys.listed()[0].used_at
    assert first and used and used > first


def test_a_key_is_of_one_collection_and_goes_with_it(keys: Keys, opened: Store) -> None:
    club = opened.collections.add("club").id
    _, secret = keys.add("door", Role.RECOGNISER, club)
    assert keys.actor_of(secret).collection == club

    opened.collections.remove(club)

    with pytest.raises(ApiKeyWrong):
        keys.actor_of(secret)
    with pytest.raises(CollectionNotFound):
        keys.add("door", Role.RECOGNISER, club)
