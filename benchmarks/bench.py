"""All benchmarks of speed, one process each, and docs/performance.md from what they measured.

    python -m benchmarks.bench                   all parts; half an hour or more
    python -m benchmarks.bench search load       these parts anew, the page from all that are kept
    python -m benchmarks.bench --render          the page alone
    python -m benchmarks.bench --smoke           each part's code on little data, no page

Each part is kept under .cache/bench/. The last thing printed is one table of ratios; the exit
status is 1 where a claim is not kept or a part has failed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from tests import assets

from benchmarks import machine, page
from benchmarks.tables import Part, broken, claims_table, from_json
from facecog.evaluation.report import Table, table_text

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".cache" / "bench"
PARTS = (
    *("precision", "stages", "peers", "search", "load"),
    *("memory", "startup", "following", "growth", "decoding"),
)
# The limits that each part must have a claim for: what facecog promises of its speed.
MUST_SHOW: dict[str, tuple[float, ...]] = {
    "precision": (2.2, 4.0),
    "peers": (0.33, 0.05),
    "search": (0.35, 1.25, 0.9, 1.0, 704.0),
    "load": (1.8, 3.0),
    "memory": (400.0, 5.0),
    "startup": (2.5,),
}


def main() -> None:
    options = _options()
    chosen = options.parts or PARTS
    assets.ensure()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if options.smoke else KEPT
        folder.mkdir(parents=True, exist_ok=True)
        if not (options.smoke or options.render):
            (folder / "machine.json").write_text(json.dumps(machine.description(), indent=1))
        failed = [] if options.render else [n for n in chosen if not measured(n, folder, options)]
        parts = [part for name in PARTS if (part := kept(name, folder))]
    if not (options.smoke or failed):
        page.write(json.loads((KEPT / "machine.json").read_text()), parts)
    sys.exit(not told(parts, failed, options.smoke))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--smoke", action="store_true", help="each part on little data")
    parser.add_argument("--render", action="store_true", help="the page from what is kept")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    return options


def measured(name: str, folder: Path, options: argparse.Namespace) -> bool:
    """Run a part in a process of its own; False where it has failed."""
    if find_spec(f"benchmarks.{name}") is None:
        print(f"{name}: not here yet, passed over", flush=True)
        return True
    file = folder / f"{name}.json"
    file.unlink(missing_ok=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(file)]
    print(f"\n== {name}", flush=True)
    # Its status says that a claim is not kept; whether it has failed is seen by its file.
    subprocess.run([*command, *(["--smoke"] if options.smoke else [])], cwd=ROOT, check=False)
    return file.is_file()


def kept(name: str, folder: Path) -> Part | None:
    file = folder / f"{name}.json"
    return from_json(file.read_text("utf-8")) if file.is_file() else None


def told(parts: list[Part], failed: list[str], smoke: bool) -> bool:
    """Print the table of ratios and what is wrong; whether nothing is."""
    claims = [claim for part in parts for claim in part.claims]
    print(f"\n{table_text(claims_table(claims, 'Ratios'))}")
    wrong = [f"the part {name} has failed" for name in failed]
    wrong += [fault for part in parts for fault in faults(part)]
    wrong += [f"NOT KEPT: {claim.text}" for part in parts for claim in broken(part, smoke)]
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
