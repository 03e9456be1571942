"""The chains of decisions, a part in each pass, and the end of each chain in every one."""

from collections.abc import Mapping

from services.auditor.domain.chains import (
    Walk,
    before_first,
    decision_beside,
    history_end,
    history_seen,
    link_faults,
)
from services.auditor.domain.invariants import Difference
from services.auditor.operations.looks import View
from services.auditor.store import chains
from services.auditor.store.chains import Ends
from shared.rules.history_chain import End

Start = tuple[str, int]
"""Enterprise and position of a link."""


class HistoryChains:
    """Remembers how far chains and decisions were followed, and the end of each chain, as `AuditChain` does.

    most: links and decisions of a part.  seen: the last end of each chain that fitted, by enterprise.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._links: Walk[Start] = Walk(("", 0))
        self._decisions = Walk(0)
        self.seen: dict[str, End] = {}

    async def look(self, view: View) -> list[Difference]:
        """Follow the parts whose turn it is, and again those with a fault; compare ends with those of before."""
        ends = await chains.history_ends(view.connection)
        found = [*await self._ends(view, ends), *await self._follow(view, ends), *await self._beside(view)]
        return list({difference.subject: difference for difference in found}.values())

    async def _ends(self, view: View, ends: Mapping[str, Ends]) -> list[Difference]:
        """Return what is wrong with the ends.  One that fits is remembered, and the one of before while none does."""
        seen_now = await chains.hashes(view.connection, {name: end[0] for name, end in self.seen.items()})
        found: list[Difference] = []
        for name in sorted(ends.keys() | self.seen.keys()):
            faults: list[Difference | None] = []
            if name in ends:
                faults.append(history_end(name, ends[name].head, ends[name].last or before_first(name)))
            if name in self.seen:
                faults.append(history_seen(name, self.seen[name], seen_now.get(name)))
            broken = [fault for fault in faults if fault is not None]
            found += broken
            last = ends[name].last if name in ends else None
            if not broken and last is not None:
                self.seen[name] = last
        return found

    async def _follow(self, view: View, ends: Mapping[str, Ends]) -> list[Difference]:
        """Return what is wrong with links and their decisions, and which chains have links and no head."""
        found: list[Difference] = []
        faulty: list[Start] = []
        last: Start | None = None
        for start in self._links.turn():
            part, last = await self._part(view, start, ends)
            if part:
                faulty.append(start)
                found += part
        self._links.done(faulty, last)
        return found

    async def _part(self, view: View, start: Start, ends: Mapping[str, Ends]) -> tuple[list[Difference], Start | None]:
        """Return what is wrong in a part, and where it ends; None: with the last link of all chains."""
        found: list[Difference | None] = []
        name, position = start
        hash_before = (await chains.hashes(view.connection, {name: position})).get(name, b"")
        before: End = (position, hash_before)
        links = await chains.links(view.connection, name, position, self._most)
        for stored in links:
            if stored.enterprise_id != name:
                name, before = stored.enterprise_id, before_first(stored.enterprise_id)
                if name not in ends:
                    found.append(history_end(name, None, (stored.link.position, stored.link.sha256)))
            found.append(link_faults(name, stored.link, before, stored.kept_sha256))
            before = (stored.link.position, stored.link.sha256)
        differences = [difference for difference in found if difference is not None]
        return differences, (name, before[0]) if len(links) == self._most else None

    async def _beside(self, view: View) -> list[Difference]:
        """Return decisions that are not in the chain of each of their enterprises."""
        found: list[Difference] = []
        faulty: list[int] = []
        last: int | None = None
        for after in self._decisions.turn():
            part = await chains.decisions_beside(view.connection, after, self._most)
            if part.faults:
                faulty.append(after)
                found += map(decision_beside, part.faults)
            last = part.last if part.rows == self._most else None
        self._decisions.done(faulty, last)
        return found
