"""One load at a time: the lock of loading, waited for as long as somebody loads, and never for one who fell silent.

The lock is held by the session in whose transaction the file is stored: whoever loses it can no longer commit.
A server ends a session that falls silent between two statements; in the middle of COPY it would wait for the client's
next piece for ever, with no time-out that reaches it.  So whoever waits looks at what the holder's session does.
Source: docs/decisions/0020-one-load-at-a-time.md.
"""

import time
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from shared.postgres.pool import BULK, Use
from shared.runtime import log

SESSIONS: Final = 2
"""Most sessions that an intake has at once: a load has two, all else is done with one, before or after it."""
LOCK: Final = "taxlot-load"
_LOOK_EVERY_S: Final = 0.5
_SAY_EVERY_S: Final = 60.0
_TRY: Final = "SELECT pg_try_advisory_lock(hashtext(%s))"
HELD: Final = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((classid::bigint << 32) | objid::bigint) = hashtext(%s)
"""
_DOES: Final = (
    "SELECT pid, backend_start, query_start, state_change, state, wait_event_type = 'Client' FROM pg_stat_activity"
    " WHERE pid = %s"
)
# Only if it still is at what it was at when it was looked at.
_END: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE (pid, backend_start, query_start, state_change) = (%s, %s, %s, %s)"
)
_log = log.get(__name__)


def use(silent_s: int = BULK.idle_s) -> Use:
    """Return what a session is for that takes its turn: who holds the lock and falls silent gives it up."""
    return Use(BULK.statement_s, BULK.lock_s, idle_s=silent_s, silent_s=silent_s)


def wait(connection: Connection[TupleRow], silent_s: int = BULK.idle_s) -> None:
    """Wait until no other process loads a file; the turn is held until the connection closes.

    connection: opened for `use`, in autocommit.  A holder whose session has waited for its client for silent_s seconds
    is ended.  Raises psycopg.Error.
    """
    began_s = said_s = time.monotonic()
    at: tuple[Any, ...] | None = None
    since_s = began_s
    while (connection.execute(_TRY, (LOCK,)).fetchone() or (None,))[0] is not True:
        held = connection.execute(HELD, (LOCK,)).fetchone()
        found = None if held is None else connection.execute(_DOES, held).fetchone()
        now_s = time.monotonic()
        if found != at:
            at, since_s = found, now_s
        if found is not None and found[-1] is True and now_s - since_s >= silent_s:
            _log.error("intake.silent_holder_ended", pid=found[0], state=found[4], silent_s=round(now_s - since_s))
            connection.execute(_END, found[:4])
        elif now_s - said_s >= _SAY_EVERY_S:
            said_s = now_s
            _log.info(
                "intake.waits_for_a_load", waited_s=round(now_s - began_s), pid=None if found is None else found[0]
            )
        time.sleep(_LOOK_EVERY_S)
