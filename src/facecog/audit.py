"""Who did what: recorded as it happens, and looked at afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from facecog.acting import actor
from facecog.domain import AuditCheck, AuditLine, Identification, IdentifiedFace, Verification
from facecog.errors import MixedUp
from facecog.store import MAX_PAGE, Page, Store, Which
from facecog.wire import Json, rounded


class Audit:
    """What is searched and viewed is recorded here; what is changed, by the store itself.

    Every line is of ids and numbers: no name, no picture, no template. What is recorded may raise
    AuditUnavailable, and is then not to be answered.
    """

    def __init__(self, store: Store) -> None:
        self._log, self._trail, self._collection = store.audit, store.trail, store.collection

    # -- recording ----------------------------------------------------------------------------

    def identified(self, found: Identification) -> None:
        if not found.faces:
            return  # nobody was searched for, as where that is refused
        best = found.best
        self._trail.add(
            "identify",
            self._collection,
            best.subject_id if best else None,
            model=found.operation.model,
            threshold=rounded(found.operation.threshold),
            fpir=found.operation.fpir,
            gallery=found.gallery.subjects,
            faces=[_decided(face) for face in found.faces],
        )

    def verified(self, said: Verification) -> None:
        self._trail.add(
            "verify",
            self._collection,
            model=said.operation.model,
            threshold=rounded(said.operation.threshold),
            fmr=said.operation.fmr,
            decision="match" if said.same else "unknown",
            score=round(said.score, 4),
        )

    def refused(self, refusal: MixedUp, model: str) -> None:
        """A registration that was refused with whom the face, or the name, belongs to."""
        self._trail.add(
            "enrol.refused",
            self._collection,
            refusal.candidate.subject_id,
            code=refusal.code,
            model=model,
            threshold=rounded(refusal.threshold),
            score=round(refusal.candidate.score, 4),
        )

    def viewed(self, what: str, subject_id: str | None = None, **details: str | int | bool) -> None:
        self._trail.add(f"view.{what}", self._collection, subject_id, **details)

    def turned_away(self, how: str, **who: str | None) -> None:
        """Somebody was not let in. Never what was typed, and nobody waits for it.

        Args:
            how: by a "password", a "key", the "code" of `--lan`, or "welcome": of the first run.
            who: id of the `account` or the `key`, where there is one.
        """
        known = {name: one for name, one in who.items() if one}
        self._trail.add_refusal("access.refused", how=how, **known)

    # -- looking ------------------------------------------------------------------------------

    def listed(
        self, which: Which | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[AuditLine]:
        """Newest first, of collections that are open to whoever asks. Raises: InvalidCursor."""
        which = which or Which()
        self.settle()
        only = actor().collection
        found = self._log.listed(which.within(only), min(limit, MAX_PAGE), cursor)
        self.viewed("audit", which.subject or None)
        return found

    def exported(self) -> Iterator[AuditLine]:
        """All lines, oldest first."""
        self._log.note("export.audit")
        self.settle()
        return self._log.lines()

    def check(self, head: tuple[int, str] | None = None) -> AuditCheck:
        """Is every line there, and as it was written?

        Args:
            head: number and hash of a line, as they were noted at some time.
        """
        self.settle()
        return self._log.check(head)

    def written(self) -> int:
        """How many lines there ever were, of all processes."""
        return self._log.written()

    @property
    def failures(self) -> int:
        """How often this process could not write lines that waited."""
        return self._trail.failures

    def settle(self) -> None:
        """Wait until what this process has recorded so far is written."""
        self._trail.flush()


def _decided(face: IdentifiedFace) -> Json:
    best = face.candidates[0] if face.candidates else None
    said: Json = {"decision": face.decision.value}
    if face.reason:
        said["reason"] = face.reason
    if best:
        said |= {"subject": best.subject_id, "score": round(best.score, 4)}
    return said
