"""Refusals of a setup that cannot be used, and where a part does not work or has too much to do."""

from __future__ import annotations

from facecog.errors.tree import InvalidInput, NotFound, Unavailable


class InvalidSetting(InvalidInput):
    """A FACECOG_ variable with a value that cannot be used."""

    code = "invalid_setting"


class InvalidCertificate(InvalidInput):
    """A certificate for https that cannot be used."""

    code = "invalid_certificate"


class InvalidCard(InvalidInput):
    """A model card that cannot be read."""

    code = "invalid_card"


class InvalidDataset(InvalidInput):
    """A list of labelled photographs that cannot be read."""

    code = "invalid_dataset"


class InvalidPromise(InvalidInput):
    """An error rate that cannot be promised."""

    code = "invalid_promise"


class CalibrationNotFound(NotFound):
    """There is no calibration of the owner's own."""

    code = "calibration_not_found"


class Busy(Unavailable):
    """So many photos are waiting that no more are taken for some `seconds`."""

    code = "busy"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class ModelUnavailable(Unavailable):
    """A model file could not be had."""

    code = "model_unavailable"


class ExtraMissing(Unavailable):
    """An optional package is asked for and not installed."""

    code = "extra_missing"


class CollectionGone(Unavailable):
    """The collection that is asked about was removed while this facecog runs."""

    code = "collection_gone"


class NotReady(Unavailable):
    """A part of facecog does not work at the moment; `parts` says which, and what is wrong."""

    code = "not_ready"

    def __init__(self, message: str, parts: dict[str, str]) -> None:
        super().__init__(message)
        self.parts = parts
