"""The analyzer's evaluation without a database: the bytes of a COPY in, flags with reasons and causes out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from benchmarks import held
from services.analyzer.columns.evaluation import Context
from services.analyzer.domain.layout import OFF_SETTINGS, Ints, Setting
from services.analyzer.store import facts, pgcopy
from services.analyzer.store.price_sets import Prices
from services.analyzer.store.security_master import NO_SECURITIES
from services.analyzer.store.targets import StoredTarget
from shared.contracts.codes import FlagState

_TODAY: Final = date(2026, 6, 12)
_DAY: Final = (_TODAY - date(1970, 1, 1)).days


def context(known: held.Market, flagged: float) -> Context:
    """Return prices, targets and the day that apply to every account; `flagged` is the share outside a band."""
    return Context(
        prices=Prices(1, _TODAY, held.moved(known.prices, flagged)),
        securities=NO_SECURITIES,
        targets={number: StoredTarget(1, "target", None, target) for number, target in enumerate(known.targets)},
        today=_TODAY,
        now=datetime(2026, 6, 12, 14, tzinfo=UTC),
        trigger="daily analysis",
        price_age_sessions=5,
    )


def copies(known: held.Market, accounts: int, group: int) -> Iterator[tuple[int, bytes]]:
    """Yield (accounts, whole COPY of their facts and flags); columns of facts.READ that say nothing here are null."""
    for part in held.accounts(known, accounts, group):
        yield len(part.portfolio), pgcopy.whole(_columns(part))


def settings_of(count: int) -> Ints:
    """Return plain settings of `count` accounts, the rebalancer on."""
    settings = OFF_SETTINGS.copy()
    settings[Setting.REBALANCER_ON] = 1
    return np.tile(settings, (count, 1))


def _columns(part: held.Accounts) -> list[pgcopy.Column]:
    count = len(part.keys)
    column = np.ones(count, np.int64)

    def number(value: Ints | int, width: int = 8) -> pgcopy.Column:
        return pgcopy.PgIntColumn(column * value, width)

    def document(values: Ints) -> pgcopy.Column:
        data = np.frombuffer(np.ascontiguousarray(values, "<i8").tobytes(), np.uint8)
        return pgcopy.bytes_column(np.arange(count + 1) * (len(data) // count), data)

    flagged_before = {
        "f.flag_version": number(1),
        "f.state": number(int(FlagState.CLEAR), 2),
        "f.tiles": number(0, 2),
        _days("f.last_rebalanced"): number(_DAY - 30, 4),
        "f.causes": pgcopy.text_column([""] * count),
        "f.portfolio_no": number(part.portfolio, 4),
        "f.target_version": number(1),
        "f.epoch": number(0, 4),
        "f.on_count": number(0, 4),
        facts.ANNOUNCED: number(1, 1),
    }
    known = flagged_before | {
        "a.account_id": pgcopy.text_column(part.ids),
        "a.facts_version": number(1),
        "a.lots_version": number(1),
        "a.epoch": number(0, 4),
        "a.portfolio_no": number(part.portfolio, 4),
        "a.on_count": number(0, 4),
        _days("a.as_of"): number(_DAY, 4),
        _days("a.last_rebalanced"): number(_DAY - 30, 4),
        "a.cash_cents": number(part.cash),
        "a.holdings": document(np.stack([part.keys, part.units], axis=2)),
        "a.settings": document(settings_of(count)),
        "a.enterprise_id": pgcopy.text_column(["E1"] * count),
        "a.advisor_id": pgcopy.text_column(["V1"] * count),
    }
    null = pgcopy.text_column([None] * count)
    return [known.get(name, null) for name in facts.READ]


def _days(column: str) -> str:
    """Return the column name under which the query reads a date as days."""
    return f"({column} - DATE '1970-01-01')"
