"""What one logic proposes for an account, as it is shown: a pure function of the answered row.

A row is one row of the RESULT contract as Python values (lists of mappings for nested columns).  Bands follow
product 1: half-width max(r x target, floor), edges clipped to 0-100 %, a target of 0 has the band [0, 0].
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from services.batch.views import sentences
from services.batch.views.picks import picked_of, picks_of
from shared.contracts.api_batches import BatchAccountRow
from shared.contracts.api_proposals import (  # fmt: skip
    BoughtName,
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
from shared.contracts.codes import Bought, Logic, Reason, Term
from shared.contracts.events import LogicName
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.limits import PPB
from shared.fixed_point.text import text_of, usd

Row = Mapping[str, Any]

LOGIC_NAMES: Final[Mapping[int, LogicName]] = {
    Logic.BEST_FIT: "BEST_FIT", Logic.MIN_TRANSACTION: "MIN_TRANSACTION", Logic.TAX_AWARE: "TAX_AWARE",
}  # fmt: skip
LOGIC_NUMBERS: Final[Mapping[LogicName, int]] = {name: int(number) for number, name in LOGIC_NAMES.items()}
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


def logics_of(row: Row) -> list[int]:
    """Return the logics that were computed for the account, in the order they are shown."""
    return sorted(int(proposal["logic"]) for proposal in row["proposals"] or ())


def proposal_of(
    row: Row, logic: int, summary: BatchAccountRow, trade_date: date, washes: Sequence[Row] = ()
) -> Proposal:
    """Return one logic's proposal. summary: the account's columns under that logic; trade_date: the batch's.

    washes: matched purchases of any logic as the check kept them; account_number None where it may not be seen.
    """
    made = next(proposal for proposal in row["proposals"] if proposal["logic"] == logic)
    value = int(made["value_cents"])
    positions = list(row["positions"] or ())
    trades = _of(row["sleeve_trades"], logic)
    slices = _of(row["slices"], logic)
    securities = [str(security["security_id"]) for security in row["securities"] or ()]
    washed: dict[tuple[str, str, str], list[WashView]] = defaultdict(list)
    for one in washes:
        if one["logic"] == logic:
            washed[one["security"], one["sleeve_id"], one["lot_id"]].append(_wash(one))
    return Proposal(
        logic=LOGIC_NAMES[logic],
        row=summary,
        no_trade_reason=made["no_trade_text"] or (None if trades or made["failure_code"] else sentences.NO_TRADES),
        limit_reason=made["limit_text"],
        positions=_positions(row, positions, trades, slices, value),
        trades=[_trade(row, positions[trade["position"]], trade) for trade in trades],
        orders=[_order(securities, order) for order in _of(row["orders"], logic)],
        slices=[_slice(row, one, trade_date, washed) for one in slices],
        picks=picks_of(row, slices),
        transfers=[_transfer(securities, one) for one in _of(row["transfers"], logic)],
    )


def band(target: int, threshold: int, floor: int) -> tuple[int, int]:
    """Return the edges (ppb, rounded for display) of the band around a target; thresholds are relative to it."""
    if target == 0:
        return 0, 0
    half = max(muldiv_half_away(threshold, target, PPB), floor)
    return max(0, target - half), min(PPB, target + half)


def _of(rows: Iterable[Row] | None, logic: int) -> list[Row]:
    return [row for row in rows or () if row["logic"] == logic]


def _weight(ppb: int) -> str:
    return text_of(ppb, 9, trim=True)


def _share(part_cents: int, value: int) -> int:
    """Return a part of the account's value in ppb; 0 where there is no value."""
    return muldiv_half_away(part_cents, PPB, value) if value > 0 else 0


def _positions(row: Row, positions: list[Row], trades: list[Row], slices: list[Row], value: int) -> list[PositionView]:
    traded = {int(trade["position"]): int(trade["quantity_micro"]) for trade in trades}
    gains: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for one in slices:
        gains[one["security"], one["sleeve_id"]].append(one)
    views = []
    for index, position in enumerate(positions):
        security = row["securities"][position["security"]]
        price, before = int(security["price_micro"] or 0), int(position["quantity_micro"])
        after = before + traded.get(index, 0)
        low, high = band(position["target_ppb"], position["threshold_ppb"], row["floor_ppb"])
        worth_before, worth_after = value_cents(before, price), value_cents(after, price)
        views.append(
            PositionView(
                sleeve_id=position["sleeve_id"],
                security_id=security["security_id"],
                price=text_of(price, 6, trim=True),
                target=_weight(position["target_ppb"]),
                low=_weight(low),
                high=_weight(high),
                quantity_before=text_of(before, 6, trim=True),
                quantity_after=text_of(after, 6, trim=True),
                value_before=usd(worth_before),
                value_after=usd(worth_after),
                weight_before=_weight(_share(worth_before, value)),
                weight_after=_weight(_share(worth_after, value)),
                **_gains(gains.get((position["security"], position["sleeve_id"]), [])),
            )
        )
    return views


def _gains(slices: list[Row]) -> dict[str, str | None]:
    """Return sums of booked slices; gains are None where nothing of the position is sold.  Source: product 5."""
    if not slices:
        return {"short_term": None, "long_term": None, "estimated": None, "no_basis_proceeds": None}
    known = [one for one in slices if one["gain_cents"] is not None]

    def of(term: Term) -> int:
        return sum(int(one["gain_cents"]) for one in known if one["term"] == term)

    return {
        "short_term": usd(of(Term.SHORT)),
        "long_term": usd(of(Term.LONG)),
        "estimated": usd(sum(int(one["gain_cents"]) for one in known)),
        "no_basis_proceeds": usd(sum(int(one["proceeds_cents"]) for one in slices if one["gain_cents"] is None)),
    }


def _trade(row: Row, position: Row, trade: Row) -> TradeView:
    security = row["securities"][position["security"]]
    quantity, crossed = int(trade["quantity_micro"]), int(trade["crossed_micro"])
    low, high = band(position["target_ppb"], position["threshold_ppb"], row["floor_ppb"])
    replaced = [one["security_id"] for one in row["securities"] if one["substitute"] == position["security"]]
    reason = _REASONS[trade["reason"]]
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
    )
    return TradeView(
        sleeve_id=position["sleeve_id"],
        security_id=security["security_id"],
        side="BUY" if quantity > 0 else "SELL",
        quantity=sentences.units(quantity),
        crossed=sentences.units(crossed),
        market=sentences.units(quantity - crossed),
        value=usd(value_cents(abs(quantity), int(security["price_micro"]))),
        reason=reason,
        sentence=sentences.trade(facts),
    )


def _order(securities: list[str], order: Row) -> OrderView:
    return OrderView(
        security_id=securities[order["security"]],
        side="BUY" if order["quantity_micro"] > 0 else "SELL",
        quantity=sentences.units(order["quantity_micro"]),
        price=text_of(order["price_micro"], 6, trim=True),
        value=usd(order["value_cents"]),
        reason=_REASONS[order["reason"]],
    )


def days_to_long_term(one: Row, trade_date: date) -> int | None:
    """Return in how many days a sale of the slice's units would be long-term, where waiting may be worth a look.

    That is a short-term gain whose first long-term day lies SOON_DAYS days after the trade date at most.
    """
    if one["term"] != Term.SHORT or one["gain_cents"] is None or one["gain_cents"] <= 0:
        return None
    days = int((one["first_long_term_day"] - trade_date).days)
    return days if days <= SOON_DAYS else None


def _wash(one: Row) -> WashView:
    return WashView(
        quantity=sentences.units(one["units"]),
        disallowed=usd(one["cents"]),
        permanent=not one["taxable"],
        bought=_EPOCH + timedelta(days=one["bought"]),
        source=_SOURCES[one["kind"]],
        account_number=one["account_number"],
        lot_id=one["bought_lot_id"] or None,
    )


def _slice(row: Row, one: Row, trade_date: date, washed: Mapping[tuple[str, str, str], list[WashView]]) -> SliceView:
    security_id = str(row["securities"][one["security"]]["security_id"])
    return SliceView(
        sleeve_id=one["sleeve_id"],
        security_id=security_id,
        lot_id=one["lot_id"],
        acquired=one["acquired"],
        quantity=sentences.units(one["quantity_micro"]),
        picked=sentences.units(picked_of(row, one)),
        proceeds=usd(one["proceeds_cents"]),
        basis=_money(one["basis_cents"]),
        gain=_money(one["gain_cents"]),
        term=_TERMS[one["term"]],
        first_long_term_day=one["first_long_term_day"],
        days_to_long_term=days_to_long_term(one, trade_date),
        washes=washed.get((security_id, one["sleeve_id"], one["lot_id"]), []),
    )


def _transfer(securities: list[str], one: Row) -> TransferView:
    return TransferView(
        security_id=securities[one["security"]],
        from_sleeve_id=one["from_sleeve_id"],
        to_sleeve_id=one["to_sleeve_id"],
        lot_id=one["lot_id"],
        acquired=one["acquired"],
        quantity=sentences.units(one["quantity_micro"]),
        basis=_money(one["basis_cents"]),
    )


def _money(cents: int | None) -> str | None:
    return None if cents is None else usd(cents)
