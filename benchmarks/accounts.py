"""Generated accounts for the engine's figures: requests with facts, and the lots that taxlot would have stored.

Whole columns at a time, from one seed.  Every account is out of balance: positions around their targets by up to 40 %,
some exits and some that are not held yet, an eighth of the securities held in two sleeves so that there is something to
net, a fifth of them fractional, cash above or below its band.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.domain.holdings import StoredHolding
from shared.contracts import chunks
from shared.rules.relief.lots import AVERAGE, Ints

TRADE_DAY: Final = (date(2026, 6, 12) - date(1970, 1, 1)).days
_UNIVERSE: Final = 400
_CASH_PPB: Final = 20_000_000
_ONE: Final = 10**9
_FUND_EVERY: Final = 5
_GAIN_BUDGETS_CENTS: Final = (0, 50_000, 250_000)  # a third of the accounts has none
_METHODS: Final = AVERAGE + 1  # every method but SPECIFIC, which needs a person's picks


@dataclass(frozen=True)
class Requests:
    """One chunk of requests with facts, and what taxlot has stored of its accounts."""

    facts: pa.RecordBatch
    stored: Mapping[str, StoredHolding]


@dataclass(frozen=True)
class _Held:
    """The chunk's positions, flat by account; units and prices in micro, targets in ppb."""

    security: Ints  # index among the account's securities
    sleeve: Ints  # 0 or 1
    target: Ints
    units: Ints
    price: Ints
    name: Ints  # number in the universe


def requests(
    accounts: int, positions: int, lots: int, *, liquidate: bool = False, budgets: bool = False, seed: int = 1
) -> Iterator[Requests]:
    """Yield chunks of at most MAX_CHUNK_ACCOUNTS accounts with so many positions, and so many lots a position.

    liquidate: the accounts have no target, and a user confirmed that all is sold.  budgets: they have gain budgets,
    and a quarter of them allows no short-term gains; for half of the accounts these limits bind.
    """
    dice = np.random.default_rng(seed)
    prices = np.round(np.exp(dice.normal(4.3, 0.8, _UNIVERSE)), 2)
    for first in range(0, accounts, chunks.MAX_CHUNK_ACCOUNTS):
        count = min(chunks.MAX_CHUNK_ACCOUNTS, accounts - first)
        ids = [f"A{number:07d}" for number in range(first, first + count)]
        found = _chunk(dice, ids, (positions, lots), liquidate, (prices * 1e6).round().astype(np.int64))
        yield replace(found, facts=_with_budgets(dice, found.facts)) if budgets else found


def _chunk(dice: np.random.Generator, ids: list[str], size: tuple[int, int], liquidate: bool, prices: Ints) -> Requests:
    positions, lots = size
    count, twice = len(ids), positions // 8
    listed = positions - twice
    names = np.sort(np.argsort(dice.random((count, _UNIVERSE)), axis=1)[:, :listed], axis=1)
    security_index = np.sort(np.concatenate([np.arange(listed), np.arange(twice) * (listed // max(1, twice))]))
    again = np.concatenate([[False], security_index[1:] == security_index[:-1]])
    held = _positions(dice, names, security_index, again, prices)
    value = _value(held, count)
    cash = (value * dice.choice([0.0, 0.008, 0.02, 0.05, 0.08], count)).round().astype(np.int64)
    if liquidate:
        held = replace(held, target=held.target * 0)
    facts = _facts(dice, ids, names, prices, held, cash, liquidate)
    return Requests(facts, _stored(dice, ids, held, lots))


def _positions(dice: np.random.Generator, names: Ints, security_index: Ints, again: Any, prices: Ints) -> _Held:
    count, width = len(names), len(security_index)
    shares = dice.choice([0, 1, 1, 1, 2, 3], (count, width)) * dice.uniform(0.8, 1.2, (count, width))
    targets = (shares / shares.sum(axis=1, keepdims=True) * (_ONE - _CASH_PPB)).astype(np.int64)
    widest = targets.argmax(axis=1)
    targets[np.arange(count), widest] += _ONE - _CASH_PPB - targets.sum(axis=1)
    worth = dice.choice([60_000, 250_000, 900_000], (count, 1)) * dice.uniform(0.5, 2, (count, 1))
    drift = dice.choice([0.0, 0.6, 0.8, 0.97, 1.0, 1.0, 1.02, 1.2, 1.4], (count, width))
    share = np.where(targets > 0, targets / _ONE * drift, 0.01 * dice.integers(0, 2, (count, width)))
    name = names[:, security_index]
    units = (worth * share / (prices[name] / 1e6) * 1e6).astype(np.int64)
    units = np.where(_step(name) == 1, units, units // 10**6 * 10**6)
    return _Held(
        np.tile(security_index, count),
        np.tile(again.astype(np.int64), count),
        targets.ravel(),
        units.ravel(),
        prices[name].ravel(),
        name.ravel(),
    )


def _step(name: Ints) -> Ints:
    return np.where(name % _FUND_EVERY == 0, 1, 10**6)


def _value(held: _Held, count: int) -> Ints:
    cents: Ints = (held.units / 1e6 * held.price / 1e4).reshape(count, -1).sum(axis=1).astype(np.int64)
    return cents


def _facts(
    dice: np.random.Generator, ids: list[str], names: Ints, prices: Ints, held: _Held, cash: Ints, liquidate: bool
) -> pa.RecordBatch:
    count = len(ids)
    ones, nothing = np.ones(count, np.int64), np.zeros(count, np.int64)
    flat = names.ravel()
    securities = [
        _names("S", flat),
        prices[flat],
        _step(flat),
        np.zeros(len(flat)),
        np.full(len(flat), -1),
        flat % _FUND_EVERY == 0,
    ]
    positions = [
        _names("SLEEVE", held.sleeve),
        held.security,
        held.units,
        held.target,
        np.full(len(held.units), 200_000_000),
        np.full(len(held.units), 40_000_000),
        np.ones(len(held.units), np.bool_),
    ]
    columns: dict[str, Any] = {
        "account_id": ids,
        "enterprise_id": ["E1"] * count,
        "advisor_id": ["V1"] * count,
        "cash_cents": cash,
        "liquidate": ones * liquidate,
        "cash_target_ppb": ones * (0 if liquidate else _CASH_PPB),
        "cash_threshold_ppb": ones * 200_000_000,
        "floor_ppb": ones * 5_000_000,
        "min_trade_cents": ones * 10_000,
        "lot_method": dice.integers(0, _METHODS, count),
        "taxable": ones,
        "securities": _listed("securities", securities, count),
        "positions": _listed("positions", positions, count),
    } | dict.fromkeys(("facts_version", "lots_version", "target_version", "price_set", "epoch"), ones)
    arrays = [
        pa.nulls(count, field.type)
        if field.nullable and field.name not in columns
        else _array(columns.get(field.name, nothing), field.type)
        for field in chunks.FACTS
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=chunks.FACTS)


def _with_budgets(dice: np.random.Generator, facts: pa.RecordBatch) -> pa.RecordBatch:
    """Return the facts with gain limits."""
    columns = {name: facts.column(name) for name in facts.schema.names}
    for name in ("gain_budget_short_cents", "gain_budget_total_cents"):
        cents = dice.choice(_GAIN_BUDGETS_CENTS, facts.num_rows)
        columns[name] = pa.array(cents, mask=dice.random(facts.num_rows) < 1 / 3).cast(facts.schema.field(name).type)
    columns["no_short_term_gains"] = _array(dice.random(facts.num_rows) < 1 / 4, pa.bool_())
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=facts.schema)


def _stored(dice: np.random.Generator, ids: list[str], held: _Held, lots: int) -> dict[str, StoredHolding]:
    """Return each account's lots as its document: equal lots, the first with the remainder; none of a position of 0."""
    count = len(ids)
    positions = np.flatnonzero(held.units >= lots)
    owner = np.repeat(positions, lots)
    number = np.tile(np.arange(lots), len(positions))
    part = held.units[owner] // lots
    units = np.where(number == 0, held.units[owner] - part * (lots - 1), part)
    basis = (units / 1e6 * held.price[owner] / 1e4 * dice.uniform(0.6, 1.3, len(owner))).astype(np.int64)
    acquired = TRADE_DAY - np.sort(dice.integers(1, 1500, (len(positions), lots)), axis=1)[:, ::-1].ravel()
    batch = documents.batch_of(
        [_names("S", held.name[owner]), _names("SLEEVE", held.sleeve[owner]), _names("L", number)],
        acquired.astype(np.int64),
        units,
        basis,
        np.ones(len(owner), np.int64),
    )
    width = len(held.units) // count
    begins = np.searchsorted(owner // width, np.arange(count + 1))
    return {
        account_id: StoredHolding(1, None, documents.document(batch, int(begins[row]), int(begins[row + 1])))
        for row, account_id in enumerate(ids)
    }


def _names(prefix: str, numbers: Ints) -> Any:
    """Return ids of the numbers: equal width, so that they sort as the numbers do."""
    texts = np.array([f"{prefix}{number:03d}" for number in range(int(numbers.max(initial=0)) + 1)])
    return pa.array(texts[numbers], pa.string())


def _listed(name: str, columns: list[Any], rows: int) -> Any:
    kind: Any = chunks.FACTS.field(name).type
    fields = list(kind.value_type)
    given = zip(columns, fields, strict=False)  # what is not given comes last: nothing is said of it
    arrays = [_array(column, field.type) for column, field in given]
    arrays += [pa.nulls(len(arrays[0]), field.type) for field in fields[len(columns) :]]
    starts = pa.array(np.arange(rows + 1) * (len(arrays[0]) // rows), pa.int32())
    return pa.ListArray.from_arrays(starts, pa.StructArray.from_arrays(arrays, fields=fields), type=kind)


def _array(values: Any, kind: pa.DataType) -> Any:
    return values if isinstance(values, pa.Array) else pa.array(np.asarray(values)).cast(kind)
