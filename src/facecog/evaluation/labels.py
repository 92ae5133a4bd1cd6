"""Lists of labelled photographs: folders, CSV files, and the corrections of known label errors."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from facecog.errors import InvalidDataset

PICTURES = {
    *(".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".bmp"),
    *(".tif", ".tiff", ".jp2"),
}
TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}

Corrections = Mapping[str, str]
"""Path of a photograph as the lists name it -> who is in it really."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph and who is in it.

    Attributes:
        name: the path as the list has it.
        corrected: whether the label is another than the list's, which is known to be wrong.
        group: a group of people whose rates are counted by themselves; empty for none.
    """

    path: Path
    name: str
    identity: str
    group: str = ""
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two photographs, and whether they show one person."""

    a: Labelled
    b: Labelled
    same: bool
    group: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """A list of pairs.

    Attributes:
        label_errors: pairs left out, since a label of theirs is known to be wrong.
    """

    pairs: tuple[Pair, ...]
    label_errors: int = 0

    @property
    def photos(self) -> list[Labelled]:
        """Each photograph once."""
        return list({one.path: one for pair in self.pairs for one in (pair.a, pair.b)}.values())


def read_photos(source: Path, corrections: Corrections | None = None) -> list[Labelled]:
    """A folder with a folder for each person, or a CSV file with the columns path and identity.

    Raises:
        InvalidDataset: a column is missing, a photograph is not there, or there is none.
    """
    photos = list(_of_folder(source) if source.is_dir() else _of_list(source))
    if not photos:
        raise InvalidDataset(f"{source} has no folder with pictures in it, one for each person.")
    return [_corrected(one, source, corrections or {}) for one in photos]


def read_pairs(file: Path, corrections: Corrections | None = None) -> Pairs:
    """A CSV file with the columns path_a, path_b and same (1 or 0), group where it has one.

    A pair is left out where its column known_label_error is 1, or where one of its photographs is
    corrected.

    Raises:
        InvalidDataset: a column is missing, a photograph is not there, `same` is neither.
    """
    known = corrections or {}
    rows = list(_rows(file, ("path_a", "path_b", "same")))
    pairs: list[tuple[str, str, bool, str]] = []
    errors = 0
    for line, row in rows:
        a, b, same = _tidy(row["path_a"]), _tidy(row["path_b"]), row["same"].strip().lower()
        if same not in TRUTH:
            raise InvalidDataset(f"{file}, line {line}: same is 1 or 0, not {row['same']!r}.")
        if TRUTH.get((row.get("known_label_error") or "").lower()) or a in known or b in known:
            errors += 1
            continue
        for name in (a, b):
            _must_be_there(file, line, name)
        pairs.append((a, b, TRUTH[same], row.get("group") or ""))
    people = _people(pairs)

    def labelled(name: str) -> Labelled:
        return Labelled(file.parent / name, name, people[name])

    return Pairs(
        tuple(Pair(labelled(a), labelled(b), same, group) for a, b, same, group in pairs), errors
    )


def is_pairs(file: Path) -> bool:
    """Whether a CSV file lists pairs, by its columns. Raises: InvalidDataset."""
    return file.is_file() and "path_a" in _columns(file)


def read_corrections(file: Path) -> dict[str, str]:
    """A CSV file with the columns path, as in the list it corrects, and identity.

    Raises:
        InvalidDataset: a column is missing.
    """
    rows = _rows(file, ("path", "identity"))
    return {_tidy(row["path"]): row["identity"].strip() for _, row in rows}


def _of_folder(folder: Path) -> Iterator[Labelled]:
    for file in sorted(folder.glob("*/**/*")):
        if file.suffix.lower() in PICTURES and file.is_file():
            name = file.relative_to(folder)
            yield Labelled(file, name.as_posix(), name.parts[0])


def _of_list(file: Path) -> Iterator[Labelled]:
    for line, row in _rows(file, ("path", "identity")):
        name, identity = _tidy(row["path"]), row["identity"].strip()
        if not identity:
            raise InvalidDataset(f"{file}, line {line}: the identity is empty.")
        _must_be_there(file, line, name)
        yield Labelled(file.parent / name, name, identity, row.get("group") or "")


def _corrected(photo: Labelled, source: Path, corrections: Corrections) -> Labelled:
    """A correction names the photo as the list does, or a folder's photo from the folder above."""
    for name in (photo.name, f"{source.name}/{photo.name}"):
        if name in corrections:
            return replace(photo, identity=corrections[name], corrected=True)
    return photo


def _must_be_there(file: Path, line: int, name: str) -> None:
    if not (file.parent / name).is_file():
        raise InvalidDataset(f"{file}, line {line}: {file.parent / name} is not there.")


def _columns(file: Path) -> Sequence[str]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return [one.strip() for one in next(csv.reader(opened), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidDataset(f"{file} cannot be read as CSV in UTF-8: {error}.") from None


def _rows(file: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line that it ends on. Raises: InvalidDataset."""
    columns = _columns(file)
    if not set(wanted) <= set(columns):
        named = ", ".join(wanted[:-1])
        raise InvalidDataset(f"{file} needs the columns {named} and {wanted[-1]} in its first row.")
    empty = True
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            next(opened)
            reader = csv.DictReader(opened, columns)
            for row in reader:
                if any(row.get(name) is None for name in wanted):
                    raise InvalidDataset(f"{file}, line {reader.line_num + 1}: a value is missing.")
                empty = False
                yield reader.line_num + 1, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidDataset(f"{file} cannot be read as CSV in UTF-8: {error}.") from None
    if empty:
        raise InvalidDataset(f"{file} has no row below its first.")


def _tidy(path: str) -> str:
    return PurePosixPath(path.strip().replace("\\", "/")).as_posix()


def _people(pairs: Sequence[tuple[str, str, bool, str]]) -> dict[str, str]:
    """Whose each photograph is: of the folder it lies in, where the labels agree with that.

    Otherwise photographs are one person's when pairs that are the same link them. It is asked only
    to know which comparisons go together.
    """
    folders = {name: PurePosixPath(name).parent.as_posix() for a, b, *_ in pairs for name in (a, b)}
    if all((folders[a] == folders[b]) == same for a, b, same, _ in pairs):
        return folders
    linked = {name: name for name in folders}

    def first(name: str) -> str:
        while linked[name] != name:
            linked[name] = linked[linked[name]]
            name = linked[name]
        return name

    for a, b, same, _ in pairs:
        if same:
            linked[first(a)] = first(b)
    return {name: first(name) for name in linked}
