"""Batches: that each ends, that its counts are those of its accounts, that what is decided stays as it was decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.auditor.domain.invariants import Difference, Invariant

OVERDUE: Final = timedelta(minutes=5)
"""The end-of-day sweep of every replica looks each second; a batch that fails is parked for 5 s, then longer."""
SILENT: Final = timedelta(minutes=15)
"""Accounts without a result are sent again and time out after some minutes: until then every batch gets on."""


@dataclass(frozen=True)
class OpenBatch:
    """An undecided batch.  heard_at: when it was requested, or last got a result."""

    batch_id: int
    status: str
    cancel_at: datetime
    heard_at: datetime


def ends(batch: OpenBatch, now: datetime) -> Difference | None:
    """Return why an undecided batch does not end; None while it is on its way."""
    if now - batch.cancel_at > OVERDUE:
        why, since = "is open past its cut-off", batch.cancel_at
    elif batch.status == "WORKING" and now - batch.heard_at > SILENT:
        why, since = "works and gets no result", batch.heard_at
    else:
        return None
    values = (batch.status, why, since)
    says = f"batch {batch.batch_id} ({batch.status}) {why} since {since.isoformat(timespec='seconds')}"
    return Difference(Invariant.BATCHES_END, f"batch {batch.batch_id}", values, says)


def counted(batch_id: int, written: Mapping[str, int], found: Mapping[str, int]) -> Difference | None:
    """Return where the counts written in a batch differ from its accounts.  Both: by state, and `accounts` for all."""
    differ = {name: (written[name], found.get(name, 0)) for name in written if written[name] != found.get(name, 0)}
    if not differ:
        return None
    text = ", ".join(f"{name} {was} in the batch and {is_} by its accounts" for name, (was, is_) in differ.items())
    values = tuple(sorted(differ.items()))
    return Difference(Invariant.BATCHES_COUNTED, f"batch {batch_id}", values, f"batch {batch_id}: {text}")


@dataclass(frozen=True)
class DecidedBatch:
    """A decided batch.

    manifest_fits: whether the digest of its manifest fits, None without a manifest; loose: accounts that are open or
    not frozen; misfits: result chunks that are missing or do not have their digest.
    """

    batch_id: int
    manifest_fits: bool | None
    loose: int
    misfits: int


def frozen(batch: DecidedBatch) -> Difference | None:
    """Return what of a decided batch is not as it was decided; None if all of it is."""
    faults = []
    if batch.manifest_fits is None:
        faults.append("it has no manifest")
    elif not batch.manifest_fits:
        faults.append("its manifest does not have its digest")
    if batch.loose:
        faults.append(f"{batch.loose} of its accounts are open or can be changed")
    if batch.misfits:
        faults.append(f"{batch.misfits} of its result chunks are missing or do not have their digests")
    if not faults:
        return None
    says = f"batch {batch.batch_id} is decided, but {'; '.join(faults)}"
    return Difference(Invariant.HISTORY_FROZEN, f"batch {batch.batch_id}", tuple(faults), says)
