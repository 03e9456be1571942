"""The positions and securities that a proposal is computed on, held or targeted, for a chunk of accounts.

Positions are in order of (security id, sleeve id), securities in order of id, so that ties break by index.
A substitute is added with quantity 0 and target 0 in every sleeve where the security it replaces has a target; the
proposer decides how much of that target it takes over.  Source: product 4, "Fine points".
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from services.analyzer.domain.layout import KEY_SHIFT, NONE, SLEEVE_MASK, Ints, Ragged, Setting, TargetField
from shared.contracts.codes import Restriction

QUANTITY, TARGET, THRESHOLD, PRECISION, CAN_TRIGGER = range(5)


@dataclass(frozen=True)
class JoinedPositions:
    """Positions of a chunk; those of account i are starts[i]:starts[i + 1].

    security: index into the securities of the account, which are security_starts[i]:security_starts[i + 1].
    values[.., 5]: quantity_micro, target_ppb, threshold_ppb, precision_ppb, can_trigger.
    restriction, substitute: of each security.
    """

    starts: Ints
    security: Ints
    sleeve_no: Ints
    values: Ints
    security_starts: Ints
    security_no: Ints
    restriction: Ints
    substitute: Ints  # index of the security bought in its place, NONE without


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

    settings[n, SETTINGS]; restrictions.data[.., 3]; holdings.data[.., (key, quantity_micro)]; target_of[n]: row of
    heads and of targets.  security_rank, sleeve_rank: position of each number in the order of ids, from `ranks`.
    """
    owner, keys, values = _rows(restrictions, holdings, target_of, targets)
    order = np.lexsort((keys, owner))
    owner, keys, values = owner[order], keys[order], values[order]
    first = np.ones(len(keys), bool)
    first[1:] = (keys[1:] != keys[:-1]) | (owner[1:] != owner[:-1])
    begins = np.flatnonzero(first)
    if len(begins):
        values = np.maximum.reduceat(values, begins, axis=0)
    owner, keys = owner[begins], keys[begins]
    security_no, sleeve_no = keys >> KEY_SHIFT, keys & SLEEVE_MASK
    order = np.lexsort((sleeve_rank[sleeve_no], security_rank[security_no], owner))
    owner, security_no, sleeve_no, values = owner[order], security_no[order], sleeve_no[order], values[order]
    _fill_defaults(values, owner, settings, target_of, heads)
    return _with_securities(len(settings), owner, security_no, sleeve_no, values, restrictions)


def numbers_named(restrictions: Ragged, holdings: Ragged, targets: Ragged) -> tuple[Ints, Ints]:
    """Return the security and sleeve numbers that `join` may return."""
    keys = np.concatenate((holdings.data[:, 0], targets.data[:, 0]))
    named = restrictions.data[:, [0, 2]].ravel()
    securities = np.concatenate((keys >> KEY_SHIFT, named[named >= 0]))
    return np.unique(securities), np.unique(keys & SLEEVE_MASK)


def without_substitutes(restrictions: Ragged, usable: Collection[int]) -> Ragged:
    """Return the restrictions without the substitutes that are not usable (no price, not in the security master).

    The replaced security still must not be bought.  A restriction never fails its account.
    """
    substitutes = restrictions.data[:, 2]
    lost = (substitutes != NONE) & ~np.isin(substitutes, np.array(sorted(usable), np.int64))
    data = restrictions.data.copy()
    data[lost, 1] |= int(Restriction.DO_NOT_BUY)
    data[lost, 2] = NONE
    return Ragged(restrictions.starts, data)


def ranks(ids: Mapping[int, str]) -> Ints:
    """Return the position of each number in the order of ids."""
    found = np.zeros(max(ids, default=-1) + 1, np.int64)
    for rank, number in enumerate(sorted(ids, key=ids.__getitem__)):
        found[number] = rank
    return found


def _rows(restrictions: Ragged, holdings: Ragged, target_of: Ints, targets: Ragged) -> tuple[Ints, Ints, Ints]:
    """Return owner, key and values of all rows: held, targeted, substitutes; NONE where a row has no value."""
    count = len(target_of)
    held = holdings.data[:, 1] != 0
    held_owner = np.repeat(np.arange(count), np.diff(holdings.starts))[held]
    held_values = np.full((len(held_owner), 5), NONE, np.int64)
    held_values[:, QUANTITY] = holdings.data[held, 1]
    held_values[:, TARGET] = 0
    lengths = (
        np.where(target_of >= 0, np.diff(targets.starts)[np.maximum(target_of, 0)], 0)
        if len(targets.data)
        else (np.zeros(count, np.int64))
    )
    aim_owner = np.repeat(np.arange(count), lengths)
    within = np.arange(len(aim_owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    rows = (
        targets.data[targets.starts[np.maximum(target_of, 0)][aim_owner] + within]
        if len(aim_owner)
        else (np.zeros((0, 5), np.int64))
    )
    aim_values = np.zeros((len(aim_owner), 5), np.int64)
    aim_values[:, TARGET:] = rows[:, 1:]
    extra = _substitutes(restrictions, aim_owner, rows)
    extra_values = np.tile(np.array([0, 0, NONE, NONE, NONE], np.int64), (len(extra), 1))
    return (
        np.concatenate((held_owner, aim_owner, extra[:, 0])),
        np.concatenate((holdings.data[held, 0], rows[:, 0], extra[:, 1])),
        np.concatenate((held_values, aim_values, extra_values)),
    )


def _substitutes(restrictions: Ragged, owner: Ints, rows: Ints) -> Ints:
    """Return (account, key) of each substitute in each sleeve where the replaced security has a target above 0.

    The substitute of a substitute is included, and so on.
    """
    found: list[tuple[int, int]] = []
    begins = np.searchsorted(owner, np.arange(len(restrictions.starts)))
    for account in np.flatnonzero(np.diff(restrictions.starts)).tolist():
        mine = rows[begins[account] : begins[account + 1]]
        own = restrictions.data[restrictions.starts[account] : restrictions.starts[account + 1]]
        replaced = {int(security): int(substitute) for security, _, substitute in own if substitute != NONE}
        for security, substitute in replaced.items():
            aimed = mine[(mine[:, 0] >> KEY_SHIFT == security) & (mine[:, 1] > 0)]
            chain: list[int] = []
            while substitute not in (NONE, *chain):
                chain.append(substitute)
                substitute = replaced.get(substitute, NONE)
            found.extend(
                (account, replacing << KEY_SHIFT | int(key) & SLEEVE_MASK) for key in aimed[:, 0] for replacing in chain
            )
    return np.array(found, np.int64).reshape(-1, 2)


def _fill_defaults(values: Ints, owner: Ints, settings: Ints, target_of: Ints, heads: Ints) -> None:
    """Fill absent thresholds from the account, else from the portfolio; a position without target may trigger."""
    for column, setting, field in (
        (THRESHOLD, Setting.THRESHOLD_PPB, TargetField.THRESHOLD_PPB),
        (PRECISION, Setting.PRECISION_PPB, TargetField.PRECISION_PPB),
    ):
        general = np.where(settings[:, setting] == NONE, heads[target_of, field], settings[:, setting])
        values[:, column] = np.where(values[:, column] == NONE, general[owner], values[:, column])
    values[:, CAN_TRIGGER] = np.where(values[:, CAN_TRIGGER] == NONE, 1, values[:, CAN_TRIGGER])


def _with_securities(
    count: int, owner: Ints, security_no: Ints, sleeve_no: Ints, values: Ints, restrictions: Ragged
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
        for security, flags, substitute in restrictions.data[
            restrictions.starts[account] : restrictions.starts[account + 1]
        ]:
            if int(security) in indices:
                restriction[begin + indices[int(security)]] = flags
                if int(substitute) in indices:
                    substitute_of[begin + indices[int(security)]] = indices[int(substitute)]
    return JoinedPositions(starts, index, sleeve_no, values, security_starts, numbers, restriction, substitute_of)
