"""The chain of the audit log, a part in each pass, and its end in every one."""

from services.auditor.domain.chains import Walk, audit_end, audit_seen, record_broken
from services.auditor.domain.invariants import Difference
from services.auditor.operations.looks import View
from services.auditor.store import chains
from shared.rules.history_chain import End


class AuditChain:
    """Remembers how far the log was followed, and its end: what was cut off since is known by that alone.

    most: records of a part.  seen: the last end that fitted; whoever owns the chain keeps it outside of the process.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._walk = Walk(0)
        self.seen: End | None = None

    async def look(self, view: View) -> list[Difference]:
        """Follow the part whose turn it is, and those that did not fit; compare the end with the one of before."""
        found = await self._end(view)
        faulty: list[int] = []
        last: int | None = None
        for after in self._walk.turn():
            part = await chains.follow_audit(view.connection, after, self._most)
            if part.faults:
                faulty.append(after)
                found += map(record_broken, part.faults)
            last = part.last if part.rows == self._most else None
        self._walk.done(faulty, last)
        return list({difference.subject: difference for difference in found}.values())

    async def _end(self, view: View) -> list[Difference]:
        """Return what is wrong with the end.  One that fits is remembered, and the one of before while none does."""
        ends = await chains.audit_ends(view.connection)
        faults = [audit_end(ends.head, ends.last or (0, b""))]
        if self.seen is not None and self.seen[0] > 0:
            faults.append(audit_seen(self.seen, await chains.audit_hash(view.connection, self.seen[0])))
        found = [fault for fault in faults if fault is not None]
        if not found:
            self.seen = ends.last
        return found
