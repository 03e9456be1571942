"""The watch over inbox and ledger: every file ends with a named outcome, and no file makes another wait.

A file that fails, for whatever reason, is paused and tried again while the next ones are loaded; after
`inbox_attempts` it is refused with the last error as the reason.  An error of the watch itself ends the process.
Source: product 2; architecture "One input never stops all".
"""

import asyncio
import time
from collections import Counter
from functools import partial
from typing import Final

import psycopg
from aiokafka.errors import KafkaError

from services.taxlot.domain.codes import NOT_A_FILE, NOT_TAKEN_IN, printable
from services.taxlot.intake.attempts import Attempts
from services.taxlot.intake.inbox import Inbox, InboxFile
from services.taxlot.intake.load import FileChanged, LoadOutcome
from services.taxlot.intake.pipeline import Intake
from services.taxlot.settings import SERVICE, Settings
from services.taxlot.store.ledger import Arrival
from shared.kafka.failure_limit import TooMany, isolate_every_fault
from shared.kafka.publisher import is_refused_for_ever
from shared.runtime import log, metrics, trace
from shared.runtime.pause import pause

_PRUNE_EVERY_S: Final = 60.0
_PUBLISH_AGAIN_S: Final = 30.0
_log = log.get(__name__)


class Watch:
    """Loads the files of the inbox and publishes files that wait for it."""

    def __init__(self, settings: Settings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._pruned_s = -_PRUNE_EVERY_S
        self._publish_at_s: dict[int, float] = {}  # files whose publishing failed: not before this time
        self._too_many: Counter[int] = Counter()  # how often our code raised at too many accounts of a file

    async def run(self) -> None:
        """Work until cancelled; wait while the database, the broker or the folder is away."""
        folder = self._settings.inbox_dir
        inbox = None if folder is None else Inbox(folder, self._settings.inbox_settle_s)
        attempts = None if inbox is None else Attempts(inbox.folder)
        if inbox is not None:
            metrics.INBOX_AGE.labels(SERVICE).set_function(inbox.oldest_age_s)
        try:
            while True:
                try:
                    if inbox is not None and attempts is not None and inbox.claim():
                        await self._load_complete(inbox, attempts)
                        await self._prune(inbox)
                    await self._publish_waiting()
                except (psycopg.Error, KafkaError, OSError) as error:
                    _log.warning("intake.tries_again", error=error)
                await pause(self._settings.inbox_poll_s)
        finally:
            if inbox is not None:
                inbox.release()

    async def _load_complete(self, inbox: Inbox, attempts: Attempts) -> None:
        """Load every complete file that is not paused, and publish after each."""
        for file in await asyncio.to_thread(inbox.complete):
            if not file.regular:
                reason = "only a file itself is taken in, this is a link, pipe, socket or device"
                await self._refuse(inbox, attempts, file, NOT_A_FILE, reason)
            elif not attempts.is_paused(file):
                await self._load(inbox, attempts, file)
                await self._publish_waiting()

    async def _load(self, inbox: Inbox, attempts: Attempts, file: InboxFile) -> None:
        """Load one file and move it away, or count the failure.  Raises if the database is away before the load."""
        await self._intake.catch_up()  # also checks that the database is there before an attempt is counted
        number = attempts.begin(file)
        if number > self._settings.inbox_attempts:
            await self._give_up(inbox, attempts, file)
            return
        try:
            on_entry = partial(attempts.note_entry, file)
            arrival = _arrival(file, attempts)
            outcome = await asyncio.to_thread(self._intake.load, file.path, arrival, _ignore_progress, on_entry)
            await asyncio.to_thread(inbox.move, file.path, _refusal(outcome))
        except asyncio.CancelledError:
            attempts.uncount(file, number)
            raise
        except FileNotFoundError:
            _log.warning("inbox.file_gone", file=file.name, reason="before_reading")
            attempts.end(file)
        except FileChanged:
            _log.info("inbox.still_written", file=file.name)
            attempts.uncount(file, number)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next file is not to wait for it
            metrics.INBOX_FAILURES.labels(SERVICE).inc()
            _log.exception("inbox.file_failed", file=file.name, attempts=number)
            attempts.fail(file, number, repr(error)[:500])
            if number >= self._settings.inbox_attempts:
                await self._give_up(inbox, attempts, file)
        else:
            attempts.end(file)
            status, held = outcome.status, outcome.held
            _log.info("inbox.loaded", file=file.name, status=status, accounts=outcome.accounts, held=held)

    async def _give_up(self, inbox: Inbox, attempts: Attempts, file: InboxFile) -> None:
        times, error = self._settings.inbox_attempts, printable(attempts.error_of(file))
        reason = f"taking it in failed {times} times, the last time with {error}; mend that, then put it in again"
        await self._refuse(inbox, attempts, file, NOT_TAKEN_IN, reason)

    async def _refuse(self, inbox: Inbox, attempts: Attempts, file: InboxFile, code: str, reason: str) -> None:
        """Write the refusal into the ledger and move the file away; a file that has been loaded is not refused."""
        outcome = await asyncio.to_thread(self._intake.refuse, file.path, _arrival(file, attempts), code, reason)
        await asyncio.to_thread(inbox.move, file.path, _refusal(outcome))
        attempts.end(file)
        if outcome.status == "REFUSED":
            _log.error("inbox.file_refused", file=file.name, code=outcome.code)
        else:
            _log.warning("inbox.loaded_before", file=file.name, status=outcome.status, code=code)

    async def _publish_waiting(self) -> None:
        """Publish every ended file; a file that cannot be published waits alone.

        Raises OperationalError and KafkaError if the database or the broker is away.
        """
        waiting = await asyncio.to_thread(self._intake.unpublished)
        self._publish_at_s = {file_id: at_s for file_id, at_s in self._publish_at_s.items() if file_id in waiting}
        for file_id in waiting:
            if time.monotonic() < self._publish_at_s.get(file_id, 0.0):
                continue
            with trace.within(trace.named("file", file_id)):
                await self._publish_or_wait(file_id)

    async def _publish_or_wait(self, file_id: int) -> None:
        """Publish a file, or let it wait alone if it is the cause.  Raises as `_publish_waiting`."""
        try:
            await self._publish(file_id)
        except Exception as error:
            if isinstance(error, psycopg.OperationalError | KafkaError) and not is_refused_for_ever(error):
                raise
            metrics.INBOX_FAILURES.labels(SERVICE).inc()
            _log.exception("intake.not_published", file_id=file_id, pause_s=_PUBLISH_AGAIN_S)
            self._publish_at_s[file_id] = time.monotonic() + _PUBLISH_AGAIN_S

    async def _publish(self, file_id: int) -> None:
        """Publish a file.  Raises TooMany, with nothing published as held, if our code raises at too many accounts.

        After `suspect_starts` such attempts, and if other accounts pass, the failing accounts are published as held.
        """
        try:
            await self._intake.publish(file_id)
        except TooMany as error:
            self._too_many[file_id] += 1
            if self._too_many[file_id] <= self._settings.suspect_starts or not error.passed:
                raise
            _log.exception("file.accounts_apart", file_id=file_id, attempts=self._too_many[file_id])
            with isolate_every_fault():
                await self._intake.publish(file_id)

    async def _prune(self, inbox: Inbox) -> None:
        if time.monotonic() - self._pruned_s < _PRUNE_EVERY_S:
            return
        self._pruned_s = time.monotonic()
        prune = partial(inbox.prune, self._settings.inbox_keep_days, self._settings.inbox_keep_bytes)
        if pruned := await asyncio.to_thread(prune):
            _log.info("inbox.pruned", files=pruned)


def _refusal(outcome: LoadOutcome) -> str | None:
    return f"{outcome.code}: {outcome.reason}" if outcome.status == "REFUSED" else None


def _arrival(file: InboxFile, attempts: Attempts) -> Arrival:
    return Arrival(file.name, file.source, file.sender, attempts.entry_of(file))


def _ignore_progress(_done: int, _total: int) -> None:
    """Show no progress: the ledger has it."""
