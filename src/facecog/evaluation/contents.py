"""What a report says of the figures: facts, tables and plots, the same for text, JSON and HTML."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facecog.domain import Operation
from facecog.evaluation.identification import IdentificationFigures, Lists, Near, SearchRates
from facecog.evaluation.intervals import Rate, enough_for
from facecog.evaluation.report import (
    About,
    Headline,
    Plots,
    Report,
    Table,
    between,
    percent,
    round_rate,
)
from facecog.evaluation.trials import AtRate
from facecog.evaluation.verification import Compared, PairRates, VerificationFigures
from facecog.thresholds import InForce

WILSON = (
    "The intervals are Wilson's: they count each photo as a trial of its own. Photos of one person "
    "go together, so with few people the truth is wider."
)
BOOTSTRAP = (
    "By the score alone. The threshold is chosen from these very photos, so the interval is from "
    "drawing the people again 400 times, each time with a threshold of its own: the middle 95 % of "
    "what is missed."
)
LOOK = "Look at these first: a high place in the list is often a wrong label."


def of_identification(figures: IdentificationFigures, about: About) -> Report:
    """1:N."""
    at, rates = figures.force.operation, figures.rates
    return Report(
        title="Identification",
        about=about,
        facts=(*_facts(about, at, at.fpir, "FPIR"), *_identification_facts(figures)),
        headlines=(
            _promise_headline("Strangers named", rates.strangers_named, at.fpir, figures.kept),
            Headline("Missed names", percent(rates.missed.value), _counted(rates.missed)),
            Headline("Nearest is right", percent(rates.rank_1.value), _counted(rates.rank_1)),
        ),
        tables=_identification_tables(figures),
        listings=(
            _nears("Strangers with the highest scores", "stranger", figures.strangers_nearest),
            _nears("Registered people with the lowest scores", "person", figures.probes_farthest),
        ),
        plots=Plots(
            figures.curve,
            "strangers named (FPIR)",
            "registered people missed (FNIR)",
            figures.scores,
            "a registered person and that person's own samples",
            "a stranger and the nearest subject",
            at.threshold,
        ),
        figures={"kind": "identification", **_plain(about), **_plain(figures)},
    )


def of_verification(figures: VerificationFigures, about: About) -> Report:
    """1:1."""
    at, rates = figures.operation, figures.rates
    return Report(
        title="Verification",
        about=about,
        facts=(*_facts(about, at, at.fmr, "FMR"), *_verification_facts(figures)),
        headlines=(
            _promise_headline("Two people taken for one", rates.matched, at.fmr, figures.kept),
            Headline("One person not matched", percent(rates.missed.value), _counted(rates.missed)),
            Headline("Pairs that are right", percent(rates.right.value), _counted(rates.right)),
        ),
        tables=_verification_tables(figures),
        listings=(
            _compared("Two people, by their labels, with the highest scores", figures.most_alike),
            _compared("One person, by the labels, with the lowest scores", figures.least_alike),
        ),
        plots=Plots(
            figures.curve,
            "pairs of two people that match (FMR)",
            "pairs of one person that do not (FNMR)",
            figures.scores,
            "one person",
            "two people",
            at.threshold,
        ),
        figures={"kind": "verification", **_plain(about), **_plain(figures)},
    )


# -- identification ---------------------------------------------------------------------------


def _identification_facts(figures: IdentificationFigures) -> list[tuple[str, str]]:
    gallery, lists = figures.gallery, figures.lists
    probes = {one.identity for one in lists.probes}
    strangers = {one.identity for one in lists.strangers}
    facts = [
        ("registered", f"{gallery.subjects:,} people, {gallery.samples:,} photos"),
        ("probes of them", f"{len(lists.probes):,} photos of {len(probes):,} people"),
        ("strangers", f"{len(lists.strangers):,} photos of {len(strangers):,} people"),
    ]
    if lists.strangers_enrolled:
        facts.append(
            ("strangers left out", f"{lists.strangers_enrolled:,}, who are registered people")
        )
    if lists.probes_not_enrolled:
        facts.append(("probes left out", f"{lists.probes_not_enrolled:,}, of nobody registered"))
    labels = sum(one.corrected for one in (*lists.gallery, *lists.probes, *lists.strangers))
    if labels:
        facts.append(("labels corrected", f"{labels:,}"))
    return facts


def _identification_tables(figures: IdentificationFigures) -> tuple[Table, ...]:
    rates, acquired = figures.rates, figures.not_acquired
    promised = figures.force.operation.fpir
    tables = [
        _promise_table(
            "strangers named (FPIR)", "strangers", rates.strangers_named, promised, figures.kept
        ),
        _rate_table(
            "At this threshold",
            {
                "nearest subject is the right one (rank-1)": rates.rank_1,
                "missed names (FNIR)": rates.missed,
                "of these, given another's name": rates.named_wrongly,
                "of these, uncertain": rates.uncertain,
                "strangers who are uncertain": rates.strangers_uncertain,
            },
            WILSON,
        ),
        _at_rates(
            "FNIR at other rates of strangers named", "FPIR", "FNIR", "strangers", figures.at
        ),
        _rate_table(
            "Failures to acquire",
            {
                "gallery: no face good enough to register": acquired.gallery,
                "people left without any sample": acquired.subjects,
                "probes without a face, counted as missed": acquired.probes,
                "strangers without a face, not counted": acquired.strangers,
            },
        ),
    ]
    if figures.groups:
        tables += _search_groups(figures.groups)
    return tuple(tables)


def _search_groups(groups: Mapping[str, SearchRates]) -> list[Table]:
    return [
        _rate_table(title, {name: getattr(rates, which) for name, rates in groups.items()})
        for title, which in (
            ("Groups: strangers named (FPIR)", "strangers_named"),
            ("Groups: missed names (FNIR)", "missed"),
            ("Groups: given another's name", "named_wrongly"),
        )
    ]


def _nears(title: str, who: str, nears: Sequence[Near]) -> Table:
    return Table(
        title,
        ("score", "photo", who, "compared with", "subject", "decision"),
        tuple(
            (f"{one.score:.3f}", one.photo, one.person, one.sample, one.subject, one.decision)
            for one in nears
        ),
        LOOK,
    )


# -- verification -----------------------------------------------------------------------------


def _verification_facts(figures: VerificationFigures) -> list[tuple[str, str]]:
    rates = figures.rates
    facts = [
        ("photos", f"{figures.photos.trials:,} of {figures.people:,} people"),
        ("pairs", f"{rates.missed.trials:,} of one person, {rates.matched.trials:,} of two"),
    ]
    if figures.label_errors:
        facts.append(("pairs left out", f"{figures.label_errors:,}, for a known label error"))
    if figures.labels_corrected:
        facts.append(("labels corrected", f"{figures.labels_corrected:,}"))
    return facts


def _verification_tables(figures: VerificationFigures) -> tuple[Table, ...]:
    rates, acquired = figures.rates, {"photos without a face": figures.photos}
    if figures.not_compared.trials:
        acquired["pairs that could not be compared, not counted"] = figures.not_compared
    tables = [
        _promise_table(
            "two people taken for one (FMR)",
            "pairs of two people",
            rates.matched,
            figures.operation.fmr,
            figures.kept,
        ),
        _rate_table(
            "At this threshold",
            {
                "one person not matched (FNMR)": rates.missed,
                "pairs that are right (accuracy)": rates.right,
            },
            WILSON,
        ),
        _matched_at(figures.at),
        _rate_table("Failures to acquire", acquired),
    ]
    if figures.groups:
        tables += _pair_groups(figures.groups)
    return tuple(tables)


def _matched_at(at: Sequence[AtRate]) -> Table:
    table = _at_rates("TAR at other false match rates", "FMR", "FNMR", "pairs of two people", at)
    rows = tuple(
        (row[0], row[1], percent(1 - one.missed.value) if one.missed else "", *row[2:])
        for row, one in zip(table.rows, at, strict=True)
    )
    return Table(table.title, (*table.columns[:2], "TAR", *table.columns[2:]), rows, table.note)


def _pair_groups(groups: Mapping[str, PairRates]) -> list[Table]:
    return [
        _rate_table(title, {name: getattr(rates, which) for name, rates in groups.items()})
        for title, which in (
            ("Groups: two people taken for one (FMR)", "matched"),
            ("Groups: one person not matched (FNMR)", "missed"),
        )
    ]


def _compared(title: str, pairs: Sequence[Compared]) -> Table:
    rows = tuple((f"{one.score:.3f}", one.a, one.b) for one in pairs)
    return Table(title, ("score", "photo", "photo"), rows, LOOK)


# -- both -------------------------------------------------------------------------------------


def _facts(about: About, at: Operation, promised: float | None, rate: str) -> list[tuple[str, str]]:
    raised = f", of it {at.raised_by:.3f} since these people are alike" if at.raised_by else ""
    return [
        ("model", f"{about.model}, facecog {about.version}"),
        ("made", about.made),
        *about.data.items(),
        ("calibration", at.calibration),
        ("promise", "none" if promised is None else f"{percent(promised)} ({rate})"),
        ("threshold", f"{at.threshold:.3f}{raised}"),
    ]


def _promise_headline(
    label: str, measured: Rate, promised: float | None, good: bool | None
) -> Headline:
    if promised is None:
        return Headline(
            label, percent(measured.value), f"{_counted(measured)}; nothing is promised"
        )
    said = {True: "kept", False: "not kept", None: "too few to say"}[good]
    note = f"promised {percent(promised)}: {said} ({_counted(measured)})"
    return Headline(label, percent(measured.value), note, good)


def _promise_table(
    label: str, trials: str, measured: Rate, promised: float | None, good: bool | None
) -> Table:
    title, columns = "Promised and measured", ("", "promised", "measured", "count", "95 % interval")
    if promised is None:
        none = "No error rate of this threshold is known, so none is promised: facecog calibrate."
        return Table(title, columns, ((label, "-", *_cells(measured)),), none)
    note = {
        True: "Kept, as far as these photos can tell: the promise is not below the interval.",
        False: "Not kept: the promise is below the interval.",
        None: f"Too few {trials} to say whether it is kept: {enough_for(promised):,} are needed.",
    }[good]
    return Table(title, columns, ((label, percent(promised), *_cells(measured)),), note)


def _rate_table(title: str, rates: Mapping[str, Rate], note: str = "") -> Table:
    rows = tuple((label, *_cells(rate)) for label, rate in rates.items())
    return Table(title, ("", "rate", "count", "95 % interval"), rows, note)


def _at_rates(title: str, positive: str, missed: str, trials: str, at: Sequence[AtRate]) -> Table:
    rows = []
    for one in at:
        if one.missed is None or one.threshold is None or one.interval is None:
            needed = f"too few {trials} to say: {one.trials:,} of {one.needed:,}"
            rows.append((round_rate(one.rate), "", "", "", needed))
        else:
            value, count, _ = _cells(one.missed)
            interval = between(one.interval)
            rows.append((round_rate(one.rate), f"{one.threshold:.3f}", value, count, interval))
    columns = (positive, "threshold", missed, "count", "95 % interval")
    return Table(title, columns, tuple(rows), BOOTSTRAP)


def _counted(rate: Rate) -> str:
    return f"{rate.hits:,} of {rate.trials:,}"


def _cells(rate: Rate) -> tuple[str, str, str]:
    if not rate.trials:
        return "-", "0 of 0", "nothing to say"
    return percent(rate.value), _counted(rate), between(rate.interval())


def _plain(value: Any) -> Any:
    """For JSON: rates with their intervals, lists as counts, and no number that JSON lacks."""
    if isinstance(value, Rate):
        low, high = value.interval()
        rate = _plain(value.value)
        return {"hits": value.hits, "trials": value.trials, "rate": rate, "low": low, "high": high}
    if isinstance(value, Lists):
        return {
            one.name: len(kept) if isinstance(kept := getattr(value, one.name), tuple) else kept
            for one in dataclasses.fields(value)
        }
    if isinstance(value, InForce):
        return _plain(value.operation) | {"margin": value.calibration.margin}
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
