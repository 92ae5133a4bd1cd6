"""What part of photographs passes the quality gate, and by which reason the rest is refused?

Ordinary photographs of people should pass; deliberately spoilt ones should not. Of a photograph
with several faces the one nearest to its middle counts. Prints Markdown tables: the ordinary
folders, the odd files by what is expected of them, and each odd file that was refused. The odd
files come with a table of what is expected, `odd_made/expected.csv`.

    python benchmarks/quality_gate.py              the photographs in ../shared/faces, a minute
    python benchmarks/quality_gate.py FOLDER       another folder with the same folders in it
    python benchmarks/quality_gate.py --every 1    all photographs of LFW, not each fifth

Reads FACECOG_HOME or FACECOG_MODELS to find the detector, and fetches it where it is missing.
"""

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facecog.bootstrap import chosen_card
from facecog.config import Settings
from facecog.domain import Face, Picture
from facecog.engines import FaceEngine
from facecog.engines.cards import YUNET
from facecog.engines.fetch import ensure
from facecog.engines.onnx import OnnxEngine
from facecog.errors import InvalidInput
from facecog.image import decode
from facecog.quality import CHECKS

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "faces"
# Folder -> where its photographs lie; those of LFW are thinned out by --every.
ORDINARY = {
    "lfw_dev": "images/*/*.jpg",
    "bbt_cast": "faces/*/*",
    "face_recognition": "images/*/*",
    "human_expressions": "images/*.jpg",
}
REASONS = tuple(check.reason.code for check in CHECKS)
PASSED, NO_FACE, UNREADABLE = "passed", "no face", "unreadable"


@dataclass(frozen=True)
class Verdict:
    """What the gate said of one photograph."""

    file: Path
    # PASSED, NO_FACE, UNREADABLE, or the codes of the reasons, worst first.
    outcomes: tuple[str, ...]


def main() -> None:
    """Judge every photograph and print the tables."""
    options = parsed_options()
    engine = opened_engine()
    print(table_head("photographs"))
    for name, pattern in ORDINARY.items():
        files = sorted((options.folder / name).glob(pattern))
        step = options.every if name == "lfw_dev" else 1
        print(row(name, list(judged(engine, files[::step]))), flush=True)
    odd = dict(expected_files(options.folder / "odd_made"))
    verdicts = list(judged(engine, odd))
    print("\n" + table_head("odd files expected to be"))
    for expected in sorted(set(odd.values())):
        print(row(expected, [one for one in verdicts if odd[one.file] == expected]))
    print("\n| odd file | expected | refused as |\n|---|---|---|")
    for one in verdicts:
        if set(one.outcomes) & set(REASONS):
            print(f"| {one.file.name} | {odd[one.file]} | {', '.join(one.outcomes)} |")


def parsed_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=PHOTOGRAPHS)
    parser.add_argument("--every", type=int, default=5, metavar="N", help="each Nth of LFW")
    options = parser.parse_args()
    if not (options.folder / "odd_made").is_dir():
        parser.error(f"there is no odd_made in {options.folder}")
    return options


def opened_engine() -> FaceEngine:
    """The engine of the settings, whose models are fetched where they are missing."""
    settings = Settings.from_environment(os.environ)
    embedder = chosen_card(settings)
    ensure([YUNET, embedder], settings.models_folder)
    return OnnxEngine(YUNET, embedder, settings.models_folder)


def expected_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Each odd file and what it is expected to be."""
    with (folder / "expected.csv").open(newline="", encoding="utf-8") as opened:
        for line in csv.DictReader(opened):
            yield folder / line["file"], line["expected"]


def judged(engine: FaceEngine, files: Iterable[Path]) -> Iterator[Verdict]:
    """The gate's verdict on each file."""
    for file in files:
        try:
            picture = decode(file.read_bytes())
        except InvalidInput:
            yield Verdict(file, (UNREADABLE,))
            continue
        face = middle_face(engine, picture)
        if face is None:
            yield Verdict(file, (NO_FACE,))
        else:
            yield Verdict(file, tuple(one.code for one in face.quality.reasons) or (PASSED,))


def middle_face(engine: FaceEngine, picture: Picture) -> Face | None:
    """The face nearest to the middle of the picture."""
    x, y = picture.size.width / 2, picture.size.height / 2
    return min(engine.detect(picture), key=lambda face: face.box.distance(x, y), default=None)


def table_head(first: str) -> str:
    """The first two lines of a table whose first column is `first`."""
    columns = [first, "files", UNREADABLE, NO_FACE, PASSED, "part of the faces", *REASONS]
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def row(name: str, verdicts: list[Verdict]) -> str:
    """One line of a table. A face with two reasons is counted under each."""
    count = Counter(outcome for one in verdicts for outcome in one.outcomes)
    faces = len(verdicts) - count[UNREADABLE] - count[NO_FACE]
    part = f"{count[PASSED] / faces:.1%}" if faces else "-"
    cells = [name, len(verdicts), count[UNREADABLE], count[NO_FACE], count[PASSED], part]
    return f"| {' | '.join(map(str, [*cells, *(count[code] for code in REASONS)]))} |"


if __name__ == "__main__":
    main()
