"""What an inbox may find: each odd file has a named outcome, and none keeps another waiting.  On the real service."""

import ctypes
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.stack.layout import CHECKOUT
from tests.ports import free_port
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import publish_accounts, unique_numbers
from tests.waiting import until

pytestmark = pytest.mark.integration

_CAPBSET_DROP, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2


def bound_by_permissions() -> None:
    """Let file permissions bind the process, root or not."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
            libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0)


def put(worker: Any, name: str | bytes, content: bytes) -> None:
    """Put a whole file into the inbox at once."""
    part = worker.inbox / ".making.part"
    part.write_bytes(content)
    part.replace(worker.inbox / os.fsdecode(name))


def ended(worker: Any) -> dict[str, tuple[str, str | None]]:
    """How each file of the ledger stands: status and code by name."""
    rows = worker.book.rows("SELECT name, status, reason_code FROM file ORDER BY file_id")
    return {name: (status, code) for name, status, code in rows}


def gauge(worker: Any, name: str) -> float:
    """What a metric of the worker shows."""
    lines = httpx.get(worker.http + "/metrics", timeout=10).text.splitlines()
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name + "{")))


def in_folder(worker: Any, folder: str) -> set[str]:
    return {os.fsencode(path.name).decode(errors="backslashreplace") for path in (worker.inbox / folder).iterdir()}


def counted(inbox: Path) -> int:
    """How often the one file that has not ended was begun."""
    return sum(json.loads(path.read_text())["attempts"] for path in (inbox / ".attempts").glob("*.json"))


def test_every_odd_thing_in_the_inbox_has_a_named_outcome(start_worker: Callable[..., Any], tmp_path: Path) -> None:
    """The good file that comes last in order of names is taken in beside all of them."""
    custodian, (first, second, third) = unique_numbers(3)
    records = [*good(first), lot(second, quantity="1\0"), cash(second), lot(f"{third}\0"), cash(f"{third}\0")]
    long_name = "n" * 251 + ".lot"
    with start_worker(before=bound_by_permissions) as worker:
        publish_accounts(worker.kafka_url, [first, second, third], custodian)
        bodies: dict[str, bytes] = {
            "a-zero-bytes": b"",
            "b-packed.gz": gzip.compress(b"\0" * 1_000_000),
            "c-nul-in-header": File(good(first), custodian="NO\0RTH").text().encode(),
            "d-no-text": b"\xff\xfe\x00H|",
            "e-huge-count": File(good(first), custodian=custodian, trailer="T|" + "9" * 30 + "|1|1|1\n")
            .text()
            .encode(),
            "f line\nbreak and\ttab": File(good(first), custodian="NOBODY").text().encode(),
            long_name: b"too long a name for .reason.txt beside it",
        }
        for name, body in bodies.items():
            put(worker, name, body)
        put(worker, b"g-\xff\xfe-no-utf8", File(good(first), custodian="NOBODY").text().encode())
        (worker.inbox / "h-link").symlink_to(tmp_path / "worker.log")
        os.mkfifo(worker.inbox / "i-pipe")
        (worker.inbox / "j-folder").mkdir()
        put(worker, "k-unreadable", File(good(first), custodian=custodian).text().encode())
        (worker.inbox / "k-unreadable").chmod(0)
        put(worker, "z-good", File(records, kind="UPDATED", custodian=custodian).text().encode())
        # The file that cannot be read rests between its attempts; the good one does not wait for it.
        until(lambda: ended(worker).get("z-good"), lambda seen: seen == ("PUBLISHED", None))
        assert ended(worker).get("k-unreadable") is None
        assert gauge(worker, "rebalancer_inbox_oldest_age_seconds") > 0
        until(lambda: ended(worker).get("k-unreadable"), lambda seen: seen == ("REFUSED", "NOT_TAKEN_IN"))
        found = ended(worker)
        assert {name: code for name, (status, code) in found.items() if status == "REFUSED"} == {
            "a-zero-bytes": "NOT_A_LOT_FILE",
            "b-packed.gz": "NOT_A_LOT_FILE",
            "c-nul-in-header": "BAD_HEADER",
            "d-no-text": "NOT_A_LOT_FILE",
            "e-huge-count": "BAD_TRAILER",
            "f line\\nbreak and\\ttab": "WRONG_CUSTODIAN",
            long_name: "NOT_A_LOT_FILE",
            "g-\\xff\\xfe-no-utf8": "WRONG_CUSTODIAN",
            "h-link": "NOT_A_FILE",
            "i-pipe": "NOT_A_FILE",
            "k-unreadable": "NOT_TAKEN_IN",
        }
        (packed,) = worker.book.rows("SELECT reason FROM file WHERE name = 'b-packed.gz'")
        assert packed[0] == "the file is packed (gzip); unpack it and put it in again"
        # The row with a NUL holds its account, the account number with a NUL is nobody's; neither stops the file.
        assert worker.book.holding(second)[3:] == (
            "NOT_A_NUMBER",
            "z-good, line 4: quantity, cost basis or cash is not a plain decimal number (quantity: 1\\x00)",
        )
        assert worker.book.holding(first)[3] is None
        noted = worker.book.rows("SELECT account_number FROM file_problem WHERE code = 'UNKNOWN_ACCOUNT'")
        assert noted == [(f"{third}\\x00",)]
        assert len([name for name in in_folder(worker, "refused") if name.endswith(".reason.txt")]) == 11
        assert "z-good" in in_folder(worker, "done")
        assert (worker.inbox / "j-folder").is_dir()
        until(lambda: gauge(worker, "rebalancer_inbox_oldest_age_seconds"), lambda age: age == 0)


def test_a_file_is_taken_when_its_writer_has_ended(start_worker: Callable[..., Any]) -> None:
    """A writer that goes on for longer than the inbox looks twice: one entry in the ledger, and that one is whole."""
    custodian, numbers = unique_numbers(60)
    with start_worker(REBALANCER_INBOX_POLL_S="0.1") as worker:
        publish_accounts(worker.kafka_url, numbers, custodian)
        text = File([record for first in numbers for record in good(first)], custodian=custodian).text()
        lines = iter(text.splitlines(keepends=True))
        with (worker.inbox / "slow").open("w") as file:

            def write_one() -> bool:
                file.write(line := next(lines))
                file.flush()
                return line.startswith("T")

            until(write_one)
        until(lambda: ended(worker), lambda seen: seen == {"slow": ("PUBLISHED", None)})


def test_a_file_that_kills_the_process_is_refused_after_its_attempts(start_worker: Callable[..., Any]) -> None:
    """Each start counts one more attempt, because it is written down before the file is opened."""
    custodian, (first, second) = unique_numbers(2)
    settings = {"REBALANCER_INBOX_ATTEMPTS": "2", "REBALANCER_INBOX_SETTLE_S": "0"}
    with start_worker(**settings) as worker:
        publish_accounts(worker.kafka_url, [first, second], custodian)
        book, inbox = worker.book, worker.inbox
        until(lambda: len(book.rows("SELECT FROM account")) == 2)
    with psycopg.connect(book.url, options="-c search_path=taxlot") as stop:
        stop.execute("LOCK TABLE reported_price")
        for number in (1, 2):
            with start_worker(**settings) as worker:
                if number == 1:
                    put(worker, "deadly", File(good(first), custodian=custodian).text().encode())
                until(partial(counted, inbox), partial(eq, number))
                worker.process.kill()
                worker.process.wait(20)
    with start_worker(**settings) as worker:
        put(worker, "other", File(good(second), kind="UPDATED", custodian=custodian).text().encode())
        until(lambda: ended(worker).get("other"), lambda seen: seen == ("PUBLISHED", None))
        assert ended(worker)["deadly"] == ("REFUSED", "NOT_TAKEN_IN")
        reason = (inbox / "refused" / "deadly.reason.txt").read_text()
        assert "failed 2 times, the last time with the process ended while it read the file" in reason


def test_a_file_taken_away_while_it_is_read(start_worker: Callable[..., Any]) -> None:
    """What was read is kept, its name is gone, and the next file is taken."""
    custodian, (first, second) = unique_numbers(2)
    with start_worker() as worker:
        publish_accounts(worker.kafka_url, [first, second], custodian)
        with psycopg.connect(worker.book.url, options="-c search_path=taxlot") as stop:
            stop.execute("LOCK TABLE holding")
            put(worker, "going", File(good(first), kind="UPDATED", custodian=custodian).text().encode())
            until(lambda: worker.book.rows("SELECT FROM file WHERE status = 'LOADING' AND custodian IS NOT NULL"))
            (worker.inbox / "going").unlink()
        put(worker, "next", File(good(second), kind="UPDATED", custodian=custodian).text().encode())
        until(lambda: ended(worker), lambda seen: set(seen.values()) == {("PUBLISHED", None)} and len(seen) == 2)


def test_ended_files_are_pruned_by_size(start_worker: Callable[..., Any]) -> None:
    """The oldest go first; a refusal goes with its reason or before it."""
    with start_worker() as worker:
        done = worker.inbox / "done"
    for number in range(5):
        (done / f"old{number}").write_bytes(b"x" * 100)
    with start_worker(REBALANCER_INBOX_KEEP_BYTES="250"):
        until(lambda: {path.name for path in done.iterdir()}, lambda left: left == {"old3", "old4"})
    with start_worker(REBALANCER_INBOX_KEEP_DAYS="0"):
        until(lambda: list(done.iterdir()), lambda left: not left)


def test_the_death_of_the_intake_is_the_death_of_the_service(start_worker: Callable[..., Any], tmp_path: Path) -> None:
    """An inbox that cannot be made: a worker that takes no files in does not stand there looking well."""
    (tmp_path / "no-folder").write_text("a file stands where the folder should be")
    with start_worker() as worker:
        env = worker.env | {"REBALANCER_INBOX_DIR": str(tmp_path / "no-folder" / "inbox")}
    env["REBALANCER_HTTP_PORT"] = str(free_port())
    run = [sys.executable, "-m", "services.taxlot"]
    ended_with = subprocess.run(run, cwd=CHECKOUT, env=env, capture_output=True, timeout=120, check=False)
    assert ended_with.returncode == 75
    assert b"intake.died" in ended_with.stdout + ended_with.stderr
