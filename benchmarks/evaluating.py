"""The analyzer's evaluation without a database: the bytes of a COPY in, flags with reasons and causes out."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

import numpy as np

from benchmarks import held
from services.analyzer.domain.layout import OFF_SETTINGS, Ints, Setting
from services.analyzer.evaluation import Context
from services.analyzer.store import pgcopy
from services.analyzer.store.market import Prices
from services.analyzer.store.targets import Held
from shared.contracts.chunks import FlagState

_TODAY: Final = date(2026, 6, 12)
_DAY: Final = (_TODAY - date(1970, 1, 1)).days


def context(known: held.Market, flagged: float) -> Context:
    """Return prices, targets and the day that hold for every account; `flagged` is the share outside a band."""
    return Context(
        prices=Prices(1, _TODAY, held.moved(known.prices, flagged)),
        targets={number: Held(1, "target", None, target) for number, target in enumerate(known.targets)},
        today=_TODAY,
        now=datetime(2026, 6, 12, 14, tzinfo=UTC),
        trigger="daily analysis",
        price_age_sessions=5,
    )


def copies(known: held.Market, accounts: int, group: int) -> Iterator[tuple[int, bytes]]:
    """Yield (accounts, whole COPY of their facts and flags), columns as `facts.rows_of` expects them."""
    for part in held.accounts(known, accounts, group):
        yield len(part.portfolio), pgcopy.whole(_columns(part))


def settings_of(count: int) -> Ints:
    """Return plain settings of `count` accounts, the rebalancer on."""
    settings = OFF_SETTINGS.copy()
    settings[Setting.REBALANCER_ON] = 1
    return np.tile(settings, (count, 1))


def _columns(part: held.Accounts) -> list[pgcopy.Column]:
    count = len(part.keys)
    one = np.ones(count, np.int64)
    none = pgcopy.text_column([None] * count)

    def number(value: Ints | int, width: int = 8) -> pgcopy.Column:
        return pgcopy.IntColumn(one * value, width)

    def null(width: int = 4) -> pgcopy.Column:
        return number(pgcopy.NULL, width)

    def document(values: Ints) -> pgcopy.Column:
        data = np.frombuffer(np.ascontiguousarray(values, "<i8").tobytes(), np.uint8)
        return pgcopy.bytes_column(np.arange(count + 1) * (len(data) // count), data)

    facts = [
        pgcopy.text_column(part.ids),
        *(number(1), number(1), number(0, 4), number(part.portfolio, 4), number(0, 4)),
        *(number(_DAY, 4), null(), number(_DAY - 30, 4), number(part.cash)),
        document(np.stack([part.keys, part.units], axis=2)),
        document(settings_of(count)),
        *(none, none, none, pgcopy.text_column(["E1"] * count), pgcopy.text_column(["V1"] * count), none),
    ]
    flag = [
        *(number(1), number(int(FlagState.CLEAR), 2), number(0, 2), null(), number(_DAY - 30, 4)),
        *(pgcopy.text_column([""] * count), none, number(part.portfolio, 4), number(1), number(0, 4), number(0, 4)),
        number(1, 1),
    ]
    return [*facts, *flag]
