"""What the pages about people say: of a photo's quality and origin, and of what was changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from markupsafe import Markup, escape

from facecog.domain import Change, Kind, Named, Reason, Sample
from facecog.quality import reasons
from facecog.web.texts import CATALOGUES, language, t

CHANGED = {
    Kind.RENAMED: "changes.renamed",
    Kind.MOVED: "changes.moved",
    Kind.MERGED: "changes.merged",
    Kind.REMOVED: "changes.removed",
    Kind.DELETED: "changes.deleted",
}
GONE = (Kind.DELETED, Kind.MERGED)


class QualityInWords(NamedTuple):
    """What is said of a sample's quality.

    Attributes:
        kind: "good", "fair" (good enough for the standard policy), "poor" or "unknown".
        words: a few.
        advice: a sentence for each flaw.
    """

    kind: str
    words: str
    advice: tuple[str, ...] = ()


def quality_of(sample: Sample) -> QualityInWords:
    if not sample.quality:
        return QualityInWords("unknown", t("people.quality_unknown"))
    flaws = reasons(sample.quality, "strict")
    if not flaws:
        return QualityInWords("good", t("people.quality_good"))
    kind = "poor" if reasons(sample.quality, "standard") else "fair"
    return QualityInWords(kind, _short(flaws), tuple(t(f"quality.{flaw.code}") for flaw in flaws))


def _short(flaws: tuple[Reason, ...]) -> str:
    words = ", ".join(t(f"people.flaw_{flaw.code}") for flaw in flaws)
    return words[:1].upper() + words[1:]


def origin_of(sample: Sample) -> str:
    """In words, or as it was given where there are none."""
    known = f"origin_{sample.origin}" in CATALOGUES[language()]["people"]
    return t(f"people.origin_{sample.origin}") if known else sample.origin


def change_words(change: Change, show: Callable[[Named], Markup]) -> Markup:
    """What was changed, as a sentence; `show` makes the people in it into HTML."""
    other = change.other or change.subject
    sentence = escape(t(CHANGED[change.kind], n=change.samples, name="\1", other="\2"))
    return sentence.replace("\1", show(change.subject)).replace("\2", show(other))


def still_here(changes: tuple[Change, ...]) -> set[str]:
    """Ids of the people in these changes who can be shown."""
    named = {who.id for change in changes for who in (change.subject, change.other) if who}
    gone = {one.subject.id for one in changes if one.kind in GONE and not one.undone_at}
    return named - gone
