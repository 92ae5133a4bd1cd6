"""What part of photographs passes each policy of the quality gate, and why is the rest refused?

Ordinary photographs of people should pass; deliberately spoilt ones should not. Of a photograph
with several faces the one nearest to its middle counts. Prints Markdown tables: the ordinary
folders, the odd files by what is expected of them, and each odd file that `standard` refused. The
odd files come with a table of what is expected, `odd_made/expected.csv`.

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
from facecog.quality import POLICIES, Policy, reasons

PHOTOGRAPHS = Path(__file__).parents[2] / "shared" / "faces"
# Folder -> where its photographs lie; those of LFW are thinned out by --every.
ORDINARY = {
    "lfw_dev": "images/*/*.jpg",
    "bbt_cast": "faces/*/*",
    "dlib_johns": "faces/*/*",
    "face_recognition": "images/*/*",
    "human_expressions": "images/*.jpg",
}
NO_FACE, UNREADABLE = "no face", "unreadable"


@dataclass(frozen=True)
class Verdict:
    """What the gate said of one photograph: its face's measures, or NO_FACE or UNREADABLE."""

    file: Path
    found: dict[str, float] | str

    def refused(self, policy: Policy) -> tuple[str, ...]:
        """The codes of the reasons, worst first."""
        if isinstance(self.found, str):
            return ()
        return tuple(reason.code for reason in reasons(self.found, policy))


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
    print("\n| odd file | expected | standard refuses it as |\n|---|---|---|")
    for one in verdicts:
        if refused := one.refused("standard"):
            print(f"| {one.file.name} | {odd[one.file]} | {', '.join(refused)} |")


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
            yield Verdict(file, UNREADABLE)
            continue
        face = middle_face(engine, picture)
        yield Verdict(file, face.quality.measures if face else NO_FACE)


def middle_face(engine: FaceEngine, picture: Picture) -> Face | None:
    """The face nearest to the middle of the picture."""
    x, y = picture.size.width / 2, picture.size.height / 2
    return min(engine.detect(picture), key=lambda face: face.box.distance(x, y), default=None)


def table_head(first: str) -> str:
    """The first two lines of a table whose first column is `first`."""
    policies = [f"{policy} passes" for policy in POLICIES]
    columns = [first, "files", UNREADABLE, NO_FACE, *policies, "strict refuses", "standard refuses"]
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def row(name: str, verdicts: list[Verdict]) -> str:
    """One line of a table. A face with two reasons is counted under each."""
    faces = [one for one in verdicts if not isinstance(one.found, str)]
    count = Counter(one.found for one in verdicts if isinstance(one.found, str))
    cells = [name, len(verdicts), count[UNREADABLE], count[NO_FACE]]
    cells += [passing(faces, policy) for policy in POLICIES]
    cells += [why(faces, policy) for policy in ("strict", "standard")]
    return f"| {' | '.join(map(str, cells))} |"


def passing(faces: list[Verdict], policy: Policy) -> str:
    """The part of the faces that a policy lets be registered."""
    passed = sum(not one.refused(policy) for one in faces)
    return f"{passed / len(faces):.1%}" if faces else "-"


def why(faces: list[Verdict], policy: Policy) -> str:
    """How often each reason was given, commonest first."""
    count = Counter(code for one in faces for code in one.refused(policy))
    return ", ".join(f"{code} {times}" for code, times in count.most_common()) or "-"


if __name__ == "__main__":
    main()
