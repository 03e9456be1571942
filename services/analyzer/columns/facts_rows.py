"""Rows of the FACTS contract: settings, targets, prices and positions of requested accounts as Arrow columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from services.analyzer.columns.evaluation import Context, Measurement
from services.analyzer.domain import request as joining
from services.analyzer.domain.layout import NO_TARGET_HEAD, NONE, Ints, Ragged, Setting, TargetField
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.security_master import Security
from shared.columnar import Arrow, array, lists, starts_of
from shared.contracts import chunks
from shared.fixed_point.limits import MICRO


class Failure(NamedTuple):
    """Why an account cannot be proposed: code and sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class RequestedAccounts:
    """The requested accounts that exist, measured.

    row_index[i]: row of requested account i in `rows`, -1 when the analyzer does not know it.
    """

    rows: AccountRows
    context: Context
    measured: Measurement
    row_index: Ints


@dataclass(frozen=True)
class NestedColumns:
    """The nested columns of FACTS, one list a requested account."""

    securities: Arrow
    positions: Arrow


def facts_rows(
    request: pa.RecordBatch, accounts: RequestedAccounts, failures: Sequence[Failure | None], nested: NestedColumns
) -> pa.RecordBatch:
    """Return the FACTS rows of a request, in its order; failures: of each account, None where it can be proposed."""
    rows, row_index, count = accounts.rows, accounts.row_index, len(accounts.row_index)
    exists = row_index >= 0
    versions = {number: stored.version for number, stored in accounts.context.targets.items()}
    heads, _ = targets_with_none(accounts.measured)

    def of(values: Ints) -> Ints:
        return np.where(exists, values[np.maximum(row_index, 0)], 0) if len(values) else np.zeros(count, np.int64)

    def setting(name: Setting) -> Ints:
        return of(rows.settings[:, name])

    def own_or_portfolio(own: Setting, field: TargetField) -> Ints:
        return np.where(setting(own) < 0, heads[target_rows, field], setting(own))

    target_rows = target_rows_of(of(accounts.measured.target_of), heads)
    head = heads[np.where(exists, target_rows, -1)]
    portfolio = of(rows.ints("a.portfolio_no"))
    columns: dict[str, Arrow] = {
        **{name: request.column(name) for name in chunks.REQUEST.names},
        "failure_code": array([None if failure is None else failure.code for failure in failures], pa.string()),
        "failure_text": array([None if failure is None else failure.text for failure in failures], pa.string()),
        "facts_version": array(of(rows.ints("a.facts_version"))),
        "lots_version": array(of(rows.ints("a.lots_version"))),
        "target_version": array([versions.get(int(number), 0) for number in portfolio], pa.int64()),
        "price_set": array(np.full(count, accounts.context.prices.price_set, np.int64)),
        "cash_cents": array(of(rows.ints("a.cash_cents"))),
        "set_aside_cents": array(setting(Setting.SET_ASIDE_CENTS)),
        "reserve_cents": array(setting(Setting.RESERVE_CENTS)),
        "cash_target_ppb": array(np.ascontiguousarray(head[:, TargetField.CASH_PPB])),
        "cash_threshold_ppb": array(own_or_portfolio(Setting.CASH_THRESHOLD_PPB, TargetField.CASH_THRESHOLD_PPB)),
        "floor_ppb": array(own_or_portfolio(Setting.FLOOR_PPB, TargetField.FLOOR_PPB)),
        "cash_can_trigger": array(head[:, TargetField.CASH_CAN_TRIGGER] != 0),
        "min_trade_cents": array(setting(Setting.MIN_TRADE_CENTS)),
        "min_trade_ppb": array(setting(Setting.MIN_TRADE_PPB)),
        "do_not_trade": array(setting(Setting.DO_NOT_TRADE) != 0),
        "taxable": array(setting(Setting.TAXABLE) != 0),
        "lot_method": array(setting(Setting.LOT_METHOD)).cast(pa.int8()),
        "gain_budget_short_cents": _limit(setting(Setting.GAIN_BUDGET_SHORT_CENTS)),
        "gain_budget_total_cents": _limit(setting(Setting.GAIN_BUDGET_TOTAL_CENTS)),
        "no_short_term_gains": array(setting(Setting.NO_SHORT_TERM_GAINS) != 0),
        "tax_household_id": rows.texts("a.tax_household_id").take(array(row_index, mask=~exists)),
        "lot_picks": _lot_picks(rows.texts("a.lot_picks").take(array(row_index, mask=~exists))),
        "securities": nested.securities,
        "positions": nested.positions,
        "cash_target_rest_edge": array(np.ascontiguousarray(head[:, TargetField.CASH_REST])),
        "edits": pa.nulls(count, chunks.FACTS.field("edits").type),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in chunks.FACTS.names], schema=chunks.FACTS)


def unattached(request: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return the FACTS rows of REQUEST rows that fail for this reason, without facts; FACTS rows are accepted too."""
    failure = {"failure_code": code, "failure_text": text}
    columns = [
        request.column(field.name)
        if field.name in chunks.REQUEST.names
        else array([_empty(field, failure)] * request.num_rows, field.type)
        for field in chunks.FACTS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=chunks.FACTS)


def targets_with_none(measured: Measurement) -> tuple[Ints, Ragged]:
    """Return heads and target rows with one more target at the end: that of an account without target."""
    heads = np.concatenate((measured.heads, NO_TARGET_HEAD[None]))
    starts = np.append(measured.target_rows.starts, measured.target_rows.starts[-1])
    return heads, Ragged(starts, measured.target_rows.data)


def target_rows_of(target_of: Ints, heads: Ints) -> Ints:
    """Return the row of `heads` of each account; the last row where it has no target."""
    return np.where(target_of < 0, len(heads) - 1, target_of)


def nested_columns(
    positions: joining.JoinedPositions, good: NDArray[np.bool_], securities: list[Arrow], sleeve_ids: Arrow
) -> NestedColumns:
    """Return the nested columns; an account that is not good has empty lists."""
    return NestedColumns(
        lists(_spread(good, positions.security_starts), securities, chunks.FACTS.field("securities").type),
        lists(
            _spread(good, positions.starts),
            _position_columns(positions, sleeve_ids),
            chunks.FACTS.field("positions").type,
        ),
    )


def security_columns(
    positions: joining.JoinedPositions,
    distinct: Ints,
    master: Mapping[int, Security],
    ids: Arrow,
    context: Context,
    roles: joining.AccountRoles,
) -> list[Arrow]:
    """Return the columns of the securities.  distinct: the different numbers among them, ascending."""
    micro = context.prices.micro
    numbers = positions.security_no
    indices = np.searchsorted(distinct, numbers)
    known = [master.get(number, Security(MICRO, False)) for number in distinct.tolist()]
    owner = np.repeat(np.arange(len(positions.security_starts) - 1), np.diff(positions.security_starts))
    price = joining.by_number(micro, numbers, 0)
    return [
        ids,
        array(price, pa.int64(), mask=price <= 0),
        array(np.array([security.step_micro for security in known], np.int64)[indices]),
        array(positions.restriction).cast(pa.int8()),
        array(positions.substitute).cast(pa.int32()),
        array(np.array([security.is_fund for security in known], np.bool_)[indices]),
        array(roles.of(owner, numbers)).cast(pa.int8()),
        array(joining.by_number(context.securities.divisor, numbers, 1)).cast(pa.int16()),
    ]


def take(ragged: Ragged, rows: Ints) -> Ragged:
    """Return the entries of the chosen accounts, in their order."""
    lengths = np.diff(ragged.starts)[rows]
    starts = starts_of(lengths)
    within = np.arange(int(starts[-1])) - np.repeat(starts[:-1], lengths)
    return Ragged(starts, ragged.data[np.repeat(ragged.starts[:-1][rows], lengths) + within])


def _position_columns(positions: joining.JoinedPositions, sleeve_ids: Arrow) -> list[Arrow]:
    numbers = ("quantity", "target", "threshold", "precision")
    columns = [array(np.ascontiguousarray(positions.values[name])) for name in numbers]
    return [
        sleeve_ids,
        array(positions.security).cast(pa.int32()),
        *columns,
        array(positions.values.can_trigger != 0),
        array(np.ascontiguousarray(positions.values.rest)),
    ]


def _empty(field: "pa.Field[pa.DataType]", failure: Mapping[str, str]) -> object:
    """Return the value of a field of which nothing is known."""
    if field.nullable:
        return [] if pa.types.is_list(field.type) else failure.get(field.name)
    return False if pa.types.is_boolean(field.type) else 0


def _lot_picks(documents: Arrow) -> Arrow:
    """Return the picks of each account from their JSON documents; most accounts have none."""
    kind = chunks.FACTS.field("lot_picks").type
    if documents.null_count == len(documents):
        return pa.nulls(len(documents), kind)
    names = [field.name for field in chunks.PICK_FIELDS]
    picks = [
        None if text is None else [dict(zip(names, pick, strict=True)) for pick in orjson.loads(text)]
        for text in documents.to_pylist()
    ]
    return array(picks, kind)


def _limit(cents: Ints) -> Arrow:
    return array(cents, mask=cents == NONE)


def _spread(good: NDArray[np.bool_], starts: Ints) -> Ints:
    """Return the starts with an empty list for every account that is not good."""
    lengths = np.zeros(len(good), np.int64)
    lengths[good] = np.diff(starts)
    return starts_of(lengths)
