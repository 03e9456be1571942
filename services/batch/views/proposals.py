"""The proposal of one logic for an account, as the API shows it: a pure function of the account's result.

A result is one row of the RESULT contract as Python values (lists of mappings for nested columns).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from services.batch.domain.figures import LOGIC_NAMES
from services.batch.views import sentences
from services.batch.views.picks import ResultRow, picked_of, picks_of
from shared.contracts.api_batches import BatchAccountRow
from shared.contracts.api_proposals import (
    BoughtName,
    EarlierLossView,
    OrderView,
    PositionView,
    Proposal,
    ReasonName,
    SliceView,
    TermName,
    TradeView,
    TransferView,
    WashView,
)
from shared.contracts.codes import Bought, HoldingRole, Reason, Term
from shared.contracts.holding_roles import PRICE_FACTORS, ROLE_NAMES
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.limits import PPB
from shared.fixed_point.text import text_of, usd
from shared.rules.bands import position_band

_REASONS: Final[Mapping[int, ReasonName]] = {
    Reason.FULL_EXIT: "FULL_EXIT", Reason.TO_TARGET: "TO_TARGET", Reason.TO_EDGE: "TO_EDGE",
    Reason.RAISE_CASH: "RAISE_CASH", Reason.PLACE_CASH: "PLACE_CASH", Reason.NETTED: "NETTED",
    Reason.SUBSTITUTE: "SUBSTITUTE",
}  # fmt: skip
_SOURCES: Final[Mapping[int, BoughtName]] = {
    Bought.LOT: "LOT", Bought.APPROVED: "APPROVED", Bought.PROPOSED: "PROPOSED",
}  # fmt: skip
_EPOCH: Final = date(1970, 1, 1)
SOON_DAYS: Final = 30
_TERMS: Final[Mapping[int, TermName]] = {Term.SHORT: "SHORT", Term.LONG: "LONG", Term.UNKNOWN: "UNKNOWN"}


def logics_of(result: ResultRow) -> list[int]:
    """Return the numbers of the logics that were computed for the account, in the order they are shown."""
    return sorted(int(proposal["logic"]) for proposal in result["proposals"] or ())


def proposal_of(
    result: ResultRow,
    logic: int,
    summary: BatchAccountRow,
    trade_date: date,
    purchases: Sequence[ResultRow] = (),
    earlier_losses: Sequence[ResultRow] = (),
) -> Proposal:
    """Return one logic's proposal. summary: the account's columns under that logic; trade_date: of its terms.

    purchases, earlier_losses: matched by the wash-sale check, of any logic; account_number is None where the caller may
    not see it.
    """
    proposal = next(proposal for proposal in result["proposals"] if proposal["logic"] == logic)
    value = int(proposal["value_cents"])
    positions = list(result["positions"] or ())
    trades = _of_logic(result["sleeve_trades"], logic)
    slices = _of_logic(result["slices"], logic)
    securities = [str(security["security_id"]) for security in result["securities"] or ()]
    washes: dict[tuple[str, str, str], list[WashView]] = defaultdict(list)
    for purchase in purchases:
        if purchase["logic"] == logic:
            lot = purchase["security"], purchase["sleeve_id"], purchase["lot_id"]
            washes[lot].append(_wash(purchase))
    return Proposal(
        logic=LOGIC_NAMES[logic],
        row=summary,
        no_trade_reason=proposal["no_trade_text"]
        or (None if trades or proposal["failure_code"] else sentences.NO_TRADES),
        limit_reason=proposal["limit_text"],
        cash_equivalents=usd(_cash_equivalents(result, positions)),
        positions=positions_of(result, positions, trades, slices, value),
        drift_before=drift_of(result, [], value),
        drift_after=drift_of(result, trades, value),
        trades=[_trade(result, positions[trade["position"]], trade) for trade in trades],
        orders=[_order(securities, order) for order in _of_logic(result["orders"], logic)],
        slices=[_slice(result, slice_, trade_date, washes) for slice_ in slices],
        picks=picks_of(result, slices),
        earlier_losses=[_earlier_loss(loss) for loss in _of_logic(earlier_losses, logic)],
        transfers=[_transfer(securities, transfer) for transfer in _of_logic(result["transfers"], logic)],
    )


def band(target: int, threshold: int, floor: int, rest: int = 0) -> tuple[int, int]:
    """Return the edges (ppb) of the rebalance band around a target, for display.

    target, floor: ppb of account value; threshold: ppb of the target; rest: what the exact target is more than
    `target`, in 1e-18.  Each edge's distance from the exact target is rounded to ppb, halves up.
    Source: product 1, "rebalance threshold".
    """
    centre = target * PPB + rest
    low, high = position_band(centre, threshold, floor)
    below, above = muldiv_half_away(centre - low, 1, PPB), muldiv_half_away(high - centre, 1, PPB)
    return max(0, target - below), min(PPB, target + above)


def _band_of(result: ResultRow, position: ResultRow) -> tuple[int, int]:
    """Return the edges of a position's band."""
    return band(position["target_ppb"], position["threshold_ppb"], result["floor_ppb"], _rest_of(position))


def _rest_of(position: ResultRow) -> int:
    """Return what a position's exact target is more than target_ppb, in 1e-18; results of early releases have none."""
    return int(position["target_rest_edge"] or 0)


def _of_logic(rows: Iterable[ResultRow] | None, logic: int) -> list[ResultRow]:
    return [row for row in rows or () if row["logic"] == logic]


def _weight(ppb: int) -> str:
    return text_of(ppb, 9, trim=True)


def _share(part_cents: int, value: int) -> int:
    """Return a part of the account's value in ppb; 0 where there is no value.

    Not cut at +-999 as `shown_weight` is, whose results may differ in an account of nearly no value.
    """
    return muldiv_half_away(part_cents, PPB, value) if value > 0 else 0


def positions_of(
    result: ResultRow, positions: list[ResultRow], trades: list[ResultRow], slices: list[ResultRow], value: int
) -> list[PositionView]:
    """Return the positions before and after the trades of a logic.  slices: what is sold of lots; value: V in cents."""
    traded = {int(trade["position"]): int(trade["quantity_micro"]) for trade in trades}
    sold: dict[tuple[int, str], list[ResultRow]] = defaultdict(list)
    for slice_ in slices:
        sold[slice_["security"], slice_["sleeve_id"]].append(slice_)
    views = []
    for index, position in enumerate(positions):
        security = result["securities"][position["security"]]
        role, before = _role_of(security), int(position["quantity_micro"])
        after = before + traded.get(index, 0)
        low, high = _band_of(result, position)
        value_before, value_after = (
            0 if role == HoldingRole.EXCLUDED else _value(units, security) for units in (before, after)
        )
        views.append(
            PositionView(
                sleeve_id=position["sleeve_id"],
                security_id=security["security_id"],
                price=text_of(int(security["price_micro"] or 0), 6, trim=True),
                target=_weight(position["target_ppb"]),
                low=_weight(low),
                high=_weight(high),
                quantity_before=text_of(before, 6, trim=True),
                quantity_after=text_of(after, 6, trim=True),
                value_before=usd(value_before),
                value_after=usd(value_after),
                weight_before=_weight(_share(value_before, value)),
                weight_after=_weight(_share(value_after, value)),
                role=ROLE_NAMES[role],
                price_factor=PRICE_FACTORS[_divisor_of(security)],
                target_exact=text_of(position["target_ppb"] * PPB + _rest_of(position), 18, trim=True),
                **_gains(sold.get((position["security"], position["sleeve_id"]), [])),
            )
        )
    return views


def drift_of(result: ResultRow, trades: Sequence[ResultRow], value: int) -> str | None:
    """Return the sum of |weight - target| over what may be traded, after `trades`; value: V in cents.

    None without a value, and where substitutes take over targets, which are not those of the result then.
    Source: product 4, "Tax-aware".
    """
    if value <= 0 or any(int(security["substitute"]) >= 0 for security in result["securities"] or ()):
        return None
    traded = {int(trade["position"]): int(trade["quantity_micro"]) for trade in trades}
    total = 0  # in 1e-18 of a cent
    for index, position in enumerate(result["positions"] or ()):
        security = result["securities"][position["security"]]
        if _role_of(security) == HoldingRole.MANAGED:
            after = _value(int(position["quantity_micro"]) + traded.get(index, 0), security)
            aim = (position["target_ppb"] * PPB + _rest_of(position)) * value
            total += abs(after * PPB * PPB - aim)
    return _weight((total + value * PPB // 2) // (value * PPB))


def _value(quantity: int, security: ResultRow) -> int:
    """Return what millionths of a security are worth in cents: quantity x price x factor, rounded once."""
    return value_cents(quantity // _divisor_of(security), int(security["price_micro"] or 0))


def _divisor_of(security: ResultRow) -> int:
    """Return what quantity x price is divided by; results of early releases do not say."""
    return int(security["price_divisor"] or 1)


def _role_of(security: ResultRow) -> int:
    return int(security["role"] or HoldingRole.MANAGED)


def _cash_equivalents(result: ResultRow, positions: list[ResultRow]) -> int:
    """Return the cents of the account's cash that are in cash equivalents."""
    held = [(position, result["securities"][position["security"]]) for position in positions]
    return sum(
        _value(int(position["quantity_micro"]), security)
        for position, security in held
        if _role_of(security) == HoldingRole.CASH_EQUIVALENT
    )


def _gains(slices: list[ResultRow]) -> dict[str, str | None]:
    """Return the sums of a position's slices; all are None if nothing of it is sold.  Source: product 5."""
    if not slices:
        return dict.fromkeys(("short_term", "long_term", "unknown_term", "estimated", "no_basis_proceeds"))
    known = [slice_ for slice_ in slices if slice_["gain_cents"] is not None]

    def gain(term: Term) -> int:
        return sum(int(slice_["gain_cents"]) for slice_ in known if slice_["term"] == term)

    no_basis = [slice_ for slice_ in slices if slice_["gain_cents"] is None]

    return {
        "short_term": usd(gain(Term.SHORT)),
        "long_term": usd(gain(Term.LONG)),
        "unknown_term": usd(gain(Term.UNKNOWN)),
        "estimated": usd(sum(int(slice_["gain_cents"]) for slice_ in known)),
        "no_basis_proceeds": usd(sum(int(slice_["proceeds_cents"]) for slice_ in no_basis)),
    }


def _trade(result: ResultRow, position: ResultRow, trade: ResultRow) -> TradeView:
    security = result["securities"][position["security"]]
    quantity, crossed = int(trade["quantity_micro"]), int(trade["crossed_micro"])
    low, high = _band_of(result, position)
    replaced = [other["security_id"] for other in result["securities"] if other["substitute"] == position["security"]]
    reason = _REASONS[trade["reason"]]
    edited = {edit["security"] for edit in _of_logic(result["edits"], trade["logic"])}
    facts = sentences.TradeFacts(
        reason=reason,
        quantity=quantity,
        crossed=crossed,
        before=trade["before_ppb"],
        after=trade["after_ppb"],
        target=position["target_ppb"],
        low=low,
        high=high,
        replaced=" and ".join(replaced) or None,
        held_back=trade["held_back_micro"],
        is_edited=position["security"] in edited,
    )
    return TradeView(
        sleeve_id=position["sleeve_id"],
        security_id=security["security_id"],
        side="BUY" if quantity > 0 else "SELL",
        quantity=sentences.units(quantity),
        crossed=sentences.units(crossed),
        market=sentences.units(quantity - crossed),
        value=usd(_value(abs(quantity), security)),
        reason=reason,
        sentence=sentences.trade(facts),
    )


def _order(securities: list[str], order: ResultRow) -> OrderView:
    return OrderView(
        security_id=securities[order["security"]],
        side="BUY" if order["quantity_micro"] > 0 else "SELL",
        quantity=sentences.units(order["quantity_micro"]),
        price=text_of(order["price_micro"], 6, trim=True),
        value=usd(order["value_cents"]),
        reason=_REASONS[order["reason"]],
    )


def days_to_long_term(slice_: ResultRow, trade_date: date) -> int | None:
    """Return in how many days a sale of the slice's units would be long-term; None unless that is SOON_DAYS at most.

    None also where nothing would be gained by waiting: no short-term gain.
    """
    if slice_["term"] != Term.SHORT or slice_["gain_cents"] is None or slice_["gain_cents"] <= 0:
        return None
    days = int((slice_["first_long_term_day"] - trade_date).days)
    return days if days <= SOON_DAYS else None


def _wash(purchase: ResultRow) -> WashView:
    return WashView(
        quantity=sentences.units(purchase["units"]),
        disallowed=usd(purchase["cents"]),
        permanent=not purchase["taxable"],
        bought=_EPOCH + timedelta(days=purchase["bought"]),
        source=_SOURCES[purchase["kind"]],
        account_number=purchase["account_number"],
        lot_id=purchase["bought_lot_id"] or None,
    )


def _earlier_loss(loss: ResultRow) -> EarlierLossView:
    return EarlierLossView(
        security_id=loss["security"],
        quantity=sentences.units(loss["units"]),
        disallowed=usd(loss["cents"]),
        permanent=not loss["taxable"],
        trade_date=_EPOCH + timedelta(days=loss["day"]),
        batch_id=loss["batch_id"],
        account_number=loss["account_number"],
        lot_id=loss["lot_id"],
    )


def _slice(
    result: ResultRow, slice_: ResultRow, trade_date: date, washes: Mapping[tuple[str, str, str], list[WashView]]
) -> SliceView:
    security_id = str(result["securities"][slice_["security"]]["security_id"])
    return SliceView(
        sleeve_id=slice_["sleeve_id"],
        security_id=security_id,
        lot_id=slice_["lot_id"],
        acquired=slice_["acquired"],
        holding_since=slice_["holding_since"],
        quantity=sentences.units(slice_["quantity_micro"]),
        picked=sentences.units(picked_of(result, slice_)),
        proceeds=usd(slice_["proceeds_cents"]),
        basis=_money(slice_["basis_cents"]),
        gain=_money(slice_["gain_cents"]),
        term=_TERMS[slice_["term"]],
        first_long_term_day=slice_["first_long_term_day"],
        days_to_long_term=days_to_long_term(slice_, trade_date),
        washes=washes.get((security_id, slice_["sleeve_id"], slice_["lot_id"]), []),
    )


def _transfer(securities: list[str], transfer: ResultRow) -> TransferView:
    return TransferView(
        security_id=securities[transfer["security"]],
        from_sleeve_id=transfer["from_sleeve_id"],
        to_sleeve_id=transfer["to_sleeve_id"],
        lot_id=transfer["lot_id"],
        acquired=transfer["acquired"],
        quantity=sentences.units(transfer["quantity_micro"]),
        basis=_money(transfer["basis_cents"]),
    )


def _money(cents: int | None) -> str | None:
    return None if cents is None else usd(cents)
