"""How small may a face be and still be found, and its eyes and mouth? On photographs scaled down.

    python -m benchmarks.smallest_face [--every N]

Each face of the group photos and portraits of ../shared/faces (benchmarks/labelled.py) is made
smaller step by step and looked for, once in single looks and once by the whole rule
(engines/finder.py), beside what was done before: one look at 640 pixels, whatever the picture.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.labelled import FACES, MODELS
from facecog.domain import Box, Picture, Pixels, PixelSize
from facecog.engines.cards import YUNET
from facecog.engines.fetch import ensure
from facecog.engines.finder import Finder, Found
from facecog.engines.prepare import prepared
from facecog.engines.runtime import Network
from facecog.geometry import bounds
from facecog.image import decode

WIDTHS = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 100)
SIZES = ((640, 480), (1280, 960), (2000, 1500), (4000, 3000))
ANGLES = (0, 15, 25, 35, 45)  # degrees
TILTED_WIDTH = 96
# Of these faces so many are to be found from the smallest width on.
ENOUGH = 0.9
GRAY = (110, 115, 110)


class Once(Finder):
    """As it was before: one look at 640 pixels, then a small one."""

    def _survey(self, pixels: Pixels) -> list[Found]:
        longest = max(pixels.shape[:2])
        return self.look(pixels, 640 / longest) or self.look(pixels, 224 / longest)

    def _closely(self, picture: Picture, face: Found) -> Found:
        return face


class Portrait(NamedTuple):
    """A face with its surroundings; the box in pixels of these."""

    photo: Image.Image
    box: Box
    landmarks: np.ndarray

    def scaled(self, width: float) -> tuple[Image.Image, Box]:
        """So that the face is this wide."""
        by = width / self.box.width
        size = (max(1, round(self.photo.width * by)), max(1, round(self.photo.height * by)))
        return self.photo.resize(size, Image.Resampling.LANCZOS), self.box.scaled(by)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="take every Nth face only")
    every = parser.parse_args().every
    ensure([YUNET], MODELS)
    network = Network(YUNET, prepared(YUNET, MODELS))
    now, before = Finder(network), Once(network)
    people = portraits(now)[::every]
    print_one_look(now, people)
    print_smallest(now, before, people)
    print_groups(now, before)
    print_tilted(now, people)


def portraits(finder: Finder) -> list[Portrait]:
    """Every clear face of the photos, with as much again around it."""
    files = [FACES / path for path in boxes_of_groups()]
    files += sorted((FACES / "face_recognition" / "images").rglob("*.jpg"))
    found = []
    for file in files:
        picture = decode(file.read_bytes())
        for face in finder.find(picture):
            if face.score > 0.8 and face.box[2] > 24:
                found.append(_cut(picture, face))
    return found


def _cut(picture: Picture, face: Found) -> Portrait:
    fine = picture.at(1)
    box = Box(*map(float, face.box))
    left, top, right, bottom = bounds(fine.image.size, box, margin=0.5)
    return Portrait(
        fine.image.crop((left, top, right, bottom)),
        box._replace(x=box.x - left, y=box.y - top),
        face.landmarks - np.array([left, top], np.float32),
    )


def print_one_look(finder: Finder, people: list[Portrait]) -> None:
    """What one look finds, by the width of the face in it, and how well its landmarks lie."""
    print(f"\nOne look at {len(people)} faces, by their width in it:\n")
    print("| width | found | landmarks off by, of the distance between the eyes |\n|---|---|---|")
    for width in tqdm(WIDTHS, "one look", disable=None):
        off = []
        for one in people:
            if width > one.box.width:
                continue
            photo, box = one.scaled(width)
            seen = [face for face in finder.look(photo, 1) if is_at(face, box)]
            off.append(_off(seen[0].landmarks * (one.box.width / width), one) if seen else np.nan)
        known = [value for value in off if not np.isnan(value)]
        if known:
            print(f"| {width} | {part(~np.isnan(off))} | {np.median(known):.2f} |")


def _off(landmarks: np.ndarray, one: Portrait) -> float:
    eyes = np.linalg.norm(one.landmarks[0] - one.landmarks[1])
    return float(np.linalg.norm(landmarks - one.landmarks, axis=1).mean() / eyes)


def print_smallest(now: Finder, before: Finder, people: list[Portrait]) -> None:
    """The smallest width from which on ENOUGH are found, by the size of the picture."""
    print(f"\nThe smallest face that is found, of {len(people)} ({ENOUGH:.0%} from there on):\n")
    print("| picture | one look at 640, before | by the rule | beside a large face, by the rule |")
    print("|---|---|---|---|")
    for size in tqdm(SIZES, "by the rule", disable=None):
        cells = [
            smallest(finder, people, size, large)
            for finder, large in ((before, False), (now, False), (now, True))
        ]
        print(f"| {size[0]} x {size[1]} | {' | '.join(cells)} |")


def smallest(finder: Finder, people: list[Portrait], size: tuple[int, int], large: bool) -> str:
    """Pixels; going down until too few are found."""
    least = "none"
    for width in reversed(WIDTHS):
        able = [one for one in people if one.box.width >= width]
        if not able:
            continue
        hits = [is_found(finder, one, width, size, people[0] if large else None) for one in able]
        if np.mean(hits) < ENOUGH:
            break
        least = str(width)
    return least


def is_found(
    finder: Finder, one: Portrait, width: int, size: tuple[int, int], large: Portrait | None
) -> bool:
    """Whether a face of this width is found in a picture of this size, and beside a large one."""
    scene = Image.new("RGB", size, GRAY)
    photo, box = one.scaled(width)
    corner = (size[0] - photo.width) * 19 // 20, (size[1] - photo.height) * 19 // 20
    scene.paste(photo, corner)
    if large:
        scene.paste(large.scaled(size[0] / 4)[0], (0, 0))
    there = box._replace(x=box.x + corner[0], y=box.y + corner[1])
    return any(is_at(face, there) for face in finder.find(as_sent(scene)))


def as_sent(scene: Image.Image) -> Picture:
    """As a JPEG of the best quality, so that large ones are decoded smaller."""
    if max(scene.size) < 3200:
        return Picture(scene, PixelSize(*scene.size))
    out = io.BytesIO()
    scene.save(out, "JPEG", quality=95)
    return decode(out.getvalue())


def is_at(face: Found, box: Box) -> bool:
    """The middle within the box, and of about its size."""
    x, y, width, height = (float(value) for value in face.box)
    inside = (
        box.x < x + width / 2 < box.x + box.width and box.y < y + height / 2 < box.y + box.height
    )
    return inside and 0.4 < (width * height / (box.width * box.height)) ** 0.5 < 2


def print_groups(now: Finder, before: Finder) -> None:
    """The faces with ground truth, photos as they are and scaled down; and all that is found."""
    groups = boxes_of_groups()
    print("\nGroup photos (dlib_detect), of the faces marked in them, and all that was found:\n")
    print("| scaled to | one look at 640, before | by the rule | found before | by the rule |")
    print("|---|---|---|---|---|")
    for scale in (1, 0.5, 0.35, 0.25, 0.2, 0.15):
        cells = [recall(finder.find, groups, scale) for finder in (before, now)]
        hits = " | ".join(part(hit) for hit, _ in cells)
        print(f"| {scale:.0%} | {hits} | {' | '.join(str(count) for _, count in cells)} |")


def print_tilted(finder: Finder, people: list[Portrait]) -> None:
    """How well landmarks lie on tilted heads, in one look and by the rule."""
    able = [one for one in people if one.box.width >= TILTED_WIDTH]
    print(f"\nTilted heads, {len(able)} faces of {TILTED_WIDTH} pixels:\n")
    print("| tilted by | landmarks off by, one look | by the rule |\n|---|---|---|")
    for angle in ANGLES:
        off = np.array([_tilted_off(finder, one, angle) for one in able])
        print(f"| {angle} degrees | {' | '.join(f'{x:.2f}' for x in np.nanmedian(off, axis=0))} |")


def _tilted_off(finder: Finder, one: Portrait, angle: int) -> tuple[float, float]:
    """By the distance between the eyes: one look, the rule; NaN where no face is found."""
    photo, _ = one.scaled(TILTED_WIDTH)
    photo = photo.rotate(angle, Image.Resampling.BICUBIC, fillcolor=GRAY)
    middle = (np.array(photo.size) - 1) / 2
    turn = np.radians(angle)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    size = TILTED_WIDTH / one.box.width
    looks = finder.look(photo, 1), finder.find(as_sent(photo))
    return tuple(  # type: ignore[return-value]
        _off(((found[0].landmarks - middle) @ turned.T + middle) / size, one) if found else np.nan
        for found in looks
    )


def recall(
    find: Callable[[Picture], list[Found]], groups: dict[Path, list[Box]], scale: float
) -> tuple[list[bool], int]:
    """Which of the marked faces are found, and how many faces are found in all."""
    hits, count = [], 0
    for path, boxes in groups.items():
        with Image.open(FACES / path) as opened:
            size = (round(opened.width * scale), round(opened.height * scale))
            shown = opened.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        found = find(as_sent(shown))
        count += len(found)
        hits += [any(is_at(face, box.scaled(scale)) for face in found) for box in boxes]
    return hits, count


def boxes_of_groups() -> dict[Path, list[Box]]:
    """Photo -> the faces marked in it."""
    folder, boxes = Path("dlib_detect"), dict[Path, list[Box]]()
    with (FACES / folder / "boxes.csv").open(newline="") as opened:
        for row in csv.DictReader(opened):
            if row["ignore"] == "0":
                box = Box(*(float(row[side]) for side in ("left", "top", "width", "height")))
                boxes.setdefault(folder / row["path"], []).append(box)
    return boxes


def part(hits: Iterable[bool]) -> str:
    """A percentage, with its numbers."""
    known = list(hits)
    return f"{np.mean(known):.1%} ({sum(known)} of {len(known)})"


if __name__ == "__main__":
    main()
