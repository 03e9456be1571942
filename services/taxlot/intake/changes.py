"""Find accounts whose units or cost changed, since the last file, by more than a limit and without trades of ours."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.domain.plausible import beyond_limit
from services.taxlot.domain.treatment import ORDINARY_SECURITY, SecurityFacts
from shared.fixed_point.text import text_of, usd
from shared.rules.relief.lots import NO_BASIS

_MOST_NAMED = 5  # securities in a sentence


class Roles(NamedTuple):
    """What says which lots are cash equivalents: the security master, and what each account says of securities."""

    securities: Mapping[str, SecurityFacts]
    own: Sequence[Mapping[str, int] | None]


def large_changes(
    batch: pa.RecordBatch,
    first: Any,
    indices: Sequence[int],
    before: Sequence[bytes | None],
    traded: Sequence[AbstractSet[str]],
    roles: Roles,
    percent: int,
) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) of accounts with a change beyond `percent` of the greater of before and after.

    Account k has the lots first[k]:first[k + 1] of batch.  before: the stored document of each account in `indices`;
    traded: the securities of each in which we have traded since; roles: own roles of each.  Units count by security,
    the known cost by account.  Cash equivalents count in neither: they move with the cash, without trades.
    """
    known = [position for position, document in enumerate(before) if document is not None]
    if not known or percent <= 0:
        return
    accounts = np.array([indices[position] for position in known])
    old, starts = documents.joined([document for document in before if document is not None])
    rows = np.concatenate([np.arange(first[account], first[account + 1]) for account in accounts.tolist()])
    new = batch.take(pa.array(rows))
    old_owner = np.repeat(np.arange(len(known)), np.diff(starts))
    new_owner = np.repeat(np.arange(len(known)), first[accounts + 1] - first[accounts])
    own = [roles.own[position] for position in known]
    old, old_owner = _without_cash(old, old_owner, roles.securities, own)
    new, new_owner = _without_cash(new, new_owner, roles.securities, own)
    units = _sums_by_security((old, old_owner), (new, new_owner))
    sentences: dict[int, list[str]] = {}
    for owner, security, was, now in _beyond(units, percent):
        if security not in traded[known[owner]]:
            sentences.setdefault(owner, []).append(f"{security}: {_units(was)} units, now {_units(now)}")
    old_cost, new_cost = _cost(old, old_owner, len(known)), _cost(new, new_owner, len(known))
    for owner in np.flatnonzero(beyond_limit(old_cost, new_cost, percent)).tolist():
        if not traded[known[owner]]:
            costs = f"{usd(int(old_cost[owner]))}, now {usd(int(new_cost[owner]))}"
            sentences.setdefault(owner, []).append(f"known cost basis: {costs}")
    for owner in sorted(sentences):
        named = sentences[owner]
        more = f"; and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        yield int(accounts[owner]), "; ".join(named[:_MOST_NAMED]) + more


def _without_cash(
    lots: pa.RecordBatch, owner: Any, securities: Mapping[str, SecurityFacts], own: Sequence[Mapping[str, int] | None]
) -> tuple[pa.RecordBatch, Any]:
    """Return the lots that are no cash equivalents, and their owners.  own: what each owner says of securities."""
    coded: Any = lots.column("security_id").dictionary_encode()
    index, names = coded.indices.to_numpy(), coded.dictionary.to_pylist()
    facts = [securities.get(name, ORDINARY_SECURITY) for name in names]
    is_cash = np.array([each.is_cash() for each in facts] or [False], np.bool_)[index]
    for number, said in enumerate(own):
        for code, name in enumerate(names if said else ()):
            if said and name in said:
                is_cash[(owner == number) & (index == code)] = facts[code].is_cash(said[name])
    return lots.filter(pa.array(~is_cash)), owner[~is_cash]


def _sums_by_security(old: tuple[pa.RecordBatch, Any], new: tuple[pa.RecordBatch, Any]) -> Any:
    """Return owner, security_id and the units before and after, of every security in either."""
    sides = []
    for (lots, owner), name in ((old, "was"), (new, "now")):
        table: Any = pa.table(
            {"owner": owner, "security_id": lots.column("security_id"), name: lots.column("quantity_micro")}
        )
        sides.append(table.group_by(["owner", "security_id"]).aggregate([(name, "sum")]))
    return sides[0].join(sides[1], ["owner", "security_id"], join_type="full outer")


def _beyond(units: Any, percent: int) -> list[tuple[int, str, int, int]]:
    """Return owner, security, units before and after of the pairs beyond the limit, in order of owner and security."""
    was, now = (
        units.column(name).fill_null(0).combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
        for name in ("was_sum", "now_sum")
    )
    rows = np.flatnonzero(beyond_limit(was, now, percent)).tolist()
    owner, security = units.column("owner"), units.column("security_id")
    return sorted((owner[row].as_py(), security[row].as_py(), int(was[row]), int(now[row])) for row in rows)


def _cost(lots: pa.RecordBatch, owner: Any, count: int) -> Any:
    """Return the sum of known bases of each of `count` accounts, in cents."""
    basis = lots.column("basis_cents").to_numpy()
    sums = np.zeros(count, np.int64)
    np.add.at(sums, owner, np.where(basis == NO_BASIS, 0, basis))
    return sums


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
