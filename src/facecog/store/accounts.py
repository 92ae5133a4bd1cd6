"""Accounts and their sessions: the queries. What may be done is decided in facecog/accounts.py."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from facecog.acting import Role
from facecog.domain import Account
from facecog.errors import AccountNotFound, AccountTaken, DatabaseUnavailable, LastOwner
from facecog.names import name_key
from facecog.store import rows
from facecog.store.audit import note
from facecog.store.tables import accounts, sessions
from facecog.store.transactions import begin, fetched, hold, moment

IDLE = timedelta(days=30)
LONGEST = timedelta(days=90)
NOTED = timedelta(minutes=1)  # what was used is written down no more often

SESSION = """SELECT a.id, a.name, a.role, s.seen_at, s.until FROM sessions s
    JOIN accounts a ON a.id = s.account_id WHERE s.token_hash IN"""


class AccountRows:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def are_there(self) -> bool:
        return bool(fetched(self._engine, "SELECT 1 FROM accounts LIMIT 1"))

    def listed(self) -> list[Account]:
        with begin(self._engine) as connection:
            found = connection.execute(select(accounts).order_by(accounts.c.name_key)).all()
        return [_account(row) for row in found]

    def of_id(self, account_id: str) -> Account:
        """Raises: AccountNotFound."""
        with begin(self._engine) as connection:
            return _account(_row(connection, account_id))

    def named(self, name: str) -> tuple[Account, str] | None:
        """The account of a name, and the hash of its password."""
        query = select(accounts).where(accounts.c.name_key == name_key(name).replace("\0", ""))
        with begin(self._engine) as connection:
            found = connection.execute(query).first()
        return (_account(found), found.password_hash) if found else None

    def hash_of(self, account_id: str) -> str:
        """Raises: AccountNotFound."""
        with begin(self._engine) as connection:
            return str(_row(connection, account_id).password_hash)

    def add(self, name: str, password_hash: str, role: Role, only_first: bool = False) -> Account:
        """
        Args:
            only_first: there must be no account yet.

        Raises:
            AccountTaken; LastOwner: the first account has to be an owner's.
        """
        account = Account(str(uuid4()), name, role, rows.now(), None)
        with hold(self._engine) as connection:
            if _named(connection, name) or (only_first and _count(connection)):
                raise AccountTaken("There is an account of that name already.")
            with _an_owner_stays(connection):
                connection.execute(
                    insert(accounts).values(
                        id=account.id,
                        name=name,
                        name_key=name_key(name),
                        password_hash=password_hash,
                        role=role.value,
                        created_at=account.created_at,
                    )
                )
            note(connection, "account.add", account=account.id, role=role.value)
        return account

    def set_role(self, account_id: str, role: Role) -> Account:
        """Raises: AccountNotFound, LastOwner."""
        with hold(self._engine) as connection:
            _row(connection, account_id)
            with _an_owner_stays(connection):
                _set(connection, account_id, role=role.value)
            note(connection, "account.role", account=account_id, role=role.value)
            return _account(_row(connection, account_id))

    def set_hash(self, account_id: str, password_hash: str, but: str | None = None) -> None:
        """Another password; whoever is signed in with the old one is no more.

        Args:
            but: hash of the token of the session that stays.

        Raises:
            AccountNotFound.
        """
        with begin(self._engine, writes=True) as connection:
            _row(connection, account_id)
            _set(connection, account_id, password_hash=password_hash)
            others = sessions.c.account_id == account_id, sessions.c.token_hash != (but or "")
            connection.execute(delete(sessions).where(*others))
            note(connection, "account.password", account=account_id)

    def renew_hash(self, account_id: str, password_hash: str) -> None:
        """The same password, hashed as is done today."""
        with begin(self._engine, writes=True) as connection:
            _set(connection, account_id, password_hash=password_hash)

    def remove(self, account_id: str) -> None:
        """Raises: AccountNotFound, LastOwner."""
        with hold(self._engine) as connection:
            _row(connection, account_id)
            with _an_owner_stays(connection):
                connection.execute(delete(accounts).where(accounts.c.id == account_id))
            note(connection, "account.remove", account=account_id)

    # -- sessions -----------------------------------------------------------------------------

    def begin_session(self, account_id: str, token_hash: str) -> None:
        now = rows.now()
        with begin(self._engine, writes=True) as connection:
            over = or_(sessions.c.until <= now, sessions.c.seen_at <= now - IDLE)
            connection.execute(delete(sessions).where(over))
            connection.execute(
                insert(sessions).values(
                    token_hash=token_hash,
                    account_id=account_id,
                    created_at=now,
                    seen_at=now,
                    until=now + LONGEST,
                )
            )
            _set(connection, account_id, seen_at=now)
            note(connection, "session.begin", account=account_id)

    def session(self, token_hash: str) -> tuple[str, str, Role] | None:
        """Id, name and role of whose session it is, unless it is over."""
        for account_id, name, role, seen_at, until in fetched(self._engine, SESSION, [token_hash]):
            now, seen = rows.now(), moment(seen_at)
            if now >= moment(until) or now >= seen + IDLE:
                return None
            if now >= seen + NOTED:
                self._note(token_hash, now)
            return account_id, name, Role(role)
        return None

    def end_session(self, token_hash: str) -> None:
        with begin(self._engine, writes=True) as connection:
            ended = delete(sessions).where(sessions.c.token_hash == token_hash)
            for account_id in connection.execute(ended.returning(sessions.c.account_id)).scalars():
                note(connection, "session.end", account=account_id)

    def end_sessions(self, account_id: str) -> None:
        with begin(self._engine, writes=True) as connection:
            connection.execute(delete(sessions).where(sessions.c.account_id == account_id))
            note(connection, "session.end", account=account_id)

    def _note(self, token_hash: str, now: datetime) -> None:
        here = sessions.c.token_hash == token_hash, sessions.c.seen_at <= now - NOTED
        # On a disk that is full or read-only people are let in all the same.
        with suppress(DatabaseUnavailable), begin(self._engine, writes=True) as connection:
            connection.execute(update(sessions).where(*here).values(seen_at=now))


@contextmanager
def _an_owner_stays(connection: Connection) -> Iterator[None]:
    """Nobody else writes meanwhile: the transaction holds the database."""
    yield
    owner = accounts.c.role == Role.OWNER.value
    if not connection.execute(select(accounts.c.id).where(owner).limit(1)).first():
        raise LastOwner("There must be an owner: somebody has to be able to give access.")


def _named(connection: Connection, name: str) -> Any:
    return connection.execute(select(accounts).where(accounts.c.name_key == name_key(name))).first()


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(accounts)).scalar_one()


def _row(connection: Connection, account_id: str) -> Any:
    found = connection.execute(select(accounts).where(accounts.c.id == account_id)).first()
    if found is None:
        raise AccountNotFound("There is no account of this id.")
    return found


def _set(connection: Connection, account_id: str, **values: Any) -> None:
    connection.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


def _account(row: Any) -> Account:
    return Account(row.id, row.name, Role(row.role), row.created_at, row.seen_at)
