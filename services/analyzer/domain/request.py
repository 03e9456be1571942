"""The positions and securities that a proposal is computed on, held or targeted, for a chunk of accounts.

Positions are in order of (security id, sleeve id), securities in order of id, so that ties break by index.
A substitute is added with quantity 0 and target 0 in every sleeve where the security it replaces has a target; the
proposer decides how much of that target it takes over.  Source: product 4, "Fine points".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.analyzer.domain.layout import KEY_SHIFT, NONE, SLEEVE_MASK, Ints, Ragged, Setting, TargetField
from shared.contracts.codes import HoldingRole, Restriction
from shared.fixed_point.limits import PPB
from shared.fixed_point.records import Records, as_records, as_table, record, records_of
from shared.rules.holding_roles import NO_OWN_ROLE, ORDINARY, roles_in_accounts

POSITION: Final = record("quantity", "target", "threshold", "precision", "can_trigger", "rest")
"""Of a position: micro-units held, target, threshold and precision in ppb, whether it can trigger (0 or 1), and what
the exact target is more than `target`, in 1e-18."""

_NO_REST: Final = -PPB  # of what has no target: rests are above it, and may be negative


@dataclass(frozen=True)
class JoinedPositions:
    """Positions of a chunk; those of account i are starts[i]:starts[i + 1].

    security: index into the securities of the account, which are security_starts[i]:security_starts[i + 1].
    values: a POSITION each.  restriction, substitute: of each security.
    """

    starts: Ints
    security: Ints
    sleeve_no: Ints
    values: Records
    security_starts: Ints
    security_no: Ints
    restriction: Ints
    substitute: Ints  # index of the security bought in its place, NONE without


@dataclass(frozen=True)
class AccountRoles:
    """How accounts treat securities.  own: OWN_ROLE of each account; packed: by security number, see HeldSecurities."""

    own: Ragged
    packed: Ints

    def of(self, account: Ints, security: Ints) -> Ints:
        """Return the HoldingRole of each security in its account.  account: index; security: number."""
        own = np.full(len(account), NO_OWN_ROLE, np.int64)
        starts, said = self.own.starts, self.own.data
        for index in np.flatnonzero(np.diff(starts)).tolist():
            mine = np.flatnonzero(account == index)
            rows = said[starts[index] : starts[index + 1]]
            found = np.minimum(np.searchsorted(rows.security, security[mine]), len(rows) - 1)
            own[mine] = np.where(rows.security[found] == security[mine], rows.role[found], NO_OWN_ROLE)
        return roles_in_accounts(by_number(self.packed, security, ORDINARY), own)


def by_number(values: Ints, numbers: Ints, otherwise: int) -> Ints:
    """Return the value of each number; `otherwise` beyond the end."""
    if not len(values):
        return np.full(len(numbers), otherwise, np.int64)
    return np.where(numbers < len(values), values[np.minimum(numbers, len(values) - 1)], otherwise)


def join(
    settings: Ints,
    restrictions: Ragged,
    holdings: Ragged,
    target_of: Ints,
    heads: Ints,
    targets: Ragged,
    security_rank: Ints,
    sleeve_rank: Ints,
) -> JoinedPositions:
    """Return the positions and securities of n accounts.

    settings[n, SETTINGS]; restrictions: RESTRICTION records; holdings: HOLDING; targets: AIM; target_of[n]: row of
    heads and of targets.  security_rank, sleeve_rank: position of each number in the order of ids, from `ranks`.
    """
    owner, keys, values = _rows(restrictions, holdings, target_of, targets)
    order = np.lexsort((keys, owner))
    owner, keys, values = owner[order], keys[order], values[order]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]) | (owner[1:] != owner[:-1])
    begins = np.flatnonzero(first)
    if len(begins):
        values = as_records(POSITION, np.maximum.reduceat(as_table(values), begins, axis=0))
        values.rest = np.where(values.rest == _NO_REST, 0, values.rest)
    owner, keys = owner[begins], keys[begins]
    security_no, sleeve_no = keys >> KEY_SHIFT, keys & SLEEVE_MASK
    order = np.lexsort((sleeve_rank[sleeve_no], security_rank[security_no], owner))
    owner, security_no, sleeve_no, values = owner[order], security_no[order], sleeve_no[order], values[order]
    _fill_defaults(values, owner, settings, target_of, heads)
    return _with_securities(len(settings), owner, security_no, sleeve_no, values, restrictions)


def numbers_named(restrictions: Ragged, holdings: Ragged, targets: Ragged) -> tuple[Ints, Ints]:
    """Return the security and sleeve numbers that `join` may return."""
    keys = np.concatenate((holdings.data.key, targets.data.key))
    named = np.concatenate((restrictions.data.security, restrictions.data.substitute))
    securities = np.concatenate((keys >> KEY_SHIFT, named[named >= 0]))
    return np.unique(securities), np.unique(keys & SLEEVE_MASK)


def without_substitutes(restrictions: Ragged, usable: Collection[int], roles: AccountRoles) -> Ragged:
    """Return the restrictions without the substitutes that are not usable.

    Usable is what has a price, is in the security master (both: `usable`) and is MANAGED in the account.  The replaced
    security still must not be bought.  A restriction never fails its account.
    """
    substitutes = restrictions.data.substitute
    owner = np.repeat(np.arange(len(restrictions.starts) - 1), np.diff(restrictions.starts))
    named = substitutes != NONE
    managed = roles.of(owner, np.where(named, substitutes, 0)) == HoldingRole.MANAGED
    lost = named & ~(np.isin(substitutes, np.array(sorted(usable), np.int64)) & managed)
    data = restrictions.data.copy()
    data.kinds[lost] |= int(Restriction.DO_NOT_BUY)
    data.substitute[lost] = NONE
    return Ragged(restrictions.starts, data)


def ranks(ids: Mapping[int, str]) -> Ints:
    """Return the position of each number in the order of ids."""
    found = np.zeros(max(ids, default=-1) + 1, np.int64)
    for rank, number in enumerate(sorted(ids, key=ids.__getitem__)):
        found[number] = rank
    return found


def _rows(restrictions: Ragged, holdings: Ragged, target_of: Ints, targets: Ragged) -> tuple[Ints, Ints, Records]:
    """Return owner, key and POSITION of all rows: held, targeted, substitutes; NONE where a row has no value."""
    count = len(target_of)
    held, held_owner = holdings.data, np.repeat(np.arange(count), np.diff(holdings.starts))
    lengths = (
        np.where(target_of >= 0, np.diff(targets.starts)[np.maximum(target_of, 0)], 0)
        if len(targets.data)
        else (np.zeros(count, np.int64))
    )
    aim_owner = np.repeat(np.arange(count), lengths)
    within = np.arange(len(aim_owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    aims = targets.data[targets.starts[np.maximum(target_of, 0)][aim_owner] + within]
    aim_values = records_of(
        POSITION,
        target=aims.target,
        threshold=aims.threshold,
        precision=aims.precision,
        can_trigger=aims.can_trigger,
        rest=aims.rest,
    )
    extra_owner, extra_keys = _substitutes(restrictions, aim_owner, aims)
    values = (_untargeted(held.quantity), aim_values, _untargeted(np.zeros(len(extra_keys), np.int64)))
    return (
        np.concatenate((held_owner, aim_owner, extra_owner)),
        np.concatenate((held.key, aims.key, extra_keys)),
        as_records(POSITION, np.concatenate([as_table(rows) for rows in values])),
    )


def _untargeted(quantities: Ints) -> Records:
    """Return a POSITION of each quantity with target 0, everything else less than any that is set."""
    found = records_of(POSITION, quantity=quantities)
    found.threshold, found.precision, found.can_trigger, found.rest = NONE, NONE, NONE, _NO_REST
    return found


def _substitutes(restrictions: Ragged, owner: Ints, aims: Records) -> tuple[Ints, Ints]:
    """Return account and key of each substitute in each sleeve where the replaced security has a target above 0.

    The substitute of a substitute is included, and so on.
    """
    found: list[tuple[int, int]] = []
    begins = np.searchsorted(owner, np.arange(len(restrictions.starts)))
    for account in np.flatnonzero(np.diff(restrictions.starts)).tolist():
        mine = aims[begins[account] : begins[account + 1]]
        own = restrictions.data[restrictions.starts[account] : restrictions.starts[account + 1]]
        named = own[own.substitute != NONE]
        replaced = dict(zip(named.security.tolist(), named.substitute.tolist(), strict=True))
        for security, substitute in replaced.items():
            aimed = mine[(mine.key >> KEY_SHIFT == security) & ((mine.target > 0) | (mine.rest > 0))]
            chain: list[int] = []
            while substitute not in (NONE, *chain):
                chain.append(substitute)
                substitute = replaced.get(substitute, NONE)
            sleeves = (aimed.key & SLEEVE_MASK).tolist()
            found.extend((account, replacing << KEY_SHIFT | sleeve) for sleeve in sleeves for replacing in chain)
    owners, keys = np.array(found, np.int64).reshape(-1, 2).T
    return owners, keys


def _fill_defaults(values: Records, owner: Ints, settings: Ints, target_of: Ints, heads: Ints) -> None:
    """Fill absent thresholds from the account, else from the portfolio; a position without target may trigger."""
    for name, setting, field in (
        ("threshold", Setting.THRESHOLD_PPB, TargetField.THRESHOLD_PPB),
        ("precision", Setting.PRECISION_PPB, TargetField.PRECISION_PPB),
    ):
        general = np.where(settings[:, setting] == NONE, heads[target_of, field], settings[:, setting])
        values[name] = np.where(values[name] == NONE, general[owner], values[name])
    values.can_trigger = np.where(values.can_trigger == NONE, 1, values.can_trigger)


def _with_securities(
    count: int, owner: Ints, security_no: Ints, sleeve_no: Ints, values: Records, restrictions: Ragged
) -> JoinedPositions:
    first = np.ones(len(owner), bool)
    first[1:] = (security_no[1:] != security_no[:-1]) | (owner[1:] != owner[:-1])
    security_owner, numbers = owner[first], security_no[first]
    accounts = np.arange(count + 1)
    starts, security_starts = np.searchsorted(owner, accounts), np.searchsorted(security_owner, accounts)
    index = np.cumsum(first) - 1 - security_starts[owner]
    restriction, substitute_of = np.zeros(len(numbers), np.int64), np.full(len(numbers), NONE, np.int64)
    for account in np.flatnonzero(np.diff(restrictions.starts)).tolist():
        begin, end = int(security_starts[account]), int(security_starts[account + 1])
        indices = {int(number): index for index, number in enumerate(numbers[begin:end])}
        for rule in restrictions.data[restrictions.starts[account] : restrictions.starts[account + 1]]:
            if int(rule.security) in indices:
                row = begin + indices[int(rule.security)]
                restriction[row] = rule.kinds
                substitute_of[row] = indices.get(int(rule.substitute), NONE)
    return JoinedPositions(starts, index, sleeve_no, values, security_starts, numbers, restriction, substitute_of)
