"""All benchmarks of speed, one process each, and docs/performance.md from what they measured.

    python -m benchmarks.bench                   all parts; half an hour or more
    python -m benchmarks.bench search load       these parts anew, the others as they are kept
    python -m benchmarks.bench --render          the page alone
    python -m benchmarks.bench --smoke           each part's code on little data, no page

Each part is kept as soon as it is measured, with its machine, in docs/performance/figures.json, and
the page is made again; unless it could measure less than the one that is kept, as on a machine that
lacks what a claim is about, which is said. The last thing printed is one table of ratios; the exit
status is 1 where a claim is not kept or a part has failed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from tests import assets

from benchmarks import kept, machine, page
from benchmarks.kept import Kept
from benchmarks.precision import WITHOUT_VNNI
from benchmarks.tables import Part, broken, from_json
from facecog.cores import cores
from facecog.evaluation.report import Table, table_text

ROOT = Path(__file__).parent.parent
PARTS = (
    *("precision", "stages", "peers", "search", "load"),
    *("memory", "startup", "following", "growth", "decoding"),
)
# In the order of the page. Of precision there may be two, of machines with VNNI and without.
ON_PAGE = (PARTS[0], WITHOUT_VNNI, *PARTS[1:])
# The limits that each part must have a claim for: what facecog promises of its speed.
MUST_SHOW: dict[str, tuple[float, ...]] = {
    "precision": (2.2, 4.0),
    WITHOUT_VNNI: (2.2, 0.003),
    "peers": (0.33, 0.05),
    "search": (0.35, 1.25, 0.9, 1.0, 704.0),
    "load": (1.8, 3.0),
    "memory": (400.0, 5.0),
    "startup": (2.5,),
}


def main() -> None:
    options = _options()
    assets.ensure()
    here = machine.here()
    on_page = {} if options.smoke else {one.part.name: one for one in kept.read()}
    aside: list[Part] = []
    failed: list[str] = []
    for name, part in () if options.render else all_of(options.parts or PARTS, options.smoke):
        if part is None:
            failed.append(name)
        elif not renewed(on_page, Kept(part, here)):
            aside.append(part)
        elif not options.smoke:
            page.write(in_order(on_page))
    if options.render:
        page.write(in_order(on_page))
    sys.exit(not told(in_order(on_page), aside, failed, options.smoke))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--smoke", action="store_true", help="each part on little data")
    parser.add_argument("--render", action="store_true", help="the page from what is kept")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return options


def all_of(names: Sequence[str], smoke: bool) -> Iterator[tuple[str, Part | None]]:
    """One after the other; several at once where no speed is judged."""
    if not smoke:
        yield from ((name, measured(name)) for name in names)
        return
    with ThreadPoolExecutor(cores()) as at_once:
        yield from zip(names, at_once.map(tried, names), strict=True)


def measured(name: str, *options: str, out: IO[str] | None = None) -> Part | None:
    """Run a part in a process of its own; None where it has failed.

    Args:
        out: where what it prints goes, if not where this prints.
    """
    print(f"\n== {name}", file=out, flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "part.json")
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(file), *options]
        # Its status says that a claim is not kept; whether it has failed is seen by its file.
        subprocess.run(command, cwd=ROOT, check=False, stdout=out, stderr=out)
        return from_json(file.read_text("utf-8")) if file.is_file() else None


def tried(name: str) -> Part | None:
    """A part on little data, printed in one piece."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        part = measured(name, "--smoke", out=out)
        out.seek(0)
        print(out.read(), end="", flush=True)
        return part


def renewed(on_page: dict[str, Kept], new: Kept) -> bool:
    """Put a part in the place of the one that is kept; False where that one could measure more."""
    old = on_page.get(new.part.name)
    less = kept.unmeasured(new.part, old.part) if old else []
    if less:
        print(f"\n{new.part.name}: NOT RENEWED, the page keeps the one before. This run could not")
        print("measure what that one did:", *less, sep="\n- ", flush=True)
        return False
    on_page[new.part.name] = new
    return True


def in_order(on_page: dict[str, Kept]) -> list[Kept]:
    return [on_page[name] for name in ON_PAGE if name in on_page]


def told(on_page: list[Kept], aside: list[Part], failed: list[str], smoke: bool) -> bool:
    """Print the table of ratios and what is wrong; whether nothing is.

    Args:
        aside: parts of this run that the page does not have.
    """
    print(f"\n{table_text(kept.ratios(on_page, 'Ratios'))}")
    wrong = [f"the part {name} has failed" for name in failed]
    for part in (one.part for one in on_page):
        wrong += faults(part)
        wrong += [f"NOT KEPT: {claim.text}" for claim in broken(part, smoke)]
    for part in aside:
        wrong += faults(part)
        wrong += [f"NOT KEPT, in this run alone: {claim.text}" for claim in broken(part, smoke)]
    for one in wrong:
        print(one, file=sys.stderr)
    return not wrong


def faults(part: Part) -> list[str]:
    """What is not whole in a part."""
    torn = [table.title for table in part.tables if not _whole(table)]
    found = [f"{part.name}: the table {title} is not whole" for title in torn]
    if not part.tables:
        found.append(f"{part.name}: no table")
    limits = {claim.limit for claim in part.claims}
    missing = [limit for limit in MUST_SHOW.get(part.name, ()) if limit not in limits]
    return found + [f"{part.name}: no claim with the limit {limit:g}" for limit in missing]


def _whole(table: Table) -> bool:
    """Rows, and in each as many cells as there are columns, none of them no number."""
    return bool(table.rows) and all(
        len(row) == len(table.columns) and not {"nan", "inf"} & set(row) for row in table.rows
    )


if __name__ == "__main__":
    main()
