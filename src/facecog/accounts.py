"""Accounts: who signs in with a name and a password, and what is signed in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256

from facecog.acting import Actor, Role
from facecog.domain import Account
from facecog.errors import AccountNotFound, InvalidRole, WrongPassword
from facecog.names import clean_name
from facecog.passwords import hashed, is_outdated, is_right
from facecog.store import Store

NOT_TOGETHER = "Name and password do not go together."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is."""

    actor: Actor
    name: str


class Accounts:
    """Passwords are kept as argon2id hashes, sessions as hashes of random tokens."""

    def __init__(self, store: Store) -> None:
        self._rows = store.accounts
        self._set_up = False

    def are_there(self) -> bool:
        """Whether anybody has an account. The last owner's stays, so once true it stays true."""
        self._set_up = self._set_up or self._rows.are_there()
        return self._set_up

    @property
    def known(self) -> bool:
        """Whether anybody is known to have an account, without asking the database."""
        return self._set_up

    def listed(self) -> list[Account]:
        return self._rows.listed()

    def of_id(self, account_id: str) -> Account:
        """Raises: AccountNotFound."""
        return self._rows.of_id(account_id)

    def named(self, name: str) -> Account:
        """Raises: AccountNotFound."""
        found = self._rows.named(name)
        if not found:
            raise AccountNotFound("There is no account of that name.")
        return found[0]

    def add(self, name: str, password: str, role: Role) -> Account:
        """
        Raises:
            InvalidName, InvalidPassword, AccountTaken, Busy; LastOwner: the first one must be an
            owner's.
        """
        return self._rows.add(clean_name(name), hashed(password), role)

    def add_first(self, name: str, password: str) -> Account:
        """The owner's. Raises: InvalidName, InvalidPassword, Busy; AccountTaken: it is there."""
        return self._rows.add(clean_name(name), hashed(password), Role.OWNER, only_first=True)

    def change(self, account_id: str, role: Role | None, password: str | None) -> None:
        """Role, password or both. Raises: AccountNotFound, LastOwner, InvalidPassword, Busy."""
        kept = None if password is None else hashed(password)  # first: refused, it changes nothing
        if role is not None:
            self._rows.set_role(account_id, role)
        if kept is not None:
            self._rows.set_hash(account_id, kept, None)

    def change_role(self, account_id: str, role: Role) -> Account:
        """Raises: AccountNotFound, LastOwner."""
        return self._rows.set_role(account_id, role)

    def change_password(self, account_id: str, password: str, token: str | None = None) -> None:
        """Whoever is signed in with the old password is signed out.

        Args:
            token: of the session that stays.

        Raises:
            AccountNotFound, InvalidPassword, Busy.
        """
        self._rows.set_hash(account_id, hashed(password), token and _hash_of(token))

    def change_own_password(self, account_id: str, now: str, password: str, token: str) -> None:
        """Raises: WrongPassword: that of now is another; InvalidPassword, Busy."""
        if not is_right(now, self._rows.hash_of(account_id)):
            raise WrongPassword("The password of now is another one.", account_id)
        self.change_password(account_id, password, token)

    def remove(self, account_id: str) -> None:
        """Raises: AccountNotFound, LastOwner."""
        self._rows.remove(account_id)

    # -- sessions -----------------------------------------------------------------------------

    def sign_in(self, name: str, password: str) -> str:
        """The token of a new session. Raises: WrongPassword, Busy."""
        found = self._rows.named(name)
        if not is_right(password, found and found[1]) or not found:
            raise WrongPassword(NOT_TOGETHER, found[0].id if found else None)
        account, kept = found
        if is_outdated(kept):
            self._rows.renew_hash(account.id, hashed(password))
        token = secrets.token_urlsafe(32)
        self._rows.begin_session(account.id, _hash_of(token))
        return token

    def signed_in(self, token: str) -> SignedIn | None:
        """Whose session it is; None when there is none, or it is over."""
        found = self._rows.session(_hash_of(token))
        if not found:
            return None
        account_id, name, role = found
        return SignedIn(Actor("account", role, account_id), name)

    def sign_out(self, token: str, everywhere: bool = False) -> None:
        """End a session, or all of its account."""
        found = self._rows.session(_hash_of(token)) if everywhere else None
        if found:
            self._rows.end_sessions(found[0])
        else:
            self._rows.end_session(_hash_of(token))


def role_named(name: str) -> Role:
    """Raises: InvalidRole."""
    for role in Role:
        if role.value == name:
            return role
    raise InvalidRole(f"A role is one of {', '.join(role.value for role in Role)}.")


def _hash_of(token: str) -> str:
    return sha256(token.encode("utf-8", "replace")).hexdigest()
