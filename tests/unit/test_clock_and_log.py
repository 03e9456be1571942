"""The shifted clock every process shares, and logs that cannot flood."""

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.runtime import log
from shared.runtime.clock import FileClock, SystemClock, clock_of, set_instant, set_offset


def test_every_clock_on_the_file_shows_the_instant_it_was_set_to(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    set_offset(path, 0)
    clock = FileClock(path)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    target = datetime(2021, 3, 1, 12, tzinfo=UTC)
    set_instant(path, target)
    assert timedelta() <= clock.now() - target < timedelta(seconds=5)
    assert timedelta() <= FileClock(path).now() - target < timedelta(seconds=5)


def test_without_a_file_the_clock_is_the_machines() -> None:
    assert isinstance(clock_of(None), SystemClock)


def test_a_repeated_library_message_is_held_back_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("test")
    library = logging.getLogger("aiokafka.conn")
    for attempt in range(1000):
        library.error("Unable to connect to node %s", attempt)
    log.get("ours").error("account.cannot", account_id="A1")
    log.get("ours").error("account.cannot", account_id="A2")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == [log.LIBRARY, "account.cannot", "account.cannot"]
    assert (lines[0]["logger"], lines[0]["message"]) == ("aiokafka.conn", "Unable to connect to node 0")
    assert lines[1]["account_id"] == "A1"
    assert all(line["service"] == "test" for line in lines)
