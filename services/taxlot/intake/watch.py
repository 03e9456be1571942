"""The watch over inbox and ledger: every file gets a named outcome, and none keeps another waiting.

A file that fails, whoever is at fault, rests for a while and is tried again while the next ones are taken; after
`inbox_attempts` it is refused, with the last fault as the reason.  What fails in the watch itself ends the process.
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
from services.taxlot.intake.inbox import Found, Inbox
from services.taxlot.intake.load import FileChanged, Outcome
from services.taxlot.intake.pipeline import Desk
from services.taxlot.settings import Settings
from services.taxlot.store.ledger import Came
from shared.kafka.failure_limit import TooMany, isolate_every_fault
from shared.kafka.publisher import is_refused_for_ever
from shared.runtime import log, metrics

_PRUNE_EVERY_S: Final = 60.0
_PUBLISH_AGAIN_S: Final = 30.0
_SERVICE: Final = "taxlot"
_log = log.get(__name__)


class Watch:
    """Takes in what lies in the inbox and publishes what waits for it."""

    def __init__(self, settings: Settings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self._pruned_s = -_PRUNE_EVERY_S
        self._publish_at_s: dict[int, float] = {}  # of files whose publishing failed: not before
        self._too_many: Counter[int] = Counter()  # how often our code raised at too many of a file's accounts

    async def run(self) -> None:
        """Work until cancelled; a database, broker or folder that is away is waited for."""
        folder = self._settings.inbox_dir
        inbox = None if folder is None else Inbox(folder, self._settings.inbox_settle_s)
        attempts = None if inbox is None else Attempts(inbox.folder)
        if inbox is not None:
            metrics.INBOX_AGE.labels(_SERVICE).set_function(inbox.oldest_age_s)
        try:
            while True:
                try:
                    if inbox is not None and attempts is not None and inbox.claim():
                        await self._empty(inbox, attempts)
                        await self._prune(inbox)
                    await self._publish_waiting()
                except (psycopg.Error, KafkaError, OSError) as error:
                    _log.warning("intake.tries_again", error=repr(error)[:300])
                await asyncio.sleep(self._settings.inbox_poll_s)
        finally:
            if inbox is not None:
                inbox.release()

    async def _empty(self, inbox: Inbox, attempts: Attempts) -> None:
        for one in await asyncio.to_thread(inbox.complete):
            if not one.regular:
                what = "only a file itself is taken in, this is a link, pipe, socket or device"
                await self._refuse(inbox, attempts, one, NOT_A_FILE, what)
            elif not attempts.is_resting(one):
                await self._take(inbox, attempts, one)
                await self._publish_waiting()

    async def _take(self, inbox: Inbox, attempts: Attempts, one: Found) -> None:
        """Take one file in, move it to where it belongs and tell others.  Raises where not the file is to blame."""
        await self._desk.catch_up()  # also says whether the database is there at all, before the file is counted
        number = attempts.begin(one)
        if number > self._settings.inbox_attempts:
            await self._give_up(inbox, attempts, one)
            return
        try:
            begun = partial(attempts.entered, one)
            outcome = await asyncio.to_thread(self._desk.load, one.path, _came(one, attempts), _silent, begun)
            await asyncio.to_thread(inbox.move, one.path, _refusal(outcome))
        except asyncio.CancelledError:
            attempts.not_counted(one, number)
            raise
        except FileNotFoundError:
            _log.warning("inbox.file_gone", file=one.shown, when="before it was read")
            attempts.ended(one)
        except FileChanged:
            _log.info("inbox.still_written", file=one.shown)
            attempts.not_counted(one, number)
        except Exception as error:  # noqa: BLE001  # whatever it is, the next file is not to wait for it
            metrics.INBOX_FAILURES.labels(_SERVICE).inc()
            _log.exception("inbox.file_failed", file=one.shown, attempt=number, of=self._settings.inbox_attempts)
            attempts.failed(one, number, repr(error)[:500])
            if number >= self._settings.inbox_attempts:
                await self._give_up(inbox, attempts, one)
        else:
            attempts.ended(one)
            status, held = outcome.status, outcome.held
            _log.info("inbox.taken", file=one.shown, status=status, accounts=outcome.accounts, held=held)

    async def _give_up(self, inbox: Inbox, attempts: Attempts, one: Found) -> None:
        times, error = self._settings.inbox_attempts, printable(attempts.error_of(one))
        reason = f"taking it in failed {times} times, the last time with {error}; mend that, then put it in again"
        await self._refuse(inbox, attempts, one, NOT_TAKEN_IN, reason)

    async def _refuse(self, inbox: Inbox, attempts: Attempts, one: Found, code: str, reason: str) -> None:
        """Write the refusal into the ledger and move the file away; what has been loaded after all is not refused."""
        outcome = await asyncio.to_thread(self._desk.refuse, one.path, _came(one, attempts), code, reason)
        await asyncio.to_thread(inbox.move, one.path, _refusal(outcome))
        attempts.ended(one)
        if outcome.status == "REFUSED":
            _log.error("inbox.file_refused", file=one.shown, code=outcome.code, reason=outcome.reason)
        else:
            _log.warning("inbox.loaded_before", file=one.shown, status=outcome.status, would_be=code, reason=reason)

    async def _publish_waiting(self) -> None:
        """Publish every ended file; one that cannot be published waits by itself, unless the broker is away."""
        waiting = await asyncio.to_thread(self._desk.unannounced)
        self._publish_at_s = {one: at for one, at in self._publish_at_s.items() if one in waiting}
        for file_id in waiting:
            if time.monotonic() < self._publish_at_s.get(file_id, 0.0):
                continue
            try:
                await self._publish(file_id)
            except Exception as error:
                if isinstance(error, psycopg.OperationalError | KafkaError) and not is_refused_for_ever(error):
                    raise
                metrics.INBOX_FAILURES.labels(_SERVICE).inc()
                _log.exception("intake.not_published", file_id=file_id, again_in_s=_PUBLISH_AGAIN_S)
                self._publish_at_s[file_id] = time.monotonic() + _PUBLISH_AGAIN_S

    async def _publish(self, file_id: int) -> None:
        """Publish a file.  Where our code raises at too many of its accounts it waits, and nobody is told of as held.

        After as many attempts as a message may cost starts, and where others pass, each of them is.
        """
        try:
            await self._desk.publish(file_id)
        except TooMany as error:
            self._too_many[file_id] += 1
            if self._too_many[file_id] <= self._settings.suspect_starts or not error.passed:
                raise
            _log.exception("file.accounts_apart", file_id=file_id, attempts=self._too_many[file_id])
            with isolate_every_fault():
                await self._desk.publish(file_id)

    async def _prune(self, inbox: Inbox) -> None:
        if time.monotonic() - self._pruned_s < _PRUNE_EVERY_S:
            return
        self._pruned_s = time.monotonic()
        keep = partial(inbox.prune, self._settings.inbox_keep_days, self._settings.inbox_keep_bytes)
        if pruned := await asyncio.to_thread(keep):
            _log.info("inbox.pruned", files=pruned)


def _refusal(outcome: Outcome) -> str | None:
    return f"{outcome.code}: {outcome.reason}" if outcome.status == "REFUSED" else None


def _came(one: Found, attempts: Attempts) -> Came:
    return Came(one.shown, one.source, one.sender, attempts.entry_of(one))


def _silent(_done: int, _total: int) -> None:
    """Progress that only the ledger shows."""
