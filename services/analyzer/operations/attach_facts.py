"""The analyzer's part of the request path: facts, targets and prices, or why an account cannot be proposed.

Failures are told per account and never stop the chunk.  Source: product 3, 4; architecture "Request path".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from services.analyzer.columns import evaluation
from services.analyzer.columns.evaluation import Context, Numbers
from services.analyzer.domain import messages
from services.analyzer.domain import request as rules
from services.analyzer.domain.layout import NO_TARGET_HEAD, NONE, Ints, Ragged, Setting, TargetField
from services.analyzer.operations.evaluate import Evaluator
from services.analyzer.store import facts, market
from services.analyzer.store.database import Session
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from shared.columnar import Arrow, array, lists, starts_of
from shared.contracts import chunks
from shared.contracts.codes import FlagState
from shared.fixed_point.limits import MICRO

Failure = tuple[str, str]
_STATE_FAILURES: Final = {
    FlagState.OFF: ("OFF", "The rebalancer is off for this account."),
    FlagState.SETTLING: ("SETTLING", "Orders were sent and are not yet seen in a custodian file."),
    FlagState.NO_TARGET: ("NO_TARGET", "The account has no target; liquidating it must be confirmed."),
}
_OWN_FAILURES: Final = (messages.MISSING_PRICE, messages.STALE_PRICE, messages.VALUE_NOT_POSITIVE, messages.VALUE_LIMIT)


@dataclass(frozen=True)
class _Known:
    """What is known of the requested accounts that exist; place[i] is the row of requested account i, -1 unknown."""

    rows: AccountRows
    context: Context
    numbers: Numbers
    place: Ints


def attach(session: Session, names: Names, evaluator: Evaluator, request: pa.RecordBatch) -> pa.RecordBatch:
    """Return the FACTS rows of a REQUEST chunk, in its order."""
    rows = facts.read_rows(session, facts.BY_IDS, request.column("account_id").to_pylist())
    context = evaluator.context(session, rows, "proposal")
    numbers = evaluation.measure(rows, context)
    row_of = {account_id: row for row, account_id in enumerate(rows.account_id.to_pylist())}
    place = np.array([row_of.get(name, -1) for name in request.column("account_id").to_pylist()], np.int64)
    known = _Known(rows, context, numbers, place)
    failures = _failures(session, names, known, request)
    joined, missing = _joined(session, names, known, np.array([failure is None for failure in failures], bool))
    for index, security_id in missing.items():
        failures[index] = ("UNKNOWN_SECURITY", f"{security_id} is not in the security master.")
    return _batch(request, known, failures, joined)


def unattached(request: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return the FACTS rows of REQUEST rows that fail for this reason, without any facts; FACTS rows do as well."""
    said = {"failure_code": code, "failure_text": text}
    columns = [
        request.column(field.name)
        if field.name in chunks.REQUEST.names
        else array([_without(field, said)] * request.num_rows, field.type)
        for field in chunks.FACTS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=chunks.FACTS)


def _without(field: "pa.Field[pa.DataType]", said: Mapping[str, str]) -> object:
    """Return what stands in a field of which nothing is known."""
    if field.nullable:
        return [] if pa.types.is_list(field.type) else said.get(field.name)
    return False if pa.types.is_boolean(field.type) else 0


def _failures(session: Session, names: Names, known: _Known, request: pa.RecordBatch) -> list[Failure | None]:
    rows, out = known.rows, known.numbers.out
    portfolios, securities = evaluation.named(rows, known.numbers)
    portfolio_ids = names.ids(session, PORTFOLIO, sorted(portfolios))
    security_ids = names.ids(session, SECURITY, sorted(securities))
    codes, texts = evaluation.holds(rows, known.context, known.numbers, portfolio_ids, security_ids)
    epochs, wanted = rows.ints("a.epoch"), request.column("epoch").to_numpy()
    liquidate = [bool(one) for one in request.column("liquidate").to_pylist()]
    found: list[Failure | None] = []
    for index, row in enumerate(known.place.tolist()):
        if row < 0:
            found.append(("UNKNOWN_ACCOUNT", "The analyzer knows nothing of this account yet."))
        elif epochs[row] != wanted[index]:
            found.append(("STALE", "The account has been rebalanced since it was requested."))
        else:
            state = FlagState(int(out[row].state))
            found.append(_failure_of(state, codes[row], texts[row], liquidate[index]))
            if found[-1] is None and rows.settings[row, Setting.DO_NOT_TRADE]:
                found[-1] = ("RESTRICTED", "It is marked do not trade; lift that restriction to propose for it.")
    return found


def _failure_of(state: FlagState, code: str | None, text: str | None, liquidate: bool) -> Failure | None:
    """Return why an account in this state cannot be proposed; a hold of the evaluation itself keeps its own code."""
    if state is FlagState.HELD:
        own = code if code is not None and code in _OWN_FAILURES else "DATA_HOLD"
        return own, text or "The account is held."
    if state is FlagState.NO_TARGET and liquidate:
        return None
    return _STATE_FAILURES.get(state)


@dataclass(frozen=True)
class _Lists:
    """The nested columns: securities and positions of the known rows."""

    securities: Arrow
    positions: Arrow


def _joined(session: Session, names: Names, known: _Known, good: NDArray[np.bool_]) -> tuple[_Lists, dict[int, str]]:
    """Return the nested columns (empty where an account fails), and unknown securities by account."""
    rows, numbers = known.rows, known.numbers
    chosen = known.place[good]
    holdings, restrictions = _take(rows.holdings, chosen), _take(rows.restrictions, chosen)
    heads = np.concatenate((numbers.heads, NO_TARGET_HEAD[None]))
    starts = np.append(numbers.target_rows.starts, numbers.target_rows.starts[-1])
    targets = Ragged(starts, numbers.target_rows.data)
    target_of = np.where(numbers.target_of[chosen] < 0, len(heads) - 1, numbers.target_of[chosen])
    security_nos, sleeve_nos = rules.numbers_named(restrictions, holdings, targets)
    security_ids, sleeve_ids = names.ids(session, SECURITY, security_nos), names.ids(session, SLEEVE, sleeve_nos)
    master = market.securities(session, security_nos.tolist())
    micro = known.context.prices.micro
    priced = {int(number) for number in security_nos if number < len(micro) and micro[number] > 0}
    restrictions = rules.without_substitutes(restrictions, priced & master.keys())
    joined = rules.join(
        rows.settings[chosen],
        restrictions,
        holdings,
        target_of,
        heads,
        targets,
        rules.ranks(security_ids),
        rules.ranks(sleeve_ids),
    )
    requested = np.flatnonzero(good)
    owner = np.repeat(requested, np.diff(joined.security_starts))
    missing = (
        {
            int(account): security_ids[int(number)]
            for account, number in zip(owner, joined.security_no, strict=True)
            if int(number) not in master
        }
        if len(master) < len(security_nos)
        else {}
    )
    nested = _Lists(
        lists(
            _spread(good, joined.security_starts),
            _securities(
                joined,
                [master.get(number, market.Security(MICRO, False)) for number in security_nos.tolist()],
                np.searchsorted(security_nos, joined.security_no),
                names.id_column(session, SECURITY, joined.security_no),
                known.context,
            ),
            chunks.FACTS.field("securities").type,
        ),
        lists(
            _spread(good, joined.starts),
            _positions(joined, names.id_column(session, SLEEVE, joined.sleeve_no)),
            chunks.FACTS.field("positions").type,
        ),
    )
    return nested, missing


def _securities(
    joined: rules.JoinedPositions,
    named: Sequence[market.Security],
    places: NDArray[np.intp],
    ids: Arrow,
    context: Context,
) -> list[Arrow]:
    """Return the columns of the securities; places: where each stands among the different ones that are named."""
    numbers, micro = joined.security_no, context.prices.micro
    price = np.where(numbers < len(micro), micro[np.minimum(numbers, len(micro) - 1)], 0) if len(micro) else numbers * 0
    return [
        ids,
        array(price, pa.int64(), mask=price <= 0),
        array(np.array([one.step_micro for one in named], np.int64)[places]),
        array(joined.restriction).cast(pa.int8()),
        array(joined.substitute).cast(pa.int32()),
        array(np.array([one.is_fund for one in named], np.bool_)[places]),
    ]


def _positions(joined: rules.JoinedPositions, sleeve_ids: Arrow) -> list[Arrow]:
    columns = [array(np.ascontiguousarray(joined.values[:, place])) for place in range(4)]
    return [
        sleeve_ids,
        array(joined.security).cast(pa.int32()),
        *columns,
        array(joined.values[:, rules.CAN_TRIGGER] != 0),
    ]


def _batch(
    request: pa.RecordBatch, known: _Known, failures: Sequence[Failure | None], nested: _Lists
) -> pa.RecordBatch:
    rows, place, count = known.rows, known.place, len(known.place)
    exists = place >= 0
    versions = {number: held.version for number, held in known.context.targets.items()}
    heads = np.concatenate((known.numbers.heads, NO_TARGET_HEAD[None]))

    def of(values: Ints) -> Ints:
        return np.where(exists, values[np.maximum(place, 0)], 0) if len(values) else np.zeros(count, np.int64)

    def setting(name: Setting) -> Ints:
        return of(rows.settings[:, name])

    def general(own: Setting, field: TargetField) -> Ints:
        target = of(known.numbers.target_of)
        return np.where(setting(own) < 0, heads[np.where(target < 0, -1, target), field], setting(own))

    target = of(known.numbers.target_of)
    head = heads[np.where(exists & (target >= 0), target, -1)]
    portfolio = of(rows.ints("a.portfolio_no"))
    columns: dict[str, Arrow] = {
        **{name: request.column(name) for name in chunks.REQUEST.names},
        "failure_code": array([None if one is None else one[0] for one in failures], pa.string()),
        "failure_text": array([None if one is None else one[1] for one in failures], pa.string()),
        "facts_version": array(of(rows.ints("a.facts_version"))),
        "lots_version": array(of(rows.ints("a.lots_version"))),
        "target_version": array([versions.get(int(number), 0) for number in portfolio], pa.int64()),
        "price_set": array(np.full(count, known.context.prices.price_set, np.int64)),
        "cash_cents": array(of(rows.ints("a.cash_cents"))),
        "set_aside_cents": array(setting(Setting.SET_ASIDE_CENTS)),
        "reserve_cents": array(setting(Setting.RESERVE_CENTS)),
        "cash_target_ppb": array(np.ascontiguousarray(head[:, TargetField.CASH_PPB])),
        "cash_threshold_ppb": array(general(Setting.CASH_THRESHOLD_PPB, TargetField.CASH_THRESHOLD_PPB)),
        "floor_ppb": array(general(Setting.FLOOR_PPB, TargetField.FLOOR_PPB)),
        "cash_can_trigger": array(head[:, TargetField.CASH_CAN_TRIGGER] != 0),
        "min_trade_cents": array(setting(Setting.MIN_TRADE_CENTS)),
        "min_trade_ppb": array(setting(Setting.MIN_TRADE_PPB)),
        "do_not_trade": array(setting(Setting.DO_NOT_TRADE) != 0),
        "taxable": array(setting(Setting.TAXABLE) != 0),
        "lot_method": array(setting(Setting.LOT_METHOD)).cast(pa.int8()),
        "gain_budget_short_cents": _limit(setting(Setting.GAIN_BUDGET_SHORT_CENTS)),
        "gain_budget_total_cents": _limit(setting(Setting.GAIN_BUDGET_TOTAL_CENTS)),
        "no_short_term_gains": array(setting(Setting.NO_SHORT_TERM_GAINS) != 0),
        "tax_household_id": rows.texts("a.tax_household_id").take(array(place, mask=~exists)),
        "lot_picks": _lot_picks(rows.texts("a.lot_picks").take(array(place, mask=~exists))),
        "securities": nested.securities,
        "positions": nested.positions,
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in chunks.FACTS.names], schema=chunks.FACTS)


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


def _take(ragged: Ragged, places: Ints) -> Ragged:
    """Return the rows of the chosen accounts, in their order."""
    lengths = np.diff(ragged.starts)[places]
    starts = starts_of(lengths)
    within = np.arange(int(starts[-1])) - np.repeat(starts[:-1], lengths)
    return Ragged(starts, ragged.data[np.repeat(ragged.starts[:-1][places], lengths) + within])


def _spread(good: NDArray[np.bool_], starts: Ints) -> Ints:
    """Return the starts with an empty list for every account that is not good."""
    lengths = np.zeros(len(good), np.int64)
    lengths[good] = np.diff(starts)
    return starts_of(lengths)
