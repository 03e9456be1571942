"""How to look at each invariant that rests on the stores, of the instant that a pass sees."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.auditor.domain import accounts as of_accounts
from services.auditor.domain import batches as of_batches
from services.auditor.domain.invariants import Difference, Invariant
from services.auditor.domain.unpublished import waits_too_long
from services.auditor.store import accounts, batches, unpublished
from services.auditor.store.accounts import Range
from services.auditor.store.database import Snapshot


@dataclass(frozen=True)
class View:
    """What a pass looks at.

    now: of the clock that the services write their instants with.  turn: decided batches, and within: accounts, whose
    turn it is in this pass.  suspects: subjects of an invariant that must be looked at again.
    """

    connection: Snapshot
    now: datetime
    turn: Sequence[int]
    within: Range
    suspects: Callable[[Invariant], list[str]]

    def batches(self, invariant: Invariant) -> list[int]:
        """Return the decided batches to look at: those whose turn it is, and the suspects."""
        suspects = (int(subject.removeprefix("batch ")) for subject in self.suspects(invariant))
        return sorted({*self.turn, *suspects})


async def history_frozen(view: View) -> list[Difference]:
    """Look at what is kept of decided batches."""
    found = await batches.history(view.connection, view.batches(Invariant.HISTORY_FROZEN))
    return _differences(of_batches.frozen(batch) for batch in found)


async def batches_counted(view: View) -> list[Difference]:
    """Add up the accounts of open batches, and of those whose turn it is."""
    found = await batches.counts(view.connection, view.batches(Invariant.BATCHES_COUNTED))
    return _differences(of_batches.counted(batch_id, written, real) for batch_id, written, real in found)


async def batches_end(view: View) -> list[Difference]:
    """Look at the cut-offs of open batches."""
    return _differences(of_batches.ends(batch, view.now) for batch in await batches.undecided(view.connection))


async def accounts_conserved(view: View) -> list[Difference]:
    """Count all accounts by state; name some where the sum is wrong."""
    found = []
    for counts in await accounts.by_enterprise(view.connection):
        if of_accounts.conserved(counts, []) is not None:
            odd = await accounts.odd(view.connection, counts.enterprise_id)
            found.append(of_accounts.conserved(counts, odd))
    return _differences(found)


async def epochs_agree(view: View) -> list[Difference]:
    """Compare batch's accounts and epochs with the analyzer's, and with the approvals that taxlot has booked."""
    found = await accounts.different(view.connection, view.within, view.suspects(Invariant.EPOCHS_AGREE))
    return _differences(map(of_accounts.epochs_agree, found))


async def flags_agree(view: View) -> list[Difference]:
    """Compare batch's flags with the analyzer's."""
    found = await accounts.different(view.connection, view.within, view.suspects(Invariant.FLAGS_AGREE))
    return _differences(map(of_accounts.flags_agree, found))


async def nothing_unpublished(view: View) -> list[Difference]:
    """Look at what waits to be published."""
    return _differences(map(waits_too_long, await unpublished.waiting(view.connection, view.now)))


Look = Callable[[View], Awaitable[list[Difference]]]
IN_THE_STORES: Final[Mapping[Invariant, Look]] = {
    Invariant.HISTORY_FROZEN: history_frozen,
    Invariant.BATCHES_COUNTED: batches_counted,
    Invariant.BATCHES_END: batches_end,
    Invariant.ACCOUNTS_CONSERVED: accounts_conserved,
    Invariant.NOTHING_UNPUBLISHED: nothing_unpublished,
}
BETWEEN_SERVICES: Final[Mapping[Invariant, Look]] = {
    Invariant.EPOCHS_AGREE: epochs_agree,
    Invariant.FLAGS_AGREE: flags_agree,
}
"""These need the broker too: what is in flight between the services decides whether a difference counts."""


def _differences(found: Iterable[Difference | None]) -> list[Difference]:
    return [difference for difference in found if difference is not None]
