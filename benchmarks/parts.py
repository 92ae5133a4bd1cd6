"""What do the parts cost: decoding, finding, embedding, asking the store, searching?

    python benchmarks/parts.py PHOTO      a JPEG with a face in it

Prints one Markdown table: the median of several runs, in milliseconds of one thread, with its
fastest and slowest run; for decoding also the highest memory use, each in a process of its own.
The photo is enlarged to 12, 48 and 170 megapixels first. Templates are random, since their values
do not change the time. Reads FACECOG_HOME or FACECOG_MODELS to find the models, and fetches them
where they are missing.
"""

import argparse
import io
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from facecog.bootstrap import chosen_card
from facecog.config import Settings
from facecog.domain import Template
from facecog.engines.cards import YUNET
from facecog.engines.fetch import ensure
from facecog.engines.onnx import OnnxEngine
from facecog.geometry import align
from facecog.image import decode
from facecog.index.memory import MemoryIndex
from facecog.quality import assess
from facecog.store import Store

RUNS = 7
PEOPLE = 5_000
DIMENSION = 128
CROP = bytes(30_000)


def main() -> None:
    """Measure each part and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photo", type=Path)
    # How a process of its own is asked to decode one file.
    parser.add_argument("--decode-once", choices=("facecog", "whole", "nothing"))
    options = parser.parse_args()
    if options.decode_once:
        print(*decoded_once(options.photo, options.decode_once))
        return
    print("| part | median ms | fastest to slowest | MB above an idle process |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        decoding(options.photo, Path(scratch))
        models(options.photo)
        store_and_index(Path(scratch))


def decoding(photo: Path, scratch: Path) -> None:
    """A large JPEG, as facecog decodes it and whole."""
    for megapixels, progressive in ((12, False), (48, False), (48, True), (170, False)):
        kind = "progressive" if progressive else "baseline"
        file = enlarged(photo, scratch, megapixels, progressive)
        for how in ("facecog", "whole"):
            print(decoding_row(f"{megapixels} megapixels, {kind} JPEG: {how}", file, how))


def enlarged(photo: Path, scratch: Path, megapixels: int, progressive: bool) -> Path:
    """The photo with that many pixels, as a JPEG."""
    with Image.open(photo) as opened:
        factor = (megapixels * 1e6 / (opened.width * opened.height)) ** 0.5
        size = (int(opened.width * factor), int(opened.height * factor))
        file = scratch / "large.jpg"
        opened.resize(size).save(file, quality=90, progressive=progressive)
    return file


def decoding_row(name: str, file: Path, how: str) -> str:
    """One line: decoding one file in processes of their own."""
    idle = min(in_own_process(file, "nothing")[1] for _ in range(3))
    runs = [in_own_process(file, how) for _ in range(3)]
    peak = max(peak for _, peak in runs) - idle
    return row(name, [ms for ms, _ in runs], f"{peak:.0f}")


def in_own_process(file: Path, how: str) -> tuple[float, float]:
    """Milliseconds and peak megabytes of decoding a file once."""
    command = [sys.executable, __file__, str(file), "--decode-once", how]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(said[0]), float(said[1])


def decoded_once(file: Path, how: str) -> tuple[float, float]:
    """Decode here; milliseconds, and the peak megabytes of this process."""
    data = file.read_bytes()
    started = time.perf_counter()
    if how == "facecog":
        decode(data)
    elif how == "whole":
        Image.MAX_IMAGE_PIXELS = None
        np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    elapsed = (time.perf_counter() - started) * 1000
    return elapsed, peak_mb()


def peak_mb() -> float:
    """The most memory that this process has used; NaN where there is no /proc to ask.

    Not getrusage: that counts what the parent used before it started this program.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 / 1e6 if peaks else math.nan


def models(photo: Path) -> None:
    """The two networks, with all that is done around them."""
    settings = Settings.from_environment(os.environ)
    embedder = chosen_card(settings)
    ensure([YUNET, embedder], settings.models_folder)
    engine = OnnxEngine(YUNET, embedder, settings.models_folder)
    picture = decode(photo.read_bytes())
    faces = len(engine.detect(picture))
    print(row(f"finding {faces} face(s), {YUNET.name}", timed(lambda: engine.detect(picture))))
    both = f"finding and embedding, {YUNET.name} and {embedder.name}"
    print(row(both, timed(lambda: engine.embed(picture))))
    face = engine.detect(picture)[0]
    aligned = align(picture.pixels, face.landmarks / np.float32(picture.scale))
    measured = timed(lambda: assess(aligned, face.landmarks, picture.size, face.detection_score))
    print(row("of that, measuring the quality of one face", measured))


def store_and_index(scratch: Path) -> None:
    """Writing a sample, asking for the revision, reading the whole gallery, searching it."""
    store = Store.on_sqlite(scratch / "home")
    random = np.random.default_rng(0)
    vectors = random.standard_normal((PEOPLE, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    def write(person: int) -> None:
        template = Template(vectors[person], "random")
        store.add_sample(f"Person {person}", template, CROP, f"{person:064x}", "benchmark", {})

    writes = [once(lambda person=person: write(person)) for person in range(PEOPLE)]
    index = MemoryIndex(store, "random")
    probe = Template(vectors[0], "random")
    many = f"{PEOPLE:,} templates of {DIMENSION} numbers"
    print(row("writing one sample, SQLite and crop file", writes))
    print(row("asking the store for its revision", timed(store.revision)))
    print(row(f"reading {many} from the store", timed(lambda: store.gallery("random"))))
    index.search([probe], 5)
    print(row(f"searching {many}, revision included", timed(lambda: index.search([probe], 5))))
    store.close()


def timed(part: Callable[[], object]) -> list[float]:
    """Milliseconds of each run, after one that pays for what is done once."""
    part()
    return [once(part) for _ in range(RUNS)]


def once(part: Callable[[], object]) -> float:
    """Milliseconds of one run."""
    started = time.perf_counter()
    part()
    return (time.perf_counter() - started) * 1000


def row(name: str, runs: list[float], memory: str = "") -> str:
    """One line of the table."""
    spread = f"{min(runs):.2f} to {max(runs):.2f}"
    return f"| {name} | {statistics.median(runs):.2f} | {spread} | {memory} |"


if __name__ == "__main__":
    main()
