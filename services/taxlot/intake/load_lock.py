"""The lock that lets one process load a file at a time.

It is held by the session in whose transaction the file is stored, so a process that lost the lock cannot commit.  The
server ends a session that is idle between two statements; a session idle in the middle of COPY is subject to no
time-out.  So a process that waits for the lock watches the holder's session and ends it when it is silent.
Source: docs/decisions/0020-one-load-at-a-time.md.
"""

import time
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from shared.postgres.pool import BULK, Use
from shared.runtime import log

SESSIONS: Final = 2
"""Most sessions that an intake opens at once: a load opens two, everything else opens one, before or after a load."""
LOCK: Final = "taxlot-load"
_LOOK_EVERY_S: Final = 0.5
_LOG_EVERY_S: Final = 60.0
_TRY: Final = "SELECT pg_try_advisory_lock(hashtext(%s))"
HELD: Final = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND ((classid::bigint << 32) | objid::bigint) = hashtext(%s)
"""
_ACTIVITY: Final = (
    "SELECT pid, backend_start, query_start, state_change, state, wait_event_type = 'Client' FROM pg_stat_activity"
    " WHERE pid = %s"
)
# Only if the session has done nothing since it was looked at.
_END: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE (pid, backend_start, query_start, state_change) = (%s, %s, %s, %s)"
)
_log = log.get(__name__)


def session_use(silent_s: int = BULK.idle_s) -> Use:
    """Return the limits of a session that takes the lock; after silent_s idle seconds the server ends it."""
    return Use(BULK.statement_s, BULK.lock_s, idle_s=silent_s, silent_s=silent_s)


def acquire(connection: Connection[TupleRow], silent_s: int = BULK.idle_s) -> None:
    """Wait for the lock; it is held until the connection closes.

    connection: opened with `session_use`, in autocommit.  A holder whose session has waited silent_s seconds for its
    client is ended.  Raises psycopg.Error.
    """
    began_s = logged_s = time.monotonic()
    seen: tuple[Any, ...] | None = None
    since_s = began_s
    while (connection.execute(_TRY, (LOCK,)).fetchone() or (None,))[0] is not True:
        held = connection.execute(HELD, (LOCK,)).fetchone()
        holder = None if held is None else connection.execute(_ACTIVITY, held).fetchone()
        now_s = time.monotonic()
        if holder != seen:
            seen, since_s = holder, now_s
        if holder is not None and holder[-1] is True and now_s - since_s >= silent_s:
            state = str(holder[4]).replace(" ", "_")
            _log.error("intake.silent_holder_ended", pid=holder[0], state=state, silent_s=round(now_s - since_s))
            connection.execute(_END, holder[:4])
        elif now_s - logged_s >= _LOG_EVERY_S:
            logged_s = now_s
            _log.info(
                "intake.waits_for_a_load", waited_s=round(now_s - began_s), pid=None if holder is None else holder[0]
            )
        time.sleep(_LOOK_EVERY_S)
