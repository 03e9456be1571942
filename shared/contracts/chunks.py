"""Schemas of internal work chunks: one Arrow record batch with one row per account; each service adds columns.

A chunk is the value of one Kafka message: an Arrow IPC stream with a single record batch.  Its schema metadata holds
what applies to the whole chunk (batch_id, trade_date, attempt, ...), as text.  Nested rows of an account (positions,
lots, trades) are list<struct> columns, which a kernel reads as flat child arrays with offsets.

Scales: *_cents 1e-2 dollars, *_micro 1e-6 units or dollars, *_ppb 1e-9 of account value, *_edge 1e-18 of account value;
dates are days since 1970-01-01 (Arrow date32).  Order inside an account: securities by security_id; positions by
(security_id, sleeve_id); lots by (security, sleeve_id, acquired, lot_id), so that ties break by index.
"""

from typing import Final

import pyarrow as pa

MAX_CHUNK_ACCOUNTS: Final = 200
MAX_CHUNK_BYTES: Final = 512 * 1024
SMALL_REQUEST_ACCOUNTS: Final = 50


def _list_of(*fields: "pa.Field[pa.DataType]") -> pa.DataType:
    return pa.list_(pa.struct(list(fields)))


def _required(name: str, kind: pa.DataType) -> "pa.Field[pa.DataType]":
    return pa.field(name, kind, nullable=False)


ACCOUNT_KEYS = [
    _required("account_id", pa.string()),
    _required("enterprise_id", pa.string()),
    _required("advisor_id", pa.string()),
]

# taxlot -> analyzer: what an account holds after a good file; `hold_code` set = data hold, holdings null.
HOLDINGS = pa.schema(
    [
        *ACCOUNT_KEYS,
        _required("lots_version", pa.int64()),
        _required("as_of", pa.date32()),
        pa.field("file_id", pa.string()),
        pa.field("cash_cents", pa.int64()),
        pa.field("hold_code", pa.string()),
        pa.field("hold_text", pa.string()),
        pa.field(
            "holdings",
            _list_of(
                _required("sleeve_id", pa.string()),
                _required("security_id", pa.string()),
                _required("quantity_micro", pa.int64()),
            ),
        ),
        pa.field("received_at", pa.timestamp("us", "UTC")),  # when the file came; null: of an early release
    ]
)

# analyzer -> batch: the newest evaluation of an account, whole. Newest flag_version wins.
FLAGS = pa.schema(
    [
        *ACCOUNT_KEYS,
        _required("flag_version", pa.int64()),
        _required("facts_version", pa.int64()),
        _required("lots_version", pa.int64()),
        _required("target_version", pa.int64()),
        _required("price_set", pa.int64()),
        _required("epoch", pa.int32()),
        _required("state", pa.int8()),
        _required("tiles", pa.int8()),
        pa.field("source", pa.string()),  # REBALANCER_ON | TARGET_UPDATE | DRIFT_ANALYSIS
        pa.field("needed_since", pa.date32()),
        pa.field("last_rebalanced", pa.date32()),
        pa.field("evaluated_at", pa.timestamp("us", tz="UTC")),
        pa.field("portfolio_id", pa.string()),
        pa.field("value_cents", pa.int64()),
        pa.field("cash_cents", pa.int64()),  # available cash
        pa.field("cash_ppb", pa.int64()),
        pa.field("cash_target_ppb", pa.int64()),
        pa.field("cash_low_ppb", pa.int64()),
        pa.field("cash_high_ppb", pa.int64()),
        pa.field("max_drift_ppb", pa.int64()),  # largest |weight - target| of any position, or of cash
        pa.field("drifted", pa.int32()),  # components in the triggering list, cash among them
        pa.field("hold_code", pa.string()),
        pa.field("hold_text", pa.string()),
        pa.field(
            "reasons",  # the triggering list; sleeve_id and security_id are null for cash
            _list_of(
                pa.field("sleeve_id", pa.string()),
                pa.field("security_id", pa.string()),
                _required("weight_ppb", pa.int64()),
                _required("target_ppb", pa.int64()),
                _required("low_edge", pa.int64()),
                _required("high_edge", pa.int64()),
            ),
        ),
        pa.field(
            "causes",  # cause history of the present flag episode, oldest first
            _list_of(
                _required("business_date", pa.date32()),
                _required("source", pa.string()),
                _required("detail", pa.string()),
            ),
        ),
    ]
)

# batch -> analyzer: propose for these accounts. Metadata: batch_id, attempt, trade_date (ISO), size (of the batch).
REQUEST = pa.schema(
    [
        *ACCOUNT_KEYS,
        _required("epoch", pa.int32()),
        _required("liquidate", pa.bool_()),  # the user confirmed liquidation of an account without target
    ]
)

SECURITY_FIELDS = (
    _required("security_id", pa.string()),
    pa.field("price_micro", pa.int64()),  # null: no price
    _required("step_micro", pa.int64()),  # tradable step: 1 fractional, 1_000_000 whole, n * 1_000_000 round lot
    _required("restriction", pa.int8()),  # Restriction flags
    _required("substitute", pa.int32()),  # index in this list of what is bought in place of this one, -1 none
    _required("is_fund", pa.bool_()),
    pa.field("role", pa.int8()),  # HoldingRole in this account; null: MANAGED
    pa.field("price_divisor", pa.int16()),  # quantity x price is divided by it; null: 1
)
POSITION_FIELDS = (
    _required("sleeve_id", pa.string()),
    _required("security", pa.int32()),  # index into securities
    _required("quantity_micro", pa.int64()),
    _required("target_ppb", pa.int64()),
    _required("threshold_ppb", pa.int64()),  # rebalance threshold r, relative to target
    _required("precision_ppb", pa.int64()),  # precision threshold p, relative to target
    _required("can_trigger", pa.bool_()),
    # What the exact target is more than target_ppb, by less than a ppb either way; null, from early releases: 0.
    pa.field("target_rest_edge", pa.int64()),
)
PICK_FIELDS = (
    _required("security_id", pa.string()),
    _required("lot_id", pa.string()),
    pa.field("sleeve_id", pa.string()),
    _required("quantity_micro", pa.int64()),
)

# What a person made of a market order of one trade logic, before approval.
EDIT_FIELDS = (
    _required("logic", pa.int8()),
    _required("security", pa.int32()),  # index into securities
    _required("quantity_micro", pa.int64()),  # signed, + buy; 0: no order
)

# analyzer -> taxlot: the request with facts, targets and prices attached. failure_code set: cannot be proposed.
FACTS = pa.schema(
    [
        *REQUEST,
        pa.field("failure_code", pa.string()),
        pa.field("failure_text", pa.string()),
        _required("facts_version", pa.int64()),
        _required("lots_version", pa.int64()),
        _required("target_version", pa.int64()),
        _required("price_set", pa.int64()),
        _required("cash_cents", pa.int64()),  # cash before set-aside
        _required("set_aside_cents", pa.int64()),
        _required("reserve_cents", pa.int64()),
        _required("cash_target_ppb", pa.int64()),
        _required("cash_threshold_ppb", pa.int64()),
        _required("floor_ppb", pa.int64()),  # absolute floor of every half-width
        _required("cash_can_trigger", pa.bool_()),
        _required("min_trade_cents", pa.int64()),
        _required("min_trade_ppb", pa.int64()),
        _required("do_not_trade", pa.bool_()),
        _required("taxable", pa.bool_()),
        _required("lot_method", pa.int8()),
        pa.field("gain_budget_short_cents", pa.int64()),  # null: no limit; both bind the tax-aware logic only
        pa.field("gain_budget_total_cents", pa.int64()),
        _required("no_short_term_gains", pa.bool_()),
        pa.field("tax_household_id", pa.string()),
        pa.field("lot_picks", _list_of(*PICK_FIELDS)),  # null unless lot_method is SPECIFIC and lots are picked
        pa.field("securities", _list_of(*SECURITY_FIELDS)),
        pa.field("positions", _list_of(*POSITION_FIELDS)),
        pa.field("cash_target_rest_edge", pa.int64()),  # what the exact one is more than cash_target_ppb; null: 0
        pa.field("edits", _list_of(*EDIT_FIELDS)),  # null: the account is proposed as its trade logics say
    ]
)

LOT_FIELDS = (
    _required("security", pa.int32()),  # index into securities
    _required("sleeve_id", pa.string()),
    _required("lot_id", pa.string()),
    pa.field("acquired", pa.date32()),  # null: missing
    _required("quantity_micro", pa.int64()),
    pa.field("basis_cents", pa.int64()),  # null: unknown, which is not zero
    _required("covered", pa.bool_()),
    _required("picked_micro", pa.int64()),  # units SPECIFIC picks of it; -1: picks of this security do not fit its lots
    # Place of its first pick in lot_picks: picked lots leave in this order.  Null: not picked, or sent by a release
    # that did not keep the order; lots of one place leave oldest first.
    pa.field("pick_rank", pa.int32()),
    pa.field("holding_since", pa.date32()),  # its term counts from this day; null: from acquired
    pa.field("is_long", pa.bool_()),  # long-term whatever the date, as what was inherited; null: no
)

# taxlot -> proposer
LOTS = pa.schema([*FACTS, pa.field("lots", _list_of(*LOT_FIELDS))])

# proposer -> taxlot: one summary per logic, its sleeve trades and its market orders.
PROPOSAL_FIELDS = (
    _required("logic", pa.int8()),
    pa.field("failure_code", pa.string()),
    pa.field("failure_text", pa.string()),
    pa.field("no_trade_text", pa.string()),  # why there is nothing to trade
    pa.field("limit_text", pa.string()),  # what gain limits kept from being traded, null where nothing
    _required("value_cents", pa.int64()),  # V before the trades
    _required("begin_cash_cents", pa.int64()),  # available cash
    _required("end_cash_cents", pa.int64()),
    _required("buys", pa.int32()),
    _required("buys_cents", pa.int64()),
    _required("sells", pa.int32()),
    _required("sells_cents", pa.int64()),
    _required("flats", pa.int32()),
    _required("flats_cents", pa.int64()),
)
SLEEVE_TRADE_FIELDS = (
    _required("logic", pa.int8()),
    _required("position", pa.int32()),  # index into positions
    _required("quantity_micro", pa.int64()),  # signed, + buy: crossed + market part
    _required("crossed_micro", pa.int64()),  # signed part that is crossed inside the account
    _required("reason", pa.int8()),
    _required("before_ppb", pa.int64()),
    _required("after_ppb", pa.int64()),
    _required("held_back_micro", pa.int64()),  # units more its security's order would have without gain limits
)
ORDER_FIELDS = (
    _required("logic", pa.int8()),
    _required("security", pa.int32()),
    _required("quantity_micro", pa.int64()),  # signed, + buy
    _required("price_micro", pa.int64()),
    _required("value_cents", pa.int64()),  # unsigned
    _required("reason", pa.int8()),
)
TRADES = pa.schema(
    [
        *LOTS,
        pa.field("proposals", _list_of(*PROPOSAL_FIELDS)),
        pa.field("sleeve_trades", _list_of(*SLEEVE_TRADE_FIELDS)),
        pa.field("orders", _list_of(*ORDER_FIELDS)),
    ]
)

# taxlot -> batch: gains booked; the lots themselves stay behind.
SLICE_FIELDS = (
    _required("logic", pa.int8()),
    _required("security", pa.int32()),
    _required("sleeve_id", pa.string()),
    _required("lot_id", pa.string()),
    pa.field("acquired", pa.date32()),
    _required("quantity_micro", pa.int64()),
    _required("proceeds_cents", pa.int64()),
    pa.field("basis_cents", pa.int64()),
    pa.field("gain_cents", pa.int64()),  # null where basis is unknown
    _required("term", pa.int8()),
    pa.field("first_long_term_day", pa.date32()),  # null: the term is unknown, or long-term whatever the date
    pa.field("holding_since", pa.date32()),  # its term counts from this day; null: from acquired
)
TRANSFER_FIELDS = (
    _required("logic", pa.int8()),
    _required("security", pa.int32()),
    _required("from_sleeve_id", pa.string()),
    _required("to_sleeve_id", pa.string()),
    _required("lot_id", pa.string()),
    pa.field("acquired", pa.date32()),
    _required("quantity_micro", pa.int64()),
    pa.field("basis_cents", pa.int64()),
)
TAX_FIELDS = (
    _required("logic", pa.int8()),
    _required("short_cents", pa.int64()),
    _required("long_cents", pa.int64()),
    _required("unknown_term_cents", pa.int64()),
    _required("estimated_cents", pa.int64()),  # short + long + unknown term: the known part
    _required("no_basis_proceeds_cents", pa.int64()),  # proceeds of slices whose basis is unknown
)
# What the tax household bought near the trade date of the securities the account sells at a loss, before this batch.
PURCHASE_FIELDS = (
    _required("security", pa.int32()),
    _required("account_id", pa.string()),
    _required("account_number", pa.string()),
    _required("taxable", pa.bool_()),
    _required("kind", pa.int8()),
    pa.field("lot_id", pa.string()),
    pa.field("sleeve_id", pa.string()),
    _required("bought", pa.date32()),
    _required("quantity_micro", pa.int64()),
    pa.field("epoch", pa.int32()),  # of the newest approval of its account that a lot shows; null: not known, or no lot
)
RESULT = pa.schema(
    [
        *[field for field in TRADES if field.name != "lots"],
        pa.field("slices", _list_of(*SLICE_FIELDS)),
        pa.field("transfers", _list_of(*TRANSFER_FIELDS)),
        pa.field("taxes", _list_of(*TAX_FIELDS)),
        pa.field("purchases", _list_of(*PURCHASE_FIELDS)),
        pa.field("wash_accounts", pa.int32()),  # accounts of the household; null: no loss of a taxable account
        pa.field("wash_unseen", pa.int32()),  # of them, those on hold or without any reported lots
    ]
)

# batch -> analyzer, taxlot: an approval. epoch is the account's new one; trade_date the business date of its batch.
REBALANCED = pa.schema(
    [
        *ACCOUNT_KEYS,
        _required("epoch", pa.int32()),
        _required("trade_date", pa.date32()),
        pa.field(
            "trades",
            _list_of(
                _required("sleeve_id", pa.string()),
                _required("security_id", pa.string()),
                _required("quantity_micro", pa.int64()),
                _required("crossed_micro", pa.int64()),
            ),
        ),
        pa.field("session", pa.date32()),  # on which its orders are traded; null, from early releases: trade_date
    ]
)

# batch -> analyzer: an account left a batch without being rebalanced; evaluate it at once. The reason UNDONE says that
# it is back in its batch: there is nothing to evaluate.
RETURNED = pa.schema([*ACCOUNT_KEYS, _required("epoch", pa.int32()), _required("reason", pa.string())])
