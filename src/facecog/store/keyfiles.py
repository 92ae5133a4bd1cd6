"""The owner's key: 32 bytes as text, given as it is or in a file that its owner alone may read."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from pathlib import Path

from facecog.errors import InvalidInput, InvalidSetting
from facecog.store.sealing import KEY_BYTES

LONGEST = 1024  # bytes of a file that may be a key
HEX = re.compile("[0-9a-fA-F]{64}")
BASE64URL = re.compile("[A-Za-z0-9_-]{43}=?")


class KeyFileTaken(InvalidInput):
    """There is a file of that name already; a key is never written over."""

    code = "key_file_taken"


def parsed(text: str, name: str) -> bytes:
    """A key out of its text.

    Args:
        name: of the setting that it comes from. The text itself is never repeated.

    Raises:
        InvalidSetting.
    """
    text = text.strip()
    if HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        if BASE64URL.fullmatch(text):
            return base64.urlsafe_b64decode(text.rstrip("=") + "=")
    except binascii.Error:
        pass
    raise InvalidSetting(
        f"{name} is no key: {KEY_BYTES} bytes as base64url or hex. Make one: facecog key new FILE"
    )


def read(file: Path, name: str) -> bytes:
    """The key of a file. Raises: InvalidSetting, also where others may read it."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(LONGEST).decode("ascii", "replace")
    except OSError as error:
        raise InvalidSetting(f"{name}: {file} cannot be read: {error.strerror}.") from None
    if os.name != "nt" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidSetting(f"{name}: others may read {file}. Run: chmod 600 {file}")
    return parsed(text, name)


def write_new(file: Path) -> None:
    """A new random key in a file of its own. Raises: KeyFileTaken, InvalidInput."""
    text = base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip("=")
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(text + "\n")
            out.flush()
            os.fsync(out.fileno())
    except FileExistsError:
        raise KeyFileTaken(f"{file} is there already, and a key is never written over.") from None
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error.strerror}.") from None
