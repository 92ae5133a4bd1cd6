"""What the audit of a home says of the time since a backup was made, which is put back into it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from facecog.archive import Plain, Reader
from facecog.store.tables import audit, audit_chain, revision
from facecog.store.transactions import PART


@dataclass(frozen=True, slots=True)
class LaterLines:
    """
    Attributes:
        lines: those that continue the backup's, in their order; none where the home's audit is
            another one.
        chain: where the home's audit begins and ends.
    """

    lines: list[Plain] = field(default_factory=list)
    chain: Plain = field(default_factory=dict)

    def put(self, connection: Connection) -> None:
        """Behind those of the backup, without those that the home keeps no more."""
        if not self.lines:
            return
        for start in range(0, len(self.lines), PART):
            connection.execute(insert(audit), self.lines[start : start + PART])
        connection.execute(update(audit_chain).values(self.chain))
        connection.execute(delete(audit).where(audit.c.number <= self.chain["before"]))


def later_lines(connection: Connection, there: set[str], backup: Reader) -> LaterLines:
    """Of a home before its tables are emptied."""
    if not {"audit", "audit_chain"} <= there & set(backup.tables):
        return LaterLines()
    (ended,) = backup.rows("audit_chain")
    (moved,) = backup.rows("revision")
    sealed = connection.execute(select(revision.c.sealed)).scalar_one()
    of_end = select(audit.c.hash).where(audit.c.number == ended["last"])
    continues = connection.execute(of_end).scalar() == ended["hash"]
    if not continues or bool(sealed) != bool(moved["sealed"]):
        return LaterLines()  # another home's, or hashed with a key that goes with it
    later = select(audit).where(audit.c.number > ended["last"]).order_by(audit.c.number)
    lines = [dict(row._mapping) for row in connection.execute(later)]
    chain = dict(connection.execute(select(audit_chain)).one()._mapping)
    del chain["id"]
    return LaterLines(lines, chain)
