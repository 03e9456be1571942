"""One load at a time: waited for as long as it works, and not for one whose client is there no more."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from deploy.stack.layout import CHECKOUT
from services.taxlot.intake import load_lock
from services.taxlot.intake.load import connected
from services.taxlot.intake.pipeline import Intake
from services.taxlot.settings import Settings
from shared.kafka.publisher import Publisher
from shared.postgres.pool import BULK
from shared.runtime.clock import SystemClock
from tests.signing import PUBLIC_KEY
from tests.taxlot.files import File, good
from tests.taxlot.harness import Book, run
from tests.waiting import until

pytestmark = pytest.mark.integration

# Loads a file and stops, as a machine that hangs does, when it is told of the first records.
STOPS = """
import os, signal, sys
from datetime import date, datetime, UTC
from pathlib import Path
from services.taxlot.intake.load import Criteria, load
from services.taxlot.store.ledger import Arrival
url, path = sys.argv[1:]
when = Criteria(datetime(2026, 6, 12, 14, tzinfo=UTC), date(2026, 6, 12), 10)
load(url, Path(path), Arrival("day.lots", "COMMAND"), when, lambda *_: os.kill(os.getpid(), signal.SIGSTOP))
"""


def test_a_load_that_hangs_is_not_waited_for_and_cannot_come_back(book: Book) -> None:
    book.add_accounts(["1"])
    path = File(good("1")).write(book.folder / "day.lots")
    hangs = subprocess.Popen([sys.executable, "-c", STOPS, book.url, str(path)], cwd=CHECKOUT, stderr=subprocess.PIPE)
    try:
        _, status = os.waitpid(hangs.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), hangs.communicate()
        with connected(book.url) as following:
            load_lock.acquire(following, silent_s=2)
        loaded = book.load(File(good("1")))
        assert (loaded.file_id, loaded.status, loaded.changed) == (1, "LOADED", 1)
        os.kill(hangs.pid, signal.SIGCONT)
        _, said = hangs.communicate(timeout=60)
        assert hangs.returncode == 1 and b"psycopg" in said, said
    finally:
        hangs.kill()
        hangs.wait()
    assert book.rows("SELECT status, accounts FROM file") == [("LOADED", 1)]
    assert book.holding("1")[0] == 1


def test_a_load_that_hangs_in_the_middle_of_copy_is_ended_by_who_waits(book: Book) -> None:
    """No time-out of the server reaches a session that waits for the next piece of COPY."""
    with connected(book.url, load_lock.session_use(2)) as holder, connected(book.url, BULK) as following:
        load_lock.acquire(holder)
        holder.execute("CREATE TEMP TABLE coming (x text)")
        with pytest.raises(psycopg.OperationalError), holder.cursor() as cursor, cursor.copy("COPY coming FROM STDIN"):
            load_lock.acquire(following, silent_s=3)
            assert following.execute(load_lock.HELD, (load_lock.LOCK,)).fetchone() == (following.info.backend_pid,)


def test_a_load_that_works_for_long_is_waited_for(book: Book) -> None:
    book.add_accounts(["1"])
    with ThreadPoolExecutor(2) as threads, connected(book.url) as following, connected(book.url) as looking:
        with connected(book.url) as stop:
            stop.autocommit = False
            stop.execute("LOCK TABLE holding IN SHARE MODE")
            loading = threads.submit(book.load, File(good("1")))
            at_work = (
                "SELECT pid, clock_timestamp() - query_start > interval '5 s' FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            until(lambda: looking.execute(at_work).fetchone())
            waiting = threads.submit(load_lock.acquire, following, 2)
            until(lambda: (looking.execute(at_work).fetchone() or (0, True))[1])
            assert not waiting.done() and not loading.done()
        assert loading.result(60).status == "LOADED"
        waiting.result(60)
        assert following.execute(load_lock.HELD, (load_lock.LOCK,)).fetchone() == (following.info.backend_pid,)


def test_a_file_that_another_process_publishes_is_left_to_it(book: Book, tmp_path: Path) -> None:
    settings = Settings(
        kafka_url="127.0.0.1:1",
        database_url=book.url,
        requests_database_url=book.requests_url,
        http_port=1,
        principal_public_key=PUBLIC_KEY,
    )
    intake = Intake(settings, Publisher(settings.kafka_url, "test"), SystemClock())
    with connected(book.url) as other:
        other.execute("SELECT pg_advisory_lock(hashtext('taxlot-publish-1'))")
        assert run(intake.publish(1)) is False
    assert until(lambda: run(intake.publish(1)))  # there is no such file: nothing to tell
