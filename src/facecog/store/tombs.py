"""Leaving those out of an older backup who were erased since."""

from __future__ import annotations

from collections.abc import Iterable

from facecog.archive import Plain
from facecog.domain import Kind
from facecog.store.kept import kept_of
from facecog.store.wholeness import crops_of, references

OF_ONE_SAMPLE = (Kind.MOVED.value, Kind.REMOVED.value)


class Tombs:
    """Rows go by in an order in which each comes after what it refers to.

    Attributes:
        subjects, samples: how many were left out.
        crops: ids of samples whose crops belong to what is left.
    """

    def __init__(self, erased: Iterable[str]) -> None:
        """
        Args:
            erased: ids of subjects and samples.
        """
        self._gone = set(erased)
        self.subjects = self.samples = 0
        self.crops: set[str] = set()

    def left(self, table: str, row: Plain) -> Plain | None:
        """What is left of a row; None where that is nothing."""
        kept = self._left(table, row)
        if kept is None:
            self.subjects += table == "subjects"
            self.samples += table == "samples"
        else:
            self.crops.update(crops_of(table, kept))
        return kept

    def _left(self, table: str, row: Plain) -> Plain | None:
        if table == "changes":
            return self._left_of_change(row)
        refers = [row.get(column) for column, _ in references(table)]
        if table in ("subjects", "samples"):
            refers.append(row["id"])
        if self._gone.isdisjoint(refers):
            return row
        if "id" in row:  # and so is what refers to it
            self._gone.add(row["id"])
        return None

    def _left_of_change(self, row: Plain) -> Plain | None:
        """As `erasing` does it when somebody is erased."""
        if not self._gone.isdisjoint([row["subject_id"], row["other_id"]]):
            return None
        kept = kept_of(row["kept"])
        samples = {*kept.moved, *kept.taken_ids()}
        if samples.isdisjoint(self._gone):
            return row
        if row["kind"] in OF_ONE_SAMPLE:
            return None
        kept.moved = [one for one in kept.moved if one not in self._gone]
        kept.taken = [one for one in kept.taken if one["id"] not in self._gone]
        return {**row, "kept": kept.plain()}
