"""Accounts: each is counted once, and services agree about it."""

from dataclasses import dataclass

from services.auditor.domain.invariants import Difference, Invariant


@dataclass(frozen=True)
class AccountCounts:
    """Accounts of an enterprise, and how many are in each state, counted apart from one another.

    in_batches counts memberships in undecided batches, so an account in two of them counts twice; an account that is
    open in a decided batch counts nowhere.  unevaluated: the analyzer's first flag has not come yet.
    """

    enterprise_id: str
    accounts: int
    queue: int
    in_batches: int
    settling: int
    held: int
    off: int
    clear: int
    unevaluated: int


def conserved(counts: AccountCounts, odd: list[str]) -> Difference | None:
    """Return by how much the states of an enterprise's accounts do not add up; None if they do.

    odd: some of the accounts that are in no state or in two.
    """
    states = {
        "queue": counts.queue,
        "open batches": counts.in_batches,
        "settling": counts.settling,
        "held": counts.held,
        "off": counts.off,
        "clear": counts.clear,
        "not yet evaluated": counts.unevaluated,
    }
    total = sum(states.values())
    if total == counts.accounts:
        return None
    sums = " + ".join(f"{name} {count}" for name, count in states.items())
    named = f" Look at {', '.join(odd)}." if odd else ""
    says = f"enterprise {counts.enterprise_id}: {sums} = {total}, but it has {counts.accounts} accounts.{named}"
    # Not the states: they move all day, while the error stays.
    values = (total - counts.accounts, tuple(odd))
    return Difference(Invariant.ACCOUNTS_CONSERVED, f"enterprise {counts.enterprise_id}", values, says)


@dataclass(frozen=True)
class AccountVersions:
    """What services have of an account; None: it does not know the account, or has no flag of it.

    taxlot_epoch: that the newest approval gave which taxlot has booked; None: it has booked none.
    """

    account_id: str
    batch_epoch: int | None
    analyzer_epoch: int | None
    batch_flag: int | None
    analyzer_flag: int | None
    taxlot_epoch: int | None = None


def epochs_agree(of: AccountVersions) -> Difference | None:
    """Return how batch, analyzer and taxlot differ about an account and its epoch; None if they do not."""
    is_booked = (of.taxlot_epoch or 0) == (of.batch_epoch or 0)
    if of.batch_epoch == of.analyzer_epoch and is_booked:
        return None
    sides = [_epoch("batch", of.batch_epoch), _epoch("analyzer", of.analyzer_epoch)]
    if not is_booked:
        newest = f"approvals up to epoch {of.taxlot_epoch}" if of.taxlot_epoch else "no approval"
        sides.append(f"taxlot has booked {newest}")
    values = (of.batch_epoch, of.analyzer_epoch, of.taxlot_epoch)
    return Difference(Invariant.EPOCHS_AGREE, of.account_id, values, f"account {of.account_id}: {', '.join(sides)}")


def flags_agree(of: AccountVersions) -> Difference | None:
    """Return how batch's flag of an account differs from the analyzer's; None if it does not."""
    if (of.batch_flag or 0) == (of.analyzer_flag or 0):
        return None
    says = (
        f"account {of.account_id}: batch has flag version {of.batch_flag or 'none'},"
        f" the analyzer {of.analyzer_flag or 'none'}"
    )
    return Difference(Invariant.FLAGS_AGREE, of.account_id, (of.batch_flag, of.analyzer_flag), says)


def _epoch(service: str, epoch: int | None) -> str:
    return f"{service} does not know it" if epoch is None else f"{service} has epoch {epoch}"
