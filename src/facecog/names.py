"""What a name may be, and when two are the same."""

from __future__ import annotations

import unicodedata

from facecog.errors import InvalidName

MAX_LENGTH = 200  # characters
# Of the form that is compared: a few characters stand for whole phrases and grow twentyfold, more
# than a database's index takes.
MAX_KEY = 600

# Format characters that names are written with: joiners of Persian, Hindi and emoji.
JOINERS = "\u200c\u200d"
# Letters and a symbol of which nothing is seen: fillers of Hangul, the empty pattern of Braille.
BLANKS = "\u115f\u1160\u3164\uffa0\u2800"


def clean_name(name: str) -> str:
    """A name as it is kept: composed (NFC), white space trimmed and single.

    Raises:
        InvalidName: empty, longer than MAX_LENGTH, or with control characters, among them those
            that turn the direction of the text around them.
    """
    if any(_is_control(character) for character in name.strip()):
        raise InvalidName("A name cannot hold control characters.")
    cleaned = unicodedata.normalize("NFC", " ".join(name.split()))
    if not any(map(_is_seen, cleaned)):
        raise InvalidName("The name is empty: say who this is.")
    if len(cleaned) > MAX_LENGTH or len(name_key(cleaned)) > MAX_KEY:
        raise InvalidName(f"The name has more than {MAX_LENGTH} characters.")
    return cleaned


def name_key(name: str) -> str:
    """The form by which names are compared, searched and sorted: "ANNA" and "Anna" are one."""
    # A terminal may hand over half characters; no database takes them, and no name has them.
    whole = name.encode("utf-8", "replace").decode()
    # Once more after the case: a compatibility form may hide capitals and spaces.
    folded = unicodedata.normalize("NFKC", whole).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _is_seen(character: str) -> bool:
    # Letters, numbers, signs of punctuation and symbols; marks alone stand on nothing.
    return unicodedata.category(character)[0] in "LNPS" and character not in BLANKS


def _is_control(character: str) -> bool:
    # Cc control, Cf format, Cs lone surrogate, Co private, Cn unassigned, Zl and Zp line breaks.
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") and character not in JOINERS
