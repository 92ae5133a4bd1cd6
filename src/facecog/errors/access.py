"""Refusals of whoever is not let in, and of accounts, keys and codes."""

from __future__ import annotations

from facecog.errors.tree import Conflict, FacecogError, InvalidInput, NotFound


class InvalidPassword(InvalidInput):
    """A password that is too short or too long."""

    code = "invalid_password"


class InvalidRole(InvalidInput):
    """A role that facecog does not have."""

    code = "invalid_role"


class InvalidExpiry(InvalidInput):
    """An API key cannot be good for so long."""

    code = "invalid_expiry"


class AccountNotFound(NotFound):
    """There is no account of this id or name."""

    code = "account_not_found"


class KeyNotFound(NotFound):
    """There is no API key of this id."""

    code = "api_key_not_found"


class AccountTaken(Conflict):
    """Another account has this name."""

    code = "account_taken"


class LastOwner(Conflict):
    """Nobody would be left who may do everything."""

    code = "last_owner"


class AccessCodeNeeded(FacecogError):
    """The server asks everybody for an access code, and the request has none."""

    code = "access_code_needed"


class AccessCodeWrong(AccessCodeNeeded):
    """The access code that was sent is not the server's."""

    code = "access_code_wrong"


class AccessNeeded(FacecogError):
    """The server asks who is there, and the request does not say."""

    code = "access_needed"


class ApiKeyWrong(AccessNeeded):
    """The API key that was sent is not one of this server, has expired or was revoked.

    Attributes:
        key: id of the one that was good before, for the audit; None of one that never was.
    """

    code = "api_key_wrong"

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class WrongPassword(FacecogError):
    """Name and password do not go together.

    Attributes:
        account: id of that of the name, for the audit alone; None where there is none.
    """

    code = "wrong_password"

    def __init__(self, message: str, account: str | None = None) -> None:
        super().__init__(message)
        self.account = account


class AccessNotSetUp(FacecogError):
    """There is no account yet, so that only this machine itself is let in."""

    code = "access_not_set_up"


class TooManyAttempts(FacecogError):
    """So many codes, passwords or keys were wrong that none is looked at for some `seconds`."""

    code = "too_many_attempts"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class NotAllowed(FacecogError):
    """Whoever asked may not do this."""

    code = "not_allowed"
