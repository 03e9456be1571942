"""Figures of approved accounts, added up once: what history froze does not change without its digest telling."""

import asyncio

from services.auditor.columns.figures import odd_figures
from services.auditor.domain.figures import add_up
from services.auditor.domain.invariants import Difference, Invariant
from services.auditor.operations.approved_chunks import approved_chunks
from services.auditor.operations.looks import View


class Figures:
    """Remembers the batches whose figures add up."""

    def __init__(self) -> None:
        self._add_up: set[int] = set()

    async def look(self, view: View) -> list[Difference]:
        """Add up the figures of the approved batches whose turn it is, but of those that are known to add up."""
        wanted = [batch_id for batch_id in view.batches(Invariant.FIGURES_ADD_UP) if batch_id not in self._add_up]
        odd: dict[int, dict[str, list[str]]] = {batch_id: {} for batch_id in wanted}
        async for batch_id, content, accounts in approved_chunks(view.connection, wanted):
            odd[batch_id] |= await asyncio.to_thread(odd_figures, content, accounts)
        found = {batch_id: add_up(batch_id, accounts) for batch_id, accounts in odd.items()}
        self._add_up.update(batch_id for batch_id, difference in found.items() if difference is None)
        return [difference for difference in found.values() if difference is not None]
