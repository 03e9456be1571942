"""The date of the newest file of the custodian that is furthest behind, and the metrics made of it."""

import asyncio
from datetime import date

import pytest
from prometheus_client import REGISTRY
from psycopg import AsyncConnection

from services.taxlot.store import file_dates
from shared.rules.trading_calendar import CUT_OFF
from shared.runtime.input_age import note_input
from tests.taxlot.files import File, good
from tests.taxlot.harness import NOW, TODAY, Book

pytestmark = pytest.mark.integration


def _furthest_behind(book: Book, today: date) -> date | None:
    async def ask() -> date | None:
        async with await AsyncConnection.connect(book.url) as connection:
            await connection.execute("SET search_path TO taxlot")
            return await file_dates.furthest_behind(connection, today)

    return asyncio.run(ask())


def test_the_custodian_that_is_furthest_behind_counts_until_it_sends_no_more(book: Book) -> None:
    assert _furthest_behind(book, TODAY) is None
    book.add_accounts(["001"])
    book.add_accounts(["002"], custodian="SOUTH", prefix="B")
    book.load(File(good("001"), day="2026-06-10"))
    book.load(File(good("001"), day="2026-06-11"))
    assert _furthest_behind(book, TODAY) == date(2026, 6, 11)
    book.load(File(good("002"), day="2026-06-09", custodian="SOUTH"))
    assert _furthest_behind(book, TODAY) == date(2026, 6, 9)
    assert _furthest_behind(book, date(2026, 7, 10)) == date(2026, 6, 11), "SOUTH has sent nothing for 30 days"
    note_input("custodian_file", date(2026, 6, 9), NOW, CUT_OFF)
    labels = {"input": "custodian_file"}
    assert REGISTRY.get_sample_value("rebalancer_input_sessions_behind", labels) == 3  # Tuesday to Friday
    age_s = REGISTRY.get_sample_value("rebalancer_input_age_seconds", labels)
    assert age_s == (2 * 24 + 16) * 3600  # NOW is ten o'clock on Friday, the cut-off was at six on Tuesday
