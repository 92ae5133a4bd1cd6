"""Refusals for want of consent, and of a time for which people are kept."""

from __future__ import annotations

from facecog.errors.tree import InvalidInput, NotFound


class InvalidRetention(InvalidInput):
    """A time for which people cannot be kept."""

    code = "invalid_retention"


class InvalidConsent(InvalidInput):
    """What is said of a consent is empty, or too long to be kept."""

    code = "invalid_consent"


class ConsentNeeded(InvalidInput):
    """The person must agree first, to the text in force, and nobody says that they did."""

    code = "consent_needed"

    def __init__(self, message: str, text_version: str, purpose: str) -> None:
        super().__init__(message)
        self.text_version = text_version
        self.purpose = purpose


class ConsentNotFound(NotFound):
    """Of this subject there is no consent in force."""

    code = "consent_not_found"
