"""One business day of the custodian: cut-off, fills at the close, prices and files out, next morning."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from deploy.custodian.books import close_day
from deploy.custodian.journal import Journal
from deploy.custodian.listen import read_new, watch
from deploy.sample.files import file_name
from deploy.sample.make import load_universe
from deploy.sample.publish import GROUP, drop, platform_event
from deploy.sample.universe import Universe, price_set
from shared.contracts.events import AnalysisCompleted, BatchChanged, FileProcessed, OrdersReleased
from shared.contracts.platform import ExecutionReported
from shared.contracts.topics import ANALYSIS, BATCH, EXECUTION, FILES, ORDERS, PRICE
from shared.fixed_point.text import scaled
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import NEW_YORK, business_date, cut_off, session_after, session_before
from shared.runtime.broker import Broker
from shared.runtime.clock import FileClock, set_instant

AFTER_CUT_OFF: Final = timedelta(minutes=1)
MORNING: Final = time(8, 0)
"""Later than the daily analysis (07:30 New York), so that its flags are there when the user looks."""
OPEN: Final = ("WORKING", "PENDING_APPROVAL")


@dataclass(frozen=True)
class Custodian:
    """Everything a day needs. patience_s: how long it waits for events of the system before it goes on without them."""

    broker: Broker
    inbox: Path
    clock_file: Path
    state: Path
    sample: Path
    patience_s: float
    say: Callable[[str], None] = field(default=print)

    @property
    def _journal_file(self) -> Path:
        return self.state / "journal.json"

    def journal(self) -> Journal:
        """Return the journal; before the first day the books are copied from the sample.  Raises FileNotFoundError."""
        kept = Journal.load(self._journal_file)
        if kept is not None:
            return kept
        manifest, _ = load_universe(self.sample)
        first = Journal(book_day=date.fromisoformat(manifest["as_of"]))
        self.state.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.sample / "book", self._book(first.book_day), dirs_exist_ok=True)
        first.save(self._journal_file)
        return first

    async def next_day(self) -> date:
        """Process the present business day, move the clock to the next day's morning, and return that day.

        A run that was interrupted at any point may be started again.  Raises NoPrices if the data do not reach the day.
        """
        manifest, held = load_universe(self.sample)
        journal = self.journal()
        clock = FileClock(self.clock_file)
        closing = journal.closing or business_date(clock.now())
        held.market.row_of(closing)  # refuse before anything changes
        journal = self._saved(journal, closing=closing)
        self._move_clock(cut_off(closing) + AFTER_CUT_OFF)
        journal = await self._close_days(journal, held, manifest["custodians"], closing)
        return await self._morning(journal, session_after(closing))

    async def catch_up(self) -> bool:
        """Process the business days whose cut-off is past, and leave the clock alone; return whether there were any.

        A day that `next_day` has begun is left to it.  Raises NoPrices if the data do not reach the day.
        """
        journal = self.journal()
        past = session_before(business_date(FileClock(self.clock_file).now()))
        if journal.closing is not None or (journal.delivered and journal.book_day >= past):
            return False
        manifest, held = load_universe(self.sample)
        held.market.row_of(past)
        await self._close_days(journal, held, manifest["custodians"], past)
        return True

    async def _close_days(self, journal: Journal, held: Universe, custodians: Sequence[str], last: date) -> Journal:
        """Settle and deliver every day up to `last`, whose cut-off is past."""
        await self._await_cancels(last)
        if not journal.delivered:
            journal = await self._deliver(journal, held, custodians)
        while journal.book_day < last:
            journal = await self._close(journal, held, custodians, session_after(journal.book_day))
            journal = await self._deliver(journal, held, custodians)
        return journal

    async def _close(self, journal: Journal, held: Universe, custodians: Sequence[str], day: date) -> Journal:
        """Settle what is due on `day`; it is done once the journal is replaced."""
        fresh, offsets = await read_new(self.broker, ORDERS, OrdersReleased, journal.offsets, self.say)
        due, waiting = _due([*journal.waiting, *fresh], journal.filled, day)
        prices = {point.security_id: scaled(point.price, 6) for point in price_set(held, day).prices}
        unfinished = self.state / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        outcome = close_day(self._book(journal.book_day), unfinished, custodians, due, prices, day)
        shutil.rmtree(self._book(day), ignore_errors=True)
        unfinished.rename(self._book(day))
        self.say(f"{day}: {outcome.filled} orders filled, {outcome.moved} transfers, {outcome.accounts} accounts")
        for reason in outcome.refused:
            self.say(f"{day}: refused, {reason}")
        await self._report(outcome.reports)
        # Later events of an account replace earlier ones, so the newest version remains.
        filled = journal.filled | {event.account_id: event.version for event in due}
        return self._saved(
            journal,
            book_day=day,
            delivered=False,
            offsets=offsets,
            waiting=waiting,
            filled=filled,
            closing=journal.closing,
        )

    async def _report(self, reports: Sequence[ExecutionReported]) -> None:
        """Publish what became of each order; a day that is begun again publishes the same once more."""
        if not reports:
            return
        async with Publisher(self.broker, "custodian") as publisher:
            for start in range(0, len(reports), GROUP):
                bodies = [
                    report.model_dump(mode="json", exclude_none=True) for report in reports[start : start + GROUP]
                ]
                await publisher.send([platform_event(EXECUTION, body, datetime.now(UTC)) for body in bodies])

    async def _deliver(self, journal: Journal, held: Universe, custodians: Sequence[str]) -> Journal:
        """Publish the day's prices, put its files into the inbox and wait until they are loaded."""
        day = journal.book_day
        names = {file_name(custodian, day) for custodian in custodians}
        async with watch(self.broker, FILES, FileProcessed, self.say) as files:
            prices = price_set(held, day)
            async with Publisher(self.broker, "custodian") as publisher:
                await publisher.send([platform_event(PRICE, prices.model_dump(mode="json"), datetime.now(UTC))])
            self.say(f"{day}: price set {prices.price_set} published")
            for name in sorted(names):
                drop(self._book(day) / name, self.inbox)
            self.say(f"{day}: {len(names)} files dropped into the inbox")
            missing = set(names)

            def taken(message: BaseModel) -> bool:
                if isinstance(message, FileProcessed) and message.file_name in missing:
                    missing.discard(message.file_name)
                    reason = f" ({message.reason})" if message.reason else ""
                    self.say(f"{day}: {message.file_name} {message.outcome}{reason}, {message.accounts} accounts")
                return not missing

            if not await files.until(taken, self.patience_s):
                self.say(f"{day}: not taken in within {self.patience_s:.0f} s: {', '.join(sorted(missing))}")
        for folder in self.state.glob("book-*"):
            if folder != self._book(day):
                shutil.rmtree(folder)
        return self._saved(journal, delivered=True)

    async def _await_cancels(self, day: date) -> None:
        """Wait until no batch of the day is open any more: the system cancels them at the cut-off."""
        status: dict[int, BatchChanged] = {}

        def note(message: BaseModel) -> bool:
            if isinstance(message, BatchChanged):
                known = status.get(message.batch_id)
                if known is None or known.version <= message.version:
                    status[message.batch_id] = message
            return False

        def still_open() -> list[int]:
            return [batch.batch_id for batch in status.values() if batch.trade_date <= day and batch.status in OPEN]

        for message in (await read_new(self.broker, BATCH, BatchChanged, {}, self.say))[0]:
            note(message)
        if not still_open():
            return
        self.say(f"{day}: waiting for the end of day of batches {still_open()}")
        async with watch(self.broker, BATCH, BatchChanged, self.say, from_start=True) as batches:
            if not await batches.until(lambda message: note(message) or not still_open(), self.patience_s):
                self.say(f"{day}: still open after {self.patience_s:.0f} s: batches {still_open()}")

    async def _morning(self, journal: Journal, day: date) -> date:
        async with watch(self.broker, ANALYSIS, AnalysisCompleted, self.say) as runs:
            moved = self._move_clock(datetime.combine(day, MORNING, tzinfo=NEW_YORK))
            self._saved(journal, closing=None)

            def completed(message: BaseModel) -> bool:
                if not isinstance(message, AnalysisCompleted) or message.business_date != day:
                    return False
                counts = f"{message.flagged} of {message.accounts} flagged, {message.held} held"
                self.say(f"{day}: analysis of {message.enterprise_id} done, {counts}")
                return True

            if moved and not await runs.until(completed, self.patience_s):
                self.say(f"{day}: no daily analysis seen within {self.patience_s:.0f} s")
        return day

    def _move_clock(self, instant: datetime) -> bool:
        """Move the system's clock forward to the instant, never back; return whether it moved."""
        if FileClock(self.clock_file).now() >= instant:
            return False
        set_instant(self.clock_file, instant)
        self.say(f"clock: {instant.astimezone(NEW_YORK):%A %Y-%m-%d %H:%M} New York")
        return True

    def _book(self, day: date) -> Path:
        return self.state / f"book-{day}"

    def _saved(self, journal: Journal, **changes: object) -> Journal:
        changed = journal.model_copy(update=changes)
        changed.save(self._journal_file)
        return changed


def _due(
    released: Sequence[OrdersReleased], filled: dict[str, int], day: date
) -> tuple[list[OrdersReleased], list[OrdersReleased]]:
    """Return the orders to be filled on `day`, each release once, and those that wait for their session."""
    fresh = {
        (event.account_id, event.version): event
        for event in released
        if event.version > filled.get(event.account_id, -1)
    }
    in_order = sorted(fresh.values(), key=lambda event: event.version)
    due = [event for event in in_order if (event.session or event.trade_date) <= day]
    return due, [event for event in in_order if (event.session or event.trade_date) > day]
