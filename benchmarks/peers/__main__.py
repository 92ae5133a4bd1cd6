"""facecog beside deepface and face_recognition: photo -> embedding, search, name; and who is right.

    python -m benchmarks.peers

Each runs in an environment and a process of its own, with one thread, and they take turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import numpy as np
from tests import assets

from benchmarks import photos
from benchmarks.filled import by_chance
from benchmarks.peers import accuracy
from benchmarks.peers.accuracy import Array, Rates
from benchmarks.peers.talk import (
    AS_IT_COMES,
    DEEPFACE,
    DLIB,
    FACECOG,
    FAST,
    KINDS,
    OURS,
    Kind,
    Peer,
    peer,
    ready,
)
from benchmarks.tables import Claim, Part, Table, figure, run
from facecog.engines.fast import BFLOAT16, INTEGERS, has
from facecog.evaluation.report import percent

KEPT = assets.ROOT / ".cache" / "bench" / "lfw_dev"  # embeddings of the peers
GALLERIES = {100: 15, 1_000: 15, 10_000: 7, 100_000: 3}  # people -> rounds
SMOKE = {20: 1, 60: 1}
Times = dict[Kind, float]  # CPU milliseconds


class Bench:
    """What is measured, with the systems that are there."""

    def __init__(self, peers: list[Peer], scratch: Path, smoke: bool) -> None:
        self.peers, self._scratch = peers, scratch
        self.galleries = SMOKE if smoke else GALLERIES
        self._frame, self._known = scratch / "frame.jpg", scratch / "known.jpg"
        self._frame.write_bytes(photos.frame())
        self._known.write_bytes(photos.known())
        lists = accuracy.lists(10 if smoke else None)
        if lists is None:
            print(f"lfw_dev: passed over, {accuracy.FOLDER.name} is not beside the checkout")
        self._templates: dict[Kind, Array] = {}
        self.rates: dict[Kind, Rates] = {}
        for one in peers if lists else ():
            assert lists
            made = accuracy.templates(one, lists.photos, scratch if smoke else KEPT)
            self._templates[one.kind] = made
            self.rates[one.kind] = accuracy.measured(one.kind, made, lists)

    def embedding(self, rounds: int) -> Times:
        return turns(self.peers, rounds, lambda one: one("embed", self._frame))

    def with_gallery(self, people: int, rounds: int) -> tuple[Times, Times]:
        """Of a search, and of photo -> name, in a gallery of so many."""
        searched = [one for one in self.peers if one.kind.searched]
        for one in searched:
            file = self._scratch / "gallery.npy"
            np.save(file, self._gallery(one.kind, people - 1))
            one("fill", file, self._known, self._frame)
            if one.kind in OURS and not one("knows", self._frame):
                raise RuntimeError(f"{one.kind.name} was to know who is in the frame.")
        search = turns(searched, rounds, lambda one: one("search"))
        return search, turns(searched, rounds, lambda one: one("recognise", self._frame))

    def beside(self, rounds: int) -> Times:
        """facecog's photo -> name in the last gallery, and the others' photo -> embedding."""
        return turns(
            [one for one in self.peers if one.kind in (*OURS, DEEPFACE, AS_IT_COMES)],
            rounds,
            lambda one: one("recognise" if one.kind in OURS else "embed", self._frame),
        )

    def _gallery(self, kind: Kind, people: int) -> Array:
        """Faces of lfw_dev as this system describes them, over and over; by chance without it."""
        made = self._templates.get(kind)
        if made is None:
            return by_chance(people).astype(np.float64)
        return np.resize(made[~np.isnan(made[:, 0])], (people, made.shape[1]))


def turns(peers: list[Peer], rounds: int, ask: Callable[[Peer], float]) -> Times:
    """The median of each, after one round that is not kept."""
    taken = [{one.kind: ask(one) for one in peers} for _ in range(rounds + 1)][1:]
    return {kind: median(one[kind] for one in taken) for kind in taken[0]}


def measure(smoke: bool) -> Part:
    assets.ensure()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        scratch = Path(folder)
        peers = [opened.enter_context(peer(kind, scratch)) for kind in ready(KINDS)]
        peers = [one for one in peers if worth_measuring(one)]
        bench = Bench(peers, scratch, smoke)
        embedding = bench.embedding(1 if smoke else 25)
        measured = {n: bench.with_gallery(n, rounds) for n, rounds in bench.galleries.items()}
        beside = bench.beside(1 if smoke else 100)
        versions = list(dict.fromkeys(one.version for one in peers))
    searching = {n: search for n, (search, _) in measured.items()}
    naming = {n: name for n, (_, name) in measured.items()}
    # The same, of more rounds than a peer that takes seconds is asked for.
    naming[max(naming)] |= {kind: beside[kind] for kind in OURS if kind in beside}
    return Part(
        "peers",
        "Beside deepface and face_recognition",
        [
            described(embedding, bench.rates),
            by_size("1:N search, CPU milliseconds", searching, SEARCHES),
            by_size("Photo (640x480, one face) → name, CPU milliseconds", naming),
        ],
        claims(embedding, searching, naming, beside),
        note=f"{', '.join(versions)}; each in an environment of its own, in turns. deepface has "
        "the same two networks; that it uses one thread takes a change in its code, and as it "
        "comes it is the row `all threads`. face_recognition finds faces by dlib's HOG.",
        lead=lead(naming, beside, bench.rates),
    )


def worth_measuring(one: Peer) -> bool:
    """Whether it is not the same as another: fast runs exactly where nothing is faster."""
    if one.kind != FAST or one("precision") == "fast":
        return True
    print(f"{one.kind.name}: passed over, {nothing_faster()}")
    return False


def nothing_faster() -> str:
    """Why fast runs exactly here."""
    if has(INTEGERS | BFLOAT16):
        return "OpenVINO is not installed"
    return "this processor has neither AVX2 nor bf16 instructions"


SEARCHES = (
    "Of one embedding. facecog: its index, and the names from its store; deepface: "
    "`DeepFace.search` on SQLite, exact, once it has the embedding, with 100,000 without the "
    "pictures that it stores; face_recognition: `face_distance`. The gallery's faces are those of "
    "lfw_dev, over and over where there are not so many."
)
RIGHT = (
    "lfw_dev, 1:N with one gallery photo a person: FPIR, strangers given a name; FNIR, people "
    "not given theirs; each at its default threshold. The one of facecog was learnt from people "
    "of this list; accuracy.md has others."
)


def described(embedding: Times, rates: dict[Kind, Rates]) -> Table:
    """Speed and accuracy in one table: speed without accuracy is nothing."""
    rows = [
        (
            kind.name,
            figure(ms),
            figure(ms / embedding[FACECOG]),
            *(map(percent, rates[kind]) if kind in rates else "-" * 4),
        )
        for kind, ms in embedding.items()
    ]
    columns = ("", "photo → embedding, ms", "times facecog's", "rank-1", "FPIR", "FNIR", "pairs")
    return Table("Photo (640x480, one face) → embedding, and accuracy", columns, tuple(rows), RIGHT)


def by_size(title: str, measured: dict[int, Times], note: str = "") -> Table:
    """A row a system, a column a size of gallery."""
    kinds = next(iter(measured.values()))
    rows = [(kind.name, *(figure(times[kind]) for times in measured.values())) for kind in kinds]
    return Table(title, ("", *(f"{n:,} people" for n in measured)), tuple(rows), note)


def claims(
    embedding: Times, searching: dict[int, Times], naming: dict[int, Times], beside: Times
) -> list[Claim]:
    """What is promised is of the largest gallery, and of deepface with the one before it.

    A third of deepface's embedding is promised of fast alone: SFace in float32 takes most of that
    by itself, so of exact the figure is told without a limit.

    Args:
        beside: of facecog photo -> name in the largest gallery, of deepface the embedding alone.
    """
    *_, before, most = naming
    name = f"Photo → name among {most:,}, part of deepface's photo"
    claimed: list[Claim] = []
    for kind, which, third in ((FACECOG, "", None), (FAST, f" ({FAST.name})", 0.33)):
        for what, theirs, other, limit in (
            ("embedding alone", beside, DEEPFACE, third),
            ("embedding alone with all its threads", beside, AS_IT_COMES, None),
            (f"name among {before:,}", naming[before], DEEPFACE, 0.05),
        ):
            text = f"{name} → {what}{which}"
            claimed.append(ratio(text, beside, kind, theirs, other, limit))
    for what, times in (
        ("Photo → embedding", embedding),
        (f"Search among {before:,}", searching[before]),
    ):
        claimed += [
            ratio(f"{what}, part of that of {kind.name}", times, FACECOG, times, kind)
            for kind in (DEEPFACE, DLIB)
        ]
    return claimed


def ratio(
    text: str, ours: Times, mine: Kind, theirs: Times, other: Kind, limit: float | None = None
) -> Claim:
    """The time of one of facecog's as a part of a peer's."""
    if mine not in ours:
        return Claim(text, None, limit, why=nothing_faster())
    if other not in theirs:
        return Claim(text, None, limit, why=f"{other.environment} is not there")
    return Claim(text, ours[mine] / theirs[other], limit)


def lead(naming: dict[int, Times], beside: Times, rates: dict[Kind, Rates]) -> str:
    """The main figures in words; nothing without deepface."""
    if DEEPFACE not in beside:
        return ""
    *_, before, most = naming
    ours = beside[FACECOG]
    said = (
        f"From a photo (640x480, one face) to a name among {most:,} people facecog takes "
        f"{figure(ours)} ms of one core: {figure(ours / beside[DEEPFACE])} of what deepface "
        f"takes for the embedding alone with the same networks, and "
        f"{figure(ours / naming[before][DEEPFACE])} of its photo → name among {before:,}."
    )
    if FAST in beside:
        said += (
            f" With `FACECOG_PRECISION=fast` it takes {figure(beside[FAST])} ms, "
            f"{figure(beside[FAST] / beside[DEEPFACE])} of that embedding."
        )
    if not rates:
        return said
    return said + (
        f" Of strangers, facecog gives {percent(rates[FACECOG].fpir)} a name and deepface "
        f"{percent(rates[DEEPFACE].fpir)}; of people who are registered they miss "
        f"{percent(rates[FACECOG].fnir)} and {percent(rates[DEEPFACE].fnir)}."
    )


if __name__ == "__main__":
    run(measure)
