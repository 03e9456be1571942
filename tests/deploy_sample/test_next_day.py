"""A day of the simulated custodian against a real broker: fills, prices, files, clock; broken off anywhere."""

import asyncio
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from deploy.custodian.books import accounts_of
from deploy.custodian.day import Custodian, _due
from deploy.custodian.fills import Account, new_lot_id
from deploy.custodian.journal import Journal
from deploy.custodian.listen import read_new
from deploy.sample.make import BookOptions, make, read_book
from deploy.sample.market import NoPrices
from shared.contracts.events import AnalysisCompleted, BatchChanged, FileProcessed, OrdersReleased
from shared.contracts.platform import ExecutionReported, PricesPublished
from shared.contracts.topics import ANALYSIS, BATCH, EXECUTION, FILES, ORDERS, PRICE
from shared.kafka.messages import event
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import NEW_YORK, close_of, cut_off, session_after, session_before
from shared.runtime.clock import FileClock, set_instant
from tests.waiting import until_async

pytestmark = pytest.mark.integration
AS_OF = date(2025, 11, 24)
TODAY = date(2025, 11, 25)
TOMORROW = date(2025, 11, 26)
NOON = datetime.combine(TODAY, time(12), tzinfo=NEW_YORK)


class BrokenOff(Exception):
    """Stands for the machine going down at this point."""


@dataclass
class Said:
    """Collects what the custodian says, and breaks it off when it has said `last` lines."""

    lines: list[str] = field(default_factory=list)
    last: int | None = None

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) == self.last:
            raise BrokenOff


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make(BookOptions(40, 3, AS_OF), folder, lambda _: None)
    return folder


async def a_custodian(
    kafka_url: str, home: Path, sample: Path, say: Callable[[str], None], patience_s: float = 0
) -> Custodian:
    """A custodian with fresh books, at noon of TODAY, that knows no order released before now."""
    made = Custodian(kafka_url, home / "inbox", home / "clock.json", home / "custodian", sample, patience_s, say)
    home.mkdir(parents=True, exist_ok=True)
    set_instant(made.clock_file, NOON)
    _, ends = await read_new(kafka_url, ORDERS, OrdersReleased, {}, say)
    made.journal().model_copy(update={"offsets": ends}).save(made.state / "journal.json")
    return made


def books(custodian: Custodian, day: date) -> dict[str, Account]:
    folder = custodian.state / f"book-{day}"
    return {
        number: account
        for name in ("SCHW", "FIDX", "PERX")
        for part in read_book(folder, name)
        for number, account in accounts_of(part).items()
    }


def custodian_of(custodian: Custodian, day: date, number: str) -> str:
    folder = custodian.state / f"book-{day}"
    return next(
        name for name in ("SCHW", "FIDX", "PERX") for part in read_book(folder, name) if number in accounts_of(part)
    )


def released_for(custodian: Custodian, number: str, *, version: int = 1, trade_date: date = TODAY) -> OrdersReleased:
    """Orders that sell the account's first lot whole and buy 10 units of JPM for two sleeves."""
    lot = next(iter(books(custodian, AS_OF)[number].lots.values()))
    quantity = (
        str(lot.quantity_micro // 10**6) if lot.quantity_micro % 10**6 == 0 else f"{lot.quantity_micro / 1e6:.6f}"
    )
    sell = {"order_id": f"S{number}{version}", "security_id": lot.security_id, "side": "SELL", "quantity": quantity}
    buy = {"order_id": f"B{number}{version}", "security_id": "JPM", "side": "BUY", "quantity": "10"}
    return OrdersReleased.model_validate(
        {
            "account_id": f"A{number}", "enterprise_id": "E1", "advisor_id": "E1-ADV1",
            "custodian": custodian_of(custodian, AS_OF, number), "account_number": number,
            "batch_id": 900, "version": version, "trade_date": trade_date,
            "orders": [{**sell, "reference_price": "1"}, {**buy, "reference_price": "1"}],
            "allocations": [
                {"sleeve_id": "APM", "security_id": "JPM", "quantity": "4"},
                {"sleeve_id": "CORE", "security_id": "JPM", "quantity": "6"},
            ],
            "lots": [
                {"order_id": sell["order_id"], "lot_id": lot.lot_id, "sleeve_id": lot.sleeve_id, "quantity": quantity}
            ],
            "transfers": [],
        }
    )  # fmt: skip


async def publish(kafka_url: str, orders: Iterable[OrdersReleased]) -> None:
    async with Publisher(kafka_url, "test") as publisher:
        await publisher.send(
            event(
                ORDERS, order.account_id, order, event_id=f"{order.account_id}-{order.version}", source="test", at=NOON
            )
            for order in orders
        )


async def test_a_day_fills_orders_at_its_closes_and_sends_prices_and_files(
    kafka_url: str, tmp_path: Path, sample: Path
) -> None:
    custodian = await a_custodian(kafka_url, tmp_path, sample, print)
    before = books(custodian, AS_OF)
    orders = released_for(custodian, "00000005")
    await publish(kafka_url, [orders, orders])  # delivered twice, filled once
    _, known_prices = await read_new(kafka_url, PRICE, PricesPublished, {}, print)
    _, known_reports = await read_new(kafka_url, EXECUTION, ExecutionReported, {}, print)

    assert await custodian.next_day() == TOMORROW

    (prices,), _ = await read_new(kafka_url, PRICE, PricesPublished, known_prices, print)
    assert (prices.price_set, prices.as_of) == (2, TODAY)
    close = {point.security_id: float(point.price) for point in prices.prices}
    after = books(custodian, TODAY)
    sold = next(iter(before["00000005"].lots.values()))
    bought = {
        key: lot for key, lot in after["00000005"].lots.items() if key[0] == new_lot_id(orders.orders[1].order_id)
    }
    assert (sold.lot_id, sold.sleeve_id) not in after["00000005"].lots
    assert {sleeve: lot.quantity_micro for (_, sleeve), lot in bought.items()} == {"APM": 4 * 10**6, "CORE": 6 * 10**6}
    change = after["00000005"].cash_cents - before["00000005"].cash_cents
    assert change == pytest.approx(sold.quantity_micro * close[sold.security_id] / 1e4 - 1_000 * close["JPM"], abs=1.01)
    assert {number: account for number, account in after.items() if number != "00000005"} == {
        number: account for number, account in before.items() if number != "00000005"
    }
    reports, _ = await read_new(kafka_url, EXECUTION, ExecutionReported, known_reports, print)
    assert {report.order_id: (report.status, report.quantity) for report in reports} == {
        order.order_id: ("FILLED", order.quantity) for order in orders.orders
    }
    assert {float(report.price or 0) for report in reports} == {close[order.security_id] for order in orders.orders}
    assert {report.at for report in reports} == {close_of(TODAY).astimezone(UTC)}
    assert sorted(path.name for path in custodian.inbox.iterdir()) == [
        f"{name}_20251125_REFRESHED.lots" for name in ("FIDX", "PERX", "SCHW")
    ]
    assert FileClock(custodian.clock_file).now().astimezone(NEW_YORK).time().hour == 8


async def test_broken_off_at_any_word_and_started_again_it_ends_the_same(
    kafka_url: str, tmp_path: Path, sample: Path
) -> None:
    said = Said()
    whole = await a_custodian(kafka_url, tmp_path / "whole", sample, said)
    shutil.copytree(tmp_path / "whole", tmp_path / "fresh")
    await publish(kafka_url, [released_for(whole, "00000007"), released_for(whole, "00000011")])
    await whole.next_day()
    for last in range(1, len(said.lines) + 1):
        home = tmp_path / f"broken-{last}"
        shutil.copytree(tmp_path / "fresh", home)
        broken = Custodian(
            kafka_url, home / "inbox", home / "clock.json", home / "custodian", sample, 0, Said(last=last)
        )
        with pytest.raises(BrokenOff):
            await broken.next_day()
        again = Custodian(kafka_url, broken.inbox, broken.clock_file, broken.state, sample, 0)
        kept = Journal.load(broken.state / "journal.json")
        if kept is not None and (kept.closing is not None or kept.book_day == AS_OF):
            assert await again.next_day() == TOMORROW
        assert again.journal() == whole.journal()
        assert files_of(again.inbox) == files_of(whole.inbox)
        assert FileClock(again.clock_file).now().astimezone(NEW_YORK).date() == TOMORROW


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_orders_of_a_later_session_wait_for_it(kafka_url: str, tmp_path: Path, sample: Path) -> None:
    """Approved after the close: they belong to today's batch and are traded tomorrow."""
    said = Said()
    custodian = await a_custodian(kafka_url, tmp_path, sample, said)
    approved = released_for(custodian, "00000009").model_copy(update={"session": TOMORROW})
    await publish(kafka_url, [approved])
    await custodian.next_day()
    assert [event.account_id for event in custodian.journal().waiting] == ["A00000009"]
    assert await custodian.next_day() == session_after(TOMORROW)
    assert custodian.journal().waiting == []
    assert f"{TOMORROW}: 2 orders filled, 0 transfers, 1 accounts" in said.lines


async def test_it_follows_the_clock_as_it_is(kafka_url: str, tmp_path: Path, sample: Path) -> None:
    custodian = await a_custodian(kafka_url, tmp_path, sample, print)
    await publish(kafka_url, [released_for(custodian, "00000005", version=2)])
    assert not await custodian.catch_up()
    evening = cut_off(TODAY) + timedelta(minutes=5)
    set_instant(custodian.clock_file, evening)
    assert await custodian.catch_up()
    assert (custodian.journal().book_day, custodian.journal().delivered) == (TODAY, True)
    assert custodian.journal().filled["A00000005"] == 2
    assert not await custodian.catch_up()
    assert FileClock(custodian.clock_file).now() < evening + timedelta(minutes=5)


async def test_it_waits_for_the_cut_off_the_files_and_the_analysis(
    kafka_url: str, tmp_path: Path, sample: Path
) -> None:
    said = Said()
    custodian = await a_custodian(kafka_url, tmp_path, sample, said, patience_s=20)
    batch = {
        "batch_id": 770077, "enterprise_id": "E1", "version": 1, "status": "PENDING_APPROVAL", "logic": "BEST_FIT",
        "accounts": 1, "working": 0, "proposed": 1, "failed": 0, "removed": 0, "requested_by": "t", "trade_date": TODAY,
    }  # fmt: skip
    clock = FileClock(custodian.clock_file)

    async with Publisher(kafka_url, "test") as publisher:

        async def state(status: str, version: int) -> None:
            body = BatchChanged.model_validate(batch | {"status": status, "version": version})
            await publisher.send([event(BATCH, "770077", body, event_id=f"770077-{version}", source="test", at=NOON)])

        async def the_system() -> None:
            await until_async(lambda: _said(said, "waiting for the end of day"))
            assert (await _local(clock)).time() > time(18)
            await state("CANCELLED", 2)
            await until_async(lambda: _names(custodian.inbox), lambda names: len(names) == 3)
            for name in await _names(custodian.inbox):
                done = FileProcessed(
                    file_id=name, version=1, file_name=name, custodian=name[:4], as_of=TODAY, outcome="LOADED",
                    accounts=13, at=datetime.now(UTC),
                )  # fmt: skip
                await publisher.send([event(FILES, name, done, event_id=name, source="test", at=NOON)])
            await until_async(lambda: _local(clock), lambda now: now.date() == TOMORROW)
            run = AnalysisCompleted(
                run_id="r1", enterprise_id="E1", business_date=TOMORROW, version=1, price_set=2, accounts=40, flagged=9,
                held=0, advisors=[],
            )  # fmt: skip
            await publisher.send([event(ANALYSIS, "r1", run, event_id="r1", source="test", at=NOON)])

        await state("PENDING_APPROVAL", 1)
        await asyncio.gather(the_system(), custodian.next_day())
    assert f"{TODAY}: waiting for the end of day of batches [770077]" in said.lines
    assert sum("LOADED" in line for line in said.lines) == 3
    assert said.lines[-1] == f"{TOMORROW}: analysis of E1 done, 9 of 40 flagged, 0 held"


async def test_beyond_the_data_nothing_moves(kafka_url: str, tmp_path: Path, sample: Path) -> None:
    custodian = await a_custodian(kafka_url, tmp_path, sample, print)
    late = datetime.combine(session_after(AS_OF, 251), time(9), tzinfo=NEW_YORK)
    set_instant(custodian.clock_file, late)
    with pytest.raises(NoPrices, match="make a new sample book"):
        await custodian.next_day()
    assert custodian.journal().closing is None
    assert session_before(late.date()) > AS_OF


async def _local(clock: FileClock) -> datetime:
    return clock.now().astimezone(NEW_YORK)


async def _said(said: Said, text: str) -> bool:
    return any(text in line for line in said.lines)


async def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.lots"))


def test_of_releases_that_come_again_and_in_another_order_each_is_due_once_and_the_newest_is_kept_in_mind(
    tmp_path: Path, sample: Path
) -> None:
    custodian = Custodian("", tmp_path, tmp_path / "clock.json", tmp_path / "state", sample, 1.0)
    custodian.journal()
    older, newer = (released_for(custodian, "00000005", version=version) for version in (1, 2))
    due, waiting = _due([newer, older, newer, older], {}, TODAY)
    assert ([event.version for event in due], waiting) == ([1, 2], [])
    filled = {event.account_id: event.version for event in due}
    assert _due([older, newer], filled, TODAY) == ([], [])
