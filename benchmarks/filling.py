"""Fills the analyzer's facts and batch's accounts for the analysis, through the services' own bulk code.

Documents are made and merged as for a million custodian rows and a million platform events, but without files and
messages: `make bench` measures those.
"""

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import numpy as np
import psycopg
import pyarrow as pa

from benchmarks import held
from deploy.stack import Stack
from services.analyzer.columns import incoming as intake
from services.analyzer.domain.layout import KEY_SHIFT, Ints
from services.analyzer.operations import price_sets
from services.analyzer.settings import Settings
from services.analyzer.store import facts_merge, pgcopy, targets
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import SECURITY, SLEEVE, Names
from services.batch.store import incoming
from services.batch.store.database import Database as BatchDatabase
from shared.contracts.platform import AccountChanged, Component, PortfolioChanged, PricesPublished, Sleeve
from shared.contracts.tenancy import SYSTEM
from shared.fixed_point.text import text_of
from shared.runtime.clock import FileClock

ENTERPRISE: Final = "E1"
_SLEEVE: Final = "CORE"
_GROUP: Final = 10_000
_SAY_EVERY: Final = 100_000
Say = Callable[[str], None]


def fill(stack: Stack, known: held.Market, accounts: int, as_of: date, say: Say) -> None:
    """Store prices (set 1), portfolios, and so many accounts with holdings and settings."""
    with Database(stack.database_url("analyzer"), size=2) as database:
        names = Names(database)
        names.numbers(SECURITY, map(_security, range(held.SECURITIES)))
        sleeve = names.numbers(SLEEVE, [_SLEEVE])[_SLEEVE]
        with database.session() as session:
            _take_in(session, stack, names, _prices(known.prices, 1, as_of))
            targets.save_portfolios(session, names, [_target(known, number) for number in range(held.PORTFOLIOS)])
        for part in held.accounts(known, accounts, _GROUP):
            with database.session() as session:
                _merge(session, names, part, sleeve, as_of)
            if part.first % _SAY_EVERY == 0:
                say(f"  facts of {part.first:,} accounts")
    say("batch's accounts")
    asyncio.run(_tell_batch(stack, accounts))
    with psycopg.connect(stack.addresses.admin_database("rebalancer"), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE analyzer.account_facts")
        connection.execute("VACUUM ANALYZE batch.account")


def move_prices(stack: Stack, known: held.Market, flagged: float, as_of: date) -> None:
    """Store price set 2, in which this share of the accounts leaves a band."""
    with Database(stack.database_url("analyzer"), size=2) as database:
        names = Names(database)
        with database.session() as session:
            _take_in(session, stack, names, _prices(held.moved(known.prices, flagged), 2, as_of))


def _take_in(session: Session, stack: Stack, names: Names, event: PricesPublished) -> None:
    price_sets.take_in(session, names, FileClock(stack.layout.clock_file), Settings.model_construct(), event)


def _merge(session: Session, names: Names, part: held.Accounts, sleeve: int, as_of: date) -> None:
    count, width = part.keys.shape
    day = (as_of - date(1970, 1, 1)).days
    pairs = np.stack([part.keys >> KEY_SHIFT << KEY_SHIFT | sleeve, part.units], axis=2)
    facts_merge.merge_holdings(
        session,
        facts_merge.HoldingsChunk(
            account_id=_texts(part.ids),
            enterprise_id=_texts([ENTERPRISE] * count),
            advisor_id=_texts(["V1"] * count),
            lots_version=np.ones(count, np.int64),
            as_of=np.full(count, day),
            file_id=_texts(["FILE1"] * count),
            cash_cents=part.cash,
            hold_code=[None] * count,
            hold_text=[None] * count,
            securities=np.unique(part.keys >> KEY_SHIFT),
            starts=np.arange(count + 1) * width * 16,
            documents=np.frombuffer(np.ascontiguousarray(pairs, "<i8").tobytes(), np.uint8),
            received_at=np.full(count, pgcopy.NULL),
        ),
    )
    events = [
        _account(number, portfolio, as_of) for number, portfolio in enumerate(part.portfolio.tolist(), start=part.first)
    ]
    facts_merge.merge_accounts(session, intake.accounts(names, events, {}))


async def _tell_batch(stack: Stack, accounts: int) -> None:
    database = BatchDatabase(stack.database_url("batch"), stack.database_url("batch_requests"))
    for first in range(0, accounts, _GROUP):
        group = [_account(number, 0, None) for number in range(first, min(first + _GROUP, accounts))]
        async with database.transaction(SYSTEM) as connection:
            await incoming.put_accounts(connection, group)
    await database.close()


def _account(number: int, portfolio: int, last_rebalanced: date | None) -> AccountChanged:
    """Return an account as the platform publishes it."""
    name = held.account_id(number)
    return AccountChanged(
        account_id=name,
        version=1,
        enterprise_id=ENTERPRISE,
        advisor_id="V1",
        custodian="CUST",
        account_number=name,
        name=f"Account {name}",
        custody="TAXABLE",
        portfolio_id=_portfolio(portfolio),
        last_rebalanced=last_rebalanced,
        rebalancer_on=True,
        rebalancer_on_count=1,
    )


def _target(known: held.Market, number: int) -> PortfolioChanged:
    """Return the portfolio as the platform publishes it: one sleeve, all weights inside it equal."""
    keys = known.targets[number].rows.key >> KEY_SHIFT
    weights = np.full(len(keys), 10**9 // len(keys))
    weights[0] += 10**9 - weights.sum()
    holdings = [
        Component(security_id=_security(int(key)), weight=text_of(int(weight), 9))
        for key, weight in zip(keys, weights, strict=True)
    ]
    return PortfolioChanged(
        portfolio_id=_portfolio(number),
        version=1,
        enterprise_id=ENTERPRISE,
        name=_portfolio(number),
        cash_weight=text_of(held.CASH_PPB, 9),
        sleeves=[Sleeve(sleeve_id=_SLEEVE, kind="APM", weight=text_of(10**9 - held.CASH_PPB, 9), holdings=holdings)],
    )


def _prices(prices: Ints, price_set: int, as_of: date) -> PricesPublished:
    points = [
        {"security_id": _security(number), "price": text_of(int(price), 6)} for number, price in enumerate(prices)
    ]
    return PricesPublished.model_validate({"price_set": price_set, "as_of": as_of, "prices": points})


def _texts(values: list[str]) -> Any:
    return pa.array(values, pa.string())


def _security(number: int) -> str:
    return f"S{number:03d}"


def _portfolio(number: int) -> str:
    return f"P{number:02d}"
