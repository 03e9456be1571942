"""Tables with the columns that queries name; the migrations in `versions/` hold the whole definition."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import FIGURES

_META = MetaData()
_BIG: Final[Any] = BigInteger
_TEXTS: Final[Any] = ARRAY(Text)


def _table(table: str, /, **columns: Any) -> Table:
    return Table(table, _META, *[Column(column, kind) for column, kind in columns.items()])


ACCOUNT = _table(
    "account",
    account_id=Text, version=_BIG, enterprise_id=Text, advisor_id=Text, account_number=Text, name=Text,
    custodian=Text, custody=Text, tax_household_id=Text, epoch=Integer, last_rebalanced=Date,
)  # fmt: skip

ACCOUNT_WORD = _table("account_word", account_id=Text, word=Text, enterprise_id=Text, advisor_id=Text)

FLAG = _table(
    "flag",
    account_id=Text, enterprise_id=Text, advisor_id=Text, flag_version=_BIG, facts_version=_BIG, lots_version=_BIG,
    target_version=_BIG, price_set=_BIG, epoch=Integer, state=SmallInteger, tiles=SmallInteger, source=Text,
    needed_since=Date, last_rebalanced=Date, evaluated_at=DateTime(timezone=True), portfolio_id=Text, value_cents=_BIG,
    cash_cents=_BIG, cash_ppb=_BIG, cash_target_ppb=_BIG, cash_low_ppb=_BIG, cash_high_ppb=_BIG, max_drift_ppb=_BIG,
    drifted=Integer,
)  # fmt: skip

ANALYSIS = _table(
    "analysis",
    enterprise_id=Text, advisor_id=Text, run_id=Text, version=_BIG, accounts=Integer, seen_at=DateTime(timezone=True),
)  # fmt: skip

FLAG_DETAIL = _table(
    "flag_detail",
    account_id=Text, enterprise_id=Text, advisor_id=Text, flag_version=_BIG, hold_code=Text, hold_text=Text,
    reasons=Text, causes=Text,
)  # fmt: skip

BATCH = _table(
    "batch",
    batch_id=_BIG, enterprise_ids=_TEXTS, advisor_ids=_TEXTS, version=Integer, status=Text, reason=Text,
    logic=SmallInteger, label=Text, accounts=Integer, only_account=Text, requested_by=Text, requested_name=Text,
    requested_at=DateTime(timezone=True), decided_by=Text, decided_name=Text, decided_at=DateTime(timezone=True),
    trade_date=Date, cancel_at=DateTime(timezone=True), answered_at=DateTime(timezone=True),
    told_at=DateTime(timezone=True), working=Integer, proposed=Integer, failed=Integer, removed=Integer,
    approved=Integer, cancelled=Integer, stale=Integer, short_cents=_BIG, long_cents=_BIG, estimated_cents=_BIG,
    wash_seen=_BIG, wash_session=Date, turnover_cents=_BIG, note=Text, first_by=Text, first_name=Text,
    first_at=DateTime(timezone=True), first_note=Text, first_version=Integer,
)  # fmt: skip

BATCH_ACCOUNT = _table(
    "batch_account",
    batch_id=_BIG, account_id=Text, enterprise_id=Text, advisor_id=Text, place=Integer, account_number=Text, name=Text,
    custodian=Text, taxable=Boolean, epoch=Integer, liquidate=Boolean, state=Text, open=Boolean, frozen=Boolean,
    attempt=Integer, first_attempt=Integer, sent_at=DateTime(timezone=True), stale_code=Text, stale_text=Text,
    failure_code=Text, failure_text=Text, removed_name=Text, removed_version=Integer, chunk_id=_BIG, row_no=Integer,
    facts_version=_BIG, lots_version=_BIG, target_version=_BIG, price_set=_BIG, remarks=Text, household=Text,
    has_loss=Boolean, washes=Text, earlier_losses=Text, gain_excesses=Text,
    edit=Text,
    **{figure: ARRAY(BigInteger) for figure in FIGURES},
)  # fmt: skip


def stored_figure(name: str, logic: int) -> ColumnElement[Any]:
    """Return a figure as it is stored: arrays hold one element per logic, and PostgreSQL counts from 1."""
    element: ColumnElement[Any] = BATCH_ACCOUNT.c[name][logic + 1]
    return element


EXECUTION = _table(
    "execution",
    order_id=Text, batch_id=_BIG, account_id=Text, enterprise_id=Text, advisor_id=Text, security_id=Text, version=_BIG,
    content=LargeBinary, status=Text, ordered_micro=_BIG, quantity_micro=_BIG, price_micro=_BIG,
    reported_at=DateTime(timezone=True), reason=Text,
)  # fmt: skip

PARKED = _table("parked", batch_id=_BIG, parked_at=DateTime(timezone=True), again_at=DateTime(timezone=True))
